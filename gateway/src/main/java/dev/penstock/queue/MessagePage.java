package dev.penstock.queue;

import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.MessageId;

/**
 * Some queued messages, the oldest first. Immutable.
 *
 * @param messages by id, and by destination within a message
 * @param next     from where the next page goes on; null when there is none
 * @param selected destinations that are selected by what the queue knows of them, on all pages
 * @param looked   of these, whose envelope was read for this page
 */
public record MessagePage(List<MessageRow> messages, @Nullable Cursor next, long selected, int looked) {
    /**
     * After which destination a page begins.
     *
     * @param id          of its message
     * @param destination its place among the message's destinations
     */
    public record Cursor(long id, int destination) implements Comparable<Cursor> {
        /** Before all. */
        public static final Cursor START = new Cursor(0, -1);

        /** @throws IllegalArgumentException with a sentence for people, when that isn't one */
        public static Cursor parse(String text) {
            int dot = text.lastIndexOf('.');
            MessageId id = dot < 0
                    ? null
                    : MessageId.parse(text.substring(0, dot));
            try {
                if (id != null) {
                    return new Cursor(id.value(), Integer.parseInt(text.substring(dot + 1)));
                }
            } catch (NumberFormatException _) {
                // said below
            }
            throw new IllegalArgumentException("cursor \"" + text + "\": expected what the page before gave as next");
        }

        @Override
        public int compareTo(Cursor other) {
            int byId = Long.compareUnsigned(id, other.id);
            return byId != 0 ? byId : Integer.compare(destination, other.destination);
        }

        /** What {@link #parse} reads back. */
        @Override
        public String toString() {
            return new MessageId(id) + "." + destination;
        }
    }
}
