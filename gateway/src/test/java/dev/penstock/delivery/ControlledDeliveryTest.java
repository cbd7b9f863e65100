package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import dev.penstock.classification.Classification;
import dev.penstock.classification.ReplyBook;
import dev.penstock.config.AutomationRule;
import dev.penstock.config.AutomationRule.Action;
import dev.penstock.config.ControlConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRules;
import dev.penstock.config.ShapingConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.QueueItem;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.control.AdaptiveControl;
import dev.penstock.shaping.control.AutomationBook;
import dev.penstock.shaping.control.Decision;
import dev.penstock.shaping.control.Scope;
import dev.penstock.shaping.rules.RuleBook;
import dev.penstock.smtp.Reply;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;

/** What deliveries tell control, and what of its decisions they carry out. */
@Timeout(180)
final class ControlledDeliveryTest {
    private static final String DOMAIN = "dest.example";
    private static final String RATE = "451 4.7.651 The mail server has been temporarily rate limited (S3114)";
    private static final EgressPath PATH = new EgressPath(EgressPath.DEFAULT_SOURCE, new Site("mx.dest.example"));

    @TempDir
    Path directory;

    private volatile List<AutomationRule> all = List.of();

    private AdaptiveControl control(AutomationRule... rules) throws IOException {
        all = List.of(rules);
        AutomationBook book = new AutomationBook() {
            @Override
            public List<AutomationRule> all() {
                return all;
            }

            @Override
            public List<AutomationRule> of(EgressPath path, String provider, String domain) {
                return all;
            }
        };
        return new AdaptiveControl(ControlConfig.DEFAULT, new RuleBook(ShapingConfig.DEFAULT), book, directory,
                InstantSource.system(), System::nanoTime).open();
    }

    private static AutomationRule rule(Action... actions) {
        return new AutomationRule(List.of("S3114"), List.of(actions), new AutomationRule.Trigger.Immediate(),
                Duration.ofHours(1), false, "shaping.toml:3");
    }

