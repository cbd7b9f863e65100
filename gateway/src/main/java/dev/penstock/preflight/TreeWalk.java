package dev.penstock.preflight;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import dev.penstock.routing.RecordSet;
import dev.penstock.routing.RecordType;

/**
 * Finds a domain's DMARC policy and its organizational domain by the DNS tree walk of RFC 9989: from the domain upwards,
 * at most eight questions. Stateless; each walk is one chain of look-ups.
 */
final class TreeWalk {
    /** Of a name that has more labels, the second question is about so many. */
    private static final int MOST_LABELS = 7;

    private TreeWalk() {}

    /**
     * What a walk found. Immutable.
     *
     * @param domain       where it began
     * @param organization the organizational domain
     * @param record       the policy that holds for the domain; null when there is none
     * @param policyAt     where that stands; empty when nowhere
     * @param policy       what of it holds, like {@code sp=reject}; empty without a record
     * @param trouble      why nothing is known; null when all is
     * @param freshUntil   of the first answer to go stale, by the cache's ticker
     */
    record Found(String domain, String organization, @Nullable DmarcRecord record, String policyAt,
            String policy, @Nullable String trouble, long freshUntil) {
        static Found unknown(String domain, String why, long freshUntil) {
            return new Found(domain, domain, null, "", "", why, freshUntil);
        }

        /** Whether receivers are to do something about what isn't aligned: of a policy that is tested, one step less. */
        boolean isEnforced() {
            return record != null && (policy.endsWith("=reject") || !record.isTest() && policy.endsWith("=quarantine"));
        }
    }

    private record Step(String domain, DmarcRecord record) {}

    /** @param records never fail */
    static CompletableFuture<Found> from(String domain, Records records) {
        return step(domain, domain, new ArrayList<>(), Long.MAX_VALUE, name -> records.find(name, RecordType.TXT))
                .thenCompose(found -> policy(found, records));
    }

    private static CompletableFuture<Found> policy(Found found, Records records) {
        DmarcRecord record = found.record;
        if (record == null) {
            return CompletableFuture.completedFuture(found);
        }
        boolean isOwn = found.policyAt.equals(found.domain);
        return isOwn || !record.asksForExistence()
                ? CompletableFuture.completedFuture(with(found, record.applied(isOwn, true), found.freshUntil))
                : existing(found, record, records);
    }

    private static Found with(Found found, String policy, long until) {
        return new Found(found.domain, found.organization, found.record, found.policyAt, policy, null, until);
    }

    /** A domain doesn't exist when it has neither A nor AAAA nor MX records (RFC 9989 3.2.13). */
    private static CompletableFuture<Found> existing(Found found, DmarcRecord record, Records records) {
        List<CompletableFuture<RecordSet>> asked = Stream.of(RecordType.A, RecordType.AAAA, RecordType.MX)
                .map(type -> records.find(found.domain, type)).toList();
        return CompletableFuture.allOf(asked.toArray(CompletableFuture[]::new)).thenApply(_ -> {
            List<RecordSet> answers = asked.stream().map(CompletableFuture::join).toList();
            long until = found.freshUntil;
            for (RecordSet answer : answers) {
                until = earlier(until, answer.freshUntil());
            }
            if (answers.stream().anyMatch(answer -> answer.state() == RecordSet.State.FOUND)) {
                return with(found, record.applied(false, true), until);
            }
            return answers.stream().anyMatch(answer -> answer.state() == RecordSet.State.UNKNOWN)
                    ? Found.unknown(found.domain, "whether it exists", until)
                    : with(found, record.applied(false, false), until);
        });
    }

    private static CompletableFuture<Found> step(String start, String domain, List<Step> seen, long fresh,
            Function<String, CompletableFuture<RecordSet>> lookUp) {
        return lookUp.apply("_dmarc." + domain).thenCompose(records -> {
            long until = earlier(fresh, records.freshUntil());
            if (records.state() == RecordSet.State.UNKNOWN) {
                return CompletableFuture.completedFuture(
                        Found.unknown(start, "_dmarc." + domain + ": " + records.why(), until));
            }
            @Nullable
            DmarcRecord record = DmarcRecord.of(records.values());
            if (record != null) {
                seen.add(new Step(domain, record));
            }
            // A record at the start that says psd=y ends the walk as well: there is nothing above that it belongs to.
            boolean stops = record != null && record.psd() != DmarcRecord.Psd.UNSAID;
            @Nullable
            String next = stops ? null : above(domain);
            return next == null
                    ? CompletableFuture.completedFuture(found(start, seen, until))
                    : step(start, next, seen, until, lookUp);
        });
    }

    /** The next name to ask; null after the last. */
    static @Nullable String above(String domain) {
        int labels = 1;
        for (int i = 0; i < domain.length(); i++) {
            labels += domain.charAt(i) == '.' ? 1 : 0;
        }
        if (labels == 1) {
            return null;
        }
        String rest = domain;
        for (int left = labels > MOST_LABELS ? labels - MOST_LABELS : 1; left > 0; left--) {
            rest = rest.substring(rest.indexOf('.') + 1);
        }
        return rest;
    }

    private static Found found(String start, List<Step> seen, long until) {
        String organization = organization(start, seen);
        @Nullable
        Step policy = null;
        for (Step step : seen) {
            boolean own = step.domain.equals(start);
            boolean ofOrganization = step.domain.equals(organization);
            boolean ofSuffix = step.record.psd() == DmarcRecord.Psd.YES;
            if (own || policy == null && (ofOrganization || ofSuffix)) {
                policy = step;
            }
            if (own) {
                break;
            }
        }
        return new Found(start, organization, policy == null ? null : policy.record,
                policy == null ? "" : policy.domain, "", null, until);
    }

    private static String organization(String start, List<Step> seen) {
        for (Step step : seen) {
            if (step.record.psd() == DmarcRecord.Psd.NO) {
                return step.domain;
            }
            if (step.record.psd() == DmarcRecord.Psd.YES && !step.domain.equals(start)) {
                return oneBelow(start, step.domain);
            }
        }
        // The walk goes up, so the last record is that of the fewest labels.
        return seen.isEmpty() ? start : seen.getLast().domain;
    }

    /** The name on the way from {@code start} up that is one label longer than {@code suffix}. */
    private static String oneBelow(String start, String suffix) {
        String rest = start.substring(0, start.length() - suffix.length() - 1);
        return rest.substring(rest.lastIndexOf('.') + 1) + "." + suffix;
    }

    private static long earlier(long a, long b) {
        return a == Long.MAX_VALUE || b - a < 0 ? b : a;
    }
}
