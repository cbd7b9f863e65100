package dev.penstock.admin;

/**
 * Who asks.
 *
 * @param name as the audit log has it
 * @param via  how that is known: {@code socket}, {@code loopback}, {@code token}, {@code certificate}, …
 * @param credential by which it is asked anew whether he still may: a token's id, a certificate's name, a console's
 *                   session; empty for none
 */
public record Operator(String name, Role role, String via, String credential) {
    /** Of whom nothing can be asked anew but how he comes. */
    public Operator(String name, Role role, String via) {
        this(name, role, via, "");
    }

    /** Without the credential: a session's number lets in whoever knows it. */
    @Override
    public String toString() {
        return name + " (" + via + ", " + role + ")";
    }
}
