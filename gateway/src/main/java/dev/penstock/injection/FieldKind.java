package dev.penstock.injection;

import java.util.Locale;
import java.util.Set;

/** How the body of a header field is written, and how many of it there may be, as its name tells. */
enum FieldKind {
    /** Text for people, or for programs that read what they find: RFC 2047 5 (1) lets it be encoded. */
    UNSTRUCTURED,
    /** Mailboxes and groups, separated by commas. */
    ADDRESSES,
    /** Phrases, separated by commas: each may be encoded, RFC 2047 5 (3). */
    PHRASES,
    /** A phrase and something in angle brackets, RFC 2919 3. */
    NAMED,
    /** Tokens, URLs, identifiers, dates: an encoded word would be taken for one of these, RFC 2047 5. */
    STRUCTURED;

    private static final Set<String> ADDRESS_FIELDS = Set.of("from", "sender", "reply-to", "to", "cc", "bcc",
            "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc", "disposition-notification-to",
            "return-receipt-to", "errors-to", "apparently-to", "mail-followup-to", "mail-reply-to");
    private static final Set<String> STRUCTURED_FIELDS = Set.of("date", "message-id", "in-reply-to", "references",
            "resent-date", "resent-message-id", "received", "return-path", "list-unsubscribe", "list-unsubscribe-post",
            "list-help", "list-subscribe", "list-post", "list-owner", "list-archive", "archived-at", "auto-submitted",
            "precedence", "importance", "priority", "x-priority", "sensitivity", "feedback-id", "x-feedback-id",
            "original-recipient", "original-message-id", "disposition-notification-options", "expires", "expiry-date",
            "reply-by", "supersedes", "obsoletes", "autocrypt", "bimi-selector", "bimi-location", "cfbl-address",
            "cfbl-feedback-id", "dkim-signature", "authentication-results", "arc-seal", "arc-message-signature",
            "arc-authentication-results", "received-spf", "tls-required", "require-recipient-valid-since",
            "mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id",
            "content-language", "content-location", "x-auto-response-suppress", "x-report-abuse", "x-csa-complaints");
    /** RFC 5322 3.6 and RFC 2045 3: a message with two of these means one thing to one reader, another to the next. */
    private static final Set<String> MESSAGE_HAS_ONE = Set.of("date", "from", "sender", "reply-to", "to", "cc", "bcc",
            "message-id", "in-reply-to", "references", "subject", "mime-version", "content-type",
            "content-transfer-encoding");
    /** RFC 2369 3, RFC 2919 3, RFC 8058 3.1, RFC 8098 2.1; receivers look at one of the others. */
    private static final Set<String> SENDER_GIVES_ONE = Set.of("list-unsubscribe", "list-unsubscribe-post",
            "list-help", "list-subscribe", "list-post", "list-owner", "list-archive", "list-id",
            "disposition-notification-to", "feedback-id", "auto-submitted", "precedence", "importance", "priority",
            "x-priority");

    static FieldKind of(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        if (ADDRESS_FIELDS.contains(lower)) {
            return ADDRESSES;
        }
        return switch (lower) {
            case "keywords" -> PHRASES;
            case "list-id" -> NAMED;
            default -> STRUCTURED_FIELDS.contains(lower) ? STRUCTURED : UNSTRUCTURED;
        };
    }

    /** Whether a whole message that has it twice is none. */
    static boolean isSingle(String name) {
        return MESSAGE_HAS_ONE.contains(name.toLowerCase(Locale.ROOT));
    }

    /** Whether a request that gives it twice is wrong. */
    static boolean isGivenOnce(String name) {
        return isSingle(name) || SENDER_GIVES_ONE.contains(name.toLowerCase(Locale.ROOT));
    }
}
