package dev.penstock.auth;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BiPredicate;

import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Caffeine;

import dev.penstock.config.PasswordHash;
import dev.penstock.units.ClientKey;

/**
 * Checks passwords against hashes, few at a time, for one client after the other. Thread-safe; calls never block.
 *
 * <p>A password that was right is remembered for a while, by an HMAC of it, its user and its hash under a key of this
 * process, so that a client which logs in all the time costs one check. Checks of the same user's same password at the
 * same time are one.
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

    /** A check that waits for its turn. */
    private static final class Check {
        private final PasswordHash hash;
        private final byte[] password;
        private final long asked = System.nanoTime();
        private final CompletableFuture<Verdict> verdict = new CompletableFuture<>();

        Check(PasswordHash hash, byte[] password) {
            this.hash = hash;
            this.password = password;
        }
    }

    private final byte[] key = Hashing.random(KEY_LENGTH);
    private final Duration maxWait;
    private final BiPredicate<PasswordHash, byte[]> matches;
    private final FairQueue<ClientKey, Check> waiting;
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
        this(THREADS, MAX_WAITING, MAX_WAIT, Hashing::matches);
    }

    /** @param matches may take its time */
    PasswordChecker(int threads, int maxWaiting, Duration maxWait, BiPredicate<PasswordHash, byte[]> matches) {
        this.maxWait = maxWait;
        this.matches = matches;
        waiting = new FairQueue<>(maxWaiting);
        pool = new ThreadPoolExecutor(threads, threads, IDLE_THREAD.toNanos(), TimeUnit.NANOSECONDS,
                new LinkedBlockingQueue<>(), // as long as the other queue
                Thread.ofPlatform().daemon().name("password-check-", 0).factory());
        pool.allowCoreThreadTimeOut(true);
    }

    /**
     * @param client   whose turn is taken
     * @param user     prepared
     * @param password prepared, UTF-8; not to be changed by the caller
     */
    CompletableFuture<Verdict> check(ClientKey client, String user, PasswordHash hash, byte[] password) {
        ByteBuffer entry = ByteBuffer.wrap(Hashing.hmac(key, Utf8.encode(user), new byte[1], Utf8.encode(hash.text()),
                new byte[1], password));
        Check check = new Check(hash, password);
        CompletableFuture<Verdict> known = right.asMap().putIfAbsent(entry, check.verdict);
        if (known == null) {
            submit(client, check);
            return check.verdict.thenApply(verdict -> forgetUnlessRight(entry, check.verdict, verdict));
        }
        return known.thenCompose(verdict -> {
            forgetUnlessRight(entry, known, verdict);
            if (verdict == Verdict.BUSY) { // for want of the other client's turn; this one has its own
                submit(client, check);
                return check.verdict;
            }
            recalled.increment();
            return CompletableFuture.completedFuture(verdict);
        });
    }

    /** Before anybody hears it, so that the next question is a new one. */
    private Verdict forgetUnlessRight(ByteBuffer entry, CompletableFuture<Verdict> check, Verdict verdict) {
        if (verdict != Verdict.RIGHT) {
            right.asMap().remove(entry, check);
        }
        return verdict;
    }

    private void submit(ClientKey client, Check check) {
        FairQueue.Offer<Check> offer = waiting.offer(client, check);
        Check refused = offer.refused();
        if (refused != null) {
            isBusy(refused);
        }
        if (refused != check && !offer.replaced()) {
            try {
                pool.execute(this::next);
            } catch (RejectedExecutionException | OutOfMemoryError _) { // closed, or the system has no thread to give
                isBusy(check);
            }
        }
    }

    private void isBusy(Check check) {
        busy.increment();
        check.verdict.complete(Verdict.BUSY);
    }

    private void next() {
        Check check = waiting.poll();
        if (check == null) {
            return;
        }
        if (System.nanoTime() - check.asked > maxWait.toNanos()) {
            isBusy(check);
            return;
        }
        try {
            checks.increment();
            check.verdict.complete(matches.test(check.hash, check.password) ? Verdict.RIGHT : Verdict.WRONG);
        } catch (RuntimeException | Error e) {
            check.verdict.completeExceptionally(e);
        }
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
