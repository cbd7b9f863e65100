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

/**
 * Appends every event as a JSON line to the files of one directory. Thread-safe; one platform thread, "delivery-log",
 * encodes and writes.
 *
 * <p>Callers are event loops and virtual threads: they leave the event in a queue, wake the thread if it has nothing
 * else to do, and never wait. When more than the
 * configured number waits, further events are dropped and counted. Lines reach the file, uncompressed and readable by
 * others, within the flush interval: a kill -9 loses at most these. Files aren't synced; a power failure may lose what
 * the kernel hadn't written yet. The spool, not this log, keeps the mail.
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
    private final int maxPending;
    private final LongAdder dropped = new LongAdder();
    private final AtomicLong written = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();
    private final AtomicLong failures = new AtomicLong();
    private final AtomicLong files = new AtomicLong();
    private volatile long maxFileSize;
    private volatile long flushNanos;
    private volatile @Nullable String trouble;
    private volatile boolean closing;
    /** The writer parks, or is about to, until it is woken. */
    private volatile boolean idle;
    private final Thread writer;

    // Confined to the writer.
    private final LogFile file;
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
        this(config, nodeId, clock, LogFile.CREATE);
    }

    DeliveryLog(EventsConfig config, String nodeId, InstantSource clock, LogFile.Opener opener) throws IOException {
        maxPending = config.maxPending();
        file = new LogFile(config.directory(), clock, path -> {
            var channel = opener.open(path);
            files.incrementAndGet();
            return channel;
        });
        encoder = new EventEncoder(nodeId, 2 * WRITE_SIZE);
        reconfigure(config);
        writer = Thread.ofPlatform().name("delivery-log").daemon()
                .uncaughtExceptionHandler((_, failure) -> {
                    trouble = "the writer ended: " + failure;
                    log.error("delivery log ended, mail goes on", failure);
                }).start(this::run);
    }

    /** Applies the file size and flush interval of {@code config}; the rest needs a new log. */
    public void reconfigure(EventsConfig config) {
        maxFileSize = config.maxFileSize().bytes();
        flushNanos = config.flushInterval().toNanos();
    }

    @Override
    public void on(MessageEvent event) {
        if (closing || pending.get() >= maxPending) {
            dropped.increment();
            return;
        }
        pending.incrementAndGet();
        waiting.add(event);
        if (idle) { // read after the event was added: the writer looks for events after it has written this
            LockSupport.unpark(writer);
        }
    }

    public DeliveryLogStats stats() {
        return new DeliveryLogStats(written.get(), dropped.sum(), bytes.get(), failures.get(), files.get(),
                Math.max(0, pending.get()));
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
                log.error("delivery log not closed in time pending={}", pending.get());
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
            if (!last) {
                park();
            }
        }
        if (encoded + pending.get() > 0) {
            dropped.add(encoded + pending.get());
            log.error("delivery log closed with events unwritten events={} reason=\"{}\"", encoded + pending.get(),
                    trouble);
        }
        try {
            file.close();
        } catch (IOException e) {
            failed(e);
        }
    }

    private void park() {
        if (encoded > 0) {
            LockSupport.parkNanos(this, Math.min(DRAIN_NANOS, flushNanos));
            return;
        }
        idle = true;
        if (waiting.isEmpty() && !closing) {
            LockSupport.park(this);
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
            if (taken == 0 && file.size() > 0 && file.size() + lines.remaining() > maxFileSize) {
                file.rotate();
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
        if (trouble != null) {
            trouble = null;
            log.info("delivery log writes again dropped={}", dropped.sum());
        }
    }

    private void failed(IOException e) {
        failures.incrementAndGet();
        if (trouble == null) {
            log.error("delivery log can't be written, mail goes on error=\"{}\"", e.toString());
        }
        trouble = "can't be written: " + e.getMessage();
    }
}
