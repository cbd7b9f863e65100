package dev.penstock.routing;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.routing.Question.Rank;
import dev.penstock.units.Durations;

/**
 * Thread-safe; never blocks. Lets a bounded number of questions out at one time, each on a virtual thread of its own; the
 * others wait, in order within their rank, and cost no thread: a million domains due at once are a million small
 * objects. No time runs against a question before it leaves.
 *
 * <p>Addresses go first; refreshes, other records and new domains take turns.
 *
 * <p><b>Silence.</b> When a question gets no answer from any server, and neither does any other since it left, nobody is
 * there. From then on a single question leaves each {@link #PROBE_PAUSE}, and the first answer to any lets all go on.
 * The others wait; once the silence is as old as {@link #HOLD}, each further question without an answer decides for
 * all that wait: they are answered {@link DnsAnswer.Kind#UNASKED}.
 */
final class QuestionGate {
    /** Finds a server that is back within a second, at the price of one failed look-up for each second it isn't. */
    static final Duration PROBE_PAUSE = Duration.ofSeconds(1);
    /** Longer than a resolver takes to start anew, shorter than the first retry wait (5 min) that its end would cost. */
    static final Duration HOLD = Duration.ofMinutes(2);

    private static final List<Rank> TURNS = List.of(Rank.REFRESH, Rank.RECORD, Rank.DOMAIN);

    private static final Logger log = LoggerFactory.getLogger(QuestionGate.class);

    private final Function<Question, DnsAnswer> asker;
    private final Executor executor;
    private final Executor afterPause;
    private final int limit;
    private final LongSupplier nanoTime;

    /** Guards all that follows. */
    private final Object lock = new Object();
    private final Map<Rank, ArrayDeque<Question>> waiting = new EnumMap<>(Rank.class);
    private int running;
    private long answered;
    /** The rank of the one that left last, of those that take turns. */
    private Rank last = Rank.DOMAIN;
    private boolean silent;
    private long silentSince;
    private long unansweredAt;
    private long probedAt;
    private boolean probeIsDue;

    /**
     * @param asker      blocks until the answer is there; run by {@code executor}
     * @param executor   a virtual thread per task
     * @param afterPause runs each task {@link #PROBE_PAUSE} later
     * @param nanoTime   for silences and waits; {@link System#nanoTime}
     */
    QuestionGate(Function<Question, DnsAnswer> asker, Executor executor, Executor afterPause, int limit,
            LongSupplier nanoTime) {
        this.asker = asker;
        this.executor = executor;
        this.afterPause = afterPause;
        this.limit = limit;
        this.nanoTime = nanoTime;
        for (Rank rank : Rank.values()) {
            waiting.put(rank, new ArrayDeque<>());
        }
    }

    /** Sooner or later the question's answer is complete. */
    void submit(Question question) {
        List<Question> leaving;
        synchronized (lock) {
            long now = nanoTime.getAsLong();
            if (silent && running == 0 && now - unansweredAt > HOLD.toNanos()) {
                silent = false; // nobody has asked for so long: it proves nothing any more
            }
            queue(question.rank).add(question);
            leaving = admit(now);
        }
        leaving.forEach(this::start);
    }

    /** Takes out those that haven't left, in the order they would have. */
    List<Question> withdraw() {
        synchronized (lock) {
            return takeAll();
        }
    }

    int running() {
        synchronized (lock) {
            return running;
        }
    }

    int waiting(Rank rank) {
        synchronized (lock) {
            return queue(rank).size();
        }
    }

    /** Of the question that has waited longest, nanoseconds; 0 when none waits. */
    long longestWait() {
        synchronized (lock) {
            long now = nanoTime.getAsLong();
            long longest = 0;
            for (ArrayDeque<Question> queue : waiting.values()) {
                @Nullable
                Question first = queue.peek();
                longest = first == null ? longest : Math.max(longest, now - first.sinceNanos);
            }
            return longest;
        }
    }

    /** How long no server has answered, nanoseconds; 0 while one does. */
    long silence() {
        synchronized (lock) {
            return silent ? nanoTime.getAsLong() - silentSince : 0;
        }
    }

