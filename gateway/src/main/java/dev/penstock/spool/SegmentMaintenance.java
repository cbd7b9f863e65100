package dev.penstock.spool;

import java.io.IOException;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.units.ByteSize;

/**
 * The thread behind the committer: has the next segment ready, seals full ones, watches the
 * free space, reclaims. {@link #retire}, {@link #wake} and {@link #close} are for any thread, all else is confined to
 * the maintenance thread.
 */
final class SegmentMaintenance implements Runnable {
    private static final Logger log = LoggerFactory.getLogger(SegmentMaintenance.class);
    private static final long TICK_NANOS = 250_000_000;
    private static final long LOG_NANOS = 60_000_000_000L; // how often a failure that goes on is logged

    private final Machine machine;
    private final SegmentStore store;
    private final Segments segments;
    private final SpoolState state;
    private final long capacity;
    private final int controlReserve;
    private final long minFreeSpace;
    private final Queue<LogSegment> retired = new ConcurrentLinkedQueue<>();
    private @Nullable Committer committer;
    private @Nullable Reclaimer reclaimer;
    private long spareFailures;
    private long spareFailureLogged;
    private volatile boolean closing;
    private volatile @Nullable Thread thread;

    SegmentMaintenance(Machine machine, SegmentStore store, Segments segments, SpoolState state, long capacity,
            int controlReserve,
            long minFreeSpace) {
        this.machine = machine;
        this.store = store;
        this.segments = segments;
        this.state = state;
        this.capacity = capacity;
        this.controlReserve = controlReserve;
        this.minFreeSpace = minFreeSpace;
    }

    /** Called before the thread starts. */
    void attach(Committer itsCommitter, Reclaimer itsReclaimer) {
        committer = itsCommitter;
        reclaimer = itsReclaimer;
    }

    void retire(LogSegment segment) {
        retired.add(segment);
        wake();
    }

    void wake() {
        LockSupport.unpark(thread);
    }

    void close() {
        closing = true;
        wake();
    }

    @Override
    public void run() {
        thread = Thread.currentThread();
        while (!closing) {
            tick();
            if (!closing) {
                machine.parkNanos(this, TICK_NANOS);
            }
        }
        sealRetired();
    }

    private void tick() {
        try {
            keepUp();
            if (reclaimer != null && !state.isFailed() && reclaimer.mayStart()) {
                reclaimer.deleteDead();
                reclaimer.compact();
            }
        } catch (IOException | RuntimeException e) {
            log.warn("event=spool-maintenance why={}", e.getMessage(), e);
        }
    }

    /** What can't wait for a compaction. */
    void keepUp() {
        sealRetired();
        probe();
        if (state.isReady() && !closing) {
            prepareSpare();
        }
    }

    private void sealRetired() {
        for (LogSegment segment = retired.poll(); segment != null; segment = retired.poll()) {
            segments.seal(segment);
        }
    }

    /** Compares the free space with what the configuration wants left. */
    void probe() {
        try {
            long usable = store.usableSpace();
            switch (state.health().state()) {
                case READY -> {
                    if (usable < minFreeSpace) {
                        state.full("%s free, %s are to stay free".formatted(readable(usable), readable(minFreeSpace)));
                    }
                }
                case FULL -> {
                    if (usable >= Math.max(minFreeSpace, controlReserve * 2L)) {
                        state.roomAgain();
                        if (committer != null) {
                            committer.nudge();
                        }
                    }
                }
                case FAILED, CLOSED -> {
                    // neither ends by itself
                }
            }
        } catch (IOException e) {
            log.warn("event=spool-free-space why={}", e.getMessage());
        }
    }

    private static String readable(long bytes) {
        return new ByteSize(bytes >> 20 << 20).toString();
    }

    private void prepareSpare() {
        if (committer == null || capacity - committer.active().data.end() >= capacity / 2) {
            return;
        }
        try {
            segments.prepareSpare();
        } catch (NoSpaceException e) {
            state.full(String.valueOf(e.getMessage()));
        } catch (IOException e) {
            // Nothing was lost by it. When the disk is really ill, the committer finds out as it writes.
            long now = machine.nanoTime();
            if (spareFailures++ == 0 || now - spareFailureLogged > LOG_NANOS) {
                spareFailureLogged = now;
                log.warn("event=spool-spare failures={} why={}", spareFailures, e.getMessage());
            }
        }
    }
}
