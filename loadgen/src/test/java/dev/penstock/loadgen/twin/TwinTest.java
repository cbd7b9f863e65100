package dev.penstock.loadgen.twin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.time.Instant;

import org.junit.jupiter.api.Test;

import dev.penstock.loadgen.twin.Twin.Answer;

/** Each rule of a receiver, one by one: the reply is given exactly when its rule says so. */
class TwinTest {
    private static final long START = Instant.parse("2026-02-23T12:00:00Z").getEpochSecond() * 1_000_000_000;
    private static final String SENDER = "a@shop.example";

    private long now = START;

    private void pass(Duration time) {
        now += time.toNanos();
    }

    private static Twin twin(String toml) {
        return new Twin(TwinReader.read("test", "test.toml", toml), 1);
    }

    private Twin.Session session(Twin twin, String source) {
        Twin.Session session = twin.connect(source, now);
        assertThat(session.greeting().isRefusal()).isFalse();
        return session;
    }

    private Answer message(Twin.Session session, String sender, String recipient) {
        Answer mail = session.mail(sender, now);
        if (mail.isRefusal()) {
            return mail;
        }
        Answer rcpt = session.recipient(recipient, now);
        return rcpt.isRefusal() ? rcpt : session.content(now);
    }

    private Answer message(Twin.Session session) {
        return message(session, SENDER, "r@test.example");
    }

    @Test
    void theConnectionBeyondTheLimitIsRefusedAndOneThatClosesMakesRoom() {
        Twin twin = twin("""
                [[limit]]
                kind = "connections"
                most = 2
                replies = ["421 4.7.0 Too many connections"]
                """);
        Twin.Session first = session(twin, "192.0.2.1");
        session(twin, "192.0.2.1");

        Twin.Session third = twin.connect("192.0.2.1", now);
        assertThat(third.greeting().reply().line()).isEqualTo("421 4.7.0 Too many connections");
        assertThat(third.greeting().reply().closes()).isTrue();
        third.close();
        assertThat(twin.connect("192.0.2.1", now).greeting().isRefusal()).as("a refused one counted for none").isTrue();
        session(twin, "192.0.2.2");

        first.close();
        first.close();
        session(twin, "192.0.2.1");
        assertThat(twin.connect("192.0.2.1", now).greeting().isRefusal()).isTrue();
    }

