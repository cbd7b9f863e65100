package dev.penstock.preflight;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

import dev.penstock.preflight.Finding.Severity;

/** What was found of one message. Immutable. */
public record Verdict(List<Finding> findings) {
    /** Nothing was found, or it wasn't judged. */
    public static final Verdict PASS = new Verdict(List.of());

    /** Characters: a reply's line has 512 octets (RFC 5321 4.5.3.1.5), a header field's 998. */
    private static final int MAX_TEXT = 400;

    public Verdict {
        findings = List.copyOf(findings);
    }

    /** Whether a receiver would refuse it, or treat it as unwanted. */
    public boolean fails() {
        return findings.stream().anyMatch(finding -> finding.severity() == Severity.FAIL);
    }

    public boolean isUncertain() {
        return findings.stream().anyMatch(finding -> finding.severity() == Severity.UNKNOWN);
    }

    /**
     * What would happen, on one line of printable ASCII:
     * {@code would get Gmail 5.7.32, Microsoft 5.7.515: From isn't aligned …}; empty unless it {@link #fails}.
     */
    public String line() {
        List<Finding> failing = failing();
        if (failing.isEmpty()) {
            return "";
        }
        Finding first = failing.getFirst();
        Set<String> replies = failing.stream().flatMap(finding -> finding.replies().stream())
                .filter(reply -> !reply.code().isEmpty()).map(Demands.Reply::shortly)
                .collect(Collectors.toCollection(LinkedHashSet::new));
        String who = first.replies().stream().map(reply -> reply.provider().label()).distinct()
                .collect(Collectors.joining(", "));
        String start = replies.isEmpty()
                ? "would be filtered by " + who
                : "would get " + String.join(", ", replies);
        String more = failing.size() > 1 ? " (and " + (failing.size() - 1) + " more)" : "";
        return printable(start + ": " + first.what() + more);
    }

    /** The value of the header field: {@code fail; gmail=5.7.30,5.7.32; microsoft=5.7.515; by=dkim,alignment}. */
    public String field() {
        StringBuilder text = new StringBuilder(fails() ? "fail" : "pass");
        Map<String, Set<String>> codes = new LinkedHashMap<>();
        for (Finding finding : failing()) {
            for (Demands.Reply reply : finding.replies()) {
                Set<String> of = codes.computeIfAbsent(reply.provider().word(), _ -> new LinkedHashSet<>());
                of.add(reply.code().isEmpty() ? "filtered" : reply.code().substring(reply.code().indexOf(' ') + 1));
            }
        }
        codes.forEach((provider, of) -> text.append("; ").append(provider).append('=').append(String.join(",", of)));
        append(text, "by", Severity.FAIL);
        append(text, "warn", Severity.WARN);
        append(text, "unknown", Severity.UNKNOWN);
        return printable(text.toString());
    }

    private void append(StringBuilder text, String name, Severity severity) {
        String demands = findings.stream().filter(finding -> finding.severity() == severity).map(Finding::demand)
                .distinct().collect(Collectors.joining(","));
        if (!demands.isEmpty()) {
            text.append("; ").append(name).append('=').append(demands);
        }
    }

    private List<Finding> failing() {
        return findings.stream().filter(finding -> finding.severity() == Severity.FAIL).toList();
    }

    /** Domains come from clients: nothing of theirs may end a line. */
    private static String printable(String text) {
        String ascii = text.replaceAll("[^ -~]", "?");
        return ascii.length() > MAX_TEXT ? ascii.substring(0, MAX_TEXT - 3) + "..." : ascii;
    }
}
