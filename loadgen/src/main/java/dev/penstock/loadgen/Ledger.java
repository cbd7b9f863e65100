package dev.penstock.loadgen;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What came of the deliveries a gateway acknowledged. Immutable.
 *
 * @param acknowledged   different deliveries that got a 250
 * @param received       different, sound deliveries that reached the sink
 * @param missing        acknowledged and not received: lost, unless the gateway still queues or has bounced them
 * @param duplicates     received more than once
 * @param corrupt        received with damaged content
 * @param unacknowledged received without a 250, as when the connection broke before the reply came
 * @param firstMissing   some missing deliveries, as {@code run:number}
 */
public record Ledger(long acknowledged, long received, long missing, long duplicates, long corrupt, long unacknowledged,
        List<String> firstMissing) {
    private static final int SHOWN = 10;

    public Ledger {
        firstMissing = List.copyOf(firstMissing);
    }

    /** Counts only the runs of {@code acknowledged}; duplicates and damage are those of the whole sink. */
    public static Ledger compare(Deliveries acknowledged, Deliveries received) {
        AtomicLong missing = new AtomicLong();
        AtomicLong unacknowledged = new AtomicLong();
        List<String> first = new ArrayList<>();
        long arrived = 0;
        for (Map.Entry<Integer, DeliverySet> run : acknowledged.runs().entrySet()) {
            DeliverySet got = received.of(run.getKey());
            arrived += got.size();
            run.getValue().forEach(number -> {
                if (!got.contains(number)) {
                    missing.incrementAndGet();
                    if (first.size() < SHOWN) {
                        first.add(Integer.toHexString(run.getKey()) + ":" + number);
                    }
                }
            });
            got.forEach(number -> {
                if (!run.getValue().contains(number)) {
                    unacknowledged.incrementAndGet();
                }
            });
        }
        return new Ledger(acknowledged.size(), arrived, missing.get(), received.duplicates(), received.corrupt(),
                unacknowledged.get(), first);
    }

    /** Nothing lost, doubled or damaged, when {@code accountedFor} deliveries are known to be queued or bounced. */
    public boolean balances(long accountedFor) {
        return missing <= accountedFor && duplicates == 0 && corrupt == 0;
    }

    @Override
    public String toString() {
        return "acknowledged " + acknowledged + ", received " + received + ", missing " + missing + ", duplicates "
                + duplicates + ", corrupt " + corrupt + ", received without acknowledgement " + unacknowledged
                + (firstMissing.isEmpty() ? "" : ", first missing " + firstMissing);
    }
}
