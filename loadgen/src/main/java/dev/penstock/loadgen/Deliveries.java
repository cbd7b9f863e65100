package dev.penstock.loadgen;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** The deliveries of one or more runs: those a gateway acknowledged, or those a sink received. Thread-safe. */
public final class Deliveries {
    private final Map<Integer, DeliverySet> runs = new ConcurrentHashMap<>();
    private final LongAdder duplicates = new LongAdder();
    private final LongAdder corrupt = new LongAdder();

    /** Reads what a {@link DeliveryLog} wrote; a record cut at the end of the file is left out. */
    public static Deliveries read(Path file) throws IOException {
        Deliveries deliveries = new Deliveries();
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(file), 1 << 16))) {
            while (true) {
                long record;
                int run;
                try {
                    run = in.readInt();
                    record = in.readLong();
                } catch (EOFException _) {
                    return deliveries;
                }
                if ((record & DeliveryLog.CORRUPT) != 0) {
                    deliveries.corrupt.increment();
                } else {
                    deliveries.add(run, record);
                }
            }
        }
    }

    /** @return false for a duplicate, which is counted */
    public boolean add(int run, long delivery) {
        boolean first = of(run).add(delivery);
        if (!first) {
            duplicates.increment();
        }
        return first;
    }

    void addCorrupt() {
        corrupt.increment();
    }

    /** The deliveries of {@code run}; a live view. */
    public DeliverySet of(int run) {
        DeliverySet known = runs.get(run);
        return known != null ? known : runs.computeIfAbsent(run, _ -> new DeliverySet());
    }

    public Map<Integer, DeliverySet> runs() {
        return Map.copyOf(runs);
    }

    /** Different deliveries. */
    public long size() {
        return runs.values().stream().mapToLong(DeliverySet::size).sum();
    }

    /** Deliveries seen again. */
    public long duplicates() {
        return duplicates.sum();
    }

    /** Deliveries whose content wasn't what had been sent; they don't count as received. */
    public long corrupt() {
        return corrupt.sum();
    }
}
