package dev.penstock.spool;

import static dev.penstock.spool.SpoolFixture.await;
import static dev.penstock.spool.SpoolFixture.content;
import static dev.penstock.spool.SpoolFixture.key;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import dev.penstock.config.SpoolConfig;
import dev.penstock.message.Envelope;
import dev.penstock.spool.AttemptState.RecipientState;
import dev.penstock.spool.AttemptState.Status;
import dev.penstock.testing.MemoryTempDir;
import dev.penstock.units.ByteSize;

/**
 * Random operations, clean restarts and crashes on segments so small that they are sealed, compacted and deleted all
 * the time, compared with a map. The seed is in the test's name.
 */
class ModelTest {
    private static final int STEPS = Boolean.getBoolean("penstock.long") ? 20_000 : 600;

    @TempDir(factory = MemoryTempDir.class)
    Path directory;

    private static Stream<Long> seeds() {
        return Boolean.getBoolean("penstock.long")
                ? Stream.generate(System::nanoTime).limit(50)
                : Stream.of(1L, 2L, 3L, 4L, System.nanoTime());
    }

    private static final class Expected {
        final byte[] content;
        final Envelope envelope;
        AttemptState state = new AttemptState(0, 0, List.of());
        SpoolEntry entry;

        Expected(SpoolEntry entry, Envelope envelope, byte[] content) {
            this.entry = entry;
            this.envelope = envelope;
            this.content = content;
        }
    }

    @ParameterizedTest(name = "seed {0}")
    @MethodSource("seeds")
    void behavesAsAMapThatSurvivesCrashes(long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        Map<String, Expected> model = new TreeMap<>();
        int generation = 0;
        Path current = directory.resolve("0");
        SpoolFixture fixture = SpoolFixture.open(config(current));
        try {
            for (int step = 0; step < STEPS; step++) {
                int choice = random.nextInt(100);
                if (choice < 45) {
                    accept(fixture, model, random);
                } else if (choice < 75) {
                    Expected victim = any(model, random);
                    if (victim != null) {
                        await(fixture.spool.done(victim.entry));
                        model.remove(key(victim.entry));
                    }
                } else if (choice < 93) {
                    attempt(fixture, any(model, random), random);
                } else if (choice < 98) {
                    Expected read = any(model, random);
                    if (read != null) {
                        assertThat(fixture.read(read.entry)).as("seed %d step %d", seed, step).isEqualTo(read.content);
                    }
                } else {
                    Path next = directory.resolve(String.valueOf(++generation));
                    boolean crash = random.nextBoolean();
                    if (crash) {
                        copyLive(current, next);
                    }
                    fixture.close();
                    current = crash ? next : current;
                    fixture = SpoolFixture.open(config(current));
                    compare(fixture, model, "seed " + seed + " step " + step + (crash ? " after a crash" : ""));
                }
            }
            assertThat(fixture.spool.stats().quarantined()).as("seed %d", seed).isZero();
        } finally {
            fixture.close();
        }
    }

    private static SpoolConfig config(Path directory) {
        SpoolConfig small = SpoolFixture.withSegmentSize(SpoolFixture.config(directory), 40_000);
        return new SpoolConfig(small.directory(), small.segmentSize(), ByteSize.ofKilobytes(4), small.cacheSize(),
                small.minFreeSpace(), small.appendDeadline(), small.maxWaiting(), 1, 60);
    }

    /** The directory of a spool in use: a file may go while it is copied, then the copy isn't of one instant. */
    private static void copyLive(Path from, Path to) throws IOException {
        for (int attempt = 0;; attempt++) {
            Path trial = to.resolveSibling(to.getFileName() + "-" + attempt);
            try {
                List<String> before = names(from);
                SpoolFixture.copy(from, trial);
                if (names(from).equals(before)) {
                    Files.move(trial, to);
                    return;
                }
            } catch (java.nio.file.NoSuchFileException _) {
                // once more
            }
        }
    }

    private static List<String> names(Path directory) throws IOException {
        try (var files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    private static void accept(SpoolFixture fixture, Map<String, Expected> model, SplittableRandom random) {
        String[] recipients = new String[random.nextInt(4) == 0 ? 1 + random.nextInt(5) : 1];
        for (int i = 0; i < recipients.length; i++) {
            recipients[i] = "r" + i + "@d" + random.nextInt(3) + ".example";
        }
        byte[] content = content(random.nextInt(), random.nextInt(10) == 0
                ? random.nextInt(15_000)
                : random.nextInt(1500));
        Envelope envelope = fixture.envelope(recipients);
        for (SpoolEntry entry : await(fixture.append(envelope, content))) {
            model.put(key(entry), new Expected(entry, envelope, content));
        }
    }

    @org.jspecify.annotations.Nullable
    private static Expected any(Map<String, Expected> model, SplittableRandom random) {
        if (model.isEmpty()) {
            return null;
        }
        // the oldest live long, so that segments come to be mostly dead
        int skip = random.nextInt(3) == 0
                ? random.nextInt(model.size())
                : model.size() - 1 - random.nextInt(Math.min(20, model.size()));
        return model.values().stream().skip(skip).findFirst().orElseThrow();
    }

    private static void attempt(SpoolFixture fixture, @org.jspecify.annotations.Nullable Expected expected,
            SplittableRandom random) {
        if (expected == null) {
            return;
        }
        List<CompletableFuture<Void>> futures = new ArrayList<>();
        for (int i = 0; i < 1 + random.nextInt(2); i++) {
            List<Integer> indices = expected.envelope.destinations().get(expected.entry.part()).recipients();
            List<RecipientState> named = new ArrayList<>();
            for (int index : indices) {
                if (named.isEmpty() || random.nextBoolean()) {
                    named.add(new RecipientState(index, random.nextBoolean() ? Status.DEFERRED : Status.BOUNCED,
                            "450 " + random.nextInt(1000)));
                }
            }
            AttemptState now = new AttemptState(expected.state.attempts() + 1, random.nextLong(1L << 45), named);
            futures.add(fixture.spool.recordAttempt(expected.entry, now));
            Map<Integer, RecipientState> whole = new TreeMap<>();
            expected.state.recipients().forEach(r -> whole.put(r.recipient(), r));
            named.forEach(r -> whole.put(r.recipient(), r));
            expected.state = new AttemptState(now.attempts(), now.nextMillis(), List.copyOf(whole.values()));
        }
        futures.forEach(SpoolFixture::await);
    }

    private static void compare(SpoolFixture fixture, Map<String, Expected> model, String where) throws IOException {
        assertThat(fixture.recovered.keySet()).as(where).isEqualTo(model.keySet());
        Map<String, byte[]> read = new HashMap<>();
        for (Map.Entry<String, Expected> entry : model.entrySet()) {
            SpoolFixture.Recovered found = fixture.recovered(entry.getKey());
            Expected expected = entry.getValue();
            assertThat(found.envelope()).as(where).isEqualTo(expected.envelope);
            assertThat(found.attempts()).as(where).isEqualTo(expected.state.attempts());
            assertThat(found.nextMillis()).as(where).isEqualTo(expected.state.nextMillis());
            assertThat(found.size()).as(where).isEqualTo(expected.content.length);
            assertThat(fixture.spool.lastAttempt(found.entry())).as(where).isEqualTo(expected.state);
            read.put(entry.getKey(), fixture.read(found.entry()));
            assertThat(read.get(entry.getKey())).as(where).isEqualTo(expected.content);
            expected.entry = found.entry();
        }
    }
}
