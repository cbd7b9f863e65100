package dev.penstock.queue;

import java.net.InetAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.MessagePage.Cursor;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.Shaper;
import dev.penstock.spool.BenchmarkEntries;
import dev.penstock.spool.QueuedDestination;

/**
 * How long does each view take while mail moves, and what does it cost the mail? A program of its own: a million messages of
 * 10 tenants in 10,000 domains of 500 sites, half of them on the wheel; sessions are made up and take messages in no time,
 * of which one in ten is deferred, and for each that is finished another comes. How much moves is told at full speed, the
 * times of the views at a pace. In the package of the queue, for its items.
 * The last answer is in gateway/docs/queue.md.
 */
public final class QueueViewsMeasurement {
    private static final int SITES = 500;
    private static final int MOVERS = 20;
    private static final Duration RETRY = Duration.ofSeconds(2); // what is deferred comes back, else soon nothing moves
    /** Messages a second while the views' times are taken: twice what two cores relay. */
    private static final long PACE = 10_000;
    private static final int ASKED = 40;
    private static final Duration MEASURED = Duration.ofSeconds(10);
    private static final int PAGE = 100;
    private static final int LOOPS = 20_000_000;

    private final int domains;
    private final int tenants;
    private final AtomicLong ids = new AtomicLong();
    private final AtomicLong moved = new AtomicLong();
    private final Shaper shaper = new Shaper(ShapingConfig.DEFAULT, null, InstantSource.system(), System::nanoTime);
    private final MailQueue queue = new MailQueue(QueueConfig.DEFAULT, shaper,
            domain -> CompletableFuture.completedFuture(route(domain)), InstantSource.system(), System::nanoTime);
    private final Admission admission = new Admission(new SessionLimiter("max-sessions", MOVERS, 0),
            System::nanoTime, this::open);
    private volatile boolean paced;
    private volatile boolean closed;

    private QueueViewsMeasurement(int domains, int tenants) {
        this.domains = domains;
        this.tenants = tenants;
    }

    private static Route.Hosts route(String domain) {
        String site = "mx" + Math.floorMod(domain.hashCode(), SITES) + ".test";
        return new Route.Hosts(new Site(site),
                List.of(new MailHost(site, InetAddress.getLoopbackAddress(), 25, 0)), false);
    }

    private void submit(boolean later) {
        long number = ids.incrementAndGet();
        String domain = "d" + number % domains + ".test";
        MessageId id = new MessageId(number << MessageId.MILLIS_SHIFT);
        long now = System.currentTimeMillis();
        long age = ThreadLocalRandom.current().nextLong(Duration.ofDays(2).toMillis());
        Envelope envelope = new Envelope(id, "sender@source.test", List.of(new Recipient("user@" + domain, domain)),
                BodyType.SEVEN_BIT, false, "tenant" + number / domains % tenants, "", later ? now - age : now,
                Origin.LOCAL, Options.NONE);
        queue.submit(new QueuedDestination(BenchmarkEntries.entry(id.value()), envelope, domain, later ? 1 : 0,
                later ? now + Duration.ofMinutes(10).toMillis() + age : 0, 4_096));
    }

    /** As a delivery session does it, without a host. */
    private void open(Session session) {
        Thread.startVirtualThread(() -> {
            try {
                QueueItem item = admission.up(session);
                admission.proved(session);
                for (int i = 0; item != null && i < PAGE && !closed; i++) {
                    if (ThreadLocalRandom.current().nextInt(10) == 0) {
                        queue.outcome(item, 0, 1, 0);
                        queue.retry(item, System.currentTimeMillis() + RETRY.toMillis(), item.attempts() + 1);
                    } else {
                        queue.outcome(item, 1, 0, 0);
                        queue.finished(item);
                        submit(false);
                    }
                    moved.incrementAndGet();
                    if (paced) {
                        LockSupport.parkNanos(MOVERS * Duration.ofSeconds(1).toNanos() / PACE);
                    }
                    item = session.queue().next(session);
                }
                if (item != null) {
                    queue.requeue(item);
                }
            } finally {
                admission.ended(session);
            }
        });
    }

    private double movedPerSecond(Duration time) {
        long before = moved.get();
        long begin = System.nanoTime();
        LockSupport.parkNanos(time.toNanos());
        while (System.nanoTime() - begin < time.toNanos()) {
            LockSupport.parkNanos(time.toNanos() - (System.nanoTime() - begin));
        }
        return (moved.get() - before) * 1e9 / (System.nanoTime() - begin);
    }

