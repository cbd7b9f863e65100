package dev.penstock.config;

import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * KumoMTA's 29 bounce classes. A rule may name others; these have a meaning.
 *
 * <p>The scope is what a class says by itself: it counts for rules that name a class and nothing else.
 */
public enum BounceClass {
    INVALID_RECIPIENT("InvalidRecipient", BounceCategory.BAD_MAILBOX, ReplyScope.RECIPIENT),
    DNS_FAILURE("DNSFailure", BounceCategory.ROUTING_ERRORS, ReplyScope.MESSAGE),
    SPAM_BLOCK("SpamBlock", BounceCategory.SPAM_RELATED, ReplyScope.MESSAGE),
    SPAM_CONTENT("SpamContent", BounceCategory.SPAM_RELATED, ReplyScope.MESSAGE),
    PROHIBITED_ATTACHMENT("ProhibitedAttachment", BounceCategory.CONTENT_RELATED, ReplyScope.MESSAGE),
    RELAY_DENIED("RelayDenied", BounceCategory.RELAYING_ISSUES, ReplyScope.MESSAGE),
    AUTO_REPLY("AutoReply", BounceCategory.OTHER, ReplyScope.RECIPIENT),
    TRANSIENT_FAILURE("TransientFailure", BounceCategory.OTHER, ReplyScope.MESSAGE),
    SUBSCRIBE("Subscribe", BounceCategory.OTHER, ReplyScope.RECIPIENT),
    UNSUBSCRIBE("Unsubscribe", BounceCategory.OTHER, ReplyScope.RECIPIENT),
    CHALLENGE_RESPONSE("ChallengeResponse", BounceCategory.OTHER, ReplyScope.RECIPIENT),
    BAD_CONFIGURATION("BadConfiguration", BounceCategory.BAD_CONFIGURATION, ReplyScope.MESSAGE),
    BAD_CONNECTION("BadConnection", BounceCategory.BAD_CONNECTION, ReplyScope.MESSAGE),
    BAD_DOMAIN("BadDomain", BounceCategory.BAD_DOMAIN, ReplyScope.MESSAGE),
    CONTENT_RELATED("ContentRelated", BounceCategory.CONTENT_RELATED, ReplyScope.MESSAGE),
    INACTIVE_MAILBOX("InactiveMailbox", BounceCategory.INACTIVE_MAILBOX, ReplyScope.RECIPIENT),
    INVALID_SENDER("InvalidSender", BounceCategory.INVALID_SENDER, ReplyScope.MESSAGE),
    MESSAGE_EXPIRED("MessageExpired", BounceCategory.MESSAGE_EXPIRED, ReplyScope.MESSAGE),
    NO_ANSWER_FROM_HOST("NoAnswerFromHost", BounceCategory.NO_ANSWER_FROM_HOST, ReplyScope.MESSAGE),
    POLICY_RELATED("PolicyRelated", BounceCategory.POLICY_RELATED, ReplyScope.MESSAGE),
    PROTOCOL_ERRORS("ProtocolErrors", BounceCategory.PROTOCOL_ERRORS, ReplyScope.MESSAGE),
    QUOTA_ISSUES("QuotaIssues", BounceCategory.QUOTA_ISSUES, ReplyScope.RECIPIENT),
    RELAYING_ISSUES("RelayingIssues", BounceCategory.RELAYING_ISSUES, ReplyScope.MESSAGE),
    ROUTING_ERRORS("RoutingErrors", BounceCategory.ROUTING_ERRORS, ReplyScope.MESSAGE),
    SPAM_RELATED("SpamRelated", BounceCategory.SPAM_RELATED, ReplyScope.MESSAGE),
    VIRUS_RELATED("VirusRelated", BounceCategory.VIRUS_RELATED, ReplyScope.MESSAGE),
    AUTHENTICATION_FAILED("AuthenticationFailed", BounceCategory.POLICY_RELATED, ReplyScope.MESSAGE),
    TOO_MANY_RECIPIENTS("TooManyRecipients", BounceCategory.POLICY_RELATED, ReplyScope.MESSAGE),
    UNCATEGORIZED("Uncategorized", BounceCategory.OTHER, ReplyScope.MESSAGE);

    private static final Map<String, BounceClass> BY_LABEL = Arrays.stream(values())
            .collect(Collectors.toUnmodifiableMap(BounceClass::label, known -> known));

    private final String label;
    private final BounceCategory category;
    private final ReplyScope scope;

    BounceClass(String label, BounceCategory category, ReplyScope scope) {
        this.label = label;
        this.category = category;
        this.scope = scope;
    }

    /** As KumoMTA writes it. */
    public String label() {
        return label;
    }

    /** PowerMTA's word for it. */
    public BounceCategory category() {
        return category;
    }

    public ReplyScope scope() {
        return scope;
    }

    /** Empty for a class that somebody has made up. */
    public static Optional<BounceClass> of(String label) {
        return Optional.ofNullable(BY_LABEL.get(label));
    }

    static Map<String, BounceClass> byLabel() {
        return BY_LABEL;
    }
}
