package dev.penstock.tlsreport;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.tls.TlsResult;
import dev.penstock.tls.TlsResult.Failure;
import dev.penstock.tls.TlsResult.Policy;

/**
 * What one UTC day had of sessions, by domain and policy. Thread-safe: sessions add while a file is written, which holds them
 * up for one domain's text at most.
 *
 * <p>Bounded: what would be beyond {@value #MAX_DOMAINS} domains, {@value #MAX_POLICIES} policies of one domain,
 * {@value #MAX_FAILURES} kinds of failure of one policy, or the heap of {@value #MAX_HEAP} octets for all of them isn't told
 * apart any more, and counted as left out.
 */
final class DayCounts {
    static final int MAX_DOMAINS = 20_000;
    static final int MAX_POLICIES = 8;
    static final int MAX_FAILURES = 20;
    /** 32 MB. A domain with one policy and no failure takes 500 octets. */
    static final long MAX_HEAP = 32L << 20;
    private static final int DOMAIN_OCTETS = 250; // entry, map and text, without the text's characters
    private static final int TALLY_OCTETS = 250;
    private static final int FAILURE_OCTETS = 350;
    private static final int TEXT_OCTETS = 60; // of a text in a list
    private static final int MAX_REASON = 200; // characters
    private static final String LIST = "\u001f";
    private static final int TALLY_FIELDS = 6;
    private static final int FAILURE_FIELDS = 7;

    private final LocalDate day;
    /** Guarded by this. */
    private final Map<String, Map<Policy, Tally>> domains = new LinkedHashMap<>();
    /** Guarded by this. */
    private long leftOut;
    /** What {@link #domains} takes, about. Guarded by this. */
    private long heap;

    /** Failures of one kind. */
    record Kind(String type, String host, String address, String source) {}

    /** Of one domain's policy. */
    static final class Tally {
        long successes;
        final Map<Kind, Count> failures = new LinkedHashMap<>();

        long failed() {
            return failures.values().stream().mapToLong(count -> count.number).sum();
        }
    }

    /** With the words of the first. */
    static final class Count {
        final String reason;
        long number;

        Count(String reason) {
            this.reason = reason;
        }
    }

    DayCounts(LocalDate day) {
        this.day = day;
    }

    LocalDate day() {
        return day;
    }

    /** Those counted so far. */
    synchronized List<String> domains() {
        return List.copyOf(domains.keySet());
    }

    /** Of a domain, of a day that nothing is added to any more. */
    synchronized Map<Policy, Tally> policies(String domain) {
        return domains.getOrDefault(domain, Map.of());
    }

    /** Results that weren't told apart, because there were too many. */
    synchronized long leftOut() {
        return leftOut;
    }

    synchronized void add(TlsResult result) {
        Tally tally = tally(result.domain(), result.policy());
        Failure failure = result.failure();
        if (tally == null) {
            leftOut++;
        } else if (failure == null) {
            tally.successes++;
        } else {
            add(tally, new Kind(failure.type(), failure.host(), failure.address(), failure.source()),
                    failure.reason(), 1);
        }
    }

    private @Nullable Tally tally(String domain, Policy policy) {
        Map<Policy, Tally> policies = domains.get(domain);
        Tally known = policies == null ? null : policies.get(policy);
        if (known != null) {
            return known;
        }
        boolean isFull = policies == null ? domains.size() >= MAX_DOMAINS : policies.size() >= MAX_POLICIES;
        if (isFull || !hasRoom(octets(policy) + (policies == null ? DOMAIN_OCTETS + domain.length() : 0))) {
            return null;
        }
        Tally tally = new Tally();
        domains.computeIfAbsent(domain, _ -> new LinkedHashMap<>()).put(policy, tally);
        return tally;
    }

    private void add(Tally tally, Kind kind, String reason, long number) {
        Count count = tally.failures.get(kind);
        if (count == null) {
            String text = reason.replaceAll("\\p{Cntrl}", " ");
            count = new Count(text.length() > MAX_REASON ? text.substring(0, MAX_REASON) : text);
            if (tally.failures.size() >= MAX_FAILURES || !hasRoom(FAILURE_OCTETS + kind.type.length()
                    + kind.host.length() + kind.address.length() + kind.source.length() + count.reason.length())) {
                leftOut += number;
                return;
            }
            tally.failures.put(kind, count);
        }
        count.number += number;
    }

    private boolean hasRoom(long octets) {
        if (heap + octets > MAX_HEAP) {
            return false;
        }
        heap += octets;
        return true;
    }

    private static long octets(Policy policy) {
        long octets = TALLY_OCTETS;
        for (String line : policy.lines()) {
            octets += TEXT_OCTETS + line.length();
        }
        for (String host : policy.hosts()) {
            octets += TEXT_OCTETS + host.length();
        }
        return octets;
    }

    /**
     * For a file: the day and what was left out, then a line for each policy with its successes, followed by one for each
     * kind of failure. Of each domain what it has when its turn comes.
     */
    String write() {
        StringBuilder text = new StringBuilder(day + "\t" + leftOut() + "\n");
        for (String domain : domains()) {
            write(domain, text);
        }
        return text.toString();
    }

    private synchronized void write(String domain, StringBuilder text) {
        policies(domain).forEach((policy, tally) -> {
            text.append(String.join("\t", "P", domain, policy.kind().name(), String.join(LIST, policy.lines()),
                    String.join(LIST, policy.hosts()), Long.toString(tally.successes))).append('\n');
            tally.failures.forEach((kind, count) -> text.append(String.join("\t", "F", kind.type, kind.host,
                    kind.address, kind.source, Long.toString(count.number), count.reason)).append('\n'));
        });
    }

    /** @throws IllegalArgumentException when the text isn't what {@link #write} writes */
    static DayCounts read(String text) {
        try {
            List<String> lines = new ArrayList<>(text.lines().toList());
            String[] first = lines.removeFirst().split("\t", -1);
            DayCounts counts = new DayCounts(LocalDate.parse(first[0]));
            counts.readLines(lines);
            counts.leftOut(first.length > 1 ? Long.parseLong(first[1]) : 0); // earlier versions didn't write it
            return counts;
        } catch (RuntimeException e) {
            throw new IllegalArgumentException("no counts of a day: " + e.getMessage(), e);
        }
    }

    private synchronized void leftOut(long number) {
        leftOut = number;
    }

    private synchronized void readLines(List<String> lines) {
        Tally tally = null;
        for (String line : lines) {
            String[] fields = line.split("\t", -1);
            if (fields.length == TALLY_FIELDS && fields[0].equals("P")) {
                tally = tally(fields[1], new Policy(TlsResult.Kind.valueOf(fields[2]), list(fields[3]),
                        list(fields[4])));
                if (tally != null) {
                    tally.successes += Long.parseLong(fields[5]);
                }
            } else if (fields.length == FAILURE_FIELDS && tally != null) {
                add(tally, new Kind(fields[1], fields[2], fields[3], fields[4]), fields[6],
                        Long.parseLong(fields[5]));
            } else {
                throw new IllegalArgumentException("a line that isn't known");
            }
        }
    }

    private static List<String> list(String joined) {
        return joined.isEmpty() ? List.of() : List.of(joined.split(LIST, -1));
    }
}
