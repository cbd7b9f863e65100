package dev.penstock.events;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.EventsConfig;
import dev.penstock.message.MessageEvent;
import dev.penstock.shaping.Spacing;

/**
 * Appends every event as a JSON line to the files of one directory. Thread-safe; one platform thread, "delivery-log",
 * encodes and writes. A file ends by size, by time and when {@link #reopen} is called; what becomes of it then is
 * {@link ClosedFiles}' affair.
 *
 * <p>Callers are event loops and virtual threads: they leave the event in a queue, wake the thread if it has nothing
 * else to do, and never wait. When more than the
 * configured number waits, further events are dropped and counted. Lines reach the file, uncompressed and readable by
 * others, within the flush interval: a kill -9 loses at most these. Files aren't synced; a power failure may lose what
 * the kernel hadn't written yet. The spool, not this log, keeps the mail.
 *
 * <p>Before each write it is looked whether the file still stands under its name; when it was moved away or deleted, the
 * next is begun.
 *
 * <p>A write that fails, as on a full disk, is counted and tried again each second with what it couldn't write; until it
 * succeeds events wait and are then dropped. It never stops mail.
 */
public final class DeliveryLog implements MessageEvent.Listener, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(DeliveryLog.class);

    private static final int WRITE_SIZE = 128 * 1024; // lines are written at this size though the interval isn't over
    private static final long DRAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long RETRY_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final Duration CLOSE_TIME = Duration.ofSeconds(10);

    private final Queue<MessageEvent> waiting = new ConcurrentLinkedQueue<>();
    private final AtomicInteger pending = new AtomicInteger();
    private final AtomicLong pendingOctets = new AtomicLong();
    private final int maxPending;
    private final long maxPendingOctets;
    private final LongAdder dropped = new LongAdder();
    private final AtomicLong written = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong failures = new AtomicLong();
    private final AtomicLong files = new AtomicLong();
    private final LongAdder rejectionsDropped = new LongAdder();
    private final AtomicLong rejectionArrival;
    private final InstantSource clock;
    private final ClosedFiles closed;
    private volatile EventsConfig config;
    private volatile Spacing rejections;
    private volatile long flushNanos;
    private volatile boolean reopening;
    private volatile @Nullable String trouble;
    private volatile boolean closing;
    /** The writer parks, or is about to, until it is woken. */
    private volatile boolean idle;
    private final Thread writer;

    // Confined to the writer.
    private final DeliveryLogFile file;
    private final EventEncoder encoder;
    private int encoded; // events in the encoder
    private int taken; // octets of the encoder's lines that are in the file
    private long firstEncodedNanos;
    private long retryNanos;

    /**
     * Starts the writer.
     *
     * @param nodeId stands in every line
     * @throws IOException when the directory or the first file can't be created
     */
    public DeliveryLog(EventsConfig config, String nodeId, InstantSource clock) throws IOException {
        this(config, nodeId, clock, DeliveryLogFile.CREATE);
    }

    DeliveryLog(EventsConfig config, String nodeId, InstantSource clock, DeliveryLogFile.Opener opener)
            throws IOException {
        this.clock = clock;
        this.config = config;
        maxPending = config.maxPending();
        maxPendingOctets = config.maxPendingOctets();
        rejections = Spacing.of(config.rejectionRate());
        rejectionArrival = new AtomicLong(System.nanoTime());
        closed = new ClosedFiles(config.directory(), clock, failures::incrementAndGet);
        file = new DeliveryLogFile(config.directory(), clock, path -> {
            var channel = opener.open(path);
            files.incrementAndGet();
            return channel;
        });
        encoder = new EventEncoder(nodeId, 2 * WRITE_SIZE);
        flushNanos = config.flushInterval().toNanos();
        closed.tidy(config, file.path());
        writer = Thread.ofPlatform().name("delivery-log").daemon()
                .uncaughtExceptionHandler((_, failure) -> {
                    trouble = "the writer ended: " + failure;
                    log.error("event=delivery-log-ended effect=\"mail goes on\"", failure);
                }).start(this::run);
    }

    /** Applies {@code changed}, but for the directory and what may wait, which need a new log. */
    public void reconfigure(EventsConfig changed) {
        config = changed;
        rejections = Spacing.of(changed.rejectionRate());
        flushNanos = changed.flushInterval().toNanos();
        LockSupport.unpark(writer);
    }

    /** Ends the current file, unless it is empty: the next event begins the next one. */
    public void reopen() {
        reopening = true;
        LockSupport.unpark(writer);
    }

    @Override
    public void on(MessageEvent event) {
        if (event.type() == MessageEvent.Type.REJECTION && !mayLogRejection()) {
            rejectionsDropped.increment();
            return;
        }
        if (closing || pending.get() >= maxPending || pendingOctets.get() >= maxPendingOctets) {
            dropped.increment();
            return;
        }
        pending.incrementAndGet();
        pendingOctets.addAndGet(event.heapOctets());
        waiting.add(event);
        if (idle) { // read after the event was added: the writer looks for events after it has written this
            LockSupport.unpark(writer);
        }
    }

    /** Strangers can have us refuse as much as they like: events about that have a rate, and leave room for others. */
    private boolean mayLogRejection() {
        if (pending.get() >= maxPending / 2 || pendingOctets.get() >= maxPendingOctets / 2) {
            return false;
        }
        Spacing spacing = rejections;
        while (!spacing.isNone()) {
            long now = System.nanoTime();
            long arrival = rejectionArrival.get();
            if (spacing.waitNanos(arrival, now) > 0) {
                return false;
            }
            if (rejectionArrival.compareAndSet(arrival, spacing.arrivalAfter(arrival, now))) {
                return true;
            }
        }
        return true;
    }

    public DeliveryLogStats stats() {
        return new DeliveryLogStats(written.get(), dropped.sum(), rejectionsDropped.sum(), bytes.get(), failures.get(),
                files.get(), Math.max(0, pending.get()), trouble == null);
    }

    /** Octets of the events that wait. */
    public long pendingOctets() {
        return pendingOctets.get();
    }

    /** Why nothing can be written now; null while all is well. */
    public @Nullable String trouble() {
        return trouble;
    }

    /** Writes what waits and closes the file. Events that come later are dropped and counted. */
    @Override
    public void close() {
        closing = true;
        LockSupport.unpark(writer);
        try {
            if (!writer.join(CLOSE_TIME)) {
                log.error("event=delivery-log-not-closed pending={}", pending.get());
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        boolean last = false;
        while (!last) {
            last = closing; // read before draining, so that what came before close() is written
            do {
                drain();
                writeIfDue(last);
            } while (encoded == 0 && !waiting.isEmpty());
            endFileIfDue();
            if (!last) {
                park();
            }
        }
        if (encoded + pending.get() > 0) {
            dropped.add(encoded + pending.get());
            log.error("event=delivery-log-incomplete events={} why={}", encoded + pending.get(),
                    trouble);
        }
        try {
            file.close();
        } catch (IOException e) {
            failed(e);
        }
        closed.close();
    }

    /** Where nothing is half written the file may end. */
    private void endFileIfDue() {
        if (taken != 0 || closing || !isToEnd() || trouble != null && System.nanoTime() - retryNanos < 0) {
            return;
        }
        reopening = false;
        try {
            if (file.size() > 0 || file.isGone()) {
                rotate();
            }
            if (encoded == 0) {
                well();
            }
        } catch (IOException e) {
            reopening = true; // no event may come by which it would be tried again
            retryNanos = System.nanoTime() + RETRY_NANOS;
            failed(e);
        }
    }

    private boolean isToEnd() {
        return reopening || isOld();
    }

    /** Whether a multiple of the file's greatest age has passed since it was begun. */
    private boolean isOld() {
        long age = config.maxFileAge().toMillis();
        return age > 0 && file.size() > 0 && clock.millis() / age != file.begun().toEpochMilli() / age;
    }

    private void rotate() throws IOException {
        file.rotate();
        closed.tidy(config, file.path());
    }

    private void park() {
        if (encoded > 0) {
            LockSupport.parkNanos(this, Math.min(DRAIN_NANOS, flushNanos));
            return;
        }
        idle = true;
        if (trouble != null && isToEnd()) {
            if (waiting.isEmpty() && !closing) {
                LockSupport.parkNanos(this, Math.max(DRAIN_NANOS, retryNanos - System.nanoTime()));
            }
        } else if (waiting.isEmpty() && !closing && !reopening) {
            long age = config.maxFileAge().toMillis();
            if (age == 0 || file.size() == 0) {
                LockSupport.park(this);
            } else {
                LockSupport.parkNanos(this, TimeUnit.MILLISECONDS.toNanos(age - clock.millis() % age + 1));
            }
        }
        idle = false;
    }

    /** Encodes what waits until one write's worth is there. */
    private void drain() {
        while (encoder.length() < WRITE_SIZE) {
            MessageEvent event = waiting.poll();
            if (event == null) {
                return;
            }
            pending.decrementAndGet();
            pendingOctets.addAndGet(-event.heapOctets());
            if (encoded == 0) {
                firstEncodedNanos = System.nanoTime();
            }
            encoder.encode(event);
            encoded++;
        }
    }

    private void writeIfDue(boolean last) {
        if (encoded == 0) {
            return;
        }
        long now = System.nanoTime();
        if (trouble != null && now - retryNanos < 0 && !last) {
            return;
        }
        // An event may have waited one drain already and would wait another before the next look.
        if (!last && encoder.length() < WRITE_SIZE && now - firstEncodedNanos < flushNanos - 2 * DRAIN_NANOS) {
            return;
        }
        ByteBuffer lines = encoder.lines().position(taken);
        try {
            if (taken == 0) {
                boolean full = file.size() > 0 && file.size() + lines.remaining() > config.maxFileSize().bytes();
                boolean gone = file.isGone();
                if (gone) {
                    log.info("event=delivery-log-file-gone file={}", file.path());
                }
                if (full || gone || isOld()) {
                    rotate();
                }
            }
            file.append(lines);
        } catch (IOException e) {
            failed(e);
        }
        bytes.addAndGet(lines.position() - taken);
        taken = lines.position();
        if (lines.hasRemaining()) {
            retryNanos = System.nanoTime() + RETRY_NANOS;
            return;
        }
        written.addAndGet(encoded);
        encoded = 0;
        taken = 0;
        encoder.clear();
        well();
    }

    private void well() {
        if (trouble != null) {
            trouble = null;
            log.info("event=delivery-log-writes-again dropped={}", dropped.sum());
        }
    }

    private void failed(IOException e) {
        failures.incrementAndGet();
        if (trouble == null) {
            log.error("event=delivery-log-failed effect=\"mail goes on\" why={}", e.toString());
        }
        trouble = "can't be written: " + e.getMessage();
    }
}
