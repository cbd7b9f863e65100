package dev.penstock.routing;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.xbill.DNS.MXRecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;

/**
 * What is kept of one answer, whose length its zone decides: 64 KB have room for 3,239 mail hosts. Pure functions.
 */
final class KeptRecords {
    /** Four times what one delivery tries. */
    static final int MAX_MX = 20;
    /** Addresses and aliases: more than anybody looks at. */
    private static final int MAX_OTHERS = 64;

    private KeptRecords() {}

    /** Of MX records the best ones, each host once; the same of the same records, in whatever order. Of others the first. */
    static List<Record> of(List<Record> records) {
        if (records.size() <= MAX_MX) {
            return records;
        }
        Map<Name, MXRecord> best = new LinkedHashMap<>();
        List<Record> kept = new ArrayList<>();
        for (Record record : records) {
            if (record instanceof MXRecord mx) {
                best.merge(mx.getTarget(), mx, (a, b) -> a.getPriority() <= b.getPriority() ? a : b);
            } else if (kept.size() < MAX_OTHERS) {
                kept.add(record);
            }
        }
        best.values().stream().sorted(Comparator.comparingInt(MXRecord::getPriority).thenComparing(MXRecord::getTarget))
                .limit(MAX_MX).forEach(kept::add);
        return kept;
    }
}
