package dev.penstock.spool;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;

/** P2: a process that appends and finishes with 16 writers is killed at random instants; what it said before holds. */
class KillTest {
    private static final int ROUNDS = Boolean.getBoolean("penstock.long") ? 100 : 4;
    private static final int WRITERS = 16;
    /** Of a process before it may be killed: fewer than its first sync acknowledges, or not many more. */
    private static final int LEAST_LINES = 11;
    /** Longer than a JVM takes to start, on a busy machine. */
    private static final int PATIENCE_SECONDS = 60;

    @TempDir
    Path directory;

    @Test
    void everyAcknowledgedMessageIsThereAfterAKill() throws Exception {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        Set<String> expected = new HashSet<>();
        long total = 0;
        for (int round = 0; round < ROUNDS; round++) {
            Set<String> done = new HashSet<>();
            int lines = run(expected, done, random.nextInt(1200));
            total += lines;
            String where = "seed " + seed + ", round " + round + ", " + lines + " lines";
            try (SpoolFixture fixture = SpoolFixture.open(config(directory))) {
                Set<String> found = new HashSet<>(fixture.recovered.keySet());
                assertThat(found).as(where).containsAll(expected).doesNotContainAnyElementsOf(
                        done.isEmpty() ? Set.of("none") : done);
                assertThat(fixture.spool.stats().quarantined()).as(where).isZero();
                for (Map.Entry<String, SpoolFixture.Recovered> one : fixture.recovered.entrySet()) {
                    assertThat(fixture.read(one.getValue().entry())).as(where)
                            .isEqualTo(SpoolFixture.content((int) one.getValue().entry().messageId(), 3000));
                }
                // written but not yet acknowledged, or done but not yet said: either is allowed, once
                expected.clear();
                expected.addAll(found);
            }
        }
        assertThat(total).as("what the killed processes got done").isGreaterThanOrEqualTo(ROUNDS * (long) LEAST_LINES);
    }

    /**
     * Kills so many milliseconds after the process has got its first lines done.
     *
     * @return lines read
     */
    private int run(Set<String> expected, Set<String> done, int millis) throws Exception {
        Process child = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"),
                Child.class.getName(), directory.toString()).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        CountDownLatch begun = new CountDownLatch(LEAST_LINES);
        Thread killer = Thread.ofPlatform().start(() -> {
            try {
                if (!begun.await(PATIENCE_SECONDS, TimeUnit.SECONDS)
                        || !child.waitFor(millis, TimeUnit.MILLISECONDS)) {
                    child.toHandle().destroyForcibly(); // SIGKILL, and the pipe stays to be read to its end
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        int lines = 0;
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(child.getInputStream(), US_ASCII))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                // "+ id" acknowledged, "? id" about to be done, "- id" done; a cut line says nothing
                if (line.length() != 2 + "0123456789ABC/0".length()) {
                    continue;
                }
                lines++;
                begun.countDown();
                String key = line.substring(2);
                switch (line.charAt(0)) {
                    case '+' -> expected.add(key);
                    case '?' -> expected.remove(key);
                    default -> done.add(key);
                }
            }
        }
        killer.join();
        assertThat(child.waitFor()).isNotZero();
        return lines;
    }

    private static dev.penstock.config.SpoolConfig config(Path directory) {
        return SpoolFixture.withSegmentSize(SpoolFixture.config(directory), 1 << 20);
    }

    /** The process that is killed. */
    static final class Child {
        private Child() {}

        public static void main(String[] args) throws Exception {
            Map<Long, SpoolEntry> left = new HashMap<>();
            SegmentSpool spool = SegmentSpool.open(config(Path.of(args[0])), InstantSource.system(),
                    found -> left.put(found.entry().messageId(), found.entry()));
            PrintStream out = new PrintStream(System.out, true, US_ASCII);
            for (int i = 0; i < WRITERS; i++) {
                Thread.ofPlatform().start(() -> write(spool, out));
            }
        }

        private static void write(SegmentSpool spool, PrintStream out) {
            Deque<SpoolEntry> mine = new ArrayDeque<>();
            while (true) {
                Envelope envelope = new Envelope(spool.nextId(), "", List.of(new Recipient("a@b.example", "b.example")),
                        BodyType.SEVEN_BIT, false, "", "", 0, Origin.LOCAL);
                Spool.Intake intake = spool.intake();
                byte[] content = SpoolFixture.content((int) envelope.id().value(), 3000);
                intake.write(content, 0, content.length);
                SpoolEntry entry = intake.commit(envelope, new byte[0], false, false).join().getFirst();
                out.println("+ " + SpoolFixture.key(entry));
                mine.add(entry);
                if (mine.size() > 20) {
                    SpoolEntry done = mine.removeFirst();
                    out.println("? " + SpoolFixture.key(done));
                    spool.done(done).join();
                    out.println("- " + SpoolFixture.key(done));
                }
            }
        }
    }
}
