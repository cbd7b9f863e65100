package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.SpoolConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.MailQueue;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.Shaper;
import dev.penstock.smtp.Notify;
import dev.penstock.spool.FillingDisk;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.spool.SegmentSpool;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.FakeRouter;
import dev.penstock.units.ByteSize;

/** What senders asked for is kept over a restart, by the spool on disk. */
@Timeout(180)
final class RestartTest {
    private static final byte[] CONTENT = DeliveryRig.CONTENT.getBytes(StandardCharsets.US_ASCII);
    private static final int LANE_SHARE = 100;
    private static final ByteSize MIN_FREE = ByteSize.ofMegabytes(16);
    private static final QueueConfig QUICK = QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofSeconds(1))
            .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofSeconds(1)).with(QueueConfig.JITTER_PERCENT, 0);
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @TempDir
    Path directory;

    /** As the gateway wires them: spool on disk, queue, deliveries. */
    private static final class Gateway implements AutoCloseable {
        final List<MessageEvent> events = new CopyOnWriteArrayList<>();
        final List<Envelope> recovered = new ArrayList<>();
        final MailQueue queue;
        final SegmentSpool spool;
        final Dispatcher dispatcher;
        final FillingDisk disk;

        Gateway(Path directory, FakeMx mx) throws IOException {
            this(directory, mx, InstantSource.system());
        }

        Gateway(Path directory, FakeMx mx, InstantSource clock) throws IOException {
            FakeRouter router = new FakeRouter();
            router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN),
                    List.of(DeliveryRig.host("mx1.dest.example", mx.port())), false));
            router.set("source.example", new Route.Failure(false, 451, "4.4.3", "not now"));
            Shaper shaper = new Shaper(new ShapingConfig(DeliveryRig.limits(1, 100), Map.of()), System::nanoTime);
            queue = new MailQueue(QUICK, shaper, router, clock, System::nanoTime);
            SpoolConfig config = SpoolConfig.DEFAULT.with(SpoolConfig.DIRECTORY, directory)
                    .with(SpoolConfig.SEGMENT_SIZE, ByteSize.ofKilobytes(256))
                    .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(16))
                    .with(SpoolConfig.CACHE_SIZE, ByteSize.ofMegabytes(1)).with(SpoolConfig.MIN_FREE_SPACE, MIN_FREE)
                    .with(SpoolConfig.APPEND_DEADLINE, Duration.ofSeconds(60))
                    .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(16)).with(SpoolConfig.READERS, 2);
            disk = new FillingDisk(config);
            spool = disk.open(config, LANE_SHARE, clock, this::recovered);
            dispatcher = new Dispatcher("gateway.test", DeliveryRig.CONFIG, QUICK, spool, queue,
                    DeliveryRig.reception(spool, queue, events::add), events::add, clock, System::nanoTime);
        }

        private void recovered(QueuedDestination destination) {
            recovered.add(destination.envelope());
            queue.submit(destination);
        }

        /** Durable, and not queued: as if the process had ended right then. */
        void keep(long receivedMillis, Options options, Recipient... recipients) throws Exception {
            keep(receivedMillis, options, false, recipients);
        }

        void keep(long receivedMillis, Options options, boolean smtpUtf8, Recipient... recipients) throws Exception {
            Spool.Intake intake = spool.intake();
            intake.write(CONTENT, 0, CONTENT.length);
            intake.commit(new Envelope(spool.nextId(), "sender@source.example", List.of(recipients),
                    BodyType.SEVEN_BIT, smtpUtf8, "", "", receivedMillis, Origin.LOCAL, options), new byte[0], false,
                    false)
                    .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        }

        /** Refuses what is new from now on, and records what becomes of what it has. */
        void fill() {
            disk.room(MIN_FREE.bytes() / 2);
            await().atMost(PATIENCE).until(() -> spool.health().state() == SpoolHealth.State.FULL);
        }

        void empty() {
            disk.room(Long.MAX_VALUE);
        }

        void start() {
            queue.start(dispatcher, dispatcher);
        }

        long failures() {
            return events.stream().filter(event -> event.type() == MessageEvent.Type.TRANSIENT_FAILURE
                    && event.domain().equals(DeliveryRig.DOMAIN)).count();
        }

        long reports() {
            return events.stream().filter(event -> event.type() == MessageEvent.Type.RECEPTION).count();
        }

        @Override
        public void close() throws IOException {
            queue.close();
            dispatcher.close();
            spool.close();
        }
    }

    @Test
    void heldMailIsHeldOnAndDeliveredWhenItsTimeHasCome() throws Exception {
        long received = System.currentTimeMillis();
        long release = received + Duration.ofHours(1).toMillis();
        try (FakeMx mx = new FakeMx()) {
            try (Gateway before = new Gateway(directory, mx)) {
                before.keep(received, new Options(null, null, false, release, 0, null, false),
                        new Recipient("a@dest.example", "dest.example"));
                before.keep(received, Options.NONE, new Recipient("b@dest.example", "dest.example"));
            }
            try (Gateway after = new Gateway(directory, mx)) {
                assertThat(after.recovered).extracting(envelope -> envelope.options().holdUntilMillis())
                        .containsExactlyInAnyOrder(release, 0L);
                after.start();
                await().atMost(PATIENCE).until(() -> after.events.size() == 1);
                assertThat(mx.messages()).as("only what is not held").singleElement()
                        .satisfies(message -> assertThat(message.recipients()).containsExactly("b@dest.example"));
            }
            long almost = release - 1_500 - System.currentTimeMillis();
            InstantSource later = Clock.offset(Clock.systemUTC(), Duration.ofMillis(almost));
            try (Gateway again = new Gateway(directory, mx, later)) {
                assertThat(again.recovered).hasSize(1);
                again.start();
                await().atMost(PATIENCE).until(() -> again.events.size() == 1);
                assertThat(later.millis()).isGreaterThanOrEqualTo(release);
                assertThat(again.events).extracting(MessageEvent::type).containsExactly(MessageEvent.Type.DELIVERY);
                assertThat(again.events.getFirst().recipients()).containsExactly("a@dest.example");
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1,false", "1,true", "2,false", "2,true"})
    void aSuccessThatCouldNotBeToldIsToldWhenThereIsRoomAgainAndNothingIsSentTwice(int recipients, boolean restart)
            throws Exception {
        Recipient[] asking = new Recipient[recipients];
        for (int i = 0; i < recipients; i++) {
            asking[i] = new Recipient("r" + i + "@dest.example", "dest.example", new Notify(true, true, true), null);
        }
        try (FakeMx mx = new FakeMx()) {
            try (Gateway before = new Gateway(directory, mx)) {
                before.keep(System.currentTimeMillis(), Options.NONE, asking);
            }
            try (Gateway full = new Gateway(directory, mx)) {
                full.fill();
                full.start();
                await().atMost(PATIENCE).until(() -> full.dispatcher.stats().snapshot().reportsFailed() >= 2);
                assertThat(full.reports()).isZero();
                if (!restart) {
                    full.empty();
                    await().atMost(PATIENCE).until(() -> full.reports() == 1);
                }
            }
            try (Gateway after = new Gateway(directory, mx)) {
                assertThat(after.recovered).extracting(Envelope::sender)
                        .containsExactly(restart ? "sender@source.example" : "");
                after.start();
                await().atMost(PATIENCE).until(() -> !restart || after.reports() == 1);
            }
            try (Gateway last = new Gateway(directory, mx)) {
                assertThat(last.recovered).extracting(Envelope::sender).as("the report alone").containsExactly("");
            }
            assertThat(mx.messages()).hasSize(1);
        }
    }

    @Test
    void whoHasTheMessageAndIsToBeToldOfNeitherGetsItAgainNorHoldsUpTheOthers() throws Exception {
        Notify success = new Notify(true, true, false);
        Recipient beyondAscii = new Recipient("\u00e4@dest.example", "dest.example", success, null);
        Recipient late = new Recipient("b@dest.example", "dest.example", success, null);
        try (FakeMx mx = new FakeMx().offering("PIPELINING,8BITMIME,SMTPUTF8").on("RCPT TO:<b", "451 4.2.1 later")) {
            try (Gateway before = new Gateway(directory, mx)) {
                before.keep(System.currentTimeMillis(), Options.NONE, true, late, beyondAscii);
            }
            try (Gateway full = new Gateway(directory, mx)) {
                full.fill();
                full.start();
                await().atMost(PATIENCE).until(() -> full.failures() >= 2);
                assertThat(full.reports()).isZero();
                assertThat(full.events).filteredOn(event -> event.type() == MessageEvent.Type.DELIVERY).singleElement()
                        .satisfies(event -> assertThat(event.recipients()).containsExactly("\u00e4@dest.example"));
            }
            assertThat(mx.messages()).singleElement().satisfies(
                    message -> assertThat(message.recipients()).containsExactly("\u00e4@dest.example"));
        }
        try (FakeMx mx = new FakeMx().offering("PIPELINING,8BITMIME")) {
            try (Gateway after = new Gateway(directory, mx)) {
                after.start();
                await().atMost(PATIENCE).until(() -> after.reports() >= 1 && after.events.stream()
                        .anyMatch(event -> event.type() == MessageEvent.Type.DELIVERY));
                assertThat(after.events).filteredOn(event -> event.type() == MessageEvent.Type.DELIVERY).singleElement()
                        .satisfies(event -> assertThat(event.recipients()).containsExactly("b@dest.example"));
            }
            assertThat(mx.messages()).singleElement()
                    .satisfies(message -> assertThat(message.recipients()).containsExactly("b@dest.example"));
            try (Gateway last = new Gateway(directory, mx)) {
                assertThat(last.recovered).extracting(Envelope::sender).as("one report of both").containsExactly("");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aDelayThatWasToldIsNotToldAgainAfterARestart(int recipients) throws Exception {
        Recipient[] asking = new Recipient[recipients];
        for (int i = 0; i < recipients; i++) {
            asking[i] = new Recipient("r" + i + "@dest.example", "dest.example", new Notify(false, true, true), null);
        }
        try (FakeMx mx = new FakeMx().on("RCPT", "451 4.2.1 later")) {
            try (Gateway before = new Gateway(directory, mx)) {
                before.keep(System.currentTimeMillis() - Duration.ofHours(5).toMillis(), Options.NONE, asking);
            }
            try (Gateway first = new Gateway(directory, mx)) {
                first.start();
                await().atMost(PATIENCE).until(() -> first.failures() >= recipients && first.reports() == 1);
            }
            try (Gateway second = new Gateway(directory, mx)) {
                assertThat(second.recovered).as("the message and its report").hasSize(2);
                second.start();
                await().atMost(PATIENCE).until(() -> second.failures() >= 2L * recipients);
                assertThat(second.reports()).isZero();
            }
        }
    }
}
