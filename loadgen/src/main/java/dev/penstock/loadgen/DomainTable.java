package dev.penstock.loadgen;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

import org.jspecify.annotations.Nullable;

/**
 * Finds a domain's counters and behaviour from the octets of an address, without making a string. Confined to its loop;
 * the counters, shared by all loops, are thread-safe.
 */
final class DomainTable {
    private static final int MOST_DOMAINS = 1 << 18; // a client could name ever new ones
    private static final String OTHERS = "(others)";

    /** Deliveries of one domain. */
    static final class Counters {
        final LongAdder received = new LongAdder();
        final LongAdder deferred = new LongAdder();
        final LongAdder bounced = new LongAdder();
        final LongAdder dropped = new LongAdder();
    }

    /** One domain as one loop knows it. */
    static final class Domain {
        final byte[] name;
        final String text;
        final Counters counters;
        @Nullable
        Behaviour behaviour;

        private Domain(byte[] name, Counters counters) {
            this.name = name;
            text = new String(name, StandardCharsets.ISO_8859_1);
            this.counters = counters;
        }
    }

    private final Map<String, Counters> shared;
    private final Behaviours behaviours;
    private @Nullable Domain[] slots = new @Nullable Domain[256];
    private int size;
    private int version;

    DomainTable(Map<String, Counters> shared, Behaviours behaviours) {
        this.shared = shared;
        this.behaviours = behaviours;
        version = behaviours.version();
    }

    static Map<String, Counters> sharedCounters() {
        return new ConcurrentHashMap<>();
    }

    /** The domain's octets are put into lower case in place. */
    Domain find(byte[] bytes, int from, int to) {
        if (version != behaviours.version()) {
            version = behaviours.version();
            for (Domain domain : slots) {
                if (domain != null) {
                    domain.behaviour = behaviours.find(domain.text);
                }
            }
        }
        int hash = 1; // as Arrays.hashCode
        for (int i = from; i < to; i++) {
            byte b = bytes[i];
            if (b >= 'A' && b <= 'Z') {
                bytes[i] = b |= 0x20;
            }
            hash = hash * 31 + b;
        }
        for (int i = slot(hash, slots.length);; i = i + 1 & slots.length - 1) {
            Domain domain = slots[i];
            if (domain == null) {
                return add(Arrays.copyOfRange(bytes, from, to));
            }
            if (Arrays.equals(domain.name, 0, domain.name.length, bytes, from, to)) {
                return domain;
            }
        }
    }

    private Domain add(byte[] name) {
        String text = new String(name, StandardCharsets.ISO_8859_1);
        String counted = size < MOST_DOMAINS ? text : OTHERS;
        Domain domain = new Domain(name, shared.computeIfAbsent(counted, _ -> new Counters()));
        domain.behaviour = behaviours.find(text);
        if (size >= MOST_DOMAINS) {
            return domain;
        }
        if (++size * 2 > slots.length) {
            @Nullable
            Domain[] old = slots;
            slots = new @Nullable Domain[old.length * 2];
            for (Domain each : old) {
                if (each != null) {
                    insert(each);
                }
            }
        }
        insert(domain);
        return domain;
    }

    private void insert(Domain domain) {
        int i = slot(Arrays.hashCode(domain.name), slots.length);
        while (slots[i] != null) {
            i = i + 1 & slots.length - 1;
        }
        slots[i] = domain;
    }

    private static int slot(int hash, int length) {
        return (hash ^ hash >>> 15) * 0x2c1b3c6d >>> 7 & length - 1;
    }
}
