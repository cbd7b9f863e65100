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
 * What one UTC day had of sessions, by domain and policy. Guarded by its owner's lock.
 *
 * <p>Bounded: a domain beyond {@value #MAX_DOMAINS}, a policy beyond {@value #MAX_POLICIES} of one domain and a kind of
 * failure beyond {@value #MAX_FAILURES} of one policy aren't told apart any more, and counted as left out.
 */
final class DayCounts {
    static final int MAX_DOMAINS = 20_000;
    static final int MAX_POLICIES = 8;
    static final int MAX_FAILURES = 20;
    private static final int MAX_REASON = 200; // characters
    private static final String LIST = "\u001f";
    private static final int TALLY_FIELDS = 6;
    private static final int FAILURE_FIELDS = 7;

    private final LocalDate day;
    private final Map<String, Map<Policy, Tally>> domains = new LinkedHashMap<>();
    private long leftOut;

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

    Map<String, Map<Policy, Tally>> domains() {
        return domains;
    }

    long leftOut() {
        return leftOut;
    }

    void add(TlsResult result) {
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
        if (policies == null) {
            if (domains.size() >= MAX_DOMAINS) {
                return null;
            }
            policies = new LinkedHashMap<>();
            domains.put(domain, policies);
        }
        Tally tally = policies.get(policy);
        if (tally == null && policies.size() < MAX_POLICIES) {
            tally = new Tally();
            policies.put(policy, tally);
        }
        return tally;
    }

    private void add(Tally tally, Kind kind, String reason, long number) {
        Count count = tally.failures.get(kind);
        if (count == null) {
            if (tally.failures.size() >= MAX_FAILURES) {
                leftOut += number;
                return;
            }
            String text = reason.replaceAll("\\p{Cntrl}", " ");
            count = new Count(text.length() > MAX_REASON ? text.substring(0, MAX_REASON) : text);
            tally.failures.put(kind, count);
        }
        count.number += number;
    }

    /** For a file: a line for each policy with its successes, followed by one for each kind of failure. */
    String write() {
        StringBuilder text = new StringBuilder(day + "\n");
        domains.forEach((domain, policies) -> policies.forEach((policy, tally) -> {
            text.append(String.join("\t", "P", domain, policy.kind().name(), String.join(LIST, policy.lines()),
                    String.join(LIST, policy.hosts()), Long.toString(tally.successes))).append('\n');
            tally.failures.forEach((kind, count) -> text.append(String.join("\t", "F", kind.type, kind.host,
                    kind.address, kind.source, Long.toString(count.number), count.reason)).append('\n'));
        }));
        return text.toString();
    }

    /** @throws IllegalArgumentException when the text isn't what {@link #write} writes */
    static DayCounts read(String text) {
        try {
            List<String> lines = new ArrayList<>(text.lines().toList());
            DayCounts counts = new DayCounts(LocalDate.parse(lines.removeFirst()));
            Tally tally = null;
            for (String line : lines) {
                String[] fields = line.split("\t", -1);
                if (fields.length == TALLY_FIELDS && fields[0].equals("P")) {
                    tally = counts.tally(fields[1], new Policy(TlsResult.Kind.valueOf(fields[2]), list(fields[3]),
                            list(fields[4])));
                    if (tally != null) {
                        tally.successes += Long.parseLong(fields[5]);
                    }
                } else if (fields.length == FAILURE_FIELDS && tally != null) {
                    counts.add(tally, new Kind(fields[1], fields[2], fields[3], fields[4]), fields[6],
                            Long.parseLong(fields[5]));
                } else {
                    throw new IllegalArgumentException("a line that isn't known");
                }
            }
            return counts;
        } catch (RuntimeException e) {
            throw new IllegalArgumentException("no counts of a day: " + e.getMessage(), e);
        }
    }

    private static List<String> list(String joined) {
        return joined.isEmpty() ? List.of() : List.of(joined.split(LIST, -1));
    }
}
