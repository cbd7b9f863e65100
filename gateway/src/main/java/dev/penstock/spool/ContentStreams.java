package dev.penstock.spool;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

import org.jspecify.annotations.Nullable;

/** Whose PART records are whose. Thread-safe. Only large content has any. */
final class ContentStreams {
    private final Set<Long> open = ConcurrentHashMap.newKeySet();
    private final Map<Long, SpooledMessage> messages = new ConcurrentHashMap<>();

    /** The content is being taken in: its parts are needed, though no message has them yet. */
    void opened(long streamId) {
        open.add(streamId);
    }

    void accepted(SpooledMessage message) {
        if (message.state instanceof SpooledMessage.ExtendedState extended) {
            messages.put(extended.streamId, message); // first, so that it is always in one of the two
            open.remove(extended.streamId);
        }
    }

    void ended(long streamId) {
        messages.remove(streamId);
        open.remove(streamId);
    }

    boolean isOpen(long streamId) {
        return open.contains(streamId);
    }

    /** Ask {@link #isOpen} before. */
    @Nullable
    SpooledMessage message(long streamId) {
        return messages.get(streamId);
    }
}
