package dev.penstock.shaping;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.penstock.shaping.SessionLimiter.Answer;
import dev.penstock.shaping.SessionLimiter.Grant;
import dev.penstock.shaping.SessionLimiter.Holder;
import dev.penstock.shaping.SessionLimiter.Waiter;
import dev.penstock.testing.ManualClock;
import dev.penstock.units.MailClass;

class SessionLimiterTest {
    private record Queue(String name) implements Waiter {}

    /** @param session tells two of one owner apart */
    private record Idle(Waiter owner, int session) implements Holder {}

    private static final Queue A = new Queue("a");
    private static final Queue B = new Queue("b");
    private static final Queue C = new Queue("c");
    private static final Duration MILLI = Duration.ofMillis(1);

    private final ManualClock clock = new ManualClock(Long.MAX_VALUE - Duration.ofSeconds(15).toNanos()); // it wraps

    private SessionLimiter limiter(int limit, int reserve, int open) {
        SessionLimiter limiter = new SessionLimiter("connection_limit", limit, reserve);
        for (int i = 0; i < open; i++) {
            assertThat(take(limiter)).isEqualTo(Answer.GRANTED);
        }
        return limiter;
    }

    private SessionLimiter limiter(int limit, int open) {
        return limiter(limit, 0, open);
    }

    private Answer take(SessionLimiter limiter) {
        return limiter.tryAcquire(false, clock.nanoTime());
    }

    private void waits(SessionLimiter limiter, Waiter waiter, boolean first) {
        assertThat(limiter.acquire(waiter, first, clock.nanoTime())).isEqualTo(Answer.NONE);
    }

    private void release(SessionLimiter limiter) {
        limiter.release(false, clock.nanoTime());
    }

    /** A session beyond what stands is refused, and ends. */
    private void refuse(SessionLimiter limiter, boolean trial) {
        limiter.refused(trial, clock.nanoTime());
        limiter.release(false, clock.nanoTime());
    }

    private List<Waiter> grants(SessionLimiter limiter) {
        List<Waiter> waiters = new ArrayList<>();
        for (Grant grant = limiter.next(clock.nanoTime()); grant != null; grant = limiter.next(clock.nanoTime())) {
            waiters.add(grant.waiter());
        }
        return waiters;
    }

    @Test
    void permitsAreGivenInTheOrderInWhichTheyWereAskedFor() {
        SessionLimiter limiter = limiter(2, 2);
        waits(limiter, A, false);
        waits(limiter, B, false);
        waits(limiter, C, false);
        assertThat(grants(limiter)).isEmpty();
        release(limiter);
        assertThat(grants(limiter)).containsExactly(A);
        release(limiter);
        release(limiter);
        assertThat(grants(limiter)).containsExactly(B, C);
        assertThat(limiter.open()).isEqualTo(2);
        assertThat(limiter.waiting()).isZero();
    }

    @Test
    void nobodyPassesThoseWhoWait() {
        SessionLimiter limiter = limiter(2, 2);
        waits(limiter, A, false);
        release(limiter); // not passed on yet
        assertThat(take(limiter)).isEqualTo(Answer.NONE);
        waits(limiter, B, false);
        assertThat(grants(limiter)).containsExactly(A);
        waits(limiter, C, true);
        release(limiter);
        assertThat(limiter.tryAcquire(true, clock.nanoTime())).as("nor the first of theirs each other")
                .isEqualTo(Answer.NONE);
        assertThat(grants(limiter)).containsExactly(C);
    }

