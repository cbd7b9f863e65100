package dev.penstock.local;

import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

import com.github.benmanes.caffeine.cache.AsyncCache;
import com.github.benmanes.caffeine.cache.Caffeine;
import com.github.benmanes.caffeine.cache.Expiry;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.LocalDomainConfig;
import dev.penstock.config.LocalDomainConfig.OnFailure;
import dev.penstock.local.CallAhead.Answer;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.RecipientDirectory;
import dev.penstock.smtp.Reply;

/**
 * Verifies recipients of the local domains, by files or by asking their stores. Thread-safe; calls never block.
 *
 * <p>A store is asked once however many sessions want to know, on a virtual thread, and its answers are remembered. Who
 * waits for one hears within the domain's deadline. Few questions go to a store at one time: a client that tries names
 * must not open as many sessions there.
 */
public final class LocalRecipients implements RecipientDirectory, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(LocalRecipients.class);
    private static final Duration LOOK_INTERVAL = Duration.ofSeconds(1);
    /** About 20 MB. */
    private static final int MAX_REMEMBERED = 100_000;
    /** Sessions to one domain's store, as with deliveries to a site (Postfix's default_destination_concurrency_limit). */
    private static final int MAX_QUESTIONS = 20;
    /** Each waits on a virtual thread of about 1 KB. */
    private static final int MAX_WAITING = 2_000;
    /** A store that doesn't answer isn't asked for the same recipient again within this time. */
    private static final Duration FAILURE_TTL = Duration.ofSeconds(5);
    private static final long LOG_INTERVAL_NANOS = Duration.ofSeconds(10).toNanos();

    private final CallAhead callAhead;
    private final LongSupplier nanoTime;
    private final AsyncCache<Question, Remembered> answers;
    private final ScheduledExecutorService looker = Executors
            .newSingleThreadScheduledExecutor(Thread.ofPlatform().name("local-recipients").daemon().factory());
    private volatile Map<String, Domain> domains = Map.of();
    private volatile List<RecipientFile> files = List.of();
    private volatile long nextLogNanos;

    private final LongAdder known = new LongAdder();
    private final LongAdder unknown = new LongAdder();
    private final LongAdder undecided = new LongAdder();
    private final LongAdder asked = new LongAdder();
    private final LongAdder askedInVain = new LongAdder();
    private final LongAdder fileReads = new LongAdder();
    private final LongAdder fileFailures = new LongAdder();

    private record Domain(String name, LocalDomainConfig config, @Nullable RecipientFile file, Semaphore questions) {}

    private record Question(String domain, String local) {}

    /** @param untilNanos by the ticker; to be compared by difference */
    private record Remembered(Answer answer, Duration time, long untilNanos) {}

    /**
     * Reads the recipients files. One that can't be read doesn't stop the start: until it can, its domains' recipients
     * are answered as {@code on-failure} says.
     *
     * @param nanoTime {@link System#nanoTime()}, or a test's
     */
    public LocalRecipients(Map<String, LocalDomainConfig> domains, CallAhead callAhead, LongSupplier nanoTime) {
        this(domains, callAhead, nanoTime, LOOK_INTERVAL);
    }

    /** @param lookInterval between two looks at the files, which are {@link #lookAtFiles} */
    LocalRecipients(Map<String, LocalDomainConfig> domains, CallAhead callAhead, LongSupplier nanoTime,
            Duration lookInterval) {
        this.callAhead = callAhead;
        this.nanoTime = nanoTime;
        nextLogNanos = nanoTime.getAsLong();
        answers = Caffeine.newBuilder().maximumSize(MAX_REMEMBERED).ticker(nanoTime::getAsLong)
                .expireAfter(Expiry.<Question, Remembered>writing((_, value) -> value.time())).buildAsync();
        reconfigure(domains);
        var _ = looker.scheduleWithFixedDelay(this::lookAtFiles, lookInterval.toNanos(), lookInterval.toNanos(),
                TimeUnit.NANOSECONDS);
    }

    /** Follows a changed configuration; answers of domains that changed are forgotten. Reads files that are new. */
    public synchronized void reconfigure(Map<String, LocalDomainConfig> changed) {
        Map<String, Domain> old = domains;
        Map<String, RecipientFile> byKey = new HashMap<>();
        Map<String, Domain> next = new HashMap<>();
        changed.forEach((name, config) -> {
            Domain before = old.get(name);
            RecipientFile file = config.recipients()
                    .map(path -> byKey.computeIfAbsent(config.caseSensitive() + " " + path,
                            _ -> file(path, config.caseSensitive())))
                    .orElse(null);
            next.put(name, new Domain(name, config, file,
                    before == null ? new Semaphore(MAX_QUESTIONS, true) : before.questions));
        });
        files = List.copyOf(byKey.values());
        domains = Map.copyOf(next);
        answers.asMap().keySet().removeIf(question -> {
            Domain before = old.get(question.domain);
            Domain now = next.get(question.domain);
            return before == null || now == null || !before.config.equals(now.config);
        });
    }

    private RecipientFile file(Path path, boolean caseSensitive) {
        return files.stream().filter(file -> file.isFor(path, caseSensitive)).findFirst()
                .orElseGet(() -> new RecipientFile(path, caseSensitive, fileReads, fileFailures));
    }

    /** Reads again what has changed. */
    void lookAtFiles() {
        for (RecipientFile file : files) {
            try {
                file.look();
            } catch (RuntimeException e) {
                log.error("event=recipients-look-failed", e); // the next look comes all the same
            }
        }
    }

    @Override
    public boolean isLocal(String domain) {
        return domains.containsKey(domain);
    }

    @Override
    public boolean isCaseSensitive(String domain) {
        Domain local = domains.get(domain);
        return local == null || local.config.caseSensitive();
    }

    @Override
    public CompletableFuture<Decision> verify(Client client, Recipient recipient) {
        return verify(recipient);
    }

    /** As {@link #verify(Client, Recipient)}: who asks doesn't matter. */
    public CompletableFuture<Decision> verify(Recipient recipient) {
        Domain domain = domains.get(recipient.domain());
        if (domain == null) { // a configuration change took it away since it was found local
            undecided.increment();
            return Decision.refused(later(recipient));
        }
        LocalDomainConfig config = domain.config;
        String local = LocalParts.of(recipient.address(), config.caseSensitive());
        if (LocalParts.isPostmaster(local)) {
            known.increment();
            return Decision.ACCEPTED;
        }
        return switch (config.verify()) {
            case NONE -> {
                known.increment();
                yield Decision.ACCEPTED;
            }
            case FILE -> listed(domain, local, recipient);
            case CALL_AHEAD -> asked(domain, local, recipient);
        };
    }

    private CompletableFuture<Decision> listed(Domain domain, String local, Recipient recipient) {
        RecipientList list = domain.file == null ? null : domain.file.list();
        if (list == null) {
            return undecided(domain, recipient);
        }
        String user = LocalParts.withoutTag(local, domain.config.recipientDelimiter());
        if (list.has(domain.name, local) || list.has(domain.name, user)) {
            known.increment();
            return Decision.ACCEPTED;
        }
        unknown.increment();
        return Decision.refused(unknownUser(recipient));
    }

    private CompletableFuture<Decision> asked(Domain domain, String local, Recipient recipient) {
        String written = recipient.address().substring(0, recipient.address().lastIndexOf('@'));
        // The answer counts for all spellings, so none that a client chose is asked for: a store that is put out by
        // it would have everybody refused. A local part that needs its quotes can't be asked for otherwise.
        boolean quoted = written.startsWith("\"");
        boolean needsQuotes = quoted && !LocalParts.isDotString(local);
        String user = needsQuotes
                ? domain.config.caseSensitive() ? written : written.toLowerCase(Locale.ROOT)
                : quoted ? local : LocalParts.withoutTag(local, domain.config.recipientDelimiter());
        Question question = new Question(domain.name, user);
        CompletableFuture<Remembered> old = answers.getIfPresent(question);
        if (old != null && old.state() == CompletableFuture.State.SUCCESS) {
            Remembered remembered = old.resultNow();
            if (nanoTime.getAsLong() - remembered.untilNanos < 0) {
                return decided(domain, remembered.answer, recipient);
            }
            answers.asMap().remove(question, old); // the cache would drop it in its own good time
        }
        CompletableFuture<Remembered> found = answers.get(question, (_, _) -> ask(domain,
                user + "@" + domain.name));
        CompletableFuture<Decision> decision = new CompletableFuture<>();
        var _ = found.copy().orTimeout(domain.config.verifyDeadline().toMillis(), TimeUnit.MILLISECONDS)
                .whenComplete((answer, failure) -> {
                    // The timer's thread serves the whole JVM, and the one that asked has a session to end.
                    Answer said = answer != null
                            ? answer.answer()
                            : new Answer.Unknown(failure instanceof CompletionException wrapped
                                    ? String.valueOf(wrapped.getCause())
                                    : "no answer within its deadline");
                    Thread.startVirtualThread(
                            () -> decision.complete(decided(domain, said, recipient).join()));
                });
        return decision;
    }

    private CompletableFuture<Remembered> ask(Domain domain, String mailbox) {
        CompletableFuture<Remembered> result = new CompletableFuture<>();
        if (domain.questions.getQueueLength() >= MAX_WAITING) {
            result.complete(remembered(new Answer.Unknown("too many questions wait"), Duration.ZERO));
            return result;
        }
        long end = nanoTime.getAsLong() + domain.config.verifyDeadline().toNanos();
        Thread.ofVirtual().name("call-ahead").start(() -> {
            Answer answer = new Answer.Unknown("the question failed");
            try {
                answer = askInTurn(domain, mailbox, end);
            } catch (RuntimeException e) {
                log.error("event=call-ahead-failed mailbox={}", mailbox, e);
            } finally {
                result.complete(remembered(domain, mailbox, answer));
            }
        });
        return result;
    }

    private Answer askInTurn(Domain domain, String mailbox, long end) {
        try {
            if (!domain.questions.tryAcquire(end - nanoTime.getAsLong(), TimeUnit.NANOSECONDS)) {
                return new Answer.Unknown("its turn to be asked did not come in time");
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return new Answer.Unknown("interrupted");
        }
        try {
            asked.increment();
            Duration left = Duration.ofNanos(Math.max(1, end - nanoTime.getAsLong()));
            return callAhead.ask(domain.name, mailbox, left);
        } finally {
            domain.questions.release();
        }
    }

    private Remembered remembered(Domain domain, String mailbox, Answer answer) {
        return switch (answer) {
            case Answer.Yes _ -> remembered(answer, domain.config.positiveTtl());
            case Answer.No _ -> remembered(answer, domain.config.negativeTtl());
            case Answer.Unknown(String why) -> {
                askedInVain.increment();
                long now = nanoTime.getAsLong();
                if (now - nextLogNanos >= 0) {
                    nextLogNanos = now + LOG_INTERVAL_NANOS;
                    log.warn("event=recipient-unverified mailbox={} answer={} why={}", mailbox,
                            domain.config.onFailure(), why);
                }
                yield remembered(answer, FAILURE_TTL);
            }
        };
    }

    private Remembered remembered(Answer answer, Duration time) {
        return new Remembered(answer, time, nanoTime.getAsLong() + time.toNanos());
    }

    private CompletableFuture<Decision> decided(Domain domain, Answer answer, Recipient recipient) {
        return switch (answer) {
            case Answer.Yes _ -> {
                known.increment();
                yield Decision.ACCEPTED;
            }
            case Answer.No(Reply reply) -> {
                unknown.increment();
                yield Decision.refused(isAboutAddress(reply) ? unknownUser(recipient) : reply);
            }
            case Answer.Unknown _ -> undecided(domain, recipient);
        };
    }

    /** Else the store knows the recipient and has another reason, which the client should hear. */
    private static boolean isAboutAddress(Reply reply) {
        var status = reply.status();
        return status == null
                ? reply.code() != 552 // RFC 5321 4.2.2: exceeded storage allocation
                : status.subject() == 1 || status.subject() == 0;
    }

    private CompletableFuture<Decision> undecided(Domain domain, Recipient recipient) {
        undecided.increment();
        return domain.config.onFailure() == OnFailure.ACCEPT ? Decision.ACCEPTED : Decision.refused(later(recipient));
    }

    private static Reply unknownUser(Recipient recipient) {
        return Reply.of(550, "5.1.1", "<" + recipient.address() + ">: Recipient address rejected: User unknown");
    }

    private static Reply later(Recipient recipient) {
        return Reply.of(451, "4.1.1",
                "<" + recipient.address() + ">: Recipient address can't be verified now, try again later");
    }

    public LocalStats stats() {
        return new LocalStats(known.sum(), unknown.sum(), undecided.sum(), asked.sum(), askedInVain.sum(),
                fileReads.sum(), fileFailures.sum(), answers.synchronous().estimatedSize(), files.stream()
                        .map(RecipientFile::list).mapToLong(list -> list == null ? 0 : list.size()).sum());
    }

    @Override
    public void close() {
        looker.shutdownNow();
    }
}
