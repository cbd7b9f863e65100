package dev.penstock.verbs;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.SpoolConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.delivery.Dispatcher;
import dev.penstock.egress.SourceHealth;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.Selection;
import dev.penstock.reception.Reception;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.FillingDisk;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.spool.SegmentSpool;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.FakeRouter;
import dev.penstock.testing.Patience;
import dev.penstock.units.ByteSize;

/**
 * Spool on disk, queue, deliveries, jobs and suspensions, wired as the gateway does. Mail to senders, whose domain is {@code source.example}, waits for
 * a route.
 */
final class VerbGateway implements AutoCloseable {
    static final String SENDER = "sender@source.example";
    private static final byte[] CONTENT = "Subject: test\r\n\r\nbody\r\n".getBytes(StandardCharsets.US_ASCII);
    private static final int LANE_SHARE = 100;
    private static final ByteSize MIN_FREE = ByteSize.ofMegabytes(16);
    static final QueueConfig PATIENT = QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofHours(1))
            .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofHours(1)).with(QueueConfig.JITTER_PERCENT, 0);

    final List<MessageEvent> events = new CopyOnWriteArrayList<>();
    final List<QueuedDestination> recovered = new ArrayList<>();
    final FakeRouter router;
    final MailQueue queue;
    final FillingDisk disk;
    final SegmentSpool spool;
    final Dispatcher dispatcher;
    final Suspensions suspensions;
    final SourceHealth health = new SourceHealth();
    final Jobs jobs;
    private boolean closed;

    VerbGateway(Path directory) throws IOException {
        this(directory, PATIENT, new FakeRouter());
    }

    VerbGateway(Path directory, QueueConfig config, FakeRouter router) throws IOException {
        this(directory, config, router, true);
    }

    /** That keeps no events: there would be many. */
    static VerbGateway ofMany(Path directory) throws IOException {
        return new VerbGateway(directory, PATIENT, new FakeRouter(), false);
    }

    private VerbGateway(Path directory, QueueConfig config, FakeRouter router, boolean keepsEvents)
            throws IOException {
        MessageEvent.Listener listener = keepsEvents ? events::add : MessageEvent.Listener.none();
        this.router = router;
        router.set("source.example", new Route.Failure(false, 451, "4.4.3", "not now"));
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 4)
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMillis(300));
        queue = new MailQueue(config, new Shaper(new ShapingConfig(limits, Map.of()), System::nanoTime), router,
                InstantSource.system(), System::nanoTime);
        SpoolConfig spoolConfig = SpoolConfig.DEFAULT.with(SpoolConfig.DIRECTORY, directory)
                .with(SpoolConfig.SEGMENT_SIZE, ByteSize.ofMegabytes(1))
                .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(16))
                .with(SpoolConfig.CACHE_SIZE, ByteSize.ofMegabytes(1)).with(SpoolConfig.MIN_FREE_SPACE, MIN_FREE)
                .with(SpoolConfig.APPEND_DEADLINE, Duration.ofSeconds(60))
                .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(16)).with(SpoolConfig.READERS, 2);
        disk = new FillingDisk(spoolConfig);
        spool = disk.open(spoolConfig, LANE_SHARE, InstantSource.system(), this::recovered);
        Reception reception = new Reception(spool, queue::submit, listener, InstantSource.system());
        dispatcher = new Dispatcher("gateway.test", DeliveryConfig.DEFAULT, config, spool, queue, reception,
                listener, InstantSource.system(), System::nanoTime);
        suspensions = Suspensions.open(directory, queue, health, InstantSource.system());
        jobs = Jobs.open(directory, queue, dispatcher.verbs(), spool, InstantSource.system());
    }

    private void recovered(QueuedDestination destination) {
        recovered.add(destination);
        queue.submit(destination);
    }

    VerbGateway start() {
        queue.start(dispatcher, dispatcher);
        jobs.start();
        return this;
    }

    void route(String domain, FakeMx mx) {
        router.set(domain, new Route.Hosts(new Site(domain),
                List.of(new MailHost("mx1." + domain, InetAddress.getLoopbackAddress(), mx.port(), 10)), false));
    }

    /** Accepts a message. */
    MessageId accept(String tenant, String campaign, String... recipients) {
        return accept(tenant, campaign, 0, recipients).join();
    }

    /**
     * As {@link #accept(String, String, String...)}, without waiting for the disk.
     *
     * @param holdUntilMillis as its sender wants it (RFC 4865); 0 for no hold
     */
    CompletableFuture<MessageId> accept(String tenant, String campaign, long holdUntilMillis, String... recipients) {
        Spool.Intake intake = spool.intake();
        intake.write(CONTENT, 0, CONTENT.length);
        Envelope envelope = new Envelope(spool.nextId(), SENDER,
                List.of(recipients).stream()
                        .map(address -> new Recipient(address, address.substring(address.indexOf('@') + 1))).toList(),
                BodyType.SEVEN_BIT, false, tenant, campaign, System.currentTimeMillis(), Origin.LOCAL,
                new Options(null, null, false, holdUntilMillis, 0, null, false));
        return intake.commit(envelope, new byte[0], false, false).thenApply(entries -> {
            for (SpoolEntry entry : entries) {
                queue.submit(new QueuedDestination(entry, envelope,
                        envelope.destinations().get(entry.destination()).domain(), 0, 0, CONTENT.length));
            }
            return envelope.id();
        });
    }

    static Selection mail(String... attributesAndValues) {
        Map<String, List<String>> parameters = new java.util.HashMap<>();
        for (int i = 0; i < attributesAndValues.length; i += 2) {
            parameters.put(attributesAndValues[i], List.of(attributesAndValues[i + 1]));
        }
        return Selection.parse(parameters);
    }

    static JobRequest request(Verb verb, Selection mail, JobRequest.Details details) {
        return new JobRequest(verb, mail, "op", "why", null, 0, details);
    }

    /** Begins a job and waits until it is over. */
    JobView run(Verb verb, Selection mail, JobRequest.Details details) throws IOException {
        return over(jobs.begin(request(verb, mail, details)).id());
    }

    JobView run(Verb verb, Selection mail) throws IOException {
        return run(verb, mail, JobRequest.Details.NONE);
    }

    JobView over(String id) {
        return over(id, Patience.LONG);
    }

    JobView over(String id, Duration patience) {
        await().atMost(patience).pollInterval(5, TimeUnit.MILLISECONDS)
                .until(() -> jobs.find(id).orElseThrow().state().isOver());
        return jobs.find(id).orElseThrow();
    }

    List<MessageEvent> events(MessageEvent.Type type) {
        return events.stream().filter(event -> event.type() == type).toList();
    }

    void awaitEvents(MessageEvent.Type type, int count) {
        await().atMost(Patience.LONG).pollInterval(5, TimeUnit.MILLISECONDS)
                .until(() -> events(type).size() >= count);
    }

    /** Idempotent. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        jobs.close();
        queue.close();
        dispatcher.close(Patience.LONG); // what was broken off might be sent twice
        spool.close();
    }
}
