package dev.penstock.delivery;

import static org.awaitility.Awaitility.await;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.egress.SourceListener;
import dev.penstock.egress.Sources;
import dev.penstock.message.BodyType;
import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.Placement;
import dev.penstock.reception.Reception;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Router;
import dev.penstock.routing.Site;
import dev.penstock.shaping.LimitBook;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.FakeRouter;
import dev.penstock.testing.Patience;
import dev.penstock.testing.RecordingSpool;

/** Delivery as in the gateway, with a real queue and shaper, between a spool in memory and scripted hosts. */
final class DeliveryRig implements AutoCloseable {
    static final String DOMAIN = "dest.example";
    static final String CONTENT = "Subject: test\r\n\r\nbody\r\n";
    /** For the one phase of a session that is to time out. */
    static final Duration SHORT = Duration.ofMillis(700);
    private static final Duration LONG = Patience.LONG;
    /** What passes at once while a test lets time pass: far less than any phase has. */
    private static final Duration LEAP = Duration.ofSeconds(5);
    static final DeliveryConfig CONFIG = DeliveryConfig.DEFAULT.with(DeliveryConfig.MAX_SESSIONS, 100)
            .with(DeliveryConfig.CONNECT_TIMEOUT, LONG).with(DeliveryConfig.GREETING_TIMEOUT, LONG)
            .with(DeliveryConfig.COMMAND_TIMEOUT, LONG).with(DeliveryConfig.DATA_INIT_TIMEOUT, LONG)
            .with(DeliveryConfig.DATA_BLOCK_TIMEOUT, LONG).with(DeliveryConfig.DATA_DONE_TIMEOUT, LONG)
            .with(DeliveryConfig.QUIT_TIMEOUT, LONG).with(DeliveryConfig.STOP_TIMEOUT, LONG);
    /** Trusts only what {@code authorities} vouches for. */
    static DeliveryConfig trusting(Path authorities) {
        DeliveryConfig c = CONFIG;
        return c.with(DeliveryConfig.TLS_CA, Optional.of(authorities));
    }

    private static final Duration PATIENCE = Patience.LONG;

    final RecordingSpool spool = new RecordingSpool();
    final FakeRouter router = new FakeRouter();
    final List<MessageEvent> events = new CopyOnWriteArrayList<>();
    final Shaper shaper;
    final MailQueue queue;
    final Dispatcher dispatcher;
    /** How far the time of the dispatcher is ahead of the system's, nanoseconds. */
    private final AtomicLong ahead = new AtomicLong();

    DeliveryRig(DeliveryConfig config, TrafficLimits limits, QueueConfig queueConfig) {
        this(config, limits, queueConfig, null, Sources.ofDefault(config.sourceAddress(), "gateway.test"),
                SourceListener.NONE, TlsOut.NONE);
    }

    DeliveryRig(DeliveryConfig config, TrafficLimits limits, QueueConfig queueConfig, Sources sources,
            SourceListener sourceListener) {
        this(config, limits, queueConfig, null, sources, sourceListener, TlsOut.NONE);
    }

    /** @param routes in place of {@link #router}, null for that one */
    DeliveryRig(DeliveryConfig config, TrafficLimits limits, QueueConfig queueConfig, @Nullable Router routes,
            TlsOut tlsOut) {
        this(config, limits, queueConfig, routes, Sources.ofDefault(config.sourceAddress(), "gateway.test"),
                SourceListener.NONE, tlsOut);
    }

    /** With what the book says for limits. */
    DeliveryRig(LimitBook book, Sources sources, Placement placement) {
        this(CONFIG, new Shaper(ShapingConfig.DEFAULT, book, InstantSource.system(), System::nanoTime),
                QueueConfig.DEFAULT, null, sources, placement, SourceListener.NONE, TlsOut.NONE);
    }

    private DeliveryRig(DeliveryConfig config, TrafficLimits limits, QueueConfig queueConfig, @Nullable Router routes,
            Sources sources, SourceListener sourceListener, TlsOut tlsOut) {
        this(config, new Shaper(new ShapingConfig(limits, Map.of()), System::nanoTime), queueConfig, routes, sources,
                Placement.plain(), sourceListener, tlsOut);
    }

    private DeliveryRig(DeliveryConfig config, Shaper shaper, QueueConfig queueConfig, @Nullable Router routes,
            Sources sources, Placement placement, SourceListener sourceListener, TlsOut tlsOut) {
        this.shaper = shaper;
        queue = new MailQueue(queueConfig, shaper, routes == null ? router : routes, placement,
                InstantSource.system(), System::nanoTime);
        dispatcher = new Dispatcher("gateway.test", config, queueConfig, sources, sourceListener, spool, queue,
                reception(spool, queue, events::add), events::add, InstantSource.system(),
                () -> System.nanoTime() + ahead.get(), tlsOut);
        queue.start(dispatcher, dispatcher);
    }

