package dev.penstock.config;

/** PowerMTA's bounce categories. */
public enum BounceCategory {
    BAD_CONFIGURATION,
    BAD_CONNECTION,
    BAD_DOMAIN,
    BAD_MAILBOX,
    CONTENT_RELATED,
    INACTIVE_MAILBOX,
    INVALID_SENDER,
    MESSAGE_EXPIRED,
    NO_ANSWER_FROM_HOST,
    OTHER,
    POLICY_RELATED,
    PROTOCOL_ERRORS,
    QUOTA_ISSUES,
    RELAYING_ISSUES,
    ROUTING_ERRORS,
    SPAM_RELATED,
    VIRUS_RELATED;

    private final String word = Types.word(this);

    /** As PowerMTA writes it: {@code bad-mailbox}. */
    public String word() {
        return word;
    }
}
