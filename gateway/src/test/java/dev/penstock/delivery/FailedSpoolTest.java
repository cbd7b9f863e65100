package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.SpoolConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.MailQueue;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.FillingDisk;
import dev.penstock.spool.SegmentSpool;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.FakeRouter;
import dev.penstock.units.ByteSize;

/** P11: a spool that fails under load hands out no more mail; only what was on the wire comes again after a restart. */
@Timeout(180)
class FailedSpoolTest {
    private static final Logger log = LoggerFactory.getLogger(FailedSpoolTest.class);
    private static final byte[] CONTENT = DeliveryRig.CONTENT.getBytes(StandardCharsets.US_ASCII);
    private static final int MESSAGES = 2_000;
    private static final int SOME = 200;
    private static final int SESSIONS = 10;
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration QUIET = Duration.ofSeconds(1);

    @TempDir
    Path directory;

    private static final class Gateway implements AutoCloseable {
        final FillingDisk disk;
        final SegmentSpool spool;
        final MailQueue queue;
        final Dispatcher dispatcher;

        Gateway(Path directory, FakeMx mx) throws IOException {
            FakeRouter router = new FakeRouter();
            router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN),
                    List.of(DeliveryRig.host("mx1.dest.example", mx.port())), false));
            queue = new MailQueue(QueueConfig.DEFAULT,
                    new Shaper(new ShapingConfig(DeliveryRig.limits(SESSIONS, 1_000), Map.of()), System::nanoTime),
                    router, InstantSource.system(), System::nanoTime);
            SpoolConfig config = SpoolConfig.DEFAULT.with(SpoolConfig.DIRECTORY, directory)
                    .with(SpoolConfig.SEGMENT_SIZE, ByteSize.ofMegabytes(1))
                    .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(16))
                    .with(SpoolConfig.CACHE_SIZE, ByteSize.ofMegabytes(1))
                    .with(SpoolConfig.MIN_FREE_SPACE, new ByteSize(0))
                    .with(SpoolConfig.APPEND_DEADLINE, Duration.ofSeconds(60))
                    .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(16)).with(SpoolConfig.READERS, 2);
            disk = new FillingDisk(config);
            spool = disk.open(config, 100, InstantSource.system(), queue::submit);
            dispatcher = new Dispatcher("gateway.test", DeliveryRig.CONFIG, QueueConfig.DEFAULT, spool, queue,
                    DeliveryRig.reception(spool, queue, MessageEvent.Listener.none()), MessageEvent.Listener.none(),
                    InstantSource.system(), System::nanoTime);
        }

        void keep(int number) throws Exception {
            Spool.Intake intake = spool.intake();
            intake.write(CONTENT, 0, CONTENT.length);
            intake.commit(new Envelope(spool.nextId(), "", List.of(new Recipient("r" + number + "@dest.example",
                    "dest.example")), BodyType.SEVEN_BIT, false, "", "", System.currentTimeMillis(), Origin.LOCAL),
                    new byte[0],
                    false, false).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        }

        long unrecorded() {
            return dispatcher.stats().snapshot().spoolFailures();
        }

        @Override
        public void close() {
            queue.close();
            dispatcher.close();
            spool.close();
        }
    }

    @Test
    void whatWasOnTheWireComesAgainAndNothingElse() throws Exception {
        try (FakeMx mx = new FakeMx()) {
            try (Gateway before = new Gateway(directory, mx)) {
                for (int i = 0; i < MESSAGES; i++) {
                    before.keep(i);
                }
            }
            long unrecorded;
            try (Gateway failing = new Gateway(directory, mx)) {
                failing.queue.start(failing.dispatcher, failing.dispatcher);
                await().atMost(PATIENCE).until(() -> mx.messages().size() >= SOME);
                failing.disk.failSyncs(true);
                await().atMost(PATIENCE).until(() -> !failing.spool.canRecord());
                int then = mx.messages().size();
                awaitQuiet(mx);
                unrecorded = failing.unrecorded();
                assertThat(mx.messages().size() - then).as("sent though nothing could be recorded")
                        .isLessThanOrEqualTo(SESSIONS);
                assertThat(mx.messages()).as("some is left, or it would show nothing").hasSizeLessThan(MESSAGES);
                assertThat(failing.spool.health()).satisfies(health -> {
                    assertThat(health.state()).isEqualTo(SpoolHealth.State.FAILED);
                    assertThat(health.detail()).contains("no mail is handed out");
                });
            }
            try (Gateway after = new Gateway(directory, mx)) {
                after.queue.start(after.dispatcher, after.dispatcher);
                await().atMost(PATIENCE).until(() -> after.spool.stats().messages() == 0);
            }
            Map<String, Integer> times = new HashMap<>();
            mx.messages().forEach(message -> times.merge(message.recipients().getFirst(), 1, Integer::sum));
            long duplicates = times.values().stream().filter(count -> count > 1).count();
            log.warn("delivered={} unrecorded={} duplicates={}", mx.messages().size(), unrecorded, duplicates);
            assertThat(times).hasSize(MESSAGES);
            assertThat(times.values()).as("nothing comes a third time").allMatch(count -> count <= 2);
            assertThat(duplicates).isLessThanOrEqualTo(unrecorded);
        }
    }

    /** Until nothing has come for a while: with mail ready, a session takes some every few milliseconds. */
    private static void awaitQuiet(FakeMx mx) {
        int[] last = {-1};
        long[] since = {System.nanoTime()};
        await().atMost(PATIENCE).until(() -> {
            int now = mx.messages().size();
            if (now != last[0]) {
                last[0] = now;
                since[0] = System.nanoTime();
            }
            return System.nanoTime() - since[0] > QUIET.toNanos();
        });
    }
}
