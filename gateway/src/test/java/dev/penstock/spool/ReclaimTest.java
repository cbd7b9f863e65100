package dev.penstock.spool;

import static dev.penstock.spool.AppendTest.deferred;
import static dev.penstock.spool.SpoolFixture.await;
import static dev.penstock.spool.SpoolFixture.content;
import static dev.penstock.spool.SpoolFixture.key;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;

import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.SpoolConfig;
import dev.penstock.testing.MemoryTempDir;
import dev.penstock.testing.Patience;
import dev.penstock.units.ByteSize;

/** Room comes back, and no order of deletions and crashes brings back a message that was done, or loses one. */
class ReclaimTest {
    private static final int SEGMENT = 64 << 10;
    private static final int RECLAIM_BELOW = 70;
    /** Of the 1 MB that is written; what stays is about 170 KB, in segments not all full. */
    private static final int ENOUGH = 448 << 10;
    private static final Duration PATIENCE = Patience.LONG;

    @TempDir(factory = MemoryTempDir.class)
    Path directory;

    @Test
    void segmentsWithNothingLeftGo() throws IOException {
        try (SpoolFixture fixture = open("dead")) {
            List<SpoolEntry> entries = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                entries.add(fixture.accept(content(i, 2000), "a@one.example").getFirst());
            }
            long most = fixture.spool.stats().segments();
            assertThat(most).isGreaterThan(5);
            entries.stream().map(fixture.spool::done).toList().forEach(SpoolFixture::await);
            Awaitility.await().atMost(PATIENCE).until(() -> fixture.spool.stats().segments() <= 2);
            Awaitility.await().atMost(PATIENCE) // they are counted when they are gone
                    .until(() -> fixture.spool.stats().segmentsReclaimed() >= most - 2);
            assertThat(fixture.spool.stats().liveBytes()).isZero();
        }
        try (SpoolFixture again = open("dead")) {
            assertThat(again.recovered).isEmpty();
        }
    }

    @Test
    void longDeferredMailMovesToAColdSegment() throws IOException {
        Map<String, byte[]> kept = new HashMap<>();
        Map<String, SpoolEntry> entries = new HashMap<>();
        AttemptState state = deferred(4, 99_999, 0, "451 4.7.1 busy");
        try (SpoolFixture fixture = open("cold")) {
            fill(fixture, kept, entries);
            for (SpoolEntry entry : entries.values()) {
                await(fixture.spool.recordAttempt(entry, state));
            }
            Awaitility.await().atMost(PATIENCE).until(() -> fixture.spool.stats().bytesOnDisk() < ENOUGH);
            assertThat(fixture.spool.stats().bytesMoved()).isPositive();
            for (Map.Entry<String, byte[]> one : kept.entrySet()) {
                SpoolEntry entry = java.util.Objects.requireNonNull(entries.get(one.getKey()));
                assertThat(fixture.read(entry)).isEqualTo(one.getValue());
                assertThat(fixture.spool.lastAttempt(entry)).isEqualTo(state);
            }
        }
        try (SpoolFixture again = open("cold")) {
            expect(again, kept, "after a restart");
            for (SpoolFixture.Recovered found : again.recovered.values()) {
                assertThat(found.attempts()).isEqualTo(4);
                await(again.spool.done(found.entry()));
            }
            Awaitility.await().atMost(PATIENCE).until(() -> again.spool.stats().segments() <= 2);
        }
        try (SpoolFixture last = open("cold")) {
            assertThat(last.recovered).isEmpty();
        }
    }

    /** Twenty rounds of mail, of which few stay; among them large content and messages partly done. */
    private static void fill(SpoolFixture fixture, Map<String, byte[]> kept, Map<String, SpoolEntry> entries) {
        for (int round = 0; round < 20; round++) {
            List<SpoolEntry> done = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                done.add(fixture.accept(content(i, 2000), "a@one.example").getFirst());
            }
            int size = round % 5 == 0 ? 40_000 : 500;
            List<SpoolEntry> both = fixture.accept(content(round, size), "b@two.example", "c@three.example");
            done.add(both.getFirst());
            kept.put(key(both.getLast()), content(round, size));
            entries.put(key(both.getLast()), both.getLast());
            done.stream().map(fixture.spool::done).toList().forEach(SpoolFixture::await);
        }
    }

    @Test
    void aCrashAtAnyStepOfDeletingAndCompactingChangesNothing() throws IOException {
        Path live = directory.resolve("steps");
        AtomicBoolean recording = new AtomicBoolean();
        List<Path> snapshots = new ArrayList<>();
        Set<String> steps = Set.of("create", "publish", "delete", "syncDeletes");
        Map<String, byte[]> kept = new HashMap<>();
        try (SpoolFixture fixture = SpoolFixture.open(config(live))) {
            fill(fixture, kept, new HashMap<>());
        }
        SegmentStore files = new FileSegmentStore(live, SpoolFixture.SEGMENT);
        SegmentStore observed = (SegmentStore) Proxy.newProxyInstance(getClass().getClassLoader(),
                new Class<?>[]{SegmentStore.class}, (_, method, arguments) -> {
                    if (!steps.contains(method.getName())) {
                        return invoke(method, files, arguments);
                    }
                    synchronized (snapshots) { // no file comes or goes while they are copied
                        Object result = invoke(method, files, arguments);
                        if (recording.get()) {
                            Path copy = directory.resolve("snapshot-" + snapshots.size());
                            SpoolFixture.copy(live, copy);
                            snapshots.add(copy);
                        }
                        return result;
                    }
                });
        // nothing is asked of it any more: whatever the maintenance thread does, the same messages have to be there
        recording.set(true);
        try (SpoolFixture fixture = SpoolFixture.open(config(live), observed)) {
            Awaitility.await().atMost(PATIENCE).until(() -> fixture.spool.stats().bytesMoved() > 0
                    && fixture.spool.stats().bytesOnDisk() < ENOUGH);
            recording.set(false);
        }
        assertThat(snapshots).hasSizeGreaterThan(5);
        for (Path snapshot : snapshots) {
            for (int start = 0; start < 2; start++) {
                try (SpoolFixture fixture = SpoolFixture.open(
                        config(snapshot))) {
                    expect(fixture, kept, snapshot.getFileName() + ", start " + start);
                    assertThat(fixture.spool.stats().quarantined()).isZero();
                    if (start == 0) { // let it reclaim: what was done must stay done afterwards
                        Awaitility.await().atMost(PATIENCE)
                                .until(() -> fixture.spool.stats().bytesOnDisk() < ENOUGH);
                    }
                }
            }
        }
    }

    private static @Nullable Object invoke(Method method, SegmentStore files, Object @Nullable [] arguments)
            throws Throwable {
        try {
            return method.invoke(files, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    @Test
    void messagesDoneWhileTheyAreCopiedStayDone() throws IOException {
        for (int round = 0; round < 5; round++) {
            Path live = directory.resolve("race-" + round);
            Map<String, byte[]> kept = new HashMap<>();
            Map<String, SpoolEntry> entries = new HashMap<>();
            try (SpoolFixture fixture = SpoolFixture.open(
                    config(live))) {
                fill(fixture, kept, entries);
                // no waiting between them: some end before the copy, some in it, some after
                List<String> order = new ArrayList<>(entries.keySet());
                for (int i = 0; i < order.size(); i += 2) {
                    await(fixture.spool.done(java.util.Objects.requireNonNull(entries.get(order.get(i)))));
                    kept.remove(order.get(i));
                }
                Awaitility.await().atMost(PATIENCE).until(() -> fixture.spool.stats().bytesMoved() > 0);
            }
            try (SpoolFixture again = SpoolFixture.open(
                    config(live))) {
                expect(again, kept, "round " + round);
            }
        }
    }

    private SpoolFixture open(String name) throws IOException {
        return SpoolFixture.open(config(directory.resolve(name)));
    }

    private static SpoolConfig config(Path directory) {
        SpoolConfig usual = SpoolFixture.config(directory);
        return usual.with(SpoolConfig.DIRECTORY, directory).with(SpoolConfig.SEGMENT_SIZE, new ByteSize(SEGMENT))
                .with(SpoolConfig.READERS, 1).with(SpoolConfig.RECLAIM_BELOW, RECLAIM_BELOW);
    }

    private static void expect(SpoolFixture fixture, Map<String, byte[]> kept, String where) throws IOException {
        assertThat(fixture.recovered.keySet()).as(where).isEqualTo(kept.keySet());
        for (Map.Entry<String, byte[]> one : kept.entrySet()) {
            assertThat(fixture.read(fixture.recovered(one.getKey()).entry())).as(where).isEqualTo(one.getValue());
        }
    }
}
