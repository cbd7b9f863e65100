package dev.penstock.delivery;

import static java.util.Objects.requireNonNull;
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
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;
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
    /** Beyond these none is delivered before the spool is known to have failed; far more than it keeps for one sync. */
    private static final int FEW_MORE = 300;
    private static final int SESSIONS = 10;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    Path directory;

    private static final class Gateway implements AutoCloseable {
        final FillingDisk disk;
        final SegmentSpool spool;
        final MailQueue queue;
        final Dispatcher dispatcher;

        Gateway(Path directory, FakeMx mx) throws IOException {
            this(directory, mx, MessageEvent.Listener.none());
        }

        /** @param events told of deliveries, by their sessions */
        Gateway(Path directory, FakeMx mx, MessageEvent.Listener events) throws IOException {
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
                    DeliveryRig.reception(spool, queue, MessageEvent.Listener.none()), events,
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
            Failing events = new Failing();
            Gateway failing = new Gateway(directory, mx, events);
            try (failing) {
                events.gateway = failing;
                failing.queue.start(failing.dispatcher, failing.dispatcher);
                await().atMost(PATIENCE).until(() -> !failing.spool.canRecord());
                int then = mx.messages().size();
                events.known.countDown();
                await().atMost(PATIENCE).until(() -> failing.dispatcher.sessionCount() == 0);
                assertThat(mx.messages().size() - then).as("sent though nothing could be recorded")
                        .isLessThanOrEqualTo(SESSIONS);
                assertThat(mx.messages()).as("some is left, or it would show nothing").hasSizeLessThan(MESSAGES);
                assertThat(failing.spool.health()).satisfies(health -> {
                    assertThat(health.state()).isEqualTo(SpoolHealth.State.FAILED);
                    assertThat(health.detail()).contains("no mail is handed out");
                });
            }
            long unrecorded = failing.unrecorded();
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

    /** After some deliveries the disk fails; soon after that sessions wait until the test knows that the spool has. */
    private static final class Failing implements MessageEvent.Listener {
        final CountDownLatch known = new CountDownLatch(1);
        volatile @Nullable Gateway gateway;
        private final AtomicInteger deliveries = new AtomicInteger();

        @Override
        public void on(MessageEvent event) {
            int number = deliveries.incrementAndGet();
            if (number == SOME) {
                requireNonNull(gateway).disk.failSyncs(true);
            } else if (number > SOME + FEW_MORE) {
                try {
                    assertThat(known.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }
    }
}
