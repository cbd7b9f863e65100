package dev.penstock.dkim;

import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.Canonicalization;
import dev.penstock.config.DkimConfig;
import dev.penstock.smtp.Reply;

/**
 * Signs messages that are received, by the rules and keys there are now. Thread-safe; callers never block. The arithmetic
 * and the reading of keys run on platform threads {@code dkim-sign-}, one per core.
 *
 * <p>A message keeps the rules that were in force at the end of its header section. Nothing native is loaded, no thread
 * runs and no octet is looked at until there is a rule.
 */
public final class Signing implements AutoCloseable {
    /** For each thread; more messages than these aren't signed but put off, before they cost memory for seconds. */
    static final int MAX_WAITING_PER_THREAD = 1_024; // 0.6 s with RSA-2048, 2.3 s with the JDK's

    private static final Logger log = LoggerFactory.getLogger(Signing.class);
    /** What may stand in d= and in the name of a file: no address literal, and nothing that leads elsewhere. */
    private static final Pattern DOMAIN = Pattern.compile("[a-z0-9_-]+(\\.[a-z0-9_-]+)*");
    private static final int THREADS = Runtime.getRuntime().availableProcessors();
    private static final long IDLE_SECONDS = 10;
    private static final long STOP_SECONDS = 10; // what waits takes less
    private static final Reply BUSY = Reply.of(451, "4.3.2", "Too many messages wait for signatures, try again later");
    private static final Reply STOPPING = Reply.of(421, "4.3.2", "Service shutting down");
    private static final Reply FAILED = Reply.of(451, "4.3.0", "Error: the message can't be signed now");

    final LongAdder messages = new LongAdder();
    final LongAdder signatures = new LongAdder();
    final LongAdder unsigned = new LongAdder();
    final LongAdder refused = new LongAdder();
    private final LongAdder busy = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private final LongAdder begun = new LongAdder();
    private final LongAdder ended = new LongAdder();
    private final InstantSource clock;
    private final Executor signers;
    private final Supplier<Crypto> library;
    private final Runnable stop;
    private @Nullable Thread watcher; // guarded by this
    private volatile @Nullable Tools tools; // set with the first rule
    private volatile SigningRules rules = SigningRules.NONE;
    private volatile boolean closed;

    /** What is needed as soon as there is a rule. */
    record Tools(Crypto crypto, KeyStore keys) {}

    /** Reads the keys whose files the configuration names alone; what is wrong with one is logged. Blocks meanwhile. */
    public static Signing open(DkimConfig config, InstantSource clock) {
        ThreadPoolExecutor pool = new ThreadPoolExecutor(THREADS, THREADS, IDLE_SECONDS, TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(THREADS * MAX_WAITING_PER_THREAD),
                Thread.ofPlatform().daemon().name("dkim-sign-", 0).factory());
        pool.allowCoreThreadTimeOut(true);
        return new Signing(config, clock, pool, Crypto::fastest, () -> finish(pool));
    }

    /** Signs nothing. */
    public static Signing off() {
        return new Signing(DkimConfig.DEFAULT, InstantSource.system(), Runnable::run, Crypto::jdk, () -> {});
    }

    /** @param signers refuses by {@link RejectedExecutionException} */
    public Signing(DkimConfig config, InstantSource clock, Executor signers, Supplier<Crypto> library, Runnable stop) {
        this.clock = clock;
        this.signers = signers;
        this.library = library;
        this.stop = stop;
        reconfigure(config);
    }

    /** As {@link #open} for the keys. Applies to messages whose header sections end from now on. */
    public final synchronized void reconfigure(DkimConfig config) {
        SigningRules changed = new SigningRules(config);
        if (!changed.isEmpty()) {
            Tools used = tools;
            if (used == null) {
                Crypto crypto = library.get();
                used = new Tools(crypto, new KeyStore(crypto));
                tools = used;
                watcher = Thread.ofPlatform().daemon().name("dkim-keys").start(this::watch);
            }
            KeyStore keys = used.keys();
            keys.forgetMissing();
            config.signatures().stream().filter(DkimConfig.Signature::hasOneKey)
                    .forEach(signature -> keys.of(signature.keyFile(signature.domain())));
            config.signatures().stream().filter(signature -> !signature.hasOneKey())
                    .forEach(signature -> signature.domains().stream()
                            .filter(domain -> !domain.startsWith(".") && !domain.equals("*"))
                            .forEach(domain -> keys.of(signature.keyFile(domain))));
        }
        rules = changed;
    }

