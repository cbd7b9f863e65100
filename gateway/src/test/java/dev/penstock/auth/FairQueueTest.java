package dev.penstock.auth;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

class FairQueueTest {
    private static final FairQueue.Offer<String> TAKEN = new FairQueue.Offer<>(null, false);

    private final FairQueue<String, String> queue = new FairQueue<>(6);

    @Test
    void ownersTakeTurns() {
        offer("a", 3);
        offer("b", 2);
        offer("c", 1);
        assertThat(all()).containsExactly("a0", "b0", "c0", "a1", "b1", "a2");
        assertThat(queue.poll()).isNull();
    }

    @Test
    void oneOwnerHasHalfOfThePlacesAtMost() {
        offer("a", 3);
        assertThat(queue.offer("a", "a3")).isEqualTo(new FairQueue.Offer<>("a3", false));
        assertThat(queue.offer("b", "b0")).isEqualTo(TAKEN);
    }

    @Test
    void whoHasMostMakesRoomForWhoHasLess() {
        offer("a", 3);
        offer("b", 3);
        assertThat(queue.offer("c", "c0")).isEqualTo(new FairQueue.Offer<>("a2", true));
        assertThat(queue.offer("c", "c1")).isEqualTo(new FairQueue.Offer<>("b2", true));
        assertThat(queue.offer("c", "c2")).as("all have two").isEqualTo(new FairQueue.Offer<>("c2", false));
        assertThat(all()).containsExactly("a0", "b0", "c0", "a1", "b1", "c1");
    }

    @Test
    void aPlaceIsFreeAgainWhenATurnWasTaken() {
        offer("a", 3);
        offer("b", 3);
        assertThat(queue.poll()).isEqualTo("a0");
        assertThat(queue.offer("a", "a3")).isEqualTo(TAKEN);
        assertThat(all()).containsExactly("b0", "a1", "b1", "a2", "b2", "a3");
    }

    @Test
    void whenEachHasOneTheNextIsTheOneTooMany() {
        for (int i = 0; i < 6; i++) {
            assertThat(queue.offer("owner" + i, "x")).isEqualTo(TAKEN);
        }
        assertThat(queue.offer("late", "late0")).isEqualTo(new FairQueue.Offer<>("late0", false));
    }

    private void offer(String owner, int count) {
        for (int i = 0; i < count; i++) {
            assertThat(queue.offer(owner, owner + i)).isEqualTo(TAKEN);
        }
    }

    private List<String> all() {
        List<String> all = new ArrayList<>();
        for (String next = queue.poll(); next != null; next = queue.poll()) {
            all.add(next);
        }
        return all;
    }
}
