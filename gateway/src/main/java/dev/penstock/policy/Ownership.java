package dev.penstock.policy;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Identity;
import dev.penstock.smtp.Reply;

/** Which sender domains an identity may use. Immutable. */
final class Ownership {
    private static final String ANY = "*";

    private final boolean allowNullSender;

    Ownership(boolean allowNullSender) {
        this.allowNullSender = allowNullSender;
    }

    /** Whether {@code identity} is restricted at all. */
    static boolean isRestricted(@Nullable Identity identity) {
        return identity != null && !identity.senderDomains().isEmpty() && !identity.senderDomains().contains(ANY);
    }

    /** Whether {@code domain} is one of its domains, or below one that is written with a dot before it. */
    static boolean owns(Identity identity, String domain) {
        for (String own : identity.senderDomains()) {
            boolean fits = own.startsWith(".")
                    ? domain.length() > own.length()
                            && domain.regionMatches(true, domain.length() - own.length(), own, 0, own.length())
                    : own.equalsIgnoreCase(domain);
            if (fits) {
                return true;
            }
        }
        return false;
    }

    /**
     * @param sender empty for the null reverse path
     * @return null when the sender may be used
     */
    @Nullable
    Reply refusal(Client client, String sender, String senderDomain) {
        Identity identity = client.identity();
        if (identity == null || !isRestricted(identity)
                || (sender.isEmpty() ? allowNullSender : owns(identity, senderDomain))) {
            return null;
        }
        // Postfix has the same for reject_sender_login_mismatch, with 5.7.1
        return Reply.of(553, "5.7.1",
                "<" + sender + ">: Sender address rejected: not owned by user " + identity.name());
    }

    /** @return null when the message's From field may be used */
    @Nullable
    Reply refusal(Identity identity, FromHeader from) {
        return switch (from) {
            case FromHeader.Unreadable(String why) ->
                Reply.of(550, "5.7.1", "From: rejected: " + why + ", and user " + identity.name()
                        + " may use domains of its own only");
            case FromHeader.Mailboxes(var mailboxes) -> {
                for (var mailbox : mailboxes) {
                    if (!owns(identity, mailbox.domain())) {
                        yield Reply.of(553, "5.7.1", "<" + mailbox.address()
                                + ">: From address rejected: not owned by user " + identity.name());
                    }
                }
                yield null;
            }
        };
    }
}
