package dev.penstock.routing;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.RejectedExecutionException;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;
import org.xbill.DNS.Name;
import org.xbill.DNS.Type;

import dev.penstock.routing.Question.Rank;
import dev.penstock.testing.ManualClock;

/** Who leaves when, and what becomes of those who wait when nobody answers. Threads and time are played by the test. */
class QuestionGateTest {
    private static final DnsAnswer FOUND = new DnsAnswer.NoRecords(60, false);
    private static final DnsAnswer SERVFAIL = new DnsAnswer.Trouble(DnsAnswer.Kind.FAILURE, "SERVFAIL");
    private static final DnsAnswer NOTHING = new DnsAnswer.Trouble(DnsAnswer.Kind.SILENCE, "no answer");
    /** Two rounds of the default time-out. */
    private static final Duration PATIENCE = Duration.ofSeconds(6);

    private static final List<Rank> RANKS = List.of(Rank.values());

    private final ManualClock clock = new ManualClock(Long.MAX_VALUE - Duration.ofMinutes(1).toNanos());
    private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();
    private final ArrayDeque<Runnable> alarms = new ArrayDeque<>();
    private DnsAnswer answer = FOUND;

    private QuestionGate gate(int limit) {
        return new QuestionGate(_ -> answer, tasks::add, alarms::add, limit, clock::nanoTime);
    }

    private Question question(Rank rank) {
        return new Question(Name.root, Type.MX, rank, clock.nanoTime());
    }

    private Question submit(QuestionGate gate, Rank rank) {
        Question question = question(rank);
        gate.submit(question);
        return question;
    }

    private List<Question> submit(QuestionGate gate, int count) {
        return IntStream.range(0, count).mapToObj(_ -> submit(gate, Rank.DOMAIN)).toList();
    }

    /** The one that left first gets {@code what}. */
    private void end(DnsAnswer what) {
        answer = what;
        Objects.requireNonNull(tasks.poll(), "nothing is out").run();
    }

    private void pause() {
        clock.advance(QuestionGate.PROBE_PAUSE);
        Objects.requireNonNull(alarms.poll(), "no probe is due").run();
    }

    private static long answered(List<Question> questions) {
        return questions.stream().filter(question -> question.answer.isDone()).count();
    }

    private static long unasked(List<Question> questions) {
        return questions.stream().filter(question -> question.answer.isDone()
                && question.answer.join() instanceof DnsAnswer.Trouble(DnsAnswer.Kind kind, _)
                && kind == DnsAnswer.Kind.UNASKED).count();
    }

    /** One at a time, in the order they leave. */
    private List<Rank> order(QuestionGate gate, List<Question> submitted) {
        List<Rank> ranks = new ArrayList<>();
        List<Question> left = new ArrayList<>(submitted);
        while (!tasks.isEmpty()) {
            end(FOUND);
            for (Question question : List.copyOf(left)) {
                if (question.answer.isDone()) {
                    left.remove(question);
                    ranks.add(question.rank);
                }
            }
        }
        assertThat(gate.running()).isZero();
        return ranks;
    }

    @Test
    void asManyLeaveAsThereArePlacesAndEachEndLetsTheNextOut() {
        QuestionGate gate = gate(4);
        List<Question> questions = submit(gate, 10);
        assertThat(tasks).hasSize(4);
        assertThat(gate.waiting(Rank.DOMAIN)).isEqualTo(6);
        clock.advance(Duration.ofHours(1));
        assertThat(gate.longestWait()).isEqualTo(Duration.ofHours(1).toNanos());
        end(FOUND);
        assertThat(questions.getFirst().answer).isCompletedWithValue(FOUND);
        assertThat(tasks).hasSize(4);
        while (!tasks.isEmpty()) {
            end(SERVFAIL);
        }
        assertThat(answered(questions)).isEqualTo(10);
        assertThat(gate.longestWait()).isZero();
        assertThat(alarms).isEmpty();
    }

    @Test
    void addressesGoFirstAndRefreshesTakeTurnsWithNewDomains() {
        QuestionGate gate = gate(1);
        List<Question> all = new ArrayList<>(submit(gate, 4));
        all.addAll(List.of(submit(gate, Rank.REFRESH), submit(gate, Rank.REFRESH), submit(gate, Rank.ADDRESS),
                submit(gate, Rank.ADDRESS)));
        assertThat(order(gate, all)).containsExactly(Rank.DOMAIN, Rank.ADDRESS, Rank.ADDRESS, Rank.REFRESH, Rank.DOMAIN,
                Rank.REFRESH, Rank.DOMAIN, Rank.DOMAIN);
    }

    @Test
    void oneDomainWithoutAnAnswerAmongOthersThatGetTheirsIsNoSilence() {
        QuestionGate gate = gate(2);
        submit(gate, 100);
        Runnable unlucky = Objects.requireNonNull(tasks.poll());
        end(SERVFAIL);
        answer = NOTHING;
        unlucky.run();
        assertThat(gate.silence()).isZero();
        assertThat(gate.running()).isEqualTo(2);
    }

    @Test
    void inASilenceOneQuestionLeavesEachPauseAndTheFirstAnswerLetsAllGoOn() {
        QuestionGate gate = gate(8);
        List<Question> questions = submit(gate, 1_000);
        for (int i = 0; i < 8; i++) {
            end(NOTHING);
        }
        assertThat(tasks).isEmpty();
        assertThat(answered(questions)).isEqualTo(8);
        for (int probes = 1; probes <= 8; probes++) {
            pause();
            assertThat(tasks).hasSize(probes);
        }
        pause();
        assertThat(tasks).as("no more than there are places").hasSize(8);
        assertThat(gate.silence()).isEqualTo(QuestionGate.PROBE_PAUSE.multipliedBy(9).toNanos());
        end(FOUND);
        assertThat(tasks).hasSize(8);
        assertThat(gate.silence()).isZero();
        while (!tasks.isEmpty()) {
            end(FOUND);
        }
        assertThat(answered(questions)).isEqualTo(1_000);
        assertThat(unasked(questions)).isZero();
    }