    private static DeliveryRig rig(FakeMx mx, AdaptiveControl control) {
        DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100), QueueConfig.DEFAULT);
        rig.dispatcher.controlledBy(control);
        rig.router.set(DOMAIN, new Route.Hosts(new Site("mx.dest.example"),
                List.of(DeliveryRig.host("mx.dest.example", mx.port())), false));
        return rig;
    }

    private static void send(DeliveryRig rig, String recipient, String tenant) {
        send(rig, "news@source.example", recipient, tenant);
    }

    /** @param sender empty for a report of ours */
    private static void send(DeliveryRig rig, String sender, String recipient, String tenant) {
        Envelope envelope = new Envelope(rig.spool.nextId(), sender,
                List.of(new Recipient(recipient + "@" + DOMAIN, DOMAIN)), BodyType.SEVEN_BIT, false, tenant, "spring",
                System.currentTimeMillis(), Origin.LOCAL, Options.NONE);
        rig.submit(envelope, MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.US_ASCII)));
    }

    private static MessageEvent awaitEvent(DeliveryRig rig, String recipient, MessageEvent.Type type) {
        return await(recipient + " " + type).atMost(Patience.LONG).pollInterval(Duration.ofMillis(5)).until(
                () -> rig.events.stream().filter(event -> event.type() == type
                        && event.recipients().contains(recipient + "@" + DOMAIN)).findFirst().orElse(null),
                event -> event != null);
    }

    private static void awaitSuspended(DeliveryRig rig, String tenant) {
        await(tenant).atMost(Patience.LONG).pollInterval(Duration.ofMillis(5)).until(() -> rig.queue.items(DOMAIN, 10)
                .stream().anyMatch(item -> item.state() == QueueItem.State.SUSPENDED && item.tenant().equals(tenant)));
    }

    /** The host takes one, then says {@code reply}, then takes mail again. */
    private static void tell(DeliveryRig rig, FakeMx mx, String reply, MessageEvent.Type outcome) {
        send(rig, "before", "shop");
        awaitEvent(rig, "before", MessageEvent.Type.DELIVERY);
        mx.on(".", reply);
        send(rig, "told", "shop");
        awaitEvent(rig, "told", outcome);
        mx.on(".", "250 2.0.0 ok");
    }

    @Test
    void mailGoesOnAtARateWhereTheReplyIsAboutTheRate() throws IOException {
        try (FakeMx mx = new FakeMx(); AdaptiveControl control = control(); DeliveryRig rig = rig(mx, control)) {
            tell(rig, mx, RATE, MessageEvent.Type.TRANSIENT_FAILURE);
            send(rig, "after", "shop");
            awaitEvent(rig, "after", MessageEvent.Type.DELIVERY);
            assertThat(control.decisions()).extracting(Decision::what).containsExactly("decrease");
            assertThat(control.limits().of(PATH, "").shared()).extracting(limit -> limit.id().name())
                    .containsExactly("adaptive_rate");
        }
    }

    @Test
    void a421ThatIsAboutTheRateEndsTheSessionAndSuspendsNothing() throws IOException {
        try (FakeMx mx = new FakeMx(); AdaptiveControl control = control(); DeliveryRig rig = rig(mx, control)) {
            tell(rig, mx, "421 4.7.28 an unusual rate of mail originating from your IP address",
                    MessageEvent.Type.TRANSIENT_FAILURE);
            send(rig, "after", "shop");
            awaitEvent(rig, "after", MessageEvent.Type.DELIVERY);
            assertThat(rig.dispatcher.stats().snapshot().suspensions()).isZero();
        }
    }

    @Test
    void aRefusalOfTheSessionForTheRateIsTheReceiversWhicheverHostSaysIt() {
        Reply reply = Reply.of(421, "", "RP-001 the mail server IP has exceeded the rate limit allowed");
        Classification meaning = new ReplyBook(ReplyRules.NONE).classify(ReplyPhase.GREETING, reply, "").paced();
        assertThat(new FailurePolicy(Duration.ofDays(1)).decide(new FailurePolicy.Situation(Phase.GREETING,
                new Cause.Replied(reply), false, false, false, true, 0, 0, meaning)).radius())
                .isEqualTo(BlastRadius.SITE);
    }

    @Test
    void aBlockSuspendsUntilTheProbe() throws IOException {
        try (FakeMx mx = new FakeMx(); AdaptiveControl control = control(); DeliveryRig rig = rig(mx, control)) {
            tell(rig, mx, "550 5.7.1 part of their network is on our block list (S3150)",
                    MessageEvent.Type.TRANSIENT_FAILURE);
            send(rig, "after", "shop");
            awaitSuspended(rig, "shop");
            assertThat(control.decisions()).extracting(Decision::to).containsExactly("1 probe per 10m");
            assertThat(rig.queue.items(DOMAIN, 10)).filteredOn(item -> item.state() == QueueItem.State.SUSPENDED)
                    .allSatisfy(item -> assertThat(item.nextAttemptMillis() - System.currentTimeMillis())
                            .isBetween(400_000L, 600_000L));
        }
    }

    @Test
    void aRuleReturnsMailToItsDomain() throws IOException {
        try (FakeMx mx = new FakeMx();
                AdaptiveControl control = control(rule(new Action.BounceTenant()));
                DeliveryRig rig = rig(mx, control)) {
            tell(rig, mx, RATE, MessageEvent.Type.TRANSIENT_FAILURE);
            send(rig, "after", "shop");
            MessageEvent bounce = awaitEvent(rig, "after", MessageEvent.Type.BOUNCE);
            assertThat(bounce.response().text()).startsWith("shaping.toml:3 returns it since: 451 4.7.651");
            send(rig, "other", "acme");
            awaitEvent(rig, "other", MessageEvent.Type.DELIVERY);
        }
    }

    @Test
    void mailThatARuleSuspendedGoesWhenTheRuleIsGone() throws IOException {
        try (FakeMx mx = new FakeMx();
                AdaptiveControl control = control(rule(new Action.SuspendTenant()));
                DeliveryRig rig = rig(mx, control)) {
            control.listen(new AdaptiveControl.Listener() {
                @Override
                public void limitsChanged(Scope scope) {
                    // it limits nothing
                }

                @Override
                public void resumed(String source, String site) {
                    rig.queue.resume(source, site);
                }
            });
            tell(rig, mx, RATE, MessageEvent.Type.TRANSIENT_FAILURE);
            send(rig, "after", "shop");
            awaitSuspended(rig, "shop");
            all = List.of();
            control.reconfigure(ControlConfig.DEFAULT);
            awaitEvent(rig, "after", MessageEvent.Type.DELIVERY);
        }
    }

    @Test
    void aRuleSuspendsTheTenantAlsoAfterARestart() throws IOException {
        try (FakeMx mx = new FakeMx();
                AdaptiveControl control = control(rule(new Action.SuspendTenant()));
                DeliveryRig rig = rig(mx, control)) {
            tell(rig, mx, RATE, MessageEvent.Type.TRANSIENT_FAILURE);
            send(rig, "after", "shop");
            awaitSuspended(rig, "shop");
            send(rig, "other", "acme");
            awaitEvent(rig, "other", MessageEvent.Type.DELIVERY);
        }
        try (FakeMx mx = new FakeMx();
                AdaptiveControl control = control(rule(new Action.SuspendTenant()));
                DeliveryRig rig = rig(mx, control)) {
            send(rig, "restarted", "shop");
            awaitSuspended(rig, "shop");
            send(rig, "other", "acme");
            awaitEvent(rig, "other", MessageEvent.Type.DELIVERY);
        }
    }

    @ParameterizedTest
    @MethodSource
    void aRuleAboutTheTenantsMailLetsReportsGo(Action action) throws IOException {
        try (FakeMx mx = new FakeMx();
                AdaptiveControl control = control(rule(action));
                DeliveryRig rig = rig(mx, control)) {
            tell(rig, mx, RATE, MessageEvent.Type.TRANSIENT_FAILURE);
            send(rig, "", "report", "shop");
            awaitEvent(rig, "report", MessageEvent.Type.DELIVERY);
        }
    }

    static List<Action> aRuleAboutTheTenantsMailLetsReportsGo() {
        return List.of(new Action.SuspendTenant(), new Action.SuspendCampaign(), new Action.BounceTenant(),
                new Action.BounceCampaign());
    }
}
