package dev.penstock.spool;

import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;

/**
 * Message id → message. Thread-safe: shards, each under its own lock, so that growing never moves more than one. Open
 * addressing over the messages themselves, about 6 octets each.
 */
final class MessageIndex {
    private static final int SHARDS = 256;
    private static final int INITIAL = 16;

    private final Shard[] shards = new Shard[SHARDS];

    MessageIndex() {
        for (int i = 0; i < SHARDS; i++) {
            shards[i] = new Shard();
        }
    }

    void put(SpooledMessage message) {
        shard(message.id).put(message);
    }

    @Nullable
    SpooledMessage get(long id) {
        return shard(id).get(id);
    }

    void remove(long id) {
        shard(id).remove(id);
    }

    long size() {
        long size = 0;
        for (Shard shard : shards) {
            size += shard.size;
        }
        return size;
    }

    void forEach(Consumer<SpooledMessage> consumer) {
        for (Shard shard : shards) {
            for (SpooledMessage message : shard.copy()) {
                if (message != null) {
                    consumer.accept(message);
                }
            }
        }
    }

    private Shard shard(long id) {
        return shards[(int) (mix(id) >>> 56)];
    }

    /** The finalizer of MurmurHash3: ids differ in few bits. */
    private static long mix(long id) {
        long h = (id ^ id >>> 33) * 0xff51afd7ed558ccdL;
        h = (h ^ h >>> 33) * 0xc4ceb9fe1a85ec53L;
        return h ^ h >>> 33;
    }

    private static final class Shard {
        private @Nullable SpooledMessage[] slots = new SpooledMessage[INITIAL];
        private volatile int size;

        private int slot(long id) {
            return (int) mix(id) & slots.length - 1;
        }

        synchronized @Nullable SpooledMessage get(long id) {
            int at = slot(id);
            for (SpooledMessage found = slots[at]; found != null; found = slots[at]) {
                if (found.id == id) {
                    return found;
                }
                at = at + 1 & slots.length - 1;
            }
            return null;
        }

        @SuppressWarnings("NonAtomicOperationOnVolatileField") // written under the lock, read without
        synchronized void put(SpooledMessage message) {
            if (size >= slots.length / 4 * 3) {
                grow();
            }
            if (insert(message)) {
                size = size + 1;
            }
        }

        private boolean insert(SpooledMessage message) {
            int at = slot(message.id);
            for (SpooledMessage found = slots[at]; found != null; found = slots[at]) {
                if (found.id == message.id) {
                    slots[at] = message;
                    return false;
                }
                at = at + 1 & slots.length - 1;
            }
            slots[at] = message;
            return true;
        }

        private void grow() {
            @Nullable
            SpooledMessage[] old = slots;
            slots = new SpooledMessage[old.length * 2];
            for (SpooledMessage message : old) {
                if (message != null) {
                    insert(message);
                }
            }
        }

        @SuppressWarnings("NonAtomicOperationOnVolatileField") // written under the lock, read without
        synchronized void remove(long id) {
            int at = slot(id);
            SpooledMessage found = slots[at];
            while (found != null && found.id != id) {
                at = at + 1 & slots.length - 1;
                found = slots[at];
            }
            if (found == null) {
                return;
            }
            size = size - 1;
            slots[at] = null;
            // close the gap: whoever was pushed past it moves up
            int gap = at;
            for (int next = gap + 1 & slots.length - 1; slots[next] != null; next = next + 1 & slots.length - 1) {
                SpooledMessage moving = slots[next];
                if (moving == null) {
                    return;
                }
                int home = slot(moving.id);
                boolean stays = gap <= next ? gap < home && home <= next : gap < home || home <= next;
                if (!stays) {
                    slots[gap] = moving;
                    slots[next] = null;
                    gap = next;
                }
            }
        }

        synchronized @Nullable SpooledMessage[] copy() {
            return slots.clone();
        }
    }
}