    @Test
    void thoseWithoutAnySessionComeBeforeTheOthersAndHaveAReserve() {
        SessionLimiter limiter = limiter(10, 2, 8);
        waits(limiter, A, false);
        assertThat(limiter.tryAcquire(true, clock.nanoTime())).isEqualTo(Answer.GRANTED);
        assertThat(limiter.tryAcquire(true, clock.nanoTime())).isEqualTo(Answer.GRANTED);
        waits(limiter, B, true);
        waits(limiter, C, true);
        release(limiter);
        assertThat(grants(limiter)).containsExactly(B);
        release(limiter);
        release(limiter);
        assertThat(grants(limiter)).as("the reserve is not for the other").containsExactly(C);
        release(limiter);
        assertThat(grants(limiter)).isEmpty();
        release(limiter);
        assertThat(grants(limiter)).containsExactly(A);
    }

    @Test
    void whoLosesItsLastSessionWhileItWaitsIsOneOfTheFirst() {
        SessionLimiter limiter = limiter(2, 1, 1);
        waits(limiter, A, false);
        waits(limiter, B, false);
        limiter.promote(B);
        limiter.promote(C); // waits for nothing
        assertThat(grants(limiter)).containsExactly(B);
        assertThat(limiter.isRegistered(A)).isTrue();
        assertThat(limiter.isRegistered(C)).isFalse();
        assertThat(limiter.waiting()).isEqualTo(1);
    }

    @Test
    void isWantedWhenAnybodyElseWaits() {
        SessionLimiter limiter = limiter(1, 1);
        assertThat(limiter.isWanted(false)).isFalse();
        waits(limiter, A, false);
        assertThat(limiter.isWanted(false)).isTrue();
        assertThat(limiter.isWanted(true)).as("only the owner waits").isFalse();
        waits(limiter, B, false);
        assertThat(limiter.isWanted(true)).isTrue();
    }

    @Test
    void namesTheSessionThatIdlesLongestButNotTheAskersOwn() {
        SessionLimiter limiter = limiter(4, 4);
        Idle own = new Idle(A, 1);
        Idle first = new Idle(B, 2);
        Idle busy = new Idle(B, 3);
        Idle last = new Idle(C, 4);
        List.of(own, busy, first, last).forEach(limiter::idle);
        limiter.busy(busy);
        limiter.idle(new Idle(A, 5));
        assertThat(limiter.longestIdle(A)).isSameAs(first);
        assertThat(limiter.longestIdle(A)).as("each is named once").isSameAs(last);
        assertThat(limiter.longestIdle(A)).isNull();
        assertThat(limiter.longestIdle(C)).isEqualTo(own);
    }

    @Test
    void refusesToTakeBackMoreThanItGave() {
        SessionLimiter limiter = limiter(1, 1);
        release(limiter);
        assertThatThrownBy(() -> release(limiter)).isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("connection_limit");
    }

    @Test
    void aRefusalMakesTheWindowWhatStands() {
        SessionLimiter limiter = limiter(10, 4);
        assertThat(limiter.size()).isEqualTo(10);
        refuse(limiter, false);
        assertThat(limiter.size()).isEqualTo(3);
        assertThat(limiter.open()).isEqualTo(3);
        assertThat(take(limiter)).isEqualTo(Answer.NONE);
        release(limiter);
        assertThat(take(limiter)).as("within the window").isEqualTo(Answer.GRANTED);
        assertThat(limiter.describe(A, clock.nanoTime()))
                .isEqualTo("window 3 of connection_limit 10, the receiver refused more (next in 10s)");
    }

    @Test
    void theWindowIsNeverLessThanOne() {
        SessionLimiter limiter = limiter(10, 1);
        refuse(limiter, false);
        assertThat(limiter.size()).isEqualTo(1);
        assertThat(take(limiter)).isEqualTo(Answer.GRANTED);
    }

