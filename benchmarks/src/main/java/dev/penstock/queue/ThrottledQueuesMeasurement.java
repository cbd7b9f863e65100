package dev.penstock.queue;

import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

import com.sun.management.OperatingSystemMXBean;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Slot;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.spool.BenchmarkEntries;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.units.Rate;

/**
 * What do queues cost that wait for their rates, and how soon does another rule hold for them? A program of its own: so many
 * queues of four providers with their mail, each with a rate of its own and a share in its provider's; sessions are made up
 * and send in no time. In the package of the queue, for its items. The last answer is in gateway/docs/throttling.md.
 */
public final class ThrottledQueuesMeasurement {
    private static final int PROVIDERS = 4;
    private static final Duration SETTLING = Duration.ofSeconds(20);
    private static final Duration MEASURED = Duration.ofSeconds(30);
    private static final long LONGEST_WAIT = TimeUnit.SECONDS.toNanos(5); // idle_timeout

    private final AtomicLong sent = new AtomicLong();
    /** Since its rule was changed last; 0 for none. */
    private final AtomicLong[] firstSent = new AtomicLong[PROVIDERS];
    private final Rate[] rates = new Rate[PROVIDERS];
    private volatile Rate own = Rate.parse("10/h");
    private final Shaper shaper = new Shaper(ShapingConfig.DEFAULT, new Book(), InstantSource.system(),
            System::nanoTime);
    private final MailQueue queue = new MailQueue(QueueConfig.DEFAULT, shaper,
            domain -> CompletableFuture.completedFuture(route(domain)), InstantSource.system(), System::nanoTime);
    private final Admission admission = new Admission(new SessionLimiter("max-sessions", 5_000, 500),
            System::nanoTime, this::open);

    private ThrottledQueuesMeasurement() {
        for (int i = 0; i < PROVIDERS; i++) {
            rates[i] = Rate.parse("1/min");
            firstSent[i] = new AtomicLong();
        }
    }

    private final class Book implements LimitBook {
        @Override
        public PathLimits of(EgressPath path, String provider) {
            int number = provider(path.site());
            return new PathLimits(TrafficLimits.DEFAULT.with(TrafficLimits.MAX_MESSAGE_RATE, own),
                    List.of(new SharedLimit(
                            new SharedLimit.Id(SharedLimit.Measure.MESSAGE_RATE, "provider_max_message_rate",
                                    "provider" + number),
                            new SharedLimit.Bound.Spaced(rates[number]), "shaping.toml:1")));
        }

        @Override
        public boolean limitsSenders() {
            return false;
        }

        @Override
        public List<SharedLimit> of(EgressPath path, String provider, Sender sender) {
            return List.of();
        }
    }

    private static int provider(Site site) {
        return Math.floorMod(site.name().hashCode(), PROVIDERS);
    }

    private static Route.Hosts route(String domain) {
        return new Route.Hosts(new Site("mx." + domain),
                List.of(new MailHost("mx." + domain, InetAddress.getLoopbackAddress(), 25, 0)), false);
    }

    /** As a delivery session does it. */
    private void open(Session session) {
        Thread.startVirtualThread(() -> {
            ReadyQueue readyQueue = session.queue();
            try {
                Slot slot = readyQueue.messages().slot();
                QueueItem item = admission.up(session);
                admission.proved(session);
                while (item != null) {
                    slot.take(Cost.ONE, LONGEST_WAIT, System.nanoTime());
                    if (!slot.isTaken() && !(slot.isWaiting() && awaits(readyQueue, slot))) {
                        readyQueue.hold();
                        queue.requeue(item);
                        return;
                    }
                    slot.used();
                    sent.incrementAndGet();
                    firstSent[provider(readyQueue.key().site())].compareAndSet(0, System.nanoTime());
                    queue.finished(item);
                    item = readyQueue.next(session);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } finally {
                admission.ended(session);
            }
        });
    }

    private static boolean awaits(ReadyQueue readyQueue, Slot slot) throws InterruptedException {
        readyQueue.pacing(true);
        try {
            return slot.await(LONGEST_WAIT + TimeUnit.SECONDS.toNanos(1));
        } finally {
            readyQueue.pacing(false);
        }
    }

    private void fill(int queues, int messages) {
        for (int i = 0; i < messages; i++) {
            String domain = "d" + i % queues + ".test";
            MessageId id = new MessageId(((long) i + 1) << 20);
            Envelope envelope = new Envelope(id, "sender@source.test", List.of(new Recipient("user@" + domain, domain)),
                    BodyType.SEVEN_BIT, false, "tenant", "", System.currentTimeMillis(), Origin.LOCAL, Options.NONE);
            queue.submit(new QueuedDestination(BenchmarkEntries.entry(id.value()), envelope, domain, 0, 0, 4_096));
        }
    }

    private static double cpuSeconds() {
        return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime() / 1e9;
    }

    private static long threadCpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private static void pause(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        while (end - System.nanoTime() > 0) {
            LockSupport.parkNanos(end - System.nanoTime());
        }
    }

    private void run(int queues, int messages) {
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
        fill(queues, messages);
        pause(SETTLING);
        long sentBefore = sent.get();
        double before = cpuSeconds();
        pause(MEASURED);
        double used = (cpuSeconds() - before) / MEASURED.toSeconds();
        System.out.println(String.format(Locale.ROOT,
                "queues=%d queued=%d throttled=%d sent-per-second=%.1f cpu-percent-of-a-core=%.2f", queues,
                queue.stats().queued(), shaper.snapshot().size(),
                (sent.get() - sentBefore) / (double) MEASURED.toSeconds(), 100 * used));
        for (int i = 0; i < PROVIDERS; i++) {
            rule(i, "1000/s");
            rule(i, "1/min");
        }
        admission.close();
        queue.close();
    }

    /** Another rate for a provider, as a changed file brings it: everything is asked for anew. */
    private void rule(int provider, String rate) {
        rates[provider] = Rate.parse(rate);
        firstSent[provider].set(0);
        long cpu = threadCpuNanos();
        long begin = System.nanoTime();
        shaper.changed();
        long asked = System.nanoTime();
        long askedCpu = threadCpuNanos() - cpu;
        queue.forEachReadyQueue(admission::reconfigured);
        long done = System.nanoTime();
        long doneCpu = threadCpuNanos() - cpu;
        pause(Duration.ofSeconds(1));
        long first = firstSent[provider].get();
        System.out.println(String.format(Locale.ROOT,
                "rule provider=%d rate=%s asked-ms=%.1f (cpu %.1f) done-ms=%.1f (cpu %.1f) first-message-ms=%s",
                provider,
                rate,
                (asked - begin) / 1e6, askedCpu / 1e6, (done - begin) / 1e6, doneCpu / 1e6,
                first == 0 ? "none" : String.format(Locale.ROOT, "%.1f", (first - begin) / 1e6)));
    }

    /** @param args how many queues, and how many messages in all of them; 20000 and 1000000 unless said */
    public static void main(String[] args) {
        new ThrottledQueuesMeasurement().run(args.length > 0 ? Integer.parseInt(args[0]) : 20_000,
                args.length > 1 ? Integer.parseInt(args[1]) : 1_000_000);
    }
}
