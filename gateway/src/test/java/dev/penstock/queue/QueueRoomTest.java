package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;

class QueueRoomTest {
    private static final long LIMIT = 1_000;

    private final AtomicLong used = new AtomicLong();
    private final QueueRoom room = new QueueRoom(used::get, LIMIT);

    private boolean hasRoomAt(long octets) {
        used.set(octets);
        return room.hasRoom();
    }

    @Test
    void aQueueIsFullAtItsLimitAndUntilATwentiethIsFree() {
        assertThat(hasRoomAt(LIMIT - 1)).isTrue();
        assertThat(hasRoomAt(LIMIT)).isFalse();
        assertThat(hasRoomAt(LIMIT - 1)).isFalse();
        assertThat(hasRoomAt(951)).isFalse();
        assertThat(hasRoomAt(950)).isTrue();
        assertThat(hasRoomAt(LIMIT - 1)).isTrue();
    }

    @Test
    void aLargerLimitIsRoomAtOnce() {
        assertThat(hasRoomAt(LIMIT)).isFalse();
        room.limit(2 * LIMIT);
        assertThat(room.hasRoom()).isTrue();
    }
}