    @Test
    void oneSessionMoreIsTriedAfterAWhile() {
        SessionLimiter limiter = limiter(10, 4);
        refuse(limiter, false);
        assertThat(limiter.triesAgainAt()).as("nobody waits for it").isEqualTo(Long.MIN_VALUE);
        waits(limiter, A, false);
        waits(limiter, B, false);
        assertThat(limiter.triesAgainAt() - clock.nanoTime()).isEqualTo(SessionLimiter.FIRST_TRIAL.toNanos());
        clock.advance(SessionLimiter.FIRST_TRIAL.minus(MILLI));
        assertThat(limiter.next(clock.nanoTime())).isNull();
        clock.advance(MILLI);
        assertThat(limiter.next(clock.nanoTime())).isEqualTo(new Grant(A, true));
        clock.advance(Duration.ofHours(1));
        assertThat(limiter.next(clock.nanoTime())).as("one at a time").isNull();
        assertThat(limiter.triesAgainAt()).isEqualTo(Long.MIN_VALUE);
    }

    @Test
    void eachTrialThatIsRefusedDoublesThePause() {
        SessionLimiter limiter = limiter(10, 4);
        refuse(limiter, false);
        List<Long> pauses = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
            long begin = clock.nanoTime();
            for (int waited = 0; take(limiter) == Answer.NONE; waited++) {
                assertThat(waited).isLessThanOrEqualTo(300);
                clock.advance(Duration.ofSeconds(1));
            }
            pauses.add(Duration.ofNanos(clock.nanoTime() - begin).toSeconds());
            refuse(limiter, true);
            assertThat(limiter.size()).isEqualTo(3);
        }
        assertThat(pauses).containsExactly(10L, 20L, 40L, 80L, 160L, 300L, 300L);
    }

    /** Sessions that were begun before and are refused after: each shows that fewer are taken, none that it lasts. */
    @Test
    void aVolleyOfRefusalsMakesThePauseNoLonger() {
        SessionLimiter limiter = limiter(10, 8);
        for (int i = 0; i < 4; i++) {
            refuse(limiter, false);
            clock.advance(Duration.ofSeconds(1));
        }
        assertThat(limiter.size()).isEqualTo(4);
        clock.advance(SessionLimiter.FIRST_TRIAL.minusSeconds(4));
        assertThat(take(limiter)).isEqualTo(Answer.TRIAL);
    }

    @Test
    void eachTrialThatDeliversMakesRoomForTheNextAtOnce() {
        SessionLimiter limiter = limiter(5, 4);
        refuse(limiter, false);
        clock.advance(SessionLimiter.FIRST_TRIAL);
        for (int window = 4; window <= 5; window++) {
            assertThat(take(limiter)).isEqualTo(Answer.TRIAL);
            assertThat(limiter.proved(true, clock.nanoTime())).isTrue();
            assertThat(limiter.proved(false, clock.nanoTime())).isFalse();
            assertThat(limiter.size()).isEqualTo(window);
        }
        assertThat(limiter.isLearned()).as("as many as are configured").isFalse();
        assertThat(take(limiter)).isEqualTo(Answer.NONE);
        assertThat(limiter.open()).isEqualTo(5);
    }

    @Test
    void aRefusalAfterSuccessBeginsWithTheShortestPause() {
        SessionLimiter limiter = limiter(10, 4);
        refuse(limiter, false);
        clock.advance(SessionLimiter.FIRST_TRIAL);
        assertThat(take(limiter)).isEqualTo(Answer.TRIAL);
        refuse(limiter, true);
        clock.advance(SessionLimiter.FIRST_TRIAL.multipliedBy(2));
        assertThat(take(limiter)).isEqualTo(Answer.TRIAL);
        limiter.proved(true, clock.nanoTime());
        clock.advance(SessionLimiter.FIRST_TRIAL);
        refuse(limiter, false);
        clock.advance(SessionLimiter.FIRST_TRIAL.minus(MILLI));
        assertThat(take(limiter)).isEqualTo(Answer.NONE);
        clock.advance(MILLI);
        assertThat(take(limiter)).isEqualTo(Answer.TRIAL);
    }

    /** No mail was left for it: it says nothing, and another is tried after the same pause. */
    @Test
    void aTrialThatEndsWithoutHavingShownAnythingIsRepeated() {
        SessionLimiter limiter = limiter(10, 4);
        refuse(limiter, false);
        for (int i = 0; i < 3; i++) {
            clock.advance(SessionLimiter.FIRST_TRIAL);
            assertThat(take(limiter)).isEqualTo(Answer.TRIAL);
            limiter.release(true, clock.nanoTime());
            assertThat(take(limiter)).isEqualTo(Answer.NONE);
            waits(limiter, A, false);
            assertThat(limiter.triesAgainAt() - clock.nanoTime()).isEqualTo(SessionLimiter.FIRST_TRIAL.toNanos());
            limiter.release(false, clock.nanoTime());
            assertThat(grants(limiter)).containsExactly(A);
        }
        assertThat(limiter.size()).isEqualTo(3);
    }

    @Test
    void aChangedLimitForgetsTheWindow() {
        SessionLimiter limiter = limiter(10, 4);
        refuse(limiter, false);
        waits(limiter, A, false);
        limiter.limit(20);
        assertThat(limiter.size()).isEqualTo(20);
        assertThat(grants(limiter)).containsExactly(A);
    }

    /** What becomes of the trial of before says nothing about the limit of now, and no second one is tried beside it. */
    @Test
    void aTrialOutlivesAChangedLimitAndIsTheOnlyOne() {
        SessionLimiter limiter = limiter(10, 4);
        refuse(limiter, false);
        clock.advance(SessionLimiter.FIRST_TRIAL);
        assertThat(take(limiter)).isEqualTo(Answer.TRIAL);
        limiter.limit(11);
        assertThat(take(limiter)).isEqualTo(Answer.GRANTED);
        refuse(limiter, false);
        clock.advance(SessionLimiter.LAST_TRIAL);
        assertThat(take(limiter)).isEqualTo(Answer.NONE);
        limiter.limit(12);
        assertThat(limiter.proved(true, clock.nanoTime())).isTrue();
        assertThat(limiter.size()).isEqualTo(12);
    }

    @Test
    void aLoweredLimitGivesNothingUntilEnoughHaveEnded() {
        SessionLimiter limiter = limiter(5, 5);
        waits(limiter, A, false);
        limiter.limit(3);
        for (int i = 0; i < 2; i++) {
            release(limiter);
            assertThat(grants(limiter)).isEmpty();
        }
        release(limiter);
        assertThat(grants(limiter)).containsExactly(A);
    }

    @Test
    void afterACollapseItBeginsWithOneAndGrowsAsItProves() {
        SessionLimiter limiter = limiter(10, 1);
        limiter.collapsed(clock.nanoTime());
        release(limiter);
        assertThat(limiter.size()).isEqualTo(1);
        assertThat(take(limiter)).isEqualTo(Answer.GRANTED);
        for (int window = 2; window < 10; window++) {
            assertThat(take(limiter)).isEqualTo(Answer.TRIAL);
            assertThat(take(limiter)).isEqualTo(Answer.NONE);
            assertThat(limiter.proved(true, clock.nanoTime())).isTrue();
            assertThat(limiter.size()).isEqualTo(window);
        }
    }

    @Test
    void doesNotCollapseWhileOtherSessionsStand() {
        SessionLimiter limiter = limiter(10, 2);
        limiter.collapsed(clock.nanoTime());
        assertThat(limiter.size()).isEqualTo(10);
    }

    /**
     * Random schedules of everything that can come. Whoever waits gets a permit as soon as one is free for him, in the
     * order of waiting, or the time of the next trial is known, or the trial under way is a session that is open.
     */
    @Test
    void whoeverWaitsIsServedOrKnowsUntilWhen() {
        for (long seed = 0; seed < 4_000; seed++) {
            new Model(seed).run(150);
        }
    }

    /** What its callers do to a limiter, and what they may rely on. */
    private static final class Model {
        /** A permit as {@link Permit} keeps it. */
        private static final class Open {
            final Queue queue;
            boolean trial;

            Open(Queue queue, boolean trial) {
                this.queue = queue;
                this.trial = trial;
            }
        }

        private final long seed;
        private final SplittableRandom random;
        private final List<Queue> queues = new ArrayList<>();
        private final List<Open> open = new ArrayList<>();
        private final Set<Waiter> firsts = new LinkedHashSet<>();
        private final Set<Waiter> others = new LinkedHashSet<>();
        private final int reserve;
        private final SessionLimiter limiter;
        private int limit;
        private long now;

        Model(long seed) {
            this.seed = seed;
            random = new SplittableRandom(seed);
            now = random.nextLong();
            reserve = random.nextInt(3) == 0 ? random.nextInt(1, 3) : 0;
            limit = reserve + random.nextInt(1, 8);
            limiter = new SessionLimiter("limit", limit, reserve);
            for (int i = 0; i < 12; i++) {
                queues.add(new Queue("q" + i));
            }
        }

        void run(int steps) {
            for (int step = 0; step < steps; step++) {
                act();
                check(step);
            }
            settle(steps);
        }

        /** Nobody new comes: all are served in a time that can be told. */
        private void settle(int steps) {
            int rounds = 0;
            while (!firsts.isEmpty() || !others.isEmpty()) {
                assertThat(rounds).as("seed %d: rounds to serve all of %s", seed, limiter).isLessThan(1_000);
                if (open.isEmpty()) {
                    now += SessionLimiter.FIRST_TRIAL.toNanos();
                } else {
                    ends(random.nextInt(open.size()));
                }
                pass();
                check(steps + rounds++);
            }
        }

        private void act() {
            switch (random.nextInt(12)) {
                case 0, 1, 2, 3 -> asks(queues.get(random.nextInt(queues.size())));
                case 4, 5 -> {
                    if (!open.isEmpty()) {
                        ends(random.nextInt(open.size()));
                    }
                }
                case 6 -> proves();
                case 7 -> fails();
                case 8 -> now += random.nextLong(SessionLimiter.FIRST_TRIAL.toNanos());
                case 9 -> {
                    long at = limiter.triesAgainAt();
                    if (at != Long.MIN_VALUE) {
                        now += Math.max(0, at - now);
                    }
                }
                case 10 -> promotes();
                default -> {
                    if (random.nextInt(10) == 0) {
                        limit = reserve + random.nextInt(1, 8);
                        limiter.limit(limit);
                    }
                }
            }
            pass();
        }

        private void asks(Queue queue) {
            if (firsts.contains(queue) || others.contains(queue)) {
                return;
            }
            boolean first = reserve > 0 && open.stream().noneMatch(each -> each.queue.equals(queue));
            boolean nobodyBefore = first ? firsts.isEmpty() : firsts.isEmpty() && others.isEmpty();
            Answer answer = limiter.acquire(queue, first, now);
            if (answer == Answer.NONE) {
                (first ? firsts : others).add(queue);
            } else {
                assertThat(nobodyBefore).as("seed %d: %s passed others", seed, queue).isTrue();
                open.add(new Open(queue, answer == Answer.TRIAL));
            }
        }

        private void ends(int index) {
            limiter.release(open.remove(index).trial, now);
            if (random.nextInt(4) == 0) { // in the moment before it is passed on
                asks(queues.get(random.nextInt(queues.size())));
            }
        }

        private void proves() {
            if (!open.isEmpty()) {
                Open permit = open.get(random.nextInt(open.size()));
                limiter.proved(permit.trial, now);
                permit.trial = false;
            }
        }

        private void fails() {
            if (open.isEmpty() || reserve > 0) {
                return; // only receivers refuse, and their limits have no reserve
            }
            int index = random.nextInt(open.size());
            Open permit = open.get(index);
            if (open.size() > 1) {
                limiter.refused(permit.trial, now);
                permit.trial = false;
            } else if (random.nextBoolean()) {
                limiter.collapsed(now);
            }
            ends(index);
        }

        private void promotes() {
            if (reserve > 0 && !others.isEmpty()) {
                Waiter waiter = others.iterator().next();
                limiter.promote(waiter);
                others.remove(waiter);
                firsts.add(waiter);
            }
        }

        private void pass() {
            for (Grant grant = limiter.next(now); grant != null; grant = limiter.next(now)) {
                Iterator<Waiter> order = (firsts.isEmpty() ? others : firsts).iterator();
                assertThat(grant.waiter()).as("seed %d: whose turn it is", seed).isEqualTo(order.next());
                order.remove();
                open.add(new Open((Queue) grant.waiter(), grant.trial()));
            }
        }

        private void check(int step) {
            String when = "seed " + seed + ", step " + step + ", " + limiter;
            assertThat(limiter.violation(now)).as(when).isNull();
            assertThat(limiter.open()).as(when).isEqualTo(open.size());
            assertThat(limiter.waiting()).as(when).isEqualTo(firsts.size() + others.size());
            long trials = open.stream().filter(permit -> permit.trial).count();
            assertThat(trials).as("trials at one time: %s", when).isLessThanOrEqualTo(1);
            if (limiter.waiting() > 0 && open.size() < (firsts.isEmpty() ? limit - reserve : limit)) {
                long at = limiter.triesAgainAt();
                if (at == Long.MIN_VALUE) {
                    assertThat(trials).as("the trial that everybody waits for is open: %s", when).isEqualTo(1);
                } else {
                    assertThat(at - now).as("until the next trial: %s", when).isPositive()
                            .isLessThanOrEqualTo(SessionLimiter.LAST_TRIAL.toNanos());
                }
            }
        }
    }

    /** Whose mail may come to be of the other class. */
    private static final class Mixed implements Waiter {
        private final String name;
        private boolean transactional;

        private Mixed(String name, boolean transactional) {
            this.name = name;
            this.transactional = transactional;
        }

        static Mixed of(String name, boolean transactional) {
            return new Mixed(name, transactional);
        }

        @Override
        public MailClass mailClass() {
            return transactional ? MailClass.TRANSACTIONAL : MailClass.BULK;
        }

        @Override
        public int bulkPercent() {
            return 25;
        }
    }

    @Test
    void whoHasTransactionalMailComesFirstAndBulkHasItsShare() {
        SessionLimiter limiter = limiter(20, 20);
        for (int i = 0; i < 8; i++) {
            waits(limiter, Mixed.of("bulk" + i, false), true);
        }
        for (int i = 0; i < 8; i++) {
            waits(limiter, Mixed.of("urgent" + i, true), true);
        }
        waits(limiter, Mixed.of("has a session", true), false);
        List<String> order = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            release(limiter);
            grants(limiter).forEach(each -> order.add(((Mixed) each).name));
        }
        assertThat(order).containsExactly("urgent0", "urgent1", "urgent2", "bulk0", "urgent3", "urgent4", "urgent5",
                "bulk1", "urgent6", "urgent7", "bulk2", "bulk3");
    }

    @Test
    void whoseMailComesToBeOfTheOtherClassWaitsAmongThose() {
        SessionLimiter limiter = limiter(5, 5);
        Mixed first = Mixed.of("first", false);
        Mixed second = Mixed.of("second", false);
        Mixed third = Mixed.of("third", true);
        waits(limiter, first, false);
        waits(limiter, second, false);
        waits(limiter, third, false);
        second.transactional = true;
        limiter.classChanged(second);
        third.transactional = false;
        limiter.classChanged(third);
        limiter.classChanged(Mixed.of("waits nowhere", true));
        assertThat(limiter.waiting()).isEqualTo(3);
        List<Waiter> order = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            release(limiter);
            order.addAll(grants(limiter));
        }
        assertThat(order).containsExactly(second, first, third);
        assertThat(limiter.violation(clock.nanoTime())).isNull();
    }
}
