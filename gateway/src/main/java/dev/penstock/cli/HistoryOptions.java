package dev.penstock.cli;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which mail, queued or past, a command looks for. Mixed into commands; confined to the main thread. */
final class HistoryOptions {
    @Option(names = "--recipient", paramLabel = "ADDRESS", description = "For this recipient, whole, in any case.")
    private @Nullable String recipient;

    @Option(names = "--domain", paramLabel = "DOMAIN", description = "For a recipient in it.")
    private @Nullable String domain;

    @Option(names = "--sender", paramLabel = "ADDRESS", description = "From this sender, whole; - for the null one.")
    private @Nullable String sender;

    @Option(names = "--id", paramLabel = "ID", description = "This message.")
    private @Nullable String id;

    @Option(names = "--tenant", paramLabel = "TENANT", description = "Only this tenant's; - for none.")
    private @Nullable String tenant;

    @Option(names = "--campaign", paramLabel = "CAMPAIGN", description = "Only this campaign's; - for none.")
    private @Nullable String campaign;

    @Option(names = "--message-id", paramLabel = "TEXT", description = "With this Message-ID field.")
    @Nullable
    String messageId;

    @Option(names = "--outcome", paramLabel = "WHAT", split = ",", description = "Only what happened so, and nothing of what is queued: Reception, Rejection, Delivery, TransientFailure, Bounce, Expiration, AdminBounce, Preflight; several with commas.")
    List<String> outcomes = new ArrayList<>();

    @Option(names = "--since", paramLabel = "TIME", description = "What happened from this moment on (2026-11-24T00:22:05Z), or how long ago (2h). What is queued is shown however old it is.")
    private @Nullable String since;

    @Option(names = "--until", paramLabel = "TIME", description = "What happened before this moment, or how long ago.")
    private @Nullable String until;

    /** Of the history. */
    List<String[]> past() {
        List<String[]> query = named();
        add(query, "recipient", recipient);
        add(query, "domain", domain);
        add(query, "message_id", messageId);
        add(query, "since", since);
        add(query, "until", until);
        outcomes.forEach(outcome -> add(query, "outcome", outcome));
        return query;
    }

    /** Of the queue, which knows domains, and reads what else is asked for from the spool. */
    List<String[]> queued() {
        List<String[]> query = named();
        add(query, "recipient", recipient);
        add(query, "domain", domain);
        if (domain == null && recipient != null && recipient.indexOf('@') >= 0) {
            add(query, "domain", recipient.substring(recipient.lastIndexOf('@') + 1));
        }
        return query;
    }

    private List<String[]> named() {
        List<String[]> query = new ArrayList<>();
        add(query, "sender", sender);
        add(query, "id", id);
        add(query, "tenant", tenant);
        add(query, "campaign", campaign);
        return query;
    }

    private static void add(List<String[]> query, String name, @Nullable String value) {
        if (value != null) {
            query.add(new String[]{name, value});
        }
    }
}
