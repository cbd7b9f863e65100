package dev.penstock.smtp;

import java.util.Map;

/** One command line as the client sent it (RFC 5321 4.1). Immutable, like all its records. */
public sealed interface Command {
    /** @param name what the client calls itself: not checked but for being one printable word */
    record Ehlo(String name) implements Command {}

    /** @param name what the client calls itself: not checked but for being one printable word */
    record Helo(String name) implements Command {}

    record Mail(ReversePath path, MailParameters parameters) implements Command {}

    /** @param parameters keywords in upper case, with their values, empty when there was none */
    record Rcpt(ForwardPath path, Map<String, String> parameters) implements Command {}

    record Data() implements Command {}

    record Rset() implements Command {}

    record Noop() implements Command {}

    record Quit() implements Command {}

    record Vrfy(String argument) implements Command {}

    record Help(String argument) implements Command {}

    /** A command of SMTP or a well-known extension that this server doesn't have. */
    record NotImplemented(String verb) implements Command {}

    /** No command of SMTP. */
    record Unrecognized() implements Command {}

    /** A command that is written wrongly, with the reply that says how. */
    record Malformed(Reply reply) implements Command {}

    /**
     * The parameters of MAIL.
     *
     * @param size     octets the message will have (RFC 1870), -1 when not told
     * @param body     RFC 6152, RFC 3030
     * @param smtpUtf8 RFC 6531
     * @param others   all other keywords in upper case, with their values, empty when there was none
     */
    record MailParameters(long size, Body body, boolean smtpUtf8, Map<String, String> others) {
        public static final MailParameters NONE = new MailParameters(-1, Body.SEVEN_BIT, false, Map.of());
    }

    /** The values of BODY. */
    enum Body {
        SEVEN_BIT,
        EIGHT_BIT_MIME,
        BINARY_MIME
    }
}
