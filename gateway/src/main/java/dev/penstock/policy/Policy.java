package dev.penstock.policy;

import java.util.AbstractList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Recipient;
import dev.penstock.smtp.Reply;

/**
 * What the SMTP server and HTTP injection ask before they take something: relay rules, local recipients, sender domain
 * ownership, tenants, and the policies that were plugged in. Thread-safe; calls never block.
 *
 * <p>The futures complete within a deadline, on any thread, and never exceptionally: what can't be decided in time is
 * answered as configured. What needs no second thought is answered by {@link Decision#ACCEPTED} itself, which costs
 * nothing: compare with it, or ask {@code isDone()}, before going asynchronous.
 */
public interface Policy {
    /** A connection, before the greeting. Answered by 554 or 421 in its place when it is refused. */
    CompletableFuture<Decision> connect(Client client);

    /**
     * A transaction's sender. What an {@link Decision.Accept} says of tenant and campaign, here and of a recipient, is
     * kept and handed to {@link #message}.
     *
     * @param sender       empty for the null reverse path
     * @param senderDomain as it is routed by: lower case, A-labels; empty for the null reverse path
     * @param declaredSize of MAIL's SIZE, -1 when not told
     */
    CompletableFuture<Decision> mail(Client client, String sender, String senderDomain, long declaredSize);

    /**
     * Whose a message will be, as far as that is known before its header section is there.
     *
     * @param mail what was answered to MAIL
     * @return null when it can't be known yet; empty for nobody
     */
    default @Nullable String tenantAtMail(Client client, Decision.Accept mail) {
        return mail.tenant();
    }

    /** One recipient. */
    CompletableFuture<Decision> recipient(Client client, String sender, String senderDomain, Recipient recipient);

    /** Where the mail of this server's postmaster goes, who is written to without a domain; null when nobody was named. */
    default @Nullable Recipient postmaster() {
        return null;
    }

    /** The form in which two recipients are one, and get a message once. */
    default String mailbox(Recipient recipient) {
        return recipient.mailbox(true);
    }

    /** The refusal of a recipient that the client may not send to. */
    static Reply relayDenied(Recipient recipient) {
        return Reply.of(554, "5.7.1", "<" + recipient.address() + ">: Relay access denied");
    }

    /**
     * A message whose header section is there; when {@link #judgesMessages() nobody needs to see} that, whose end is
     * there. Nothing of it is durable yet, and what follows is read on when the answer is there. The tenant, campaign and
     * class of the answer are final; null means the client's, which are the listener's, and of the class bulk.
     *
     * @param mail   what was answered to MAIL and RCPT
     * @param header the header section's fields that {@link #wantedHeaders()} names, from top to bottom
     * @param size   octets of content, as declared at MAIL when more may follow; -1 when not told
     */
    CompletableFuture<Decision> message(Client client, Decision.Accept mail, String sender, List<Recipient> recipients,
            List<HeaderField> header, long size);

    /**
     * Whether the header section of messages is to be held back for {@link #message}, or for what is left out of it;
     * while not, content goes straight to the spool.
     */
    boolean judgesMessages();

    /** A message for which nothing but yes was answered to MAIL. */
    default CompletableFuture<Decision> message(Client client, String sender, List<Recipient> recipients,
            List<HeaderField> header, long size) {
        return message(client, Decision.ACCEPT, sender, recipients, header, size);
    }

    /** Lower case names of header fields that {@link #message} wants to see; empty when it needs none. */
    List<String> wantedHeaders();

    /** In place of fields: nobody wanted them when the message began, and its header section has gone by. */
    final class NotKept extends AbstractList<HeaderField> {
        public static final List<HeaderField> FIELDS = new NotKept();

        private NotKept() {}

        @Override
        public HeaderField get(int index) {
            throw new IndexOutOfBoundsException(index);
        }

        @Override
        public int size() {
            return 0;
        }
    }

    /** Lower case names of header fields that are left out of every message. */
    List<String> removedHeaders();

    /**
     * @param name  as written
     * @param value unfolded, without the space around it
     */
    record HeaderField(String name, String value) {}
}