    /** Six seconds for each of 256 at one time would be four hours. */
    @Test
    void deadDnsAnswersSixHundredThousandDomainsWithinTheHold() {
        QuestionGate gate = gate(256);
        List<Question> questions = submit(gate, 600_000);
        clock.advance(PATIENCE);
        long died = clock.nanoTime();
        for (int i = 0; i < 256; i++) {
            end(NOTHING);
        }
        while (gate.waiting(Rank.DOMAIN) > 0) {
            pause();
            if (tasks.size() * QuestionGate.PROBE_PAUSE.toNanos() >= PATIENCE.toNanos()) {
                end(NOTHING);
            }
        }
        assertThat(Duration.ofNanos(clock.nanoTime() - died)).isBetween(QuestionGate.HOLD,
                QuestionGate.HOLD.plus(PATIENCE));
        while (!tasks.isEmpty()) {
            end(NOTHING);
        }
        assertThat(answered(questions)).isEqualTo(questions.size());
        assertThat(questions.size() - unasked(questions)).as("really asked").isLessThan(256 + 130);
    }

    @Test
    void inALongSilenceTheNextUnansweredQuestionDecidesForTheRest() {
        QuestionGate gate = gate(8);
        submit(gate, 1);
        end(NOTHING);
        clock.advance(QuestionGate.HOLD);
        List<Question> questions = submit(gate, 20);
        assertThat(tasks).as("the first probes at once").hasSize(1);
        assertThat(unasked(questions)).as("nobody is turned away on old evidence").isZero();
        end(NOTHING);
        assertThat(unasked(questions)).isEqualTo(19);
    }

    @Test
    void aSilenceThatNobodyHasProbedForLongIsForgotten() {
        QuestionGate gate = gate(8);
        submit(gate, 1);
        end(NOTHING);
        clock.advance(QuestionGate.HOLD.plusSeconds(1));
        submit(gate, 20);
        assertThat(tasks).hasSize(8);
        assertThat(gate.silence()).isZero();
    }

    @Test
    void whatHasntLeftCanBeWithdrawn() {
        QuestionGate gate = gate(2);
        List<Question> questions = submit(gate, 10);
        assertThat(gate.withdraw()).containsExactlyElementsOf(questions.subList(2, 10));
        end(FOUND);
        end(FOUND);
        assertThat(gate.running()).isZero();
    }

    @Test
    void afterTheExecutorsEndAllAreAnswered() {
        QuestionGate gate = new QuestionGate(_ -> FOUND, _ -> {
            throw new RejectedExecutionException();
        }, alarms::add, 1, clock::nanoTime);
        List<Question> questions = submit(gate, 10);
        assertThat(unasked(questions)).isEqualTo(10);
        assertThat(gate.running()).isZero();
    }

    @Test
    void anAskerThatBreaksCostsNoPlace() {
        QuestionGate gate = new QuestionGate(_ -> {
            throw new IllegalStateException("broken");
        }, tasks::add, alarms::add, 1, clock::nanoTime);
        List<Question> questions = submit(gate, 2);
        while (!tasks.isEmpty()) {
            tasks.poll().run();
        }
        assertThat(answered(questions)).isEqualTo(2);
    }

    /** Whatever comes in whatever order: what waits has somebody who will let it out. */
    @Test
    void whoWaitsWaitsForAPlaceOrForAProbe() {
        for (long seed = 0; seed < 300; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            tasks.clear();
            alarms.clear();
            int limit = 1 + random.nextInt(6);
            QuestionGate gate = gate(limit);
            List<Question> all = new ArrayList<>();
            boolean dead = false;
            for (int step = 0; step < 400; step++) {
                String when = "seed " + seed + " step " + step;
                switch (random.nextInt(6)) {
                    case 0, 1 -> all.add(submit(gate, RANKS.get(random.nextInt(RANKS.size()))));
                    case 2, 3 -> {
                        if (!tasks.isEmpty()) {
                            end(dead ? NOTHING : random.nextInt(10) == 0 ? NOTHING : FOUND);
                        }
                    }
                    case 4 -> {
                        if (!alarms.isEmpty()) {
                            pause();
                        } else if (random.nextInt(20) == 0) {
                            clock.advance(Duration.ofSeconds(random.nextInt(200)));
                        }
                    }
                    case 5 -> dead = random.nextInt(8) == 0 ? !dead : dead;
                    default -> throw new AssertionError();
                }
                assertThat(gate.running()).as(when).isEqualTo(tasks.size()).isLessThanOrEqualTo(limit);
                assertThat(alarms).as(when).hasSizeLessThanOrEqualTo(1);
                long waiting = all.size() - answered(all) - tasks.size();
                if (waiting > 0) {
                    assertThat(gate.silence() > 0 || !alarms.isEmpty() ? !alarms.isEmpty() : gate.running() == limit)
                            .as(when + ": " + waiting + " wait").isTrue();
                }
            }
            while (answered(all) < all.size()) {
                assertThat(tasks.isEmpty() && alarms.isEmpty()).as("seed " + seed + ": lost").isFalse();
                if (!tasks.isEmpty()) {
                    end(FOUND);
                } else {
                    pause();
                }
            }
        }
    }
}
