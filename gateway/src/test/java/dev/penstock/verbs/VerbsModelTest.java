package dev.penstock.verbs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.QueueConfig;
import dev.penstock.message.MessageEvent;
import dev.penstock.queue.OperatorSuspension;
import dev.penstock.queue.Selection;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.FakeRouter;
import dev.penstock.testing.MemoryTempDir;
import dev.penstock.verbs.JobRequest.Details;

/**
 * Verbs, deliveries, refusals, suspensions and restarts in schedules that a seed decides, with the threads of the real parts
 * between them. In the end each recipient was delivered, bounced or deleted exactly once, and none is left.
 *
 * <p>{@code -Dpenstock.verbs.schedules=100} is the long form, {@code -Dpenstock.seed=N} with one schedule repeats one's
 * choices.
 */
@Timeout(900)
class VerbsModelTest {
    private static final Logger log = LoggerFactory.getLogger(VerbsModelTest.class);
    private static final int SCHEDULES = Integer.getInteger("penstock.verbs.schedules", 6);
    private static final long SEED = Long.getLong("penstock.seed", System.nanoTime());
    private static final Set<String> WAYS = Set.of("Delivery", "Bounce", "AdminBounce");
    private static final int STEPS = 40;
    private static final int DOMAINS = 4;
    private static final QueueConfig QUICK = QueueConfig.DEFAULT
            .with(QueueConfig.RETRY_INTERVAL, Duration.ofSeconds(1))
            .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofSeconds(1)).with(QueueConfig.JITTER_PERCENT, 0);

    @TempDir(factory = MemoryTempDir.class)
    Path root;

    @Test
    void eachRecipientEndsExactlyOnceWhateverIsOrderedWhen() throws Exception {
        Map<String, Integer> ends = new TreeMap<>();
        int schedules = 0;
        // Of all schedules one in two bounces nothing: others follow until each way has been gone.
        while (schedules < SCHEDULES || schedules < 20 * SCHEDULES && !ends.keySet().containsAll(WAYS)) {
            new Schedule(SEED + schedules, Files.createDirectory(root.resolve("s" + schedules))).run(ends);
            schedules++;
        }
        log.info("schedules={} seed={} ends={}", schedules, SEED, ends);
        assertThat(ends.keySet()).as("ways to end, seed %d", SEED).containsAll(WAYS);
    }

    private static final class Schedule {
        private final long seed;
        private final SplittableRandom random;
        private final Path directory;
        private final List<MessageEvent> events = new ArrayList<>();
        private final List<String> steps = new ArrayList<>();
        private int accepted;

        Schedule(long seed, Path directory) {
            this.seed = seed;
            this.random = new SplittableRandom(seed);
            this.directory = directory;
        }

        void run(Map<String, Integer> ends) throws Exception {
            try (FakeMx mx = new FakeMx()) {
                mx.on("RCPT TO:<later", "451 4.2.1 later");
                int step = 0;
                while (step < STEPS) {
                    VerbGateway gateway = open(mx);
                    try (gateway) {
                        gateway.start();
                        for (int life = random.nextInt(5, 15); life > 0 && step < STEPS; life--, step++) {
                            step(gateway);
                        }
                    }
                    events.addAll(gateway.events);
                    steps.add("restart");
                }
                VerbGateway last = open(mx);
                try (last) {
                    last.start();
                    finish(last, mx);
                }
                events.addAll(last.events);
                verify(mx, ends);
            }
        }

        private VerbGateway open(FakeMx mx) throws Exception {
            VerbGateway gateway = new VerbGateway(directory, QUICK, new FakeRouter());
            for (int i = 0; i < DOMAINS; i++) {
                gateway.route("d" + i + ".example", mx);
            }
            gateway.route("relay.example", mx);
            return gateway;
        }

        private void step(VerbGateway gateway) throws Exception {
            switch (random.nextInt(8)) {
                case 0, 1, 2 -> accept(gateway, random.nextInt(1, 40));
                case 3 -> suspend(gateway);
                case 4 -> resume(gateway);
                case 5 -> await().pollDelay(random.nextInt(1, 60), TimeUnit.MILLISECONDS).until(() -> true);
                default -> order(gateway);
            }
        }

        private void accept(VerbGateway gateway, int count) {
            steps.add("accept " + count);
            for (int i = 0; i < count; i++) {
                String who = (random.nextInt(3) == 0 ? "later" : "r") + accepted++ + "@d" + random.nextInt(DOMAINS)
                        + ".example";
                String other = random.nextInt(4) == 0
                        ? "r" + accepted++ + "@d" + random.nextInt(DOMAINS) + ".example"
                        : null;
                String tenant = "t" + random.nextInt(3);
                if (other == null) {
                    gateway.accept(tenant, "", who);
                } else {
                    gateway.accept(tenant, "", who, other);
                }
            }
        }

        private Selection mail() {
            return switch (random.nextInt(5)) {
                case 0 -> Selection.EVERYTHING;
                case 1 -> VerbGateway.mail("tenant", "t" + random.nextInt(3));
                case 2 -> VerbGateway.mail("recipient", "*" + random.nextInt(10) + "@*");
                default -> VerbGateway.mail("domain", "d" + random.nextInt(DOMAINS) + ".example");
            };
        }

        private void order(VerbGateway gateway) throws Exception {
            Verb verb = List.of(Verb.values()).get(random.nextInt(Verb.values().length));
            Selection mail = mail();
            if (verb.isDestructive() && mail.isEverything()) {
                mail = VerbGateway.mail("recipient", "*" + random.nextInt(10) + "@*");
            }
            Details details = switch (verb) {
                case HOLD -> Details.NONE.until(random.nextBoolean() ? 0 : System.currentTimeMillis() + 200);
                case DELAY -> Details.NONE.until(System.currentTimeMillis() + random.nextInt(1, 2_000));
                case REBIND -> Details.NONE.bind("t" + random.nextInt(3), null, null,
                        random.nextBoolean() ? "relay.example" : "");
                case RELEASE, RETRY, BOUNCE, DELETE -> Details.NONE;
            };
            steps.add(verb.word() + " " + mail);
            String id = gateway.jobs.begin(VerbGateway.request(verb, mail, details)).id();
            switch (random.nextInt(4)) {
                case 0 -> gateway.jobs.cancel(id, "op", "not so");
                case 1 -> gateway.over(id);
                default -> {
                    // others come while it is at it
                }
            }
        }

        private void suspend(VerbGateway gateway) throws Exception {
            Selection mail = random.nextBoolean()
                    ? VerbGateway.mail("tenant", "t" + random.nextInt(3))
                    : VerbGateway.mail("domain", "d" + random.nextInt(DOMAINS) + ".example");
            steps.add("suspend " + mail);
            gateway.suspensions.suspend(mail, random.nextBoolean() ? 0 : System.currentTimeMillis() + 300, "op", "why");
        }

        private void resume(VerbGateway gateway) throws Exception {
            for (OperatorSuspension each : gateway.suspensions.standing()) {
                if (random.nextBoolean()) {
                    steps.add("resume " + each.id());
                    gateway.suspensions.resume(each.id(), "op", "why");
                }
            }
        }

        /** Nothing is kept back any more, and nobody refuses. */
        private void finish(VerbGateway gateway, FakeMx mx) throws Exception {
            mx.on("RCPT TO:<later", "250 2.1.5 ok");
            for (OperatorSuspension each : gateway.suspensions.standing()) {
                gateway.suspensions.resume(each.id(), "op", "why");
            }
            gateway.jobs.all().forEach(job -> gateway.over(job.id()));
            gateway.run(Verb.RELEASE, Selection.EVERYTHING);
            gateway.run(Verb.RETRY, Selection.EVERYTHING);
            await().atMost(Duration.ofSeconds(60)).alias("seed " + seed + ": " + steps).until(
                    () -> gateway.queue.stats().queued() == 0);
        }

        private void verify(FakeMx mx, Map<String, Integer> ends) {
            Map<String, List<String>> byRecipient = new HashMap<>();
            for (MessageEvent event : events) {
                if (Set.of(MessageEvent.Type.DELIVERY, MessageEvent.Type.BOUNCE, MessageEvent.Type.ADMIN_BOUNCE,
                        MessageEvent.Type.EXPIRATION).contains(event.type())) {
                    event.recipients().forEach(recipient -> {
                        byRecipient.computeIfAbsent(recipient, _ -> new ArrayList<>()).add(event.type().label());
                        ends.merge(event.type().label(), 1, Integer::sum);
                    });
                }
            }
            Map<String, Long> received = mx.messages().stream().flatMap(message -> message.recipients().stream())
                    .collect(Collectors.groupingBy(recipient -> recipient, Collectors.counting()));
            String where = "seed " + seed + ": " + steps;
            assertThat(byRecipient).as(where).hasSize(accepted);
            byRecipient.forEach((recipient, how) -> {
                assertThat(how).as("%s, %s", recipient, where).hasSize(1);
                assertThat(received.getOrDefault(recipient, 0L)).as("%s, %s", recipient, where)
                        .isEqualTo(how.getFirst().equals("Delivery") ? 1L : 0L);
            });
        }
    }
}
