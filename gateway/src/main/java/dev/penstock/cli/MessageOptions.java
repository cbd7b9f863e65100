package dev.penstock.cli;

import java.util.ArrayList;
import java.util.List;

import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import dev.penstock.queue.Selection.Attribute;

/** Which queued messages a command is about. Mixed into commands; confined to the main thread. */
final class MessageOptions {
    @Mixin
    private SelectionOptions places = new SelectionOptions();

    @Option(names = "--sender", paramLabel = "ADDRESS", description = "Reverse path; * stands for any characters, - for the null one.")
    private List<String> senders = new ArrayList<>();

    @Option(names = "--recipient", paramLabel = "ADDRESS", description = "Recipient; * stands for any characters.")
    private List<String> recipients = new ArrayList<>();

    @Option(names = "--id", paramLabel = "ID", description = "Message's id.")
    private List<String> ids = new ArrayList<>();

    @Option(names = "--state", paramLabel = "STATE", description = "scheduled, held, routing, ready, suspended or active.")
    private List<String> states = new ArrayList<>();

    @Option(names = "--older-than", paramLabel = "AGE", description = "Like 2h30m.")
    private List<String> olderThan = new ArrayList<>();

    @Option(names = "--younger-than", paramLabel = "AGE", description = "Like 2h30m.")
    private List<String> youngerThan = new ArrayList<>();

    @Option(names = "--min-attempts", paramLabel = "N", description = "Attempted so often, at least.")
    private List<String> minAttempts = new ArrayList<>();

    @Option(names = "--max-attempts", paramLabel = "N", description = "At most.")
    private List<String> maxAttempts = new ArrayList<>();

    /** What is selected, as a query has it. */
    List<String[]> query() {
        List<String[]> query = places.query();
        SelectionOptions.add(query, Attribute.SENDER, senders);
        SelectionOptions.add(query, Attribute.RECIPIENT, recipients);
        SelectionOptions.add(query, Attribute.ID, ids);
        SelectionOptions.add(query, Attribute.STATE, states);
        SelectionOptions.add(query, Attribute.OLDER_THAN, olderThan);
        SelectionOptions.add(query, Attribute.YOUNGER_THAN, youngerThan);
        SelectionOptions.add(query, Attribute.MIN_ATTEMPTS, minAttempts);
        SelectionOptions.add(query, Attribute.MAX_ATTEMPTS, maxAttempts);
        return query;
    }
}