    private void measure(String what, Callable<?> view) throws Exception {
        long[] nanos = new long[ASKED];
        for (int i = 0; i < ASKED; i++) {
            long begin = System.nanoTime();
            view.call();
            nanos[i] = System.nanoTime() - begin;
        }
        Arrays.sort(nanos);
        System.out.println(String.format(Locale.ROOT, "view=\"%s\" p50-ms=%.1f p95-ms=%.1f most-ms=%.1f", what,
                nanos[ASKED / 2] / 1e6, nanos[ASKED * 95 / 100] / 1e6, nanos[ASKED - 1] / 1e6));
    }

    private void run(int messages) throws Exception {
        costs();
        queue.start((_, _) -> {}, new ReadyQueueListener() {
            @Override
            public void wantsSession(ReadyQueue readyQueue) {
                admission.seek(readyQueue);
            }

            @Override
            public void mayGrant(ReadyQueue readyQueue, Limiter limiter) {
                admission.mayGrant(readyQueue, limiter);
            }
        });
        for (int i = 0; i < messages; i++) {
            submit(i % 2 == 0);
        }
        double alone = movedPerSecond(MEASURED);
        Thread watching = Thread.ofPlatform().daemon().start(() -> {
            while (!closed) { // a console that asks for another page each second
                for (Grouping by : Grouping.values()) {
                    fresh().page(by, Selection.EVERYTHING, QueueTable.Column.QUEUED, false, 0, PAGE);
                    LockSupport.parkNanos(Duration.ofSeconds(1).toNanos());
                }
            }
        });
        double watched = movedPerSecond(MEASURED);
        System.out.println(String.format(Locale.ROOT,
                "queued=%d moved-per-second=%.0f with-a-page-each-second=%.0f", queue.stats().queued(), alone,
                watched));
        paced = true;
        for (Grouping by : Grouping.values()) {
            measure("page by " + by.word(),
                    () -> fresh().page(by, Selection.EVERYTHING, QueueTable.Column.QUEUED, false, 0, PAGE));
        }
        Selection one = Selection.parse(Map.of("domain", List.of("d1.test")));
        Selection tenant = Selection.parse(Map.of("tenant", List.of("tenant1")));
        measure("page by domain of a tenant",
                () -> fresh().page(Grouping.DOMAIN, tenant, QueueTable.Column.OLDEST, false, 0, PAGE));
        measure("why of everything", () -> fresh().why(Selection.EVERYTHING));
        measure("why of a tenant", () -> fresh().why(tenant));
        measure("why of a domain", () -> fresh().why(one));
        measure("messages, first page", () -> queue.views().messages(Selection.EVERYTHING, Cursor.START, PAGE,
                _ -> null));
        measure("messages of a domain", () -> queue.views().messages(one, Cursor.START, PAGE, _ -> null));
        measure("messages of a tenant", () -> queue.views().messages(tenant, Cursor.START, PAGE, _ -> null));
        Selection old = Selection.parse(Map.of("older-than", List.of("1h")));
        measure("messages older than an hour", () -> queue.views().messages(old, Cursor.START, PAGE, _ -> null));
        measure("message by its id", () -> queue.views().message(new MessageId(2L << MessageId.MILLIS_SHIFT)));
        closed = true;
        LockSupport.unpark(watching);
        admission.close();
        queue.close();
    }

    /** Shows nothing that was counted before. */
    private QueueViews fresh() {
        return new QueueViews(queue, shaper);
    }

    /** What is done more for each message, because somebody may look. */
    private static void costs() {
        AgeCounts ages = new AgeCounts();
        int begin = 1_000_000;
        for (int round = 0; round < 2; round++) { // the first warms up
            long before = System.nanoTime();
            for (int i = 0; i < LOOPS; i++) {
                ages.add(begin + i / 1_000);
                if (i > 100_000) {
                    ages.remove(begin + (i - 100_000) / 1_000);
                }
            }
            double each = (System.nanoTime() - before) / (double) LOOPS;
            begin += LOOPS / 1_000;
            System.out.println(String.format(Locale.ROOT, "ages-in-and-out-ns=%.1f octets=%d", each, ages.octets()));
        }
    }

    /** @param args how many messages, in how many domains, of how many tenants; 1000000, 10000, 10 unless said */
    public static void main(String[] args) throws Exception {
        new QueueViewsMeasurement(args.length > 1 ? Integer.parseInt(args[1]) : 10_000,
                args.length > 2 ? Integer.parseInt(args[2]) : 10)
                .run(args.length > 0 ? Integer.parseInt(args[0]) : 1_000_000);
    }
}
