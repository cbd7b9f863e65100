package dev.penstock.loadgen;

import java.nio.ByteBuffer;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;

import dev.penstock.loadgen.Generator.Phase;

/**
 * The sessions of one loop, and what they share: when the next message is due, scratch buffers and samples. Confined to
 * its loop but for {@link #start}, {@link #phaseChanged}, {@link #close} and the figures.
 */
final class LoadWorker {
    private static final int READ_BUFFER = 16 << 10;
    private static final long ACK_FLUSH_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long NOT_DUE = Long.MIN_VALUE;

    final LoadGenerator generator;
    final LoadOptions options;
    final NioLoop loop;
    final byte[] bytes = new byte[READ_BUFFER];
    final ByteBuffer input = ByteBuffer.wrap(bytes);
    final Ascii head = new Ascii(4096);
    final Ascii tail = new Ascii(4096);
    final LoadHeader header = new LoadHeader();
    final Deque<LoadSession> idle = new ArrayDeque<>();

    private final int index;
    private final Latency.Samples accept = new Latency.Samples();
    private final Latency.Samples transaction = new Latency.Samples();
    private final double intervalNanos;
    private volatile long lastAcceptNanos;
    private long planStart;
    private long planned;
    private boolean pacing;
    private byte[] date = {};
    private long dateSecond;

    LoadWorker(LoadGenerator generator, int index) {
        this.generator = generator;
        this.index = index;
        options = generator.options;
        loop = new NioLoop("load-" + index);
        intervalNanos = options.rate() == 0 ? 0 : 1e9 * options.threads() / options.rate();
    }

    void start() {
        int sessions = options.sessions() / options.threads()
                + (index < options.sessions() % options.threads() ? 1 : 0);
        generator.openSessions.addAndGet(sessions);
        loop.execute(() -> {
            planStart = System.nanoTime() + (long) (intervalNanos * index / options.threads());
            for (int i = 0; i < sessions; i++) {
                new LoadSession(this, options.targets().get((i * options.threads() + index) % options.targets().size()))
                        .connect();
            }
            pace();
            if (generator.acks != null) {
                flushAcks();
            }
        });
        loop.start();
    }

    /** Thread-safe. */
    void phaseChanged() {
        loop.execute(() -> {
            planStart = System.nanoTime() + (long) (intervalNanos * index / options.threads());
            planned = 0;
            feed();
            pace();
        });
    }

    /** Thread-safe. */
    void close() {
        loop.close();
    }

    Latency.Samples accept() {
        return accept;
    }

    Latency.Samples transaction() {
        return transaction;
    }

    long lastAcceptNanos() {
        return lastAcceptNanos;
    }

    /** Prepares {@code next} for the next message when one may be sent now. */
    boolean take(Transaction next) {
        Phase phase = generator.phase;
        if (phase != Phase.WARM_UP && phase != Phase.COUNTED) {
            return false;
        }
        long now = System.nanoTime();
        long start = intervalNanos == 0 ? now : due(now);
        if (start == NOT_DUE) {
            return false;
        }
        boolean counted = phase == Phase.COUNTED;
        // first in flight, then out of the stock: the generator must never see an empty stock and nothing in flight
        generator.inFlight.incrementAndGet();
        if (counted && generator.remaining.getAndDecrement() <= 0) {
            generator.remaining.set(0);
            generator.inFlight.decrementAndGet();
            return false;
        }
        planned++;
        next.begin(generator.sequence.getAndIncrement(), counted, start);
        generator.attempted.add(options.recipients());
        return true;
    }

    void accepted(Transaction done) {
        long now = System.nanoTime();
        for (int i = done.recipients.nextSetBit(0); i >= 0; i = done.recipients.nextSetBit(i + 1)) {
            long delivery = done.sequence * options.recipients() + i;
            generator.acknowledged.add(generator.run, delivery);
            if (generator.acks != null) {
                generator.acks.append(generator.run, delivery);
            }
        }
        if (done.counted) {
            accept.recordNanos(now - done.dotNanos);
            transaction.recordNanos(now - done.startNanos);
            lastAcceptNanos = now;
            generator.counted.increment(); // whoever sees it looks for the time
        }
        generator.inFlight.decrementAndGet();
    }

    /** The Date field's value, made once a second. */
    byte[] date(long epochMicros) {
        long second = epochMicros / 1_000_000;
        if (second != dateSecond) {
            dateSecond = second;
            date = Ascii.of(DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC)));
        }
        return date;
    }

    private long due(long now) {
        long due = planStart + (long) (planned * intervalNanos);
        return due - now <= 0 ? due : NOT_DUE;
    }

    /** Hands what is due to idle sessions; in the closed loop that is always something. */
    private void feed() {
        for (LoadSession session = idle.poll(); session != null; session = idle.poll()) {
            if (!session.proceed()) {
                return;
            }
        }
    }

    /** The open loop's clock; one timer is under way at a time. */
    private void pace() {
        if (intervalNanos == 0 || pacing || generator.finished()) {
            return;
        }
        pacing = true;
        long due = planStart + (long) (planned * intervalNanos);
        long soonest = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(1);
        loop.schedule(Math.max(due, soonest), () -> {
            pacing = false;
            feed();
            pace();
        });
    }

    private void flushAcks() {
        if (generator.acks != null) {
            generator.acks.flush();
            loop.schedule(System.nanoTime() + ACK_FLUSH_NANOS, this::flushAcks);
        }
    }
}
