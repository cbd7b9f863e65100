package dev.penstock.history;

import static dev.penstock.history.HistoryRig.delivered;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.HistoryConfig;
import dev.penstock.events.EventLines;
import dev.penstock.units.ByteSize;

/**
 * A process that writes a log and indexes it, torn lines and commits among it, is killed at random instants: the next finds
 * each whole line once.
 */
class HistoryKillTest {
    private static final int ROUNDS = Boolean.getBoolean("penstock.long") ? 50 : 4;
    /** Batches of lines between two commits. */
    private static final int COMMIT_BATCHES = 6;
    /** Longer than a JVM takes to start, on a busy machine. */
    private static final int PATIENCE_SECONDS = 60;

    @TempDir
    Path directory;

    @Test
    void eachLineIsFoundOnceAfterAKill() throws Exception {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        int written = 0;
        boolean midway = false;
        for (int round = 0; round < ROUNDS; round++) {
            int before = written;
            // every other one past a commit, the others before it or at it
            int batches = round % 2 == 0 ? COMMIT_BATCHES + 1 + random.nextInt(12) : 1 + random.nextInt(COMMIT_BATCHES);
            written = run(written, batches, random.nextInt(100));
            String where = "seed " + seed + ", round " + round + ", " + written + " lines";
            try (HistoryRig rig = new HistoryRig(directory, config(directory))) {
                int committed = numbers(rig).size();
                midway |= committed > before && committed < written;
                rig.index();
                assertThat(numbers(rig)).as(where)
                        .containsExactlyElementsOf(IntStream.range(0, written).boxed().toList());
                rig.commit();
            }
        }
        assertThat(written).as("what the killed processes got done").isGreaterThan(ROUNDS * 10);
        assertThat(midway).as("one was killed between its commits").isTrue();
    }

    private static HistoryConfig config(Path directory) {
        return HistoryRig.config(directory).with(HistoryConfig.MAX_SIZE, ByteSize.ofMegabytes(1));
    }

    private static List<Integer> numbers(HistoryRig rig) throws IOException {
        List<Integer> numbers = new ArrayList<>();
        Page<Hit> page = rig.search(Query.ALL, History.MAX_PAGE, null);
        while (true) {
            page.items().forEach(hit -> numbers.add((int) (hit.event().id().value() & (1 << 20) - 1)));
            Cursor next = page.next();
            if (next == null) {
                return numbers.reversed();
            }
            page = rig.search(Query.ALL, History.MAX_PAGE, next);
        }
    }

    /**
     * Kills so many milliseconds after the process has done so many batches.
     *
     * @return lines that are whole in the log
     */
    private int run(int from, int batches, int millis) throws Exception {
        Process child = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                System.getProperty("java.class.path"), Child.class.getName(), directory.toString(),
                Integer.toString(from)).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        CountDownLatch begun = new CountDownLatch(batches);
        Thread killer = Thread.ofPlatform().start(() -> {
            try {
                if (!begun.await(PATIENCE_SECONDS, TimeUnit.SECONDS)
                        || !child.waitFor(millis, TimeUnit.MILLISECONDS)) {
                    child.toHandle().destroyForcibly();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(child.getInputStream(), US_ASCII))) {
            while (reader.readLine() != null) {
                begun.countDown();
            }
        }
        killer.join();
        assertThat(child.waitFor()).isNotZero();
        try (var lines = Files.list(directory.resolve("log"))) {
            int whole = 0;
            for (Path file : lines.toList()) {
                String text = Files.readString(file);
                whole += (int) text.chars().filter(c -> c == '\n').count();
            }
            return whole;
        }
    }

    /** The process that is killed. */
    static final class Child {
        private Child() {}

        public static void main(String[] args) throws Exception {
            Path directory = Path.of(args[0]);
            int number = Integer.parseInt(args[1]);
            PrintStream out = new PrintStream(System.out, true, US_ASCII);
            Counters counters = new Counters();
            Path logs = Files.createDirectories(directory.resolve("log"));
            Path file = logs.resolve("delivery-%09d.jsonl".formatted(number));
            try (HistoryIndex index = new HistoryIndex(config(directory), InstantSource.system(), System::nanoTime,
                    counters, new Shown(null))) {
                LogFollower follower = new LogFollower(logs, index, System::nanoTime, counters);
                for (int batch = 1;; batch++) {
                    StringBuilder lines = new StringBuilder();
                    for (int i = 0; i < 50; i++) {
                        lines.append(EventLines.line(delivered(number++)));
                    }
                    String text = lines.toString();
                    int cut = text.length() / 2; // within a line
                    append(file, text.substring(0, cut));
                    follower.round(() -> false);
                    append(file, text.substring(cut));
                    follower.round(() -> false);
                    if (batch % COMMIT_BATCHES == 0) {
                        index.commit();
                    }
                    out.println(number);
                }
            }
        }

        private static void append(Path file, String text) throws IOException {
            Files.writeString(file, text, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
    }
}