    private void watch() {
        try {
            while (true) {
                Thread.sleep(KeyStore.LOOK_INTERVAL);
                try {
                    requireTools().keys().look();
                } catch (RuntimeException e) {
                    log.error("event=dkim-look-failed", e);
                }
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt(); // close() says so
        }
    }

    Tools requireTools() {
        Tools made = tools;
        if (made == null) {
            throw new IllegalStateException("there was no rule yet");
        }
        return made;
    }

    /** Whether no message is signed, so that nobody need look at any. */
    public boolean isOff() {
        return rules.isEmpty();
    }

    /**
     * Begins with a message whose header section is whole.
     *
     * @param fromDomain lower case, A-labels; empty when the From field names none, or several fields do
     * @param section    octets up to the empty line that ends it, as they go out; never changed from now on
     * @return null when the message gets no signature
     */
    public @Nullable MessageSigning begin(String fromDomain, byte[] section, int length) {
        SigningRules now = rules;
        if (now.isEmpty() || !DOMAIN.matcher(fromDomain).matches()) {
            return null;
        }
        Set<Canonicalization> forms = now.bodyForms(fromDomain);
        return forms.isEmpty()
                ? null
                : new MessageSigning(this, now, fromDomain, section, length,
                        forms.stream().map(BodyHash::new).toArray(BodyHash[]::new));
    }

    /**
     * The signatures that a message would get now, those whose keys are known to be missing left out; their fields are those
     * that are signed where the message has them. Never blocks: a key that wasn't asked for yet is taken to be there.
     */
    public List<PlannedSignature> planned(String fromDomain, String tenant) {
        SigningRules now = rules;
        if (now.isEmpty() || !DOMAIN.matcher(fromDomain).matches()) {
            return List.of();
        }
        KeyStore keys = requireTools().keys();
        List<PlannedSignature> planned = new ArrayList<>(2);
        for (SigningRule rule : now.of(fromDomain, tenant)) {
            String domain = rule.settings().domainFor(fromDomain);
            KeyStore.Answer known = keys.known(rule.settings().keyFile(domain));
            if (!(known instanceof KeyStore.Unusable)) {
                planned.add(new PlannedSignature(domain, rule.settings().selector(),
                        known instanceof KeyStore.Usable(SigningKey key) ? key.algorithm().tag() : "", rule.names()));
            }
        }
        return planned;
    }

    /** Gives the task to a thread. The future fails with a {@link SigningException}. */
    <T> CompletableFuture<T> run(Supplier<T> task) {
        CompletableFuture<T> result = new CompletableFuture<>();
        begun.increment();
        CompletableFuture<T> counted = result.whenComplete((_, _) -> ended.increment());
        try {
            signers.execute(new Task<>(task, result));
        } catch (RejectedExecutionException e) {
            refuse(result, closed ? STOPPING : BUSY, e);
        } catch (OutOfMemoryError e) { // the system has no thread to give
            refuse(result, BUSY, e);
        }
        return counted;
    }

    private void refuse(CompletableFuture<?> result, Reply reply, @Nullable Throwable cause) {
        (reply.equals(FAILED) ? failed : busy).increment();
        result.completeExceptionally(new SigningException(reply, cause));
    }

    /** A signature that waits for its thread. */
    private final class Task<T> implements Runnable {
        private final Supplier<T> task;
        private final CompletableFuture<T> result;

        Task(Supplier<T> task, CompletableFuture<T> result) {
            this.task = task;
            this.result = result;
        }

        @Override
        public void run() {
            T value;
            try {
                value = task.get();
            } catch (SigningException e) {
                result.completeExceptionally(e);
                return;
            } catch (RuntimeException | Error e) {
                log.error("event=dkim-sign-failed", e);
                refuse(result, FAILED, e);
                return;
            }
            result.complete(value);
        }

        void abandon() {
            refuse(result, STOPPING, null);
        }
    }

    long seconds() {
        return clock.instant().getEpochSecond();
    }

    SigningException noKey(DkimConfig.MissingKey rule, String domain, String selector, boolean missing) {
        refused.increment();
        boolean forGood = missing && rule == DkimConfig.MissingKey.REFUSE;
        return new SigningException(Reply.of(forGood ? 550 : 451, forGood ? "5.7.1" : "4.7.1",
                "No DKIM key for " + domain + ", selector " + selector), null);
    }

    public SigningStats stats() {
        Tools made = tools;
        return new SigningStats(messages.sum(), signatures.sum(), unsigned.sum(), refused.sum(), busy.sum(),
                failed.sum(), Math.max(0, begun.sum() - ended.sum()), made == null ? 0 : made.keys().reloads(),
                made == null ? 0 : made.keys().refused(), made == null ? 0 : made.keys().missing());
    }

    /** What waits is signed, for at most {@value #STOP_SECONDS} seconds; what comes later is put off. */
    @Override
    public void close() {
        closed = true;
        stop.run();
        synchronized (this) {
            if (watcher != null) {
                watcher.interrupt();
            }
        }
    }

    private static void finish(ThreadPoolExecutor pool) {
        pool.shutdown();
        try {
            if (pool.awaitTermination(STOP_SECONDS, TimeUnit.SECONDS)) {
                return;
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
        for (Runnable left : pool.shutdownNow()) {
            if (left instanceof Task<?> task) {
                task.abandon();
            }
        }
    }
}
