package dev.penstock.policy;

import java.util.List;

import dev.penstock.config.PolicyConfig.Event;
import dev.penstock.message.Recipient;

/** What a policy is asked. Immutable. Later versions may tell more: take what you need by its name. */
public sealed interface Question {
    Client client();

    /** A connection, before the greeting. */
    record Connect(Client client) implements Question {}

    /**
     * A transaction's sender.
     *
     * @param sender       empty for the null reverse path
     * @param senderDomain lower case, A-labels; empty for the null reverse path
     * @param declaredSize octets, as MAIL's SIZE told; -1 when it didn't
     */
    record Mail(Client client, String sender, String senderDomain, long declaredSize) implements Question {}

    /** One recipient, permitted by the relay rules and, in a local domain, known. */
    record Rcpt(Client client, String sender, String senderDomain, Recipient recipient) implements Question {}

    /**
     * A message whose header section is there; nothing of it is durable yet.
     *
     * @param tenant     whose it is unless the answer says otherwise, empty for none
     * @param campaign   likewise
     * @param recipients those that were accepted
     * @param header     the fields that were asked for, from top to bottom
     * @param size       octets of content as declared at MAIL, or as counted where all has come; -1 when not told
     */
    record Message(Client client, String sender, String tenant, String campaign, List<Recipient> recipients,
            List<Policy.HeaderField> header, long size) implements Question {
        public Message {
            recipients = List.copyOf(recipients);
            header = List.copyOf(header);
        }
    }

    /** When this is asked. */
    default Event event() {
        return switch (this) {
            case Connect _ -> Event.CONNECT;
            case Mail _ -> Event.MAIL;
            case Rcpt _ -> Event.RECIPIENT;
            case Message _ -> Event.MESSAGE;
        };
    }
}
