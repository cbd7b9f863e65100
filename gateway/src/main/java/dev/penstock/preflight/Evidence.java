package dev.penstock.preflight;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xbill.DNS.ReverseMap;

import dev.penstock.routing.RecordSet;
import dev.penstock.routing.RecordType;

/**
 * Thread-safe; never blocks. Gathers what DNS says about a message. Each piece is remembered as long as the records that it
 * was read from, so that a known sender costs a few look-ups in tables.
 */
final class Evidence {
    /** Of a message that has more the first count: receivers don't look at all either. */
    static final int MAX_SIGNATURES = 4;
    static final int MAX_ADDRESSES = 16;
    /** Names of one address that are followed. */
    private static final int MAX_NAMES = 4;
    /** SPF evaluations at one time, each on a virtual thread; what comes on top isn't known. */
    private static final int MAX_EVALUATIONS = 256;

    private static final Logger log = LoggerFactory.getLogger(Evidence.class);

    private final Records all;
    private final Semaphore questions = new Semaphore(QuestionBudget.AT_ONCE);
    private final Executor executor;
    private final LongSupplier ticker;
    private final Semaphore evaluations = new Semaphore(MAX_EVALUATIONS);
    private final Remembered<KeyFacts> keys;
    private final Remembered<TreeWalk.Found> walks;
    private final Remembered<SpfFacts> spf;
    private final Remembered<AddressFacts> names;

    /**
     * @param executor a virtual thread per task
     * @param ticker   that of the records
     */
    Evidence(Records records, Executor executor, LongSupplier ticker) {
        this.all = records;
        this.executor = executor;
        this.ticker = ticker;
        keys = new Remembered<>(ticker);
        walks = new Remembered<>(ticker);
        spf = new Remembered<>(ticker);
        names = new Remembered<>(ticker);
    }

    /** What was asked for, and as much of it as is known. Used by one thread at a time until it is handed on. */
    static final class Gathering {
        private final Map<String, CompletableFuture<KeyFacts>> keysOf = new LinkedHashMap<>();
        private final Map<String, CompletableFuture<TreeWalk.Found>> walksOf = new LinkedHashMap<>();
        private final Map<String, CompletableFuture<SpfFacts>> spfOf = new LinkedHashMap<>();
        private final Map<String, CompletableFuture<AddressFacts>> namesOf = new LinkedHashMap<>();

        boolean isComplete() {
            return all(keysOf) && all(walksOf) && all(spfOf) && all(namesOf);
        }

        private static boolean all(Map<String, ? extends CompletableFuture<?>> pieces) {
            for (CompletableFuture<?> piece : pieces.values()) {
                if (!piece.isDone()) {
                    return false;
                }
            }
            return true;
        }

        /** Completes when all is known, or {@code nanos} are over. */
        CompletableFuture<DnsFacts> within(long nanos) {
            List<CompletableFuture<?>> pieces = new ArrayList<>(keysOf.values());
            pieces.addAll(walksOf.values());
            pieces.addAll(spfOf.values());
            pieces.addAll(namesOf.values());
            return CompletableFuture.allOf(pieces.toArray(CompletableFuture[]::new))
                    .completeOnTimeout(null, nanos, TimeUnit.NANOSECONDS).thenApply(_ -> soFar());
        }

        DnsFacts soFar() {
            Map<String, KeyFacts> foundKeys = new HashMap<>();
            keysOf.forEach((name, key) -> foundKeys.put(name, key.getNow(KeyFacts.UNKNOWN)));
            Map<String, TreeWalk.Found> foundWalks = new HashMap<>();
            walksOf.forEach((domain, walk) -> foundWalks.put(domain,
                    walk.getNow(TreeWalk.Found.unknown(domain, "no answer in time", 0))));
            List<SpfFacts> foundSpf = new ArrayList<>(spfOf.size());
            spfOf.forEach((address, one) -> foundSpf.add(
                    one.getNow(new SpfFacts(address, SpfFacts.Result.TEMPERROR, "SPF: no answer in time"))));
            List<AddressFacts> foundNames = new ArrayList<>(namesOf.size());
            namesOf.forEach((address, one) -> foundNames.add(
                    one.getNow(new AddressFacts(address, AddressFacts.State.UNKNOWN, "no answer in time"))));
            return new DnsFacts(foundKeys, foundWalks, foundSpf, foundNames);
        }
    }

    /** @param addresses of ours, that receivers see */
    Gathering gather(Facts facts, List<String> addresses) {
        Gathering wanted = new Gathering();
        Records records = new QuestionBudget(all, questions, ticker);
        if (!facts.author().isEmpty()) {
            wanted.walksOf.put(facts.author(), walk(facts.author(), records));
        }
        if (!facts.returnDomain().isEmpty() && !wanted.walksOf.containsKey(facts.returnDomain())) {
            wanted.walksOf.put(facts.returnDomain(), walk(facts.returnDomain(), records));
        }
        for (SignatureFacts signature : considered(facts)) {
            wanted.keysOf.computeIfAbsent(signature.keyName(), name -> key(name, records));
            wanted.walksOf.computeIfAbsent(signature.domain(), domain -> walk(domain, records));
        }
        for (String address : addresses.subList(0, Math.min(addresses.size(), MAX_ADDRESSES))) {
            wanted.namesOf.put(address, names.get(address, () -> name(address, records)));
            if (!facts.returnDomain().isEmpty()) {
                wanted.spfOf.put(address, spf(facts.returnDomain(), address, records));
            }
        }
        return wanted;
    }

