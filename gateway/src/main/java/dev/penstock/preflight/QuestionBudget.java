package dev.penstock.preflight;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;

import dev.penstock.routing.RecordSet;
import dev.penstock.routing.RecordType;

/**
 * What one message may ask of DNS: what is beyond the questions of a message, or beyond those of all messages at one time,
 * isn't known, as after the deadline. What the cache knows costs nothing. Thread-safe.
 */
final class QuestionBudget implements Records {
    /**
     * Of one message. A sound one of a sender that nobody has heard of asks some 30; SPF for sixteen addresses of ours, each
     * with ten mechanisms, asks the same again and again, which the cache has.
     */
    static final int PER_MESSAGE = 200;
    /** Of all messages at one time, a multiple of what dns.max-in-flight lets out. */
    static final int AT_ONCE = 1_024;

    private final Records records;
    private final Semaphore places;
    private final LongSupplier ticker;
    private final AtomicInteger left = new AtomicInteger(PER_MESSAGE);

    /**
     * @param places of all messages
     * @param ticker that of the records
     */
    QuestionBudget(Records records, Semaphore places, LongSupplier ticker) {
        this.records = records;
        this.places = places;
        this.ticker = ticker;
    }

    @Override
    public CompletableFuture<RecordSet> find(String name, RecordType type) {
        if (left.get() <= 0) {
            return unknown("more than " + PER_MESSAGE + " questions for one message");
        }
        if (!places.tryAcquire()) {
            return unknown("more than " + AT_ONCE + " questions at one time");
        }
        CompletableFuture<RecordSet> answer;
        try {
            answer = records.find(name, type);
        } catch (RuntimeException | Error e) {
            places.release();
            throw e;
        }
        if (answer.isDone()) {
            places.release();
            return answer;
        }
        left.decrementAndGet();
        return answer.whenComplete((_, _) -> places.release());
    }

    private CompletableFuture<RecordSet> unknown(String why) {
        return CompletableFuture.completedFuture(RecordSet.unknown(why, ticker.getAsLong()));
    }
}
