package dev.penstock.delivery;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;

import dev.penstock.routing.MailHost;

final class ReturningHostsTest {
    private static final String SOURCE = "default";
    private static final Duration TIME = Duration.ofMinutes(1);
    private static final MailHost FIRST = DeliveryRig.host("mx1.dest.example", 2501);
    private static final MailHost SECOND = DeliveryRig.host("mx2.dest.example", 2502);
    private static final List<MailHost> BOTH = List.of(FIRST, SECOND);
    private static final List<MailHost> OTHER = List.of(SECOND);
    private static final int SCHEDULES = 60;

    private long now;

    private void after(Duration time) {
        now += time.toNanos();
    }

    @Test
    void aHostThatFailedIsTriedByOneSessionWhenItsTimeIsOverAndByAllWhenItHasWorked() {
        ReturningHosts hosts = new ReturningHosts(TIME, () -> now);
        assertThat(hosts.forSession(SOURCE, BOTH).hosts()).isEqualTo(BOTH);
        hosts.add(SOURCE, FIRST);
        assertThat(hosts.forSession(SOURCE, BOTH).hosts()).isEqualTo(OTHER);
        after(TIME);
        assertThat(hosts.withoutBad(SOURCE, BOTH)).isEqualTo(OTHER);
        assertThat(hosts.forSession(SOURCE, BOTH).hosts()).isEqualTo(BOTH);
        assertThat(hosts.forSession(SOURCE, BOTH).hosts()).isEqualTo(OTHER);
        hosts.worked(SOURCE, FIRST);
        assertThat(hosts.forSession(SOURCE, BOTH).hosts()).isEqualTo(BOTH);
        assertThat(hosts.withoutBad(SOURCE, BOTH)).isEqualTo(BOTH);
        assertThat(hosts.size()).isZero();
    }

    @Test
    void ofSeveralWhoseTimeIsOverASessionTriesOne() {
        ReturningHosts hosts = new ReturningHosts(TIME, () -> now);
        hosts.add(SOURCE, FIRST);
        hosts.add(SOURCE, SECOND);
        MailHost third = DeliveryRig.host("mx3.dest.example", 2503);
        List<MailHost> all = List.of(FIRST, SECOND, third);
        after(TIME);
        assertThat(hosts.forSession(SOURCE, all).hosts()).containsExactly(FIRST, third);
        assertThat(hosts.forSession(SOURCE, all).hosts()).containsExactly(SECOND, third);
        assertThat(hosts.forSession(SOURCE, all).hosts()).containsExactly(third);
    }

    @Test
    void aTryOfWhichNothingIsHeardMakesRoomForAnother() {
        ReturningHosts hosts = new ReturningHosts(TIME, () -> now);
        hosts.add(SOURCE, FIRST);
        after(TIME);
        assertThat(hosts.forSession(SOURCE, BOTH).hosts()).isEqualTo(BOTH);
        after(TIME.minusNanos(1));
        assertThat(hosts.forSession(SOURCE, BOTH).hosts()).isEqualTo(OTHER);
        after(Duration.ofNanos(1));
        assertThat(hosts.forSession(SOURCE, BOTH).hosts()).isEqualTo(BOTH);
    }

    @Test
    void aTryThatNeverBeganMakesRoomAtOnceAndTakesNobodyElsesTurn() {
        ReturningHosts hosts = new ReturningHosts(TIME, () -> now);
        hosts.add(SOURCE, FIRST);
        after(TIME);
        ReturningHosts.Returning first = requireNonNull(hosts.forSession(SOURCE, BOTH).returning());
        assertThat(hosts.forSession(SOURCE, BOTH)).isEqualTo(new ReturningHosts.Choice(OTHER, null));
        hosts.untried(first);
        ReturningHosts.Returning second = requireNonNull(hosts.forSession(SOURCE, BOTH).returning());
        after(TIME);
        ReturningHosts.Returning third = requireNonNull(hosts.forSession(SOURCE, BOTH).returning());
        hosts.untried(second); // late: its turn was over
        assertThat(hosts.forSession(SOURCE, BOTH).hosts()).isEqualTo(OTHER);
        hosts.worked(SOURCE, FIRST);
        hosts.untried(third);
        assertThat(hosts.size()).as("what has worked stays back").isZero();
    }

    @Test
    void withoutAnotherHostTheOneThatIsOutIsTried() {
        ReturningHosts hosts = new ReturningHosts(TIME, () -> now);
        hosts.add(SOURCE, FIRST);
        assertThat(hosts.forSession(SOURCE, List.of(FIRST)).hosts()).containsExactly(FIRST);
    }

    @Test
    void withoutATimeNoHostIsEverOut() {
        ReturningHosts hosts = new ReturningHosts(Duration.ZERO, () -> now);
        hosts.add(SOURCE, FIRST);
        assertThat(hosts.forSession(SOURCE, BOTH).hosts()).isEqualTo(BOTH);
    }

    /**
     * Sessions that begin and end at random times, ten at a time, over six hours in which the first host goes and comes by
     * a schedule of its own: those that are lost on it are the ten of each going at most, and one for each try.
     */
    @Test
    void aHostThatComesAndGoesDoesNotTakeTheSessionsAlong() {
        for (long seed = 0; seed < SCHEDULES; seed++) {
            run(seed);
        }
    }

    /** @param endNanos when it is known what became of it */
    private record Session(boolean first, long endNanos) {}

    private void run(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        now = random.nextLong();
        long end = now + TimeUnit.HOURS.toNanos(6);
        ReturningHosts hosts = new ReturningHosts(TIME, () -> now);
        boolean up = true;
        boolean stays = random.nextBoolean();
        long change = now;
        int goings = 0;
        int lost = 0;
        List<Session> sessions = new ArrayList<>();
        while (now - end < 0) {
            now += random.nextLong(TimeUnit.SECONDS.toNanos(2));
            if (now - change >= 0) {
                up = !up;
                goings += up ? 0 : 1;
                change = stays && !up ? end : now + random.nextLong(TimeUnit.MINUTES.toNanos(up ? 3 : 10));
            }
            for (Session session : List.copyOf(sessions)) {
                if (now - session.endNanos >= 0) {
                    sessions.remove(session);
                    if (session.first && up) {
                        hosts.worked(SOURCE, FIRST);
                    } else if (session.first) {
                        hosts.add(SOURCE, FIRST);
                        lost++;
                    }
                }
            }
            while (sessions.size() < 10) {
                List<MailHost> tried = hosts.forSession(SOURCE, BOTH).hosts();
                sessions.add(new Session(tried.getFirst().equals(FIRST),
                        now + random.nextLong(TimeUnit.SECONDS.toNanos(30))));
            }
        }
        long longest = TIME.toMinutes() << 4;
        long returns = 5 + 360 / longest + 1; // with times of 1, 2, 4, 8, 16, 16 … minutes
        long most = stays ? 10 + returns : 10 * Math.min(goings, returns) + returns;
        assertThat(lost).as("seed %d: %d goings", seed, goings).isLessThanOrEqualTo((int) most);
        if (goings > 0) {
            assertThat(lost).as("seed %d", seed).isPositive();
        }
    }
}
