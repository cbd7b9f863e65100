package dev.penstock.smtp;

import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

/** One command line as the client sent it (RFC 5321 4.1). Immutable, like all its records. */
public sealed interface Command {
    /** @param name what the client calls itself: not checked but for being one printable word */
    record Ehlo(String name) implements Command {}

    /** @param name what the client calls itself: not checked but for being one printable word */
    record Helo(String name) implements Command {}

    record Mail(ReversePath path, MailParameters parameters) implements Command {}

    record Rcpt(ForwardPath path, RcptParameters parameters) implements Command {}

    record Data() implements Command {}

    /**
     * A chunk follows (RFC 3030 2).
     *
     * @param size of the chunk in octets
     */
    record Bdat(long size, boolean last) implements Command {}

    /** RFC 3207. */
    record StartTls() implements Command {}

    /**
     * RFC 4954.
     *
     * @param mechanism       upper case
     * @param initialResponse base64 as sent, {@code =} for an empty one; null when there was none
     */
    record Auth(String mechanism, @Nullable String initialResponse) implements Command {}

    /**
     * XCLIENT of Postfix.
     *
     * @param attributes one at least, names in upper case. Values are decoded from xtext: ADDR and DESTADDR are IP
     *                   addresses without a tag, PORT and DESTPORT numbers, PROTO is SMTP or ESMTP; any may be
     *                   {@link #UNAVAILABLE} or {@link #TEMPORARILY_UNAVAILABLE}
     */
    record Xclient(Map<String, String> attributes) implements Command {
        public static final String UNAVAILABLE = "[UNAVAILABLE]";
        public static final String TEMPORARILY_UNAVAILABLE = "[TEMPUNAVAIL]";
    }

    record Rset() implements Command {}

    record Noop() implements Command {}

    record Quit() implements Command {}

    record Vrfy(String argument) implements Command {}

    record Help(String argument) implements Command {}

    /** A command of SMTP or a well-known extension that this server doesn't have. */
    record NotImplemented(String verb) implements Command {}

    /** No command of SMTP. */
    record Unrecognized() implements Command {}

    /**
     * The client speaks another protocol, or sends a message's header: smtpd_forbidden_commands of Postfix. Nothing it
     * says after this can be meant for us.
     *
     * @param verb upper case: {@code GET}, {@code HOST:}, {@code TLS}, {@code SSH}; printable ASCII
     */
    record Foreign(String verb) implements Command {}

    /**
     * A command that is written wrongly, with the reply that says how. The code 521 tells that the session can't go on:
     * after BDAT with a size that can't be read comes content, not a command.
     */
    record Malformed(Reply reply) implements Command {}

    /**
     * The parameters of MAIL.
     *
     * @param size       octets the message will have (RFC 1870), -1 when not told
     * @param body       RFC 6152, RFC 3030
     * @param smtpUtf8   RFC 6531
     * @param ret        RFC 3461
     * @param envid      RFC 3461, decoded from xtext; null when not told
     * @param requireTls RFC 8689
     * @param hold       RFC 4865
     * @param deliverBy  RFC 2852
     * @param auth       RFC 4954 5, decoded from xtext, {@code <>} for nobody; null when not told
     * @param others     all other keywords in upper case, with their values, empty when there was none
     */
    record MailParameters(long size, Body body, boolean smtpUtf8, @Nullable Ret ret, @Nullable String envid,
            boolean requireTls, @Nullable FutureRelease hold, @Nullable DeliverBy deliverBy, @Nullable String auth,
            Map<String, String> others) {
        public static final MailParameters NONE = new MailParameters(-1, Body.SEVEN_BIT, false, null, null, false,
                null, null, null, Map.of());

        /** Whether nothing is asked for that the envelope keeps beside body and SMTPUTF8. */
        public boolean isPlain() {
            return ret == null && envid == null && !requireTls && hold == null && deliverBy == null;
        }

        /**
         * The first parameter that belongs to none of the extensions offered, as the client wrote it; null when there
         * is none. RFC 5321 4.1.1.11 has it refused with 555.
         *
         * @param offered keywords of EHLO, as in {@link Capabilities}
         */
        public @Nullable String unsupported(Set<String> offered) {
            if (size >= 0 && !offered.contains(Capabilities.SIZE)) {
                return "SIZE";
            }
            if (body == Body.BINARY_MIME && !offered.contains(Capabilities.BINARYMIME)) {
                return "BODY=BINARYMIME";
            }
            if (body == Body.EIGHT_BIT_MIME && !offered.contains(Capabilities.EIGHT_BIT_MIME)) {
                return "BODY=8BITMIME";
            }
            if (smtpUtf8 && !offered.contains(Capabilities.SMTPUTF8)) {
                return "SMTPUTF8";
            }
            if ((ret != null || envid != null) && !offered.contains(Capabilities.DSN)) {
                return ret != null ? "RET" : "ENVID";
            }
            if (requireTls && !offered.contains(Capabilities.REQUIRETLS)) {
                return "REQUIRETLS";
            }
            if (hold != null && !offered.contains(Capabilities.FUTURERELEASE)) {
                return hold instanceof FutureRelease.For ? "HOLDFOR" : "HOLDUNTIL";
            }
            if (deliverBy != null && !offered.contains(Capabilities.DELIVERBY)) {
                return "BY";
            }
            if (auth != null && !offered.contains(Capabilities.AUTH)) {
                return "AUTH";
            }
            return others.isEmpty() ? null : others.keySet().iterator().next();
        }
    }

    /**
     * The parameters of RCPT.
     *
     * @param notifyOn RFC 3461, null when not told
     * @param orcpt    RFC 3461, null when not told
     * @param others   all other keywords in upper case, with their values, empty when there was none
     */
    record RcptParameters(@Nullable Notify notifyOn, @Nullable OriginalRecipient orcpt, Map<String, String> others) {
        public static final RcptParameters NONE = new RcptParameters(null, null, Map.of());

        /** As {@link MailParameters#unsupported}. */
        public @Nullable String unsupported(Set<String> offered) {
            if ((notifyOn != null || orcpt != null) && !offered.contains(Capabilities.DSN)) {
                return notifyOn != null ? "NOTIFY" : "ORCPT";
            }
            return others.isEmpty() ? null : others.keySet().iterator().next();
        }
    }

    /** The values of BODY. */
    enum Body {
        SEVEN_BIT,
        EIGHT_BIT_MIME,
        BINARY_MIME
    }
}
