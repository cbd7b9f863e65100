package dev.penstock.benchmarks;

import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook;
import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Flow;
import dev.penstock.shaping.Pacer.Slot;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.units.Rate;

/**
 * How exactly are rates kept by real threads? A program of its own: sessions that always have a message more, of one queue
 * and of fifty that share the rate. The last answer is in gateway/docs/throttling.md.
 */
public final class PaceMeasurement {
    private static final int SESSIONS = 50;
    private static final int MOST = 1_000_000;

    private PaceMeasurement() {}

    private static void measure(String rate, int queues, Duration time) throws InterruptedException {
        SharedLimit limit = new SharedLimit(new SharedLimit.Id(SharedLimit.Measure.MESSAGE_RATE, "rate", ""),
                new SharedLimit.Bound.Spaced(Rate.parse(rate)), "");
        LimitBook book = new LimitBook() {
            @Override
            public PathLimits of(EgressPath path, String provider) {
                return new PathLimits(TrafficLimits.DEFAULT, List.of(limit));
            }

            @Override
            public boolean limitsSenders() {
                return false;
            }

            @Override
            public List<SharedLimit> of(EgressPath path, String provider, Sender sender) {
                return List.of();
            }
        };
        long[] times = new long[MOST];
        AtomicInteger sent = new AtomicInteger();
        try (Shaper shaper = new Shaper(ShapingConfig.DEFAULT, book, InstantSource.system(), System::nanoTime)) {
            shaper.start();
            List<Flow> flows = new ArrayList<>();
            for (int i = 0; i < queues; i++) {
                flows.add(shaper.use("ip-1", new Site("mx" + i + ".example"), "").messages(() -> {}));
            }
            long begin = System.nanoTime();
            long end = begin + time.toNanos();
            List<Thread> sessions = new ArrayList<>();
            for (int i = 0; i < SESSIONS; i++) {
                Slot slot = flows.get(i % queues).slot();
                sessions.add(Thread.startVirtualThread(() -> {
                    try {
                        for (long now = System.nanoTime(); end - now > 0; now = System.nanoTime()) {
                            slot.take(Cost.ONE, Long.MAX_VALUE, now);
                            if (slot.isTaken() || slot.await(end - now)) {
                                times[sent.getAndIncrement()] = System.nanoTime() - begin;
                                slot.used();
                            }
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                }));
            }
            for (Thread session : sessions) {
                session.join();
            }
        }
        report(rate, queues, time, Arrays.copyOf(times, sent.get()));
    }

    private static void report(String rate, int queues, Duration time, long[] times) {
        Arrays.sort(times);
        long[] gaps = new long[times.length - 1];
        int mostInASecond = 0;
        int mostInATenth = 0;
        int first = 0;
        int firstOfTenth = 0;
        for (int i = 0; i < times.length; i++) {
            if (i > 0) {
                gaps[i - 1] = times[i] - times[i - 1];
            }
            while (times[i] - times[first] >= TimeUnit.SECONDS.toNanos(1)) {
                first++;
            }
            while (times[i] - times[firstOfTenth] >= TimeUnit.MILLISECONDS.toNanos(100)) {
                firstOfTenth++;
            }
            mostInASecond = Math.max(mostInASecond, i - first + 1);
            mostInATenth = Math.max(mostInATenth, i - firstOfTenth + 1);
        }
        Arrays.sort(gaps);
        double allowed = time.toNanos() / (double) Rate.parse(rate).intervalNanos() + 1;
        System.out.println(String.format(Locale.ROOT,
                "rate=%s queues=%d seconds=%d sent=%d allowed=%.0f percent=%.2f most-in-a-second=%d most-in-100ms=%d "
                        + "gap-ms-p01=%.2f p50=%.2f p99=%.2f",
                rate, queues, time.toSeconds(), times.length, allowed,
                100 * times.length / allowed, mostInASecond, mostInATenth, gaps[gaps.length / 100] / 1e6,
                gaps[gaps.length / 2] / 1e6, gaps[gaps.length * 99 / 100] / 1e6));
    }

    /** @param args seconds for each rate, 10 unless said */
    public static void main(String[] args) throws InterruptedException {
        Duration time = Duration.ofSeconds(args.length > 0 ? Integer.parseInt(args[0]) : 10);
        for (String rate : List.of("10/s", "100/s", "1000/s", "5000/s")) {
            measure(rate, 1, time);
            measure(rate, 50, time);
        }
    }
}
