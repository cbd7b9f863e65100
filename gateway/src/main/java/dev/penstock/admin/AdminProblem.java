package dev.penstock.admin;

import java.util.List;

/** The gateway's answer to a request that it didn't do. Immutable. */
public final class AdminProblem extends Exception {
    private final int status;
    private final transient List<String> errors;

    AdminProblem(int status, String detail, List<String> errors) {
        super(detail, null, false, false);
        this.status = status;
        this.errors = List.copyOf(errors);
    }

    /** Of HTTP. */
    public int status() {
        return status;
    }

    /** What is wrong with each part of the body, with a pointer to it; often none. */
    public List<String> errors() {
        return errors;
    }
}