    @Test
    void messagesBeyondTheRateAreDeferredUntilTheBucketHasFilledAgain() {
        Twin twin = twin("""
                [[limit]]
                kind = "rate"
                rate = "10/s"
                burst = "500ms"
                replies = ["451 4.7.1 Too fast"]
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        for (int i = 0; i < 5; i++) {
            assertThat(message(session).isRefusal()).isFalse();
        }
        assertThat(message(session).limit()).isEqualTo("rate");
        pass(Duration.ofMillis(99));
        assertThat(message(session).isRefusal()).isTrue();
        pass(Duration.ofMillis(1));
        assertThat(message(session).isRefusal()).isFalse();
        assertThat(message(session(twin, "192.0.2.2")).isRefusal()).as("another source").isFalse();
    }

    @Test
    void aRateWithAPauseTakesNothingUntilThePauseIsOver() {
        Twin twin = twin("""
                [[limit]]
                kind = "rate"
                rate = "1/s"
                pause = "10m"
                replies = ["421 4.7.0 [TSS04] deferred"]
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        message(session);
        assertThat(message(session).isRefusal()).isTrue();
        pass(Duration.ofMinutes(10).minusNanos(1));
        assertThat(message(session).isRefusal()).isTrue();
        pass(Duration.ofNanos(1));
        assertThat(message(session).isRefusal()).isFalse();
    }

    @Test
    void aTenantsRateIsItsOwnAndOneForEachSource() {
        Twin twin = twin("""
                [[limit]]
                kind = "rate"
                per = "tenant"
                rate = "1/s"
                replies = ["421 4.7.28 unusual rate of mail from your DKIM domain"]
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        assertThat(message(session, "x@shop.example", "r@t").isRefusal()).isFalse();
        assertThat(message(session, "y@shop.example", "r@t").reply().code()).isEqualTo(421);
        assertThat(message(session, "x@other.example", "r@t").isRefusal()).isFalse();
    }

    @Test
    void aMailboxHasItsRateWhoeverWrites() {
        Twin twin = twin("""
                [[limit]]
                kind = "rate"
                per = "recipient"
                rate = "60/h"
                replies = ["450 4.2.1 receiving mail at a rate"]
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        assertThat(message(session, SENDER, "r@t").isRefusal()).isFalse();
        assertThat(message(session, SENDER, "r@t").reply().code()).isEqualTo(450);
        assertThat(message(session, SENDER, "s@t").isRefusal()).isFalse();
        pass(Duration.ofMinutes(1));
        assertThat(message(session, SENDER, "r@t").isRefusal()).isFalse();
    }

    @Test
    void soManyMessagesGoOverOneConnection() {
        Twin twin = twin("""
                [[limit]]
                kind = "session-messages"
                most = 3
                replies = ["421 Max message per connection reached"]
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        for (int i = 0; i < 3; i++) {
            assertThat(message(session).isRefusal()).isFalse();
        }
        assertThat(message(session).reply().closes()).isTrue();
        assertThat(message(session(twin, "192.0.2.1")).isRefusal()).isFalse();
    }

    @Test
    void aDaysQuotaIsBackAtMidnightOfItsZoneAndWhatIsRefusedLaterCountsForNothing() {
        Twin twin = twin("""
                [[limit]]
                kind = "daily"
                most = 2
                zone = "Asia/Shanghai"
                replies = ["550 RP:ORQ daily quota"]
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        session.mail(SENDER, now);
        session.reset();
        message(session);
        message(session);
        assertThat(message(session).limit()).isEqualTo("daily");
        pass(Duration.ofHours(4).minusNanos(1)); // 20:00 in China when it began
        assertThat(message(session).isRefusal()).isTrue();
        pass(Duration.ofNanos(1));
        assertThat(message(session).isRefusal()).isFalse();
    }

    @Test
    void whoWritesForTheFirstTimeComesAgainAfterTheWait() {
        Twin twin = twin("""
                [[limit]]
                kind = "greylist"
                wait = "5m"
                replies = ["450 4.7.1 Greylisted"]
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        assertThat(message(session).isRefusal()).isTrue();
        pass(Duration.ofMinutes(5).minusNanos(1));
        assertThat(message(session).isRefusal()).isTrue();
        pass(Duration.ofNanos(1));
        assertThat(message(session).isRefusal()).isFalse();
        assertThat(message(session, SENDER, "other@test.example").isRefusal()).isTrue();
    }

    @Test
    void anUnknownSourceGetsLittleAndMoreAsItsReputationRises() {
        Twin twin = twin("""
                [reputation]
                unknown = 0.0
                per-hour = 0.5
                [[limit]]
                kind = "rate"
                floor = "1/s"
                rate = "11/s"
                replies = ["451 4.7.650 rate limited"]
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        assertThat(message(session).isRefusal()).isFalse();
        assertThat(message(session).isRefusal()).as("1/s").isTrue();
        pass(Duration.ofHours(1)); // 0.5: 6/s
        int taken = 0;
        while (!message(session).isRefusal()) {
            taken++;
        }
        assertThat(taken).isEqualTo(6);
        twin.trust("192.0.2.9", now);
        Twin.Session known = session(twin, "192.0.2.9");
        int takenOfKnown = 0;
        while (!message(known).isRefusal()) {
            takenOfKnown++;
        }
        assertThat(takenOfKnown).isEqualTo(11);
    }

    @Test
    void whoGoesOnThoughRefusedIsBlockedAndTheBlockPasses() {
        Twin twin = twin("""
                [reputation]
                unknown = 1
                excess = 0.1
                [[limit]]
                kind = "rate"
                rate = "1/s"
                replies = ["451 4.7.651 rate limited (S3114)"]
                [escalation]
                after = 3
                within = "1h"
                block = "4h"
                at = "mail"
                replies = ["550 5.7.1 on our block list (S3150)"]
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        message(session);
        for (int i = 0; i < 4; i++) {
            assertThat(message(session).limit()).isEqualTo("rate");
        }
        assertThat(message(session).reply().line()).isEqualTo("550 5.7.1 on our block list (S3150)");
        assertThat(twin.reputation("192.0.2.1", now)).isBetween(0.59, 0.61);
        assertThat(message(session(twin, "192.0.2.2")).isRefusal()).as("another source").isFalse();
        pass(Duration.ofHours(4).minusNanos(1));
        assertThat(message(session).limit()).isEqualTo(Twin.BLOCKED);
        pass(Duration.ofNanos(1));
        assertThat(message(session).isRefusal()).isFalse();
        assertThat(twin.reports(now).getFirst().blocks()).isEqualTo(1);
    }

    @Test
    void excessFlowsOffSoThatFewRefusalsNeverBlock() {
        Twin twin = twin("""
                [[limit]]
                kind = "rate"
                rate = "1/s"
                replies = ["451 4.7.651 rate limited (S3114)"]
                [escalation]
                after = 6
                within = "1h"
                block = "4h"
                replies = ["550 5.7.1 (S3150)"]
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        for (int i = 0; i < 100; i++) { // one refusal each ten minutes: six in an hour
            message(session);
            assertThat(message(session).limit()).isEqualTo("rate");
            pass(Duration.ofMinutes(10));
        }
        assertThat(twin.reports(now).getFirst().blocks()).isZero();
    }

    @Test
    void complaintsLowerTheReputation() {
        Twin twin = twin("""
                [reputation]
                complaints = 1.0
                complaint = 0.01
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        for (int i = 0; i < 10; i++) {
            message(session);
        }
        assertThat(twin.reputation("192.0.2.1", now)).isBetween(0.899, 0.901);
    }

    @Test
    void aTarpitSlowsWhoIsThoughtLittleOf() {
        Twin twin = twin("""
                [latency]
                command = "10ms"
                tarpit = "4s"
                [reputation]
                unknown = 0.5
                """);
        Answer hello = session(twin, "192.0.2.1").hello(now);
        assertThat(Duration.ofNanos(hello.delayNanos())).isEqualTo(Duration.ofMillis(2_010));
    }

    @Test
    void aThirdIsRefusedByChance() {
        Twin twin = twin("""
                [[limit]]
                kind = "chance"
                share = 0.3333
                replies = ["550 5.1.1 No such user", "452 4.2.2 Full"]
                """);
        Twin.Session session = session(twin, "192.0.2.1");
        int refused = 0;
        for (int i = 0; i < 30_000; i++) {
            refused += message(session).isRefusal() ? 1 : 0;
        }
        assertThat(refused).isBetween(9_700, 10_300);
        assertThat(twin.reports(now).getFirst().refused()).containsEntry("chance", (long) refused);
    }

    @Test
    void whatItWouldHaveTakenFollowsReputationAndQuota() {
        Twin twin = twin("""
                [reputation]
                unknown = 0
                per-hour = 1
                [[limit]]
                kind = "daily"
                most = 1500
                zone = "UTC"
                replies = ["550 quota"]
                [[limit]]
                kind = "rate"
                floor = "0/s"
                rate = "1/s"
                replies = ["451 rate"]
                """.replace("floor = \"0/s\"\n", "floor = \"1/d\"\n"));
        session(twin, "192.0.2.1");
        pass(Duration.ofMinutes(30));
        TwinReport half = twin.reports(now).getFirst();
        assertThat(half.capacityUntil(now)).isBetween(448.0, 452.0); // half an hour at 0.25/s in the mean
        pass(Duration.ofHours(2));
        assertThat(twin.reports(now).getFirst().capacityUntil(now)).isBetween(1499.0, 1501.0);
    }

    @Test
    void whoNeverExceedsALimitIsComplainedOfStillAndCouldNotHaveSentMore() {
        Twin twin = twin("""
                [reputation]
                per-hour = 0.1
                complaints = 0.05
                complaint = 0.0001
                [[limit]]
                kind = "rate"
                floor = "1/s"
                rate = "10/s"
                replies = ["451 rate"]
                """);
        twin.trust("192.0.2.1", now);
        Twin.Session session = session(twin, "192.0.2.1");
        long end = now + Duration.ofHours(3).toNanos();
        while (now < end) {
            assertThat(message(session).isRefusal()).isFalse();
            double rate = 1 + 9 * twin.reputation("192.0.2.1", now);
            pass(Duration.ofNanos((long) (1e9 / rate)));
        }
        TwinReport report = twin.reports(now).getFirst();
        assertThat(report.reputation()).as("more are complained of than time makes good").isLessThan(0.95);
        assertThat(report.capacityUntil(now)).isBetween(0.98 * report.taken(), 1.02 * report.taken());
    }

    @Test
    void aTwinTwiceAsLargeTakesTwiceAsMuch() {
        TwinProfile profile = Twins.read("outlook").scaled(2);
        assertThat(profile.limits()).filteredOn(TwinLimit.Connections.class::isInstance)
                .extracting(limit -> ((TwinLimit.Connections) limit).most()).containsExactly(40);
        assertThat(profile.limits()).filteredOn(TwinLimit.Pace.class::isInstance)
                .extracting(limit -> ((TwinLimit.Pace) limit).full()).containsExactly(80.0);
        assertThatThrownBy(() -> Twins.read("outlook").scaled(0)).hasMessageContaining("more than 0");
    }
}
