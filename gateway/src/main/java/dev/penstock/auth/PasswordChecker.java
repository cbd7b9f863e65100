package dev.penstock.auth;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiPredicate;

import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Caffeine;

import dev.penstock.config.PasswordHash;

/**
 * Checks passwords against hashes, few at a time. Thread-safe; calls never block.
 *
 * <p>A password that was right is remembered for a while, by an HMAC of it and its hash under a key of this process, so
 * that a client which logs in all the time costs one check. Checks of the same password at the same time are one.
 */
final class PasswordChecker implements AutoCloseable {
    /** Each takes a core, and the memory that its hash asks for, for as long as a check takes. */
    static final int THREADS = Math.clamp(Runtime.getRuntime().availableProcessors() / 2, 1, 4);
    /** More checks than these wait for a thread: the rest can't be decided now. */
    static final int MAX_WAITING = 64;
    /** A check that has waited this long isn't begun. */
    static final Duration MAX_WAIT = Duration.ofSeconds(5);
    /** How long a password that was right is remembered, from the check. */
    static final Duration REMEMBERED = Duration.ofMinutes(10);
    /** Passwords remembered; about 200 octets each. */
    static final int MAX_REMEMBERED = 10_000;

    private static final int KEY_LENGTH = 32; // octets, as long as SHA-256's output
    private static final Duration IDLE_THREAD = Duration.ofSeconds(10);

    /** What a check came to. */
    enum Verdict {
        RIGHT, WRONG,
        /** Not checked: there is too much to do. */
        BUSY
    }

    private final byte[] key = Hashing.random(KEY_LENGTH);
    private final BiPredicate<PasswordHash, byte[]> matches;
    private final ThreadPoolExecutor pool;
    private final LongAdder checks = new LongAdder();
    private final LongAdder recalled = new LongAdder();
    private final LongAdder busy = new LongAdder();
    private final AsyncCache<ByteBuffer, Verdict> right = Caffeine.newBuilder()
            .maximumSize(MAX_REMEMBERED)
            .expireAfterWrite(REMEMBERED)
            .executor(Runnable::run)
            .buildAsync();

    PasswordChecker() {
        this(THREADS, MAX_WAITING, Hashing::matches);
    }

    /** @param matches may take its time */
    PasswordChecker(int threads, int maxWaiting, BiPredicate<PasswordHash, byte[]> matches) {
        this.matches = matches;
        pool = new ThreadPoolExecutor(threads, threads, IDLE_THREAD.toNanos(), TimeUnit.NANOSECONDS,
                new ArrayBlockingQueue<>(maxWaiting),
                Thread.ofPlatform().daemon().name("password-check-", 0).factory());
        pool.allowCoreThreadTimeOut(true);
    }

    /**
     * @param password prepared, UTF-8; not to be changed by the caller
     */
    CompletableFuture<Verdict> check(PasswordHash hash, byte[] password) {
        ByteBuffer entry = ByteBuffer.wrap(Hashing.hmac(key, Utf8.encode(hash.text()), new byte[1], password));
        CompletableFuture<Verdict> known = right.getIfPresent(entry);
        if (known != null) {
            recalled.increment();
            return known.copy();
        }
        CompletableFuture<Verdict> check = right.get(entry, (_, _) -> submit(hash, password));
        return check.thenApply(verdict -> { // forgotten before anybody hears it, so that the next question is a new one
            if (verdict != Verdict.RIGHT) {
                right.asMap().remove(entry, check);
            }
            return verdict;
        });
    }

    private CompletableFuture<Verdict> submit(PasswordHash hash, byte[] password) {
        CompletableFuture<Verdict> result = new CompletableFuture<>();
        long asked = System.nanoTime();
        try {
            pool.execute(() -> {
                if (System.nanoTime() - asked > MAX_WAIT.toNanos()) {
                    busy.increment();
                    result.complete(Verdict.BUSY);
                    return;
                }
                try {
                    checks.increment();
                    result.complete(matches.test(hash, password) ? Verdict.RIGHT : Verdict.WRONG);
                } catch (RuntimeException | Error e) {
                    result.completeExceptionally(e);
                }
            });
        } catch (RejectedExecutionException _) {
            busy.increment();
            result.complete(Verdict.BUSY);
        }
        return result;
    }

    /** Remembers nothing any more. */
    void forget() {
        right.synchronous().invalidateAll();
    }

    /** Hashes computed. */
    long checks() {
        return checks.sum();
    }

    /** Answers that took none, because the password was remembered or is just being checked. */
    long recalled() {
        return recalled.sum();
    }

    /** Checks that weren't made because there was too much to do. */
    long busy() {
        return busy.sum();
    }

    @Override
    public void close() {
        pool.shutdownNow();
    }
}