    /** As the gateway wires it. */
    static Reception reception(Spool spool, MailQueue queue, MessageEvent.Listener events) {
        return new Reception(spool, queue::submit, events, InstantSource.system());
    }

    DeliveryRig() {
        this(CONFIG);
    }

    DeliveryRig(DeliveryConfig config) {
        this(config, limits(10, 1_000), QueueConfig.DEFAULT);
    }

    static TrafficLimits limits(int connections, int deliveries) {
        return TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, connections)
                .with(TrafficLimits.MAX_DELIVERIES_PER_CONNECTION, deliveries)
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMillis(300));
    }

    /** Mail for the domain goes to these, in this order. */
    void route(String domain, boolean lmtp, FakeMx... hosts) {
        List<MailHost> list = new ArrayList<>();
        for (int i = 0; i < hosts.length; i++) {
            list.add(host("mx" + (i + 1) + "." + domain, hosts[i].port()));
        }
        router.set(domain, new Route.Hosts(new Site(domain), list, lmtp));
    }

    /** Of the configuration. */
    void route(TlsPolicy tls, FakeMx... hosts) {
        List<MailHost> list = new ArrayList<>();
        for (int i = 0; i < hosts.length; i++) {
            list.add(host("mx" + (i + 1) + "." + DOMAIN, hosts[i].port()));
        }
        router.set(DOMAIN, new Route.Hosts(new Site(DOMAIN), list, false, true, tls));
    }

    void route(FakeMx... hosts) {
        route(DOMAIN, false, hosts);
    }

    static MailHost host(String name, int port) {
        return new MailHost(name, InetAddress.getLoopbackAddress(), port, 10);
    }

    SpoolEntry send(String... recipients) {
        return sendAs("sender@source.example", CONTENT, recipients);
    }

    SpoolEntry sendAs(String sender, String content, String... recipients) {
        return submit(sender, MemoryContent.of(content.getBytes(StandardCharsets.ISO_8859_1)),
                System.currentTimeMillis(), recipients);
    }

    SpoolEntry submit(String sender, Content content, long receivedMillis, String... recipients) {
        return submit(sender, content, receivedMillis, Options.NONE, recipients);
    }

    SpoolEntry submit(String sender, Content content, long receivedMillis, Options options, String... recipients) {
        MessageId id = spool.nextId();
        Envelope envelope = new Envelope(id, sender,
                List.of(recipients).stream()
                        .map(address -> new Recipient(address, address.substring(address.indexOf('@') + 1))).toList(),
                BodyType.SEVEN_BIT, false, "", "", receivedMillis, Origin.LOCAL, options);
        return submit(envelope, content);
    }

    /** As the gateway hands over what it has accepted. */
    SpoolEntry submit(Envelope envelope, Content content) {
        List<SpoolEntry> entries = spool.add(envelope, content);
        for (SpoolEntry entry : entries) {
            queue.submit(new QueuedDestination(entry, envelope,
                    envelope.destinations().get(entry.destination()).domain(), 0, 0, content.size()));
        }
        return entries.getFirst();
    }

    void awaitEvents(int count) {
        await().atMost(PATIENCE).pollInterval(Duration.ofMillis(5)).until(() -> events.size() >= count);
    }

    /** Of one type: what becomes of a report that is queued comes between the others at any time. */
    void awaitEvents(MessageEvent.Type type, int count) {
        await().atMost(PATIENCE).pollInterval(Duration.ofMillis(5)).until(() -> events(type).size() >= count);
    }

    /** A session is in that phase, which lasts: its deadline runs. */
    void awaitPhase(Phase phase) {
        await().atMost(PATIENCE).pollInterval(Duration.ofMillis(5)).until(
                () -> dispatcher.sessions().stream().anyMatch(session -> session.phase() == phase));
    }

    /** Lets time pass for the deadlines of sessions, until {@code isOver} says that one is past. */
    void passTimeUntil(Callable<Boolean> isOver) {
        await().atMost(PATIENCE).pollInterval(Duration.ofMillis(50)).until(() -> {
            if (isOver.call()) {
                return true;
            }
            ahead.addAndGet(LEAP.toNanos());
            dispatcher.guard.check();
            return false;
        });
    }

    void awaitNoSessions() {
        await().atMost(PATIENCE).pollInterval(Duration.ofMillis(5)).until(() -> dispatcher.sessionCount() == 0);
    }

    List<MessageEvent> events(MessageEvent.Type type) {
        return events.stream().filter(event -> event.type() == type).toList();
    }

    /** {@code Delivery a@dest.example 250 2.0.0 text}, one per event. */
    List<String> outcomes() {
        return events.stream()
                .map(
                        event -> event.type().label() + " " + String.join(",", event.recipients()) + " "
                                + event.response().code() + " " + event.response().enhanced() + " "
                                + event.response().text())
                .toList();
    }

    @Override
    public void close() {
        dispatcher.close(Duration.ofSeconds(2));
        queue.close();
    }
}