    static List<SignatureFacts> considered(Facts facts) {
        return facts.signatures().subList(0, Math.min(facts.signatures().size(), MAX_SIGNATURES));
    }

    /** What is known is asked for anew, as after a change of the servers. */
    void forget() {
        keys.forget();
        walks.forget();
        spf.forget();
        names.forget();
    }

    private CompletableFuture<KeyFacts> key(String name, Records records) {
        return keys.get(name, () -> records.find(name, RecordType.TXT)
                .thenApply(found -> new Timed<>(KeyFacts.of(found), found.freshUntil())));
    }

    private CompletableFuture<TreeWalk.Found> walk(String domain, Records records) {
        return walks.get(domain, () -> TreeWalk.from(domain, records)
                .thenApply(found -> new Timed<>(found, found.freshUntil())));
    }

    private CompletableFuture<SpfFacts> spf(String domain, String address, Records records) {
        return spf.get(domain + ' ' + address, () -> evaluated(domain, address, records));
    }

    private CompletableFuture<Timed<SpfFacts>> evaluated(String domain, String address, Records records) {
        CompletableFuture<Timed<SpfFacts>> result = new CompletableFuture<>();
        if (!evaluations.tryAcquire()) {
            result.complete(unknown(address, "too many evaluations at one time"));
            return result;
        }
        Runnable evaluation = () -> {
            try {
                result.complete(SpfCheck.of(domain, address, records));
            } catch (RuntimeException | Error e) { // who waits must not wait for ever
                log.error("event=spf-evaluation-failed domain={} address={}", domain, address, e);
                result.complete(unknown(address, e.toString()));
            } finally {
                evaluations.release();
            }
        };
        try {
            executor.execute(evaluation);
        } catch (RejectedExecutionException _) {
            evaluations.release();
            result.complete(unknown(address, "shutting down"));
        }
        return result;
    }

    private Timed<SpfFacts> unknown(String address, String why) {
        return new Timed<>(new SpfFacts(address, SpfFacts.Result.TEMPERROR, "SPF: " + why), ticker.getAsLong());
    }

    private CompletableFuture<Timed<AddressFacts>> name(String address, Records records) {
        InetAddress literal = InetAddress.ofLiteral(address);
        RecordType type = literal.getAddress().length == Integer.BYTES ? RecordType.A : RecordType.AAAA;
        return records.find(ReverseMap.fromAddress(literal).toString(true), RecordType.PTR).thenCompose(pointers -> {
            if (pointers.state() == RecordSet.State.UNKNOWN) {
                return CompletableFuture.completedFuture(new Timed<>(
                        new AddressFacts(address, AddressFacts.State.UNKNOWN, pointers.why()), pointers.freshUntil()));
            }
            if (pointers.values().isEmpty()) {
                return CompletableFuture.completedFuture(new Timed<>(new AddressFacts(address,
                        AddressFacts.State.NO_NAME, address + " has no name (PTR)"), pointers.freshUntil()));
            }
            List<String> known = pointers.values().subList(0, Math.min(pointers.values().size(), MAX_NAMES));
            List<CompletableFuture<RecordSet>> ways = known.stream().map(name -> records.find(name, type)).toList();
            return CompletableFuture.allOf(ways.toArray(CompletableFuture[]::new))
                    .thenApply(_ -> wayBack(address, literal, pointers, ways));
        });
    }

    private static Timed<AddressFacts> wayBack(String address, InetAddress literal, RecordSet pointers,
            List<CompletableFuture<RecordSet>> ways) {
        long until = pointers.freshUntil();
        boolean unknown = false;
        for (CompletableFuture<RecordSet> way : ways) {
            RecordSet found = way.join();
            until = found.freshUntil() - until < 0 ? found.freshUntil() : until;
            unknown |= found.state() == RecordSet.State.UNKNOWN;
            for (String value : found.values()) {
                if (InetAddress.ofLiteral(value).equals(literal)) {
                    return new Timed<>(new AddressFacts(address, AddressFacts.State.FINE, ""), until);
                }
            }
        }
        String name = pointers.values().getFirst();
        return new Timed<>(unknown
                ? new AddressFacts(address, AddressFacts.State.UNKNOWN, "addresses of " + name + " aren't known")
                : new AddressFacts(address, AddressFacts.State.NO_WAY_BACK,
                        address + " is called " + name + ", which doesn't have this address"),
                until);
    }
}
