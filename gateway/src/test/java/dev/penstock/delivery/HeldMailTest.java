package dev.penstock.delivery;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.PreflightConfig;
import dev.penstock.config.PreflightConfig.Kind;
import dev.penstock.config.PreflightConfig.Mode;
import dev.penstock.config.QueueConfig;
import dev.penstock.message.Judged;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Options;
import dev.penstock.preflight.Preflight;
import dev.penstock.preflight.Zones;
import dev.penstock.queue.QueueItem;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;

/** What is held is delivered when it is mended or not to be held any more, and else goes back when it is too old. */
@Timeout(120)
class HeldMailTest {
    private static final String WHY = "would get Gmail 5.7.30: the signature of sound.example can't be verified";
    private static final PreflightConfig HOLDING = PreflightConfig.DEFAULT.with(PreflightConfig.MODE, Mode.HOLD)
            .with(PreflightConfig.KIND, Kind.TRANSACTIONAL).with(PreflightConfig.ADDRESSES, List.of(Zones.GOOD))
            .with(PreflightConfig.DEADLINE, Duration.ofSeconds(20));
    private static final String MESSAGE = """
            DKIM-Signature: v=1; a=rsa-sha256; d=sound.example; s=late; h=from:to; b=x
            From: Shop <news@sound.example>
            To: jo@gmail.com
            Date: Sat, 28 Nov 2026 21:00:00 +0000
            Message-ID: <1@sound.example>

            Hello
            """.replace("\n", "\r\n");

    private final Zones zones = new Zones();
    private final Preflight preflight = new Preflight(HOLDING, zones.router::records, zones.executor, System::nanoTime);

    @AfterEach
    void close() {
        zones.close();
    }

    private DeliveryRig rig(QueueConfig config, FakeMx mx) {
        DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(2, 100), config);
        rig.router.set("gmail.com",
                new Route.Hosts(new Site("gmail.com"), List.of(DeliveryRig.host("mx.gmail.test", mx.port())), false));
        rig.queue.lookAtHeldEvery(Duration.ofMillis(400));
        rig.dispatcher.decidesAboutHeld(new HeldMail(preflight, rig.queue, rig.spool, rig.events::add));
        return rig;
    }

    private static void submit(DeliveryRig rig, String sender) {
        rig.submit(sender, MemoryContent.of(MESSAGE.getBytes(US_ASCII)), System.currentTimeMillis(),
                Options.NONE.with(new Judged(true, WHY)), "jo@gmail.com");
    }

    @Test
    void itGoesOnWhenItIsMended() throws Exception {
        zones.dns.negativeTtl(0);
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(QueueConfig.DEFAULT, mx)) {
            submit(rig, "b@sound.example");
            await().atMost(Patience.LONG).until(() -> rig.queue.items("gmail.com", 1).stream()
                    .anyMatch(item -> item.waitingFor().contains("there is no key record")));
            assertThat(rig.events).as("a look is no attempt, and tells of nothing").isEmpty();
            zones.dns.text("late._domainkey.sound.example", "v=DKIM1; p=" + Zones.RSA2048);
            preflight.reconfigure(HOLDING); // so that the test needn't wait for what is remembered
            rig.awaitEvents(MessageEvent.Type.DELIVERY, 1);
            assertThat(rig.outcomes()).first().isEqualTo("Preflight jo@gmail.com 250 2.0.0 released");
            assertThat(preflight.stats().released()).isEqualTo(1);
            assertThat(rig.queue.held()).isZero();
        }
    }

    @Test
    void itGoesOnWhenItsTenantIsntHeldAnyMore() throws Exception {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(QueueConfig.DEFAULT, mx)) {
            submit(rig, "b@sound.example");
            await().atMost(Patience.LONG).until(() -> rig.queue.items("gmail.com", 1).stream()
                    .anyMatch(item -> item.state() == QueueItem.State.HELD)); // it is in no list while it is looked at
            preflight.reconfigure(HOLDING.with(PreflightConfig.MODE, Mode.TAG));
            rig.awaitEvents(MessageEvent.Type.DELIVERY, 1);
        }
    }

    @Test
    void whatIsTooOldGoesBackAndSaysWhyItWasHeld() throws Exception {
        QueueConfig brief = QueueConfig.DEFAULT.with(QueueConfig.MAX_AGE, Duration.ofSeconds(1))
                .with(QueueConfig.RETRY_INTERVAL, Duration.ofSeconds(1));
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(brief, mx)) {
            submit(rig, "");
            rig.awaitEvents(MessageEvent.Type.EXPIRATION, 1);
            assertThat(rig.events(MessageEvent.Type.EXPIRATION).getFirst().response().text())
                    .matches("held for 1s, since it would get Gmail 5.7.30.*: the signature of sound.example can't be "
                            + "verified.*");
            await().atMost(Patience.LONG).until(() -> rig.queue.stats().queued() == 0);
            assertThat(rig.queue.held()).isZero();
        }
    }

    @Test
    void whatDnsDoesntSayHoldsOn() throws Exception {
        zones.dns.servfail("late._domainkey.sound.example");
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = rig(QueueConfig.DEFAULT, mx)) {
            submit(rig, "b@sound.example");
            await().atMost(Patience.LONG)
                    .until(() -> zones.dns.count("TXT late._domainkey.sound.example") > 0);
            assertThat(rig.queue.held()).isEqualTo(1);
            assertThat(rig.events).isEmpty();
        }
    }
}
