package dev.penstock.verbs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.message.MessageId;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.testing.MemoryTempDir;
import dev.penstock.testing.Patience;
import dev.penstock.verbs.JobRequest.Details;
import dev.penstock.verbs.JobView.State;

/**
 * kill -9 in the middle of a bounce of many, again and again: the next start goes on with the job, and each message is
 * bounced. Twice is its sender told at most of what was in hand when the process died: the report is durable before the
 * spool forgets its original, since it could be lost otherwise.
 *
 * <p>{@code -Dpenstock.bounced=200000} is the long form.
 */
@Timeout(600)
class JobsKillTest {
    private static final Logger log = LoggerFactory.getLogger(JobsKillTest.class);
    private static final int MESSAGES = Integer.getInteger("penstock.bounced", 20_000);
    private static final int KILLS = 4;
    private static final Pattern ORIGINAL = Pattern.compile("X-Penstock-Queue-ID: (\\w+)");

    @TempDir(factory = MemoryTempDir.class)
    Path directory;

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void eachMessageIsBouncedOnceThoughTheProcessDiesInTheMiddle(boolean report) throws Exception {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        Set<String> originals = fill();
        int killed = 0;
        long before = MESSAGES;
        for (int i = 0; i < KILLS; i++) {
            killed += killAfter(random.nextInt(1, 1 + MESSAGES / (KILLS + 1)), report) ? 1 : 0;
            long left = left(originals).size();
            assertThat(left).as("progress, seed %d", seed).isLessThanOrEqualTo(before);
            before = left;
        }
        assertThat(killed).as("kills in the middle, seed %d", seed).isPositive();
        try (VerbGateway last = VerbGateway.ofMany(directory).start()) {
            JobView job = last.over(last.jobs.all().getFirst().id(), Patience.LONG.multipliedBy(5));
            assertThat(job.state()).isEqualTo(State.DONE);
            assertThat(job.failed()).isZero();
        }
        List<String> told = new ArrayList<>();
        try (VerbGateway after = new VerbGateway(directory)) {
            for (QueuedDestination left : after.recovered) {
                assertThat(left.envelope().sender()).as("only reports are left, seed %d", seed).isEmpty();
                ByteArrayOutputStream text = new ByteArrayOutputStream();
                after.spool.read(left.entry()).content().forEachChunk(text::write);
                Matcher original = ORIGINAL.matcher(text.toString(StandardCharsets.US_ASCII));
                assertThat(original.find()).isTrue();
                told.add(original.group(1));
            }
        }
        assertThat(new HashSet<>(told)).as("told, seed %d", seed).isEqualTo(report ? originals : Set.of());
        int twice = told.size() - new HashSet<>(told).size();
        log.info("messages={} kills={} told-twice={} seed={}", MESSAGES, killed, twice, seed);
        assertThat(twice).as("told twice, seed %d", seed).isLessThanOrEqualTo(KILLS * Job.AT_ONCE);
    }

    private Set<String> fill() throws Exception {
        Set<String> ids = new HashSet<>();
        try (VerbGateway gateway = new VerbGateway(directory)) {
            List<CompletableFuture<MessageId>> accepted = new ArrayList<>();
            for (int i = 0; i < MESSAGES; i++) {
                accepted.add(gateway.accept("shop", "", System.currentTimeMillis() + 3_600_000,
                        "r" + i + "@d" + i % 100 + ".example"));
                if (accepted.size() == 1_000) {
                    for (CompletableFuture<MessageId> each : accepted) {
                        ids.add(each.get(60, TimeUnit.SECONDS).toString());
                    }
                    accepted.clear();
                }
            }
            for (CompletableFuture<MessageId> each : accepted) {
                ids.add(each.get(60, TimeUnit.SECONDS).toString());
            }
        }
        return ids;
    }

    private Set<String> left(Set<String> originals) throws Exception {
        Set<String> left = new HashSet<>();
        try (VerbGateway gateway = new VerbGateway(directory)) {
            gateway.recovered.forEach(each -> left.add(each.envelope().id().toString()));
        }
        left.retainAll(originals);
        return left;
    }

    /** @return whether the job wasn't over */
    private boolean killAfter(int done, boolean report) throws Exception {
        Process child = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m", "-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path"), Child.class.getName(),
                directory.toString(), Boolean.toString(report)).redirectErrorStream(true).start();
        boolean open = false;
        try (BufferedReader lines = new BufferedReader(
                new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            long first = -1;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.equals("over")) {
                    break;
                }
                if (line.startsWith("done=")) {
                    long now = Long.parseLong(line.substring(5));
                    first = first < 0 ? now : first;
                    if (now - first >= done) {
                        open = true;
                        break;
                    }
                }
            }
            child.destroyForcibly();
        }
        assertThat(child.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return open;
    }

    /** Begins the job, or goes on with it, and tells how far it is. */
    static final class Child {
        private Child() {}

        @SuppressWarnings("SystemOut")
        public static void main(String[] args) throws Exception {
            VerbGateway gateway = VerbGateway.ofMany(Path.of(args[0])).start();
            if (gateway.jobs.all().isEmpty()) {
                gateway.jobs.begin(VerbGateway.request(Verb.BOUNCE, VerbGateway.mail("tenant", "shop"),
                        Details.NONE.report(Boolean.parseBoolean(args[1]))));
            }
            String id = gateway.jobs.all().getFirst().id();
            long told = -1;
            while (true) {
                JobView job = gateway.jobs.find(id).orElseThrow();
                if (job.state().isOver()) {
                    System.out.println("over");
                    return;
                }
                if (job.done() != told) {
                    told = job.done();
                    System.out.println("done=" + told);
                }
                Thread.onSpinWait();
            }
        }
    }
}
