package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.CurfewConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.TenantRules;
import dev.penstock.message.BodyType;
import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.Curfews;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;

/** What becomes of mail that a curfew holds until it is older than mail may be. */
@Timeout(120)
final class OutlastedMailTest {
    private static final String RECIPIENT = "a@" + DeliveryRig.DOMAIN;
    /** A curfew was in force then that is over now. */
    private static final Duration HELD = Duration.ofHours(3);
    /** None was. */
    private static final Duration FREE = Duration.ofHours(5);

    private static void curfew(DeliveryRig rig, int from, int to) {
        LocalTime now = LocalTime.now(ZoneOffset.UTC);
        rig.queue.reconfigure(TenantRules.NONE, new Curfews(Map.of("night", CurfewConfig.DEFAULT
                .with(CurfewConfig.FROM, now.plusHours(from)).with(CurfewConfig.TO, now.plusHours(to)))));
    }

    /**
     * Mail that has become too old so long ago waits under a curfew, which ends then.
     *
     * @return what becomes of it first
     */
    private static String holdAndLetGo(DeliveryRig rig, Duration tooOldSince, int attempts) {
        curfew(rig, -4, 4);
        await().atMost(Patience.LONG).until(() -> rig.queue.curfewStats().inForce() == 1);
        long received = System.currentTimeMillis()
                - QueueConfig.DEFAULT.maxAge().plus(tooOldSince).toMillis();
        Envelope envelope = new Envelope(rig.spool.nextId(), "news@source.example",
                List.of(new Recipient(RECIPIENT, DeliveryRig.DOMAIN)), BodyType.SEVEN_BIT, false, "shop", "",
                received, Origin.LOCAL, Options.NONE);
        Content content = MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.US_ASCII));
        for (SpoolEntry entry : rig.spool.add(envelope, content)) {
            rig.queue.submit(
                    new QueuedDestination(entry, envelope, DeliveryRig.DOMAIN, attempts, 0, content.size()));
        }
        await().atMost(Patience.LONG).until(() -> rig.queue.curfewStats().waiting() == 1);
        assertThat(rig.events).isEmpty();
        curfew(rig, -4, -2);
        return await().atMost(Patience.LONG).until(
                () -> rig.outcomes().stream().filter(outcome -> outcome.contains(RECIPIENT)).findFirst(),
                Optional::isPresent).orElseThrow();
    }

    @Test
    void itIsTriedAtTheEnd() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            assertThat(holdAndLetGo(rig, HELD, 0)).startsWith("Delivery " + RECIPIENT);
        }
    }

    @Test
    void itIsTriedNoSecondTime() {
        try (FakeMx mx = new FakeMx().on(".", "451 4.3.0 later"); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            assertThat(holdAndLetGo(rig, HELD, 0)).contains("not delivered within 5d and 1 attempts; last: 451 4.3.0");
        }
    }

    @Test
    void whatWasTriedBeforeIsReturned() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            assertThat(holdAndLetGo(rig, HELD, 2)).endsWith("not delivered within 5d and 2 attempts");
        }
    }

    @Test
    void soIsWhatNoCurfewHeldWhenItBecameTooOld() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            assertThat(holdAndLetGo(rig, FREE, 0)).endsWith("not delivered within 5d and 0 attempts");
        }
    }

    @Test
    void itsTryIsOverWhereNoSessionComesUp() {
        try (FakeMx mx = new FakeMx().on("connect", "421 4.3.2 not now"); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            assertThat(holdAndLetGo(rig, HELD, 0))
                    .contains("not delivered within 5d and 1 attempts; last: 421 4.3.2 not now");
        }
    }
}
