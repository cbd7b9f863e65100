package dev.penstock.message;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

import org.junit.jupiter.api.Test;

import dev.penstock.config.GatewayConfig;

class MessageIdsTest {
    private static final long NOW = 1_790_000_000_000L;
    private static final int IDS_PER_MILLISECOND = 1024;

    private long millis = NOW;
    private final InstantSource clock = () -> Instant.ofEpochMilli(millis);

    @Test
    void anIdTellsItsMillisecondAndItsNode() {
        MessageId id = new MessageIds(1023, 0, clock).next();
        assertThat(id.millis()).isEqualTo(NOW);
        assertThat(id.node()).isEqualTo(1023);
        assertThat(id.toString()).endsWith("ZZ");
        assertThat(MessageId.parse(id.toString())).isEqualTo(id);
        assertThat(new MessageIds(0, 0, clock).next().toString()).endsWith("00");
    }

    @Test
    void idsGrowThoughTheClockIsSetBack() {
        MessageIds ids = new MessageIds(5, 0, clock);
        MessageId before = ids.next();
        for (long set : new long[]{NOW, NOW - 3_600_000, 0, NOW + 1, NOW}) {
            millis = set;
            MessageId next = ids.next();
            assertThat(next).isGreaterThan(before);
            assertThat(next.node()).isEqualTo(5);
            before = next;
        }
    }

    @Test
    void whenAMillisecondIsUsedUpTheNextOnesIdsAreGivenOut() {
        MessageIds ids = new MessageIds(5, 0, clock);
        for (int i = 0; i < IDS_PER_MILLISECOND; i++) {
            assertThat(ids.next().millis()).isEqualTo(NOW);
        }
        for (int i = 0; i < IDS_PER_MILLISECOND; i++) {
            assertThat(ids.next().millis()).isEqualTo(NOW + 1);
        }
        millis = NOW + 2;
        assertThat(ids.next()).isEqualTo(new MessageId(millis << MessageId.MILLIS_SHIFT | 5));
    }

    @Test
    void aHundredThousandASecondDontRunAheadOfTheClock() {
        MessageIds ids = new MessageIds(5, 0, clock);
        for (; millis < NOW + 1000; millis++) {
            for (int i = 0; i < 100; i++) {
                assertThat(ids.next().millis()).isEqualTo(millis);
            }
        }
    }

    /** Also when what a node gave out last was another's before, as with a spool that is taken over. */
    @Test
    void nodesWithDifferentNumbersNeverGiveOutTheSameId() {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        List<MessageIds> nodes = new ArrayList<>();
        for (int node : new int[]{0, 1, 2, 512, 1023}) {
            nodes.add(new MessageIds(node, 0, clock));
        }
        Set<MessageId> all = new HashSet<>();
        for (int i = 0; i < 50_000; i++) {
            millis = NOW + random.nextInt(20);
            int at = random.nextInt(nodes.size());
            if (random.nextInt(1000) == 0) {
                int other = random.nextInt(nodes.size());
                int node = nodes.get(at).next().node();
                nodes.set(at, new MessageIds(node, Math.max(nodes.get(at).highest(), nodes.get(other).highest()),
                        clock));
            }
            long before = nodes.get(at).highest();
            MessageId id = nodes.get(at).next();
            assertThat(id.value()).as("seed %d", seed).isGreaterThan(before);
            assertThat(all.add(id)).as("%s is new, seed %d", id, seed).isTrue();
        }
    }

    @Test
    void threadsThatAskAtOnceGetDifferentIds() throws InterruptedException, ExecutionException {
        MessageIds ids = new MessageIds(5, 0, clock);
        Set<MessageId> all = ConcurrentHashMap.newKeySet();
        try (var threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> running = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                running.add(threads.submit(() -> {
                    for (int i = 0; i < 10_000; i++) {
                        all.add(ids.next());
                    }
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
        }
        assertThat(all).hasSize(40_000);
    }

    @Test
    void whatIsConfigurableFitsIntoAnId() {
        assertThat(GatewayConfig.MAX_NODE).isEqualTo(MessageId.MAX_NODE);
        assertThatIllegalArgumentException().isThrownBy(() -> new MessageIds(MessageId.MAX_NODE + 1, 0, clock));
        assertThatIllegalArgumentException().isThrownBy(() -> new MessageIds(-1, 0, clock));
    }
}
