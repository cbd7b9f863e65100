package dev.penstock.history;

import java.util.List;

import dev.penstock.message.MessageId;

/**
 * What happened to a message.
 *
 * @param events in the order in which they were logged: its reception, each attempt, how it ended
 * @param whole  false when there are more, which are left out
 * @param gone   blocks of lines that may tell of it, of files of the log that aren't there any more
 */
public record Story(MessageId id, List<Hit> events, boolean whole, int gone) {
    public Story {
        events = List.copyOf(events);
    }
}
