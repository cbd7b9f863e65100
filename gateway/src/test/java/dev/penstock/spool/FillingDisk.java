package dev.penstock.spool;

import java.io.IOException;
import java.time.InstantSource;

import dev.penstock.config.SpoolConfig;

/** A disk for a spool that fills up, empties and fails as a test says; for tests outside of this package. Thread-safe. */
public final class FillingDisk {
    private final FaultySegmentStore store;

    public FillingDisk(SpoolConfig config) throws IOException {
        store = new FaultySegmentStore(new FileSegmentStore(config.directory(), config.segmentSize().bytes()));
    }

    public SegmentSpool open(SpoolConfig config, int laneSharePercent, InstantSource clock,
            Spool.RecoveryListener listener) throws IOException {
        return SegmentSpool.open(config, laneSharePercent, 0, store, Machine.REAL, clock, listener);
    }

    /** Whether syncs fail from now on. */
    public void failSyncs(boolean fail) {
        store.syncFails = fail;
    }

    /** Whether reads fail from now on. */
    public void failReads(boolean fail) {
        store.readFails = fail;
    }

    /** Octets that are free from now on; {@link Long#MAX_VALUE} for as many as are wanted. */
    public void room(long octets) {
        store.room = octets;
    }
}
