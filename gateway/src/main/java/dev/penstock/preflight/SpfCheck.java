package dev.penstock.preflight;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

import org.apache.james.jspf.core.DNSRequest;
import org.apache.james.jspf.core.DNSService;
import org.apache.james.jspf.core.exceptions.TimeoutException;
import org.apache.james.jspf.executor.SPFResult;
import org.apache.james.jspf.impl.SPF;
import org.jspecify.annotations.Nullable;

import dev.penstock.preflight.SpfFacts.Result;
import dev.penstock.routing.RecordSet;
import dev.penstock.routing.RecordType;

/**
 * One evaluation of one SPF record for one address: confined to the virtual thread that makes it, which blocks for DNS.
 * jSPF evaluates; what it doesn't bound (RFC 7208 4.6.4: look-ups without an answer, time) is bounded here, and all of its
 * look-ups go through our cache.
 */
final class SpfCheck {
    /** RFC 7208 4.6.4: look-ups that find nothing. */
    private static final int MAX_VOID = 2;
    /** Ten mechanisms with ten hosts each, and the records themselves: more is nobody's. */
    private static final int MAX_LOOKUPS = 150;
    /** RFC 7208 4.6.4: at least 20 seconds are to be allowed. */
    private static final Duration MAX_TIME = Duration.ofSeconds(20);
    private static final int RECORD_LIMIT = 10; // RFC 7208 4.6.4: names of one mechanism
    private static final int MAX_WHY = 200; // characters

    /** One for all, since making one compiles many patterns; it keeps nothing of an evaluation, which is one thread's. */
    private static final SPF EVALUATOR = new SPF(new Current());
    private static final ScopedValue<SpfCheck> CURRENT = ScopedValue.newInstance();

    private final Records records;
    private final long endNanos = System.nanoTime() + MAX_TIME.toNanos();
    private long freshUntil = Long.MAX_VALUE;
    private int voids;
    private int lookUps;
    private @Nullable String trouble;

    private SpfCheck(Records records) {
        this.records = records;
    }

    /** Blocks; takes 20 seconds at most. */
    static Timed<SpfFacts> of(String domain, String address, Records records) {
        SpfCheck check = new SpfCheck(records);
        SPFResult found = ScopedValue.where(CURRENT, check)
                .call(() -> EVALUATOR.checkSPF(address, "postmaster@" + domain, domain));
        return new Timed<>(check.facts(domain, address, found.getResult()), check.freshUntil);
    }

    private SpfFacts facts(String domain, String address, String word) {
        Result result = switch (word) {
            case "pass" -> Result.PASS;
            case "fail" -> Result.FAIL;
            case "softfail" -> Result.SOFTFAIL;
            case "neutral" -> Result.NEUTRAL;
            case "none" -> Result.NONE;
            case "temperror" -> Result.TEMPERROR;
            default -> Result.PERMERROR;
        };
        if (result != Result.TEMPERROR && voids > MAX_VOID) {
            return new SpfFacts(address, Result.PERMERROR,
                    "the SPF record of " + domain + " names more than " + MAX_VOID + " names that aren't there");
        }
        String why = switch (result) {
            case PASS -> "";
            case FAIL, SOFTFAIL, NEUTRAL -> "the SPF record of " + domain + " doesn't allow " + address;
            case NONE -> domain + " has no SPF record";
            case PERMERROR -> "the SPF record of " + domain
                    + " can't be evaluated (syntax, or more than ten look-ups)";
            case TEMPERROR -> "SPF of " + domain + ": " + (trouble == null ? "no answer" : trouble);
        };
        return new SpfFacts(address, result, why.length() > MAX_WHY ? why.substring(0, MAX_WHY) : why);
    }

    private @Nullable List<String> records(DNSRequest request) throws TimeoutException {
        @Nullable
        RecordType type = switch (request.getRecordType()) {
            case DNSRequest.A -> RecordType.A;
            case DNSRequest.AAAA -> RecordType.AAAA;
            case DNSRequest.MX -> RecordType.MX;
            case DNSRequest.PTR -> RecordType.PTR;
            case DNSRequest.TXT -> RecordType.TXT;
            default -> null; // RFC 7208 3.1: records of type SPF aren't asked for any more
        };
        if (type == null) {
            return null;
        }
        if (++lookUps > MAX_LOOKUPS) {
            throw fail("more than " + MAX_LOOKUPS + " look-ups");
        }
        RecordSet found = ask(request.getHostname(), type);
        freshUntil = freshUntil == Long.MAX_VALUE || found.freshUntil() - freshUntil < 0
                ? found.freshUntil()
                : freshUntil;
        if (found.state() == RecordSet.State.UNKNOWN) {
            throw fail(request.getHostname() + ": " + found.why());
        }
        if (found.isAbsent()) {
            voids += type == RecordType.TXT ? 0 : 1;
            return null;
        }
        return new ArrayList<>(found.values()); // jSPF takes elements out of it
    }

    private RecordSet ask(String name, RecordType type) throws TimeoutException {
        try {
            return records.find(name, type).get(Math.max(0, endNanos - System.nanoTime()), TimeUnit.NANOSECONDS);
        } catch (java.util.concurrent.TimeoutException | ExecutionException _) {
            throw fail("no answer within " + MAX_TIME.toSeconds() + " seconds");
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw fail("interrupted");
        }
    }

    private TimeoutException fail(String why) {
        trouble = why;
        return new TimeoutException(why);
    }

    /** What jSPF asks, of the evaluation on whose thread it does. Stateless. */
    private static final class Current implements DNSService {
        @Override
        public @Nullable List<String> getRecords(DNSRequest request) throws TimeoutException {
            return CURRENT.get().records(request);
        }

        @Override
        public CompletionStage<List<String>> getRecordsAsync(DNSRequest request) {
            return CompletableFuture.failedStage(new UnsupportedOperationException("evaluated on one thread"));
        }

        /** For the macro %{r}, in explanations that nobody reads. */
        @Override
        public List<String> getLocalDomainNames() {
            return List.of();
        }

        @Override
        public void setTimeOut(int timeOut) {
            // the whole evaluation has its end
        }

        @Override
        public int getRecordLimit() {
            return RECORD_LIMIT;
        }

        @Override
        public void setRecordLimit(int recordLimit) {
            // is the RFC's
        }
    }
}
