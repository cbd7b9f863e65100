package dev.penstock.policy;

import org.jspecify.annotations.Nullable;

import dev.penstock.policy.Policy.HeaderField;

/** What can be an answer from outside. Stateless. */
final class Answers {
    static final int MAX_LINE = 998; // RFC 5322 2.1.1: characters of a line without its CRLF

    private Answers() {}

    /** @throws IllegalArgumentException when a message would be spoilt by it */
    static void check(@Nullable Decision decision) {
        switch (decision) {
            case null -> throw new IllegalArgumentException("no decision was given");
            case Decision.Refuse _ -> {
            }
            case Decision.Accept accept -> {
                checkName(accept.tenant());
                checkName(accept.campaign());
                accept.addHeaders().forEach(Answers::check);
                accept.removeHeaders().forEach(Answers::checkFieldName);
            }
        }
    }

    private static void checkName(@Nullable String name) {
        if (name != null && !Tenancy.isName(name)) {
            throw new IllegalArgumentException(
                    "a tenant or campaign of more than " + Tenancy.MAX_LENGTH + " or unprintable characters");
        }
    }

    private static void check(HeaderField field) {
        checkFieldName(field.name());
        String value = field.value();
        if (!value.chars().allMatch(c -> c >= ' ' && c < 127 || c == '\t')) {
            throw new IllegalArgumentException("header field " + field.name()
                    + " has characters other than printable ASCII; use encoded words (RFC 2047)");
        }
        if (field.name().length() + ": ".length() + value.length() > MAX_LINE) {
            throw new IllegalArgumentException(
                    "header field " + field.name() + " is longer than " + MAX_LINE + " characters");
        }
    }

    private static void checkFieldName(String name) {
        // RFC 5322 2.2: printable, without the colon
        if (name.isEmpty() || !name.chars().allMatch(c -> c > ' ' && c < 127 && c != ':')) {
            throw new IllegalArgumentException("not the name of a header field: \"" + name + '"');
        }
    }
}