    private void start(Question question) {
        try {
            executor.execute(() -> ask(question));
        } catch (RejectedExecutionException _) {
            List<Question> never;
            synchronized (lock) {
                running--;
                never = takeAll();
            }
            never.add(question);
            answer(never, new DnsAnswer.Trouble(DnsAnswer.Kind.UNASKED, "shutting down"));
        }
    }

    private void ask(Question question) {
        DnsAnswer answer;
        try {
            answer = asker.apply(question);
        } catch (RuntimeException | Error e) { // a place must never be lost
            log.error("event=dns-question-failed name={}", question.name, e);
            answer = new DnsAnswer.Trouble(DnsAnswer.Kind.FAILURE, e.toString());
        }
        // The place is free before anybody is told: what they do with the answer is their own time.
        ended(question, answer);
        question.answer.complete(answer);
    }

    private void ended(Question question, DnsAnswer answer) {
        boolean heard = !(answer instanceof DnsAnswer.Trouble(DnsAnswer.Kind kind, _)
                && kind == DnsAnswer.Kind.SILENCE);
        List<Question> leaving;
        List<Question> turnedAway = List.of();
        long before;
        long silence;
        synchronized (lock) {
            long now = nanoTime.getAsLong();
            before = silent ? now - silentSince : -1;
            running--;
            if (heard) {
                answered++;
                silent = false;
            } else {
                unansweredAt = now;
                if (!silent && answered == question.answeredBefore) {
                    silent = true;
                    silentSince = now;
                    probedAt = now;
                } else if (silent && now - silentSince >= HOLD.toNanos()) {
                    turnedAway = takeAll();
                }
            }
            silence = silent ? now - silentSince : -1;
            leaving = admit(now);
        }
        if (before < 0 && silence >= 0) {
            log.info("event=dns-silent effect=\"questions are turned away until a server answers\"");
        } else if (before >= 0 && silence < 0) {
            log.info("event=dns-answers silent-for={}", Durations.format(Duration.ofNanos(before)));
        }
        leaving.forEach(this::start);
        answer(turnedAway, new DnsAnswer.Trouble(DnsAnswer.Kind.UNASKED, "no DNS server answers"));
    }

    private void probe() {
        List<Question> leaving;
        synchronized (lock) {
            probeIsDue = false;
            leaving = admit(nanoTime.getAsLong());
        }
        leaving.forEach(this::start);
    }

    /** Takes those out that may leave now. The end of a question comes here again for the others; in a silence, a probe. */
    private List<Question> admit(long now) {
        List<Question> leaving = new ArrayList<>(1);
        if (!silent) {
            while (running < limit && letOut(leaving)) {
                // as many as there are places
            }
            return leaving;
        }
        if (running < limit && now - probedAt >= PROBE_PAUSE.toNanos() && letOut(leaving)) {
            probedAt = now;
        }
        if (!probeIsDue && waiting.values().stream().anyMatch(queue -> !queue.isEmpty())) {
            probeIsDue = true;
            afterPause.execute(this::probe);
        }
        return leaving;
    }

    /** @return whether there was one */
    private boolean letOut(List<Question> leaving) {
        @Nullable
        Question next = next();
        if (next == null) {
            return false;
        }
        running++;
        next.answeredBefore = answered;
        leaving.add(next);
        return true;
    }

    private @Nullable Question next() {
        @Nullable
        Question next = queue(Rank.ADDRESS).poll();
        int after = TURNS.indexOf(last);
        for (int i = 1; next == null && i <= TURNS.size(); i++) {
            Rank rank = TURNS.get((after + i) % TURNS.size());
            next = queue(rank).poll();
            last = next == null ? last : rank;
        }
        return next;
    }

    private List<Question> takeAll() {
        List<Question> all = new ArrayList<>();
        for (@Nullable
        Question next = next(); next != null; next = next()) {
            all.add(next);
        }
        return all;
    }

    private ArrayDeque<Question> queue(Rank rank) {
        return Objects.requireNonNull(waiting.get(rank));
    }

    private static void answer(List<Question> questions, DnsAnswer.Trouble trouble) {
        questions.forEach(question -> question.answer.complete(trouble));
    }
}
