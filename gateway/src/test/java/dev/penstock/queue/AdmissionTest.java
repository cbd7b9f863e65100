package dev.penstock.queue;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.queue.ReadyQueue.Session;
import dev.penstock.queue.ReadyQueue.Trouble;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.OpeningLimiter;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedSessions;
import dev.penstock.testing.FakeLimitBook;
import dev.penstock.units.Rate;

/** Permits of several limiters that come back in one moment, on one thread: each finds whoever can use it, in a few steps. */
class AdmissionTest {
    /** Far more than any event here needs. */
    private static final int STEPS = 10_000;
    private static final List<TlsPolicy> POLICIES = List.of(TlsPolicy.values());

    private int networks;

    private static OpeningLimiter opening(int limit) {
        return new OpeningLimiter("max-sessions that come up", limit, 0);
    }

    private static QueueHarness harness(int maxSessions, int places) {
        QueueHarness harness = QueueHarness.open(new SessionLimiter("max-sessions", maxSessions, 0), opening(places));
        harness.looksLeft = STEPS;
        return harness;
    }

    private static void connectionLimit(QueueHarness harness, int connections) {
        harness.reconfigure(
                new ShapingConfig(TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, connections), Map.of()));
    }

    /** A message for a site whose host is in a network of its own. */
    private ReadyQueue site(QueueHarness harness, String name) {
        String domain = name + ".example";
        harness.router.set(domain, new Route.Hosts(new Site(domain), List.of(host()), false));
        harness.submit(domain);
        return harness.readyQueue(domain);
    }

    /** A message for a queue that shares the limits of its site with those of other numbers. */
    private ReadyQueue shared(QueueHarness harness, int number) {
        String domain = "d" + number + ".example";
        TlsPolicy policy = POLICIES.get(number);
        harness.router.set(domain, new Route.Hosts(new Site("shared"), List.of(host()), false, false, policy));
        harness.submit(domain);
        return harness.ready.stream().filter(queue -> queue.key().tls() == policy).findAny().orElseThrow();
    }

    private MailHost host() {
        return new MailHost("mx", InetAddress.ofLiteral("192.0." + networks++ + ".1"), 25, 0);
    }

    /** Its session has delivered its mail and stands, with nothing to do. */
    private static Session stands(QueueHarness harness, ReadyQueue queue) {
        Session session = harness.begun(queue);
        harness.queue.finished(requireNonNull(harness.admission.up(session)));
        harness.admission.proved(session);
        return session;
    }

    /** Its session delivers its mail and ends. */
    private static void serve(QueueHarness harness, ReadyQueue queue) {
        harness.admission.ended(stands(harness, queue));
    }

    @Test
    void whenAPlaceAndASessionBecomeFreeTogetherOneOfThoseWhoWaitOpens() {
        QueueHarness harness = harness(4, 3);
        Session firstUp = stands(harness, site(harness, "up1"));
        Session secondUp = stands(harness, site(harness, "up2"));
        ReadyQueue fails = site(harness, "fails");
        site(harness, "comes-up");
        ReadyQueue a = site(harness, "a");
        ReadyQueue b = site(harness, "b");
        assertThat(a.waitingAt()).isSameAs(harness.total);
        assertThat(b.waitingAt()).isSameAs(harness.total);
        harness.admission.ended(firstUp);
        assertThat(harness.hasBegun(a)).isTrue();
        ReadyQueue d = site(harness, "d");
        ReadyQueue e = site(harness, "e");
        harness.fail(fails, Trouble.UNREACHABLE); // all sessions are open, all places taken, and one of each comes back
        assertThat(harness.hasBegun(b)).isTrue();
        serve(harness, harness.readyQueue("comes-up.example"));
        harness.admission.ended(secondUp);
        serve(harness, a);
        serve(harness, b);
        serve(harness, d);
        serve(harness, e);
        assertThat(harness.total.open()).isZero();
    }

    @Test
    void whenASessionOfItsSiteAndOneOfAllBecomeFreeTogetherOneOfThoseWhoWaitOpens() {
        QueueHarness harness = harness(2, 100);
        connectionLimit(harness, 1);
        stands(harness, site(harness, "stays"));
        Session other = stands(harness, site(harness, "other"));
        ReadyQueue first = shared(harness, 0);
        ReadyQueue second = shared(harness, 1);
        harness.admission.ended(other);
        ReadyQueue third = shared(harness, 2);
        ReadyQueue fourth = shared(harness, 3);
        serve(harness, first);
        serve(harness, second);
        serve(harness, third);
        serve(harness, fourth);
        assertThat(first.throttle().sessions().open()).isZero();
    }

    @Test
    void whenASessionOfItsSiteAndAPlaceBecomeFreeTogetherOneOfThoseWhoWaitOpens() {
        QueueHarness harness = harness(100, 1);
        connectionLimit(harness, 1);
        ReadyQueue other = site(harness, "other");
        ReadyQueue first = shared(harness, 0);
        ReadyQueue second = shared(harness, 1);
        serve(harness, other);
        ReadyQueue third = shared(harness, 2);
        ReadyQueue fourth = shared(harness, 3);
        harness.fail(first, Trouble.UNREACHABLE); // its only message is charged with that
        serve(harness, second);
        serve(harness, third);
        serve(harness, fourth);
        assertThat(first.throttle().sessions().open()).isZero();
    }

    /** What comes while it gives back what it held opens another, and that one is alone. */
    @Test
    void aSessionThatHasFailedDoesNotCountAsOneThatStands() {
        QueueHarness harness = harness(10, 10);
        ReadyQueue queue = site(harness, "dead");
        harness.submit("dead.example");
        Session first = harness.begun(queue);
        assertThat(harness.admission.failed(first, Trouble.UNREACHABLE, true, "refused").charged()).isNotNull();
        harness.submit("dead.example");
        Session second = harness.begun(queue);
        assertThat(second).isNotSameAs(first);
        assertThat(first.permit().othersOpen()).isTrue();
        assertThat(second.permit().othersOpen()).isFalse();
        assertThat(harness.admission.failed(second, Trouble.UNREACHABLE, true, "refused").charged()).isNotNull();
        harness.admission.ended(first);
        harness.admission.ended(second);
        assertThat(queue.throttle().sessions().violation(0)).isNull();
    }

    /** Those who wait for a session of all have places as far as they had to wait for these too, and no others. */
    @Test
    void aQueueKeepsAPlaceOnlyIfItHadToWaitForIt() {
        QueueHarness harness = harness(2, 1);
        Session up = stands(harness, site(harness, "up"));
        ReadyQueue comesUp = site(harness, "comes-up");
        ReadyQueue early = site(harness, "early");
        assertThat(early.waitingAt()).isSameAs(harness.total);
        assertThat(requireNonNull(early.kept()).place()).isNull();
        harness.admission.ended(up);
        assertThat(early.waitingAt()).as("all places are taken").isInstanceOf(OpeningLimiter.class);
        ReadyQueue late = site(harness, "late");
        assertThat(late.waitingAt()).isInstanceOf(OpeningLimiter.class);
        Session last = stands(harness, comesUp);
        assertThat(harness.hasBegun(early)).isTrue();
        Session ofEarly = stands(harness, early);
        assertThat(late.waitingAt()).isSameAs(harness.total);
        assertThat(requireNonNull(late.kept()).place()).isNotNull();
        harness.admission.ended(last);
        harness.admission.ended(ofEarly);
        serve(harness, late);
        assertThat(harness.total.open()).isZero();
    }

    @Test
    void aPlaceThatIsKeptPassesOnWhenTheMailHasGone() {
        QueueHarness harness = harness(2, 1);
        Session up = stands(harness, site(harness, "up"));
        ReadyQueue comesUp = site(harness, "comes-up");
        ReadyQueue gone = site(harness, "gone");
        ReadyQueue other = site(harness, "other");
        harness.admission.ended(up);
        ReadyQueue third = site(harness, "third");
        assertThat(third.waitingAt()).isInstanceOf(OpeningLimiter.class);
        Session last = stands(harness, comesUp);
        Session ofGone = stands(harness, gone);
        assertThat(requireNonNull(other.kept()).place()).isNotNull();
        harness.clock.advance(Duration.ofSeconds(1));
        QueueHarness.takeOld(other, harness.clock.millis()).forEach(harness.queue::finished);
        harness.advance(Duration.ofMillis(20));
        assertThat(other.kept()).isNull();
        assertThat(third.waitingAt()).isSameAs(harness.total);
        harness.admission.ended(last);
        harness.admission.ended(ofGone);
        serve(harness, third);
        assertThat(harness.total.open()).isZero();
    }

    private static PathLimits by(SharedLimit... limits) {
        return new PathLimits(TrafficLimits.DEFAULT, List.of(limits));
    }

    private static void book(FakeLimitBook book, String site, SharedLimit... limits) {
        book.put(new EgressPath("default", new Site(site + ".example")), by(limits));
    }

    /** b needs what a and c have; each that ends serves others first as long as b lacks the other's, and b in its turn. */
    @Test
    void whoNeedsPermitsOfTwoSharedLimitsTakesThemAtOneMoment() {
        FakeLimitBook book = new FakeLimitBook();
        SharedLimit one = FakeLimitBook.connections("one", 1);
        SharedLimit two = FakeLimitBook.connections("two", 1);
        book(book, "a", one);
        book(book, "b", one, two);
        book(book, "c", two);
        book(book, "a2", one);
        QueueHarness harness = QueueHarness.open(new SessionLimiter("max-sessions", 100, 0), opening(100), book);
        harness.looksLeft = STEPS;
        Session ofA = stands(harness, site(harness, "a"));
        Session ofC = stands(harness, site(harness, "c"));
        ReadyQueue b = site(harness, "b");
        assertThat(b.waitingAt()).isInstanceOf(SharedSessions.class);
        assertThat(harness.queue.items("b.example", 1).getFirst().waitingFor())
                .startsWith("provider_connection_limit 1 of one (shaping.toml:11)");
        assertThat(b.throttle().sessions().open()).as("what it keeps").isEqualTo(1);
        harness.admission.ended(ofA);
        assertThat(harness.hasBegun(b)).isFalse();
        assertThat(harness.queue.items("b.example", 1).getFirst().waitingFor())
                .startsWith("provider_connection_limit 1 of two (shaping.toml:11)");
        assertThat(harness.shaper.open(one.id())).as("it keeps nothing that others could have").isZero();
        Session ofA2 = stands(harness, site(harness, "a2"));
        harness.admission.ended(ofC);
        assertThat(harness.hasBegun(b)).isFalse();
        ReadyQueue again = site(harness, "a");
        assertThat(again.waitingAt()).isInstanceOf(SharedSessions.class);
        harness.admission.ended(ofA2);
        assertThat(harness.hasBegun(b)).as("it came before").isTrue();
        assertThat(harness.hasBegun(again)).isFalse();
        serve(harness, b);
        serve(harness, again);
        assertThat(harness.shaper.open(one.id()) + harness.shaper.open(two.id())).isZero();
    }

    @Test
    void whoWaitsForASharedLimitHasWhatIsAddedToItAtOnce() {
        FakeLimitBook book = new FakeLimitBook();
        book.others((_, _) -> by(FakeLimitBook.connections("mail", 2)));
        QueueHarness harness = QueueHarness.open(new SessionLimiter("max-sessions", 100, 0), opening(100), book);
        for (int i = 0; i < 10; i++) {
            site(harness, "s" + i);
        }
        assertThat(harness.comingUp).hasSize(2);
        book.others((_, _) -> by(FakeLimitBook.connections("mail", 7)));
        harness.shaper.changed("", "");
        assertThat(harness.comingUp).hasSize(7);
        book.others((_, _) -> by());
        harness.shaper.changed();
        assertThat(harness.comingUp).hasSize(10);
    }

    @Test
    void sessionsThatStandCountForASharedLimitThatIsNew() {
        FakeLimitBook book = new FakeLimitBook();
        QueueHarness harness = QueueHarness.open(new SessionLimiter("max-sessions", 100, 0), opening(100), book);
        SharedLimit limit = FakeLimitBook.connections("mail", 3);
        List<Session> standing = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            standing.add(stands(harness, site(harness, "s" + i)));
        }
        book.others((_, _) -> by(limit));
        harness.shaper.changed();
        assertThat(harness.shaper.open(limit.id())).isEqualTo(5);
        ReadyQueue more = site(harness, "more");
        for (int i = 0; i < 2; i++) {
            harness.admission.ended(standing.removeLast());
            assertThat(harness.hasBegun(more)).isFalse();
        }
        harness.admission.ended(standing.removeLast());
        assertThat(harness.hasBegun(more)).isTrue();
    }

    /** All sites of a provider progress, however much one of them has. */
    @Test
    void aQueueWithoutASessionComesBeforeOthersAtASharedLimit() {
        FakeLimitBook book = new FakeLimitBook();
        book.others((_, _) -> by(FakeLimitBook.connections("mail", 2)));
        QueueHarness harness = QueueHarness.open(new SessionLimiter("max-sessions", 100, 0), opening(100), book);
        for (int i = 0; i < 100; i++) {
            harness.submit("big.example");
        }
        ReadyQueue big = harness.readyQueue("big.example");
        Session first = harness.begun(big);
        harness.queue.finished(requireNonNull(harness.admission.up(first)));
        Session second = harness.begun(big);
        harness.queue.finished(requireNonNull(harness.admission.up(second)));
        assertThat(big.waitingAt()).isInstanceOf(SharedSessions.class);
        ReadyQueue small = site(harness, "small");
        assertThat(first.permit().isWanted(big.waitingAt())).isTrue();
        harness.admission.ended(first);
        assertThat(harness.hasBegun(small)).isTrue();
        assertThat(second.permit().isWanted(big.waitingAt())).as("but by itself").isFalse();
    }

    /** A message for a site with these hosts. */
    private static ReadyQueue siteAt(QueueHarness harness, String name, MailHost... hosts) {
        harness.router.set(name, new Route.Hosts(new Site(name), List.of(hosts), false));
        harness.submit(name);
        return harness.readyQueue(name);
    }

    private MailHost crowded(QueueHarness harness) {
        MailHost crowded = host();
        for (int i = 0; harness.comingUp.size() == i; i++) {
            siteAt(harness, "crowd" + i + ".example", crowded);
        }
        return crowded;
    }

    @Test
    void aHostThatNoSessionWouldTryHoldsUpNothing() {
        QueueHarness harness = harness(100, 10);
        MailHost crowded = crowded(harness);
        MailHost backup = new MailHost("backup", host().address(), crowded.preference() + 10);
        harness.tried = hosts -> hosts.stream().filter(host -> hosts.size() == 1 || !host.equals(crowded)).toList();
        assertThat(harness.hasBegun(siteAt(harness, "b.example", crowded, backup))).isTrue();
    }

    @Test
    void ofHostsThatArePreferredAlikeTheOneWithRoomCounts() {
        QueueHarness harness = harness(100, 10);
        MailHost crowded = crowded(harness);
        assertThat(harness.hasBegun(siteAt(harness, "b.example", crowded, host()))).isTrue();
        ReadyQueue waits = siteAt(harness, "c.example", crowded,
                new MailHost("backup", host().address(), crowded.preference() + 10));
        assertThat(waits.waitingAt()).isInstanceOf(OpeningLimiter.class);
    }

    @Test
    void aQueueThatWaitsForANetworkFollowsItsRoute() {
        QueueHarness harness = harness(100, 10);
        MailHost crowded = crowded(harness);
        ReadyQueue waits = siteAt(harness, "b.example", crowded);
        assertThat(waits.waitingAt()).isInstanceOf(OpeningLimiter.class);
        moves(harness, "b.example", host());
        assertThat(harness.hasBegun(waits)).isTrue();
    }

    @Test
    void aNetworkInWhichTheLastSessionFoundNoPlaceIsForgottenWithItsRoute() {
        QueueHarness harness = harness(100, 10);
        MailHost crowded = crowded(harness);
        ReadyQueue waits = siteAt(harness, "b.example", host(), crowded);
        Session session = harness.begun(waits);
        assertThat(harness.admission.comesUp(session, crowded.network())).isFalse();
        harness.admission.ended(session);
        assertThat(waits.waitingAt()).isInstanceOf(OpeningLimiter.class);
        moves(harness, "b.example", host());
        assertThat(harness.hasBegun(waits)).isTrue();
    }

    @Test
    void aSessionThatFoundNoHostWithRoomTakesNoSlotOfTheConnectionRate() {
        QueueHarness harness = harness(100, 10);
        harness.reconfigure(new ShapingConfig(
                TrafficLimits.DEFAULT.with(TrafficLimits.MAX_CONNECTION_RATE, Rate.parse("1/min")), Map.of()));
        MailHost crowded = crowded(harness);
        ReadyQueue waits = siteAt(harness, "b.example", host(), crowded);
        Session session = harness.begun(waits);
        assertThat(harness.admission.comesUp(session, crowded.network())).isFalse();
        harness.admission.ended(session);
        harness.advance(Duration.ofSeconds(1));
        serve(harness, harness.readyQueue("crowd0.example")); // for the last of the crowd
        serve(harness, harness.readyQueue("crowd1.example"));
        session = harness.begun(waits);
        assertThat(harness.admission.comesUp(session, crowded.network())).isTrue();
        harness.queue.requeue(requireNonNull(harness.admission.up(session)));
        harness.admission.ended(session);
        assertThat(harness.hasBegun(waits)).as("the slot was used now").isFalse();
        harness.advance(Duration.ofMinutes(1));
        assertThat(harness.hasBegun(waits)).isTrue();
    }

    /** Its mail went while it acquired, and more came, for which it waits for a slot, before it was done with giving back. */
    @Test
    void aQueueThatWantsASessionAgainWhileItGivesBackKeepsWaitingForItsSlot() {
        QueueHarness harness = harness(3, 10);
        harness.reconfigure(new ShapingConfig(
                TrafficLimits.DEFAULT.with(TrafficLimits.MAX_CONNECTION_RATE, Rate.parse("1/min")), Map.of()));
        List<Session> others = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            others.add(stands(harness, site(harness, "other" + i)));
        }
        ReadyQueue queue = site(harness, "a");
        assertThat(queue.waitingAt()).isSameAs(harness.total);
        int[] events = {0};
        harness.atLook = () -> {
            if (events[0] == 0 && queue.isAcquiring()) {
                events[0] = 1;
                QueueHarness.takeOld(queue, Long.MAX_VALUE).forEach(harness.queue::finished);
            } else if (events[0] == 1 && !queue.isAcquiring()) {
                events[0] = 2;
                others.subList(1, 3).forEach(harness.admission::ended);
                for (int i = 0; i < 20; i++) {
                    harness.submit("a.example");
                }
                requireNonNull(harness.admission.up(harness.begun(queue)));
                assertThat(queue.waitsForASlot()).isTrue();
            }
        };
        harness.admission.ended(others.getFirst());
        assertThat(events[0]).isEqualTo(2);
        assertThat(queue.violation()).isNull();
        harness.advance(Duration.ofMinutes(1));
        assertThat(harness.hasBegun(queue)).isTrue();
    }

    /** The domain's hosts are others, and it is asked for with the next mail. */
    private static void moves(QueueHarness harness, String domain, MailHost to) {
        harness.router.set(domain, new Route.Hosts(new Site(domain), List.of(to), false));
        harness.advance(Duration.ofSeconds(10));
        harness.submit(domain);
        harness.advance(Duration.ofMillis(20));
    }
}
