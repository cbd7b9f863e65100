package dev.penstock.preflight;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Thread-safe. What was read out of DNS records, kept as long as these, so that a key is decoded and a policy evaluated
 * once and not for each message. Whoever asks for the same at one time waits for one answer.
 */
final class Remembered<V> {
    /** Senders' domains, keys and addresses at work; each takes some hundred octets. */
    private static final int MAX = 5_000;
    /** An answer past its time serves while it is renewed; it is looked at again after this. */
    private static final long LEAST_NANOS = Duration.ofSeconds(2).toNanos();

    private static final Logger log = LoggerFactory.getLogger(Remembered.class);

    private record Entry<V>(CompletableFuture<Timed<V>> answer, CompletableFuture<V> value) {}

    private final Cache<String, Entry<V>> cache = Caffeine.newBuilder().maximumSize(MAX).build();
    private final LongSupplier ticker;

    /** @param ticker of the times that answers hold */
    Remembered(LongSupplier ticker) {
        this.ticker = ticker;
    }

    /**
     * @param make finds it out
     * @return complete at once when it is known
     */
    CompletableFuture<V> get(String key, Supplier<CompletableFuture<Timed<V>>> make) {
        @Nullable
        Entry<V> known = cache.getIfPresent(key);
        if (known != null && !isOver(known)) {
            return known.value;
        }
        CompletableFuture<Timed<V>> answer = new CompletableFuture<>();
        Entry<V> mine = new Entry<>(answer, answer.thenApply(Timed::value));
        @Nullable
        Entry<V> other = known == null
                ? cache.asMap().putIfAbsent(key, mine)
                : cache.asMap().replace(key, known, mine) ? null : cache.getIfPresent(key);
        if (other != null) {
            return other.value;
        }
        var _ = make.get().whenComplete((found, failure) -> {
            if (found == null) { // unforeseen: it stays unknown to who waits, and is asked anew for the next
                cache.asMap().remove(key, mine);
                log.error("event=preflight-look-up-failed what={}", key, failure);
                return;
            }
            long least = ticker.getAsLong() + LEAST_NANOS;
            answer.complete(found.freshUntil() - least < 0 ? new Timed<>(found.value(), least) : found);
        });
        return mine.value;
    }

    private boolean isOver(Entry<V> known) {
        return known.answer.state() == CompletableFuture.State.SUCCESS
                && ticker.getAsLong() - known.answer.resultNow().freshUntil() >= 0;
    }

    void forget() {
        cache.invalidateAll();
    }
}
