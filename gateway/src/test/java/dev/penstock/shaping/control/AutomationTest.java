package dev.penstock.shaping.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.penstock.config.AutomationRule;
import dev.penstock.config.AutomationRule.Action;
import dev.penstock.config.AutomationRule.Trigger;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.units.Rate;

class AutomationTest {
    private static final EgressPath PATH = new EgressPath("ip-1", new Site("mx.example.net"));
    private static final EgressPath OTHER = new EgressPath("ip-2", new Site("mx.example.net"));
    private static final Trigger NOW = new Trigger.Immediate();
    private static final long SECOND = 1_000_000_000;

    private List<AutomationRule> rules = new ArrayList<>();
    private long now = -SECOND;
    private final Automation automation = new Automation(new AutomationBook() {
        @Override
        public List<AutomationRule> all() {
            return rules;
        }

        @Override
        public List<AutomationRule> of(EgressPath path, String provider, String domain) {
            return provider.equals("yahoo") ? rules : List.of();
        }
    });

    private static AutomationRule rule(Trigger trigger, boolean internal, String regex, Action... actions) {
        return new AutomationRule(List.of(regex), List.of(actions), trigger, Duration.ofHours(2), internal,
                "shaping.toml:7");
    }

    private List<Effect> reply(EgressPath path, String line, boolean internal) {
        return automation.replied(line, internal, path, "yahoo", "example.com", "shop", "spring", now);
    }

    private List<Effect.Kind> kinds(String line) {
        return reply(PATH, line, false).stream().map(Effect::kind).toList();
    }

    @Test
    void aReplyThatMatchesTriggersAtOnce() {
        rules.add(rule(NOW, false, "\\[TS0[14]\\]", new Action.Suspend()));
        assertThat(kinds("421 4.7.0 [TS02] deferred")).isEmpty();
        assertThat(kinds("421 4.7.0 [TS04] deferred")).containsExactly(Effect.Kind.SUSPEND);
    }

    @Test
    void everyActionHasItsEffectForItsOwn() {
        rules.add(rule(NOW, false, "spam", new Action.Suspend(), new Action.SuspendTenant(),
                new Action.SuspendCampaign(), new Action.Bounce(), new Action.BounceTenant(),
                new Action.BounceCampaign(), new Action.Set("max_message_rate", "1/minute", false)));
        assertThat(kinds("550 spam")).containsExactly(Effect.Kind.SUSPEND, Effect.Kind.SUSPEND_TENANT,
                Effect.Kind.SUSPEND_CAMPAIGN, Effect.Kind.BOUNCE, Effect.Kind.BOUNCE_TENANT,
                Effect.Kind.BOUNCE_CAMPAIGN, Effect.Kind.SET);
        Effect tenant = automation.inForce().get(4);
        assertThat(tenant.concerns("example.com", "shop", "any")).isTrue();
        assertThat(tenant.concerns("example.com", "other", "any")).isFalse();
        assertThat(tenant.concerns("example.org", "shop", "any")).isFalse();
    }

    @Test
    void beforeAMessageADomainThatIsShapedAloneIsTheOneThatIsMeant() {
        rules.add(rule(NOW, false, "spam", new Action.Bounce(), new Action.Set("max_message_rate", "1/min", true)));
        assertThat(automation.replied("421 spam", false, PATH, "yahoo", "", "", "", now)).isEmpty();
        EgressPath alone = new EgressPath("ip-1", Site.ofDomain("alone.example"));
        assertThat(automation.replied("421 spam", false, alone, "yahoo", "", "", "", now)).extracting(Effect::domain)
                .containsExactly("alone.example", "alone.example");
    }

    @Test
    void aThresholdCountsWithinItsPeriodAndBySource() {
        rules.add(rule(new Trigger.Threshold(Rate.parse("3/hr")), false, "deferred", new Action.Suspend()));
        assertThat(kinds("421 deferred")).isEmpty();
        assertThat(reply(OTHER, "421 deferred", false)).isEmpty();
        now += 3_599 * SECOND;
        assertThat(kinds("421 deferred")).isEmpty();
        now += 2 * SECOND; // the first is over an hour ago
        assertThat(kinds("421 deferred")).isEmpty();
        assertThat(kinds("421 deferred")).containsExactly(Effect.Kind.SUSPEND);
        assertThat(reply(OTHER, "421 deferred", false)).isEmpty();
    }

    @Test
    void whatWasMadeHereCountsOnlyWhereTheRuleSaysSo() {
        rules.add(rule(NOW, false, "timeout", new Action.Suspend()));
        assertThat(reply(PATH, "400 4.4.1 timeout", true)).isEmpty();
        rules = List.of(rule(NOW, true, "timeout", new Action.Suspend()));
        assertThat(reply(PATH, "400 4.4.1 timeout", true)).hasSize(1);
    }

    @Test
    void aRuleOfAnotherDestinationIsntAsked() {
        rules.add(rule(NOW, false, "deferred", new Action.Suspend()));
        assertThat(automation.replied("421 deferred", false, PATH, "google", "example.com", "", "", now)).isEmpty();
    }

    @Test
    void anEffectThatComesAgainLastsLonger() {
        rules.add(rule(NOW, false, "deferred", new Action.Set("connection_limit", 1L, false)));
        assertThat(reply(PATH, "421 deferred", false)).hasSize(1);
        now += 3_600 * SECOND;
        assertThat(reply(PATH, "421 deferred", false)).as("nothing new").isEmpty();
        now += 3_601 * SECOND;
        assertThat(automation.expire(now)).isEmpty();
        now += 3_600 * SECOND;
        assertThat(automation.expire(now)).hasSize(1);
        assertThat(automation.isIdle()).isTrue();
    }

    @Test
    void withoutATenantNobodyIsMeant() {
        rules.add(rule(NOW, false, "spam", new Action.SuspendTenant(), new Action.BounceTenant(),
                new Action.SuspendCampaign(), new Action.BounceCampaign()));
        assertThat(automation.replied("550 spam", false, PATH, "yahoo", "example.com", "", "", now)).isEmpty();
        assertThat(automation.replied("550 spam", false, PATH, "yahoo", "example.com", "shop", "", now))
                .extracting(Effect::kind).containsOnly(Effect.Kind.SUSPEND_TENANT, Effect.Kind.BOUNCE_TENANT);
    }

    @Test
    void rulesThatAreChangedCountFromTheNextReply() {
        rules = List.of(rule(NOW, false, "deferred", new Action.Suspend()));
        assertThat(kinds("421 deferred")).hasSize(1);
        rules = List.of(rule(NOW, false, "never", new Action.Bounce()));
        assertThat(kinds("421 deferred")).isEmpty();
        assertThat(kinds("421 never")).containsExactly(Effect.Kind.BOUNCE);
    }

    @Test
    void whatIsCountedIsBounded() {
        rules.add(rule(new Trigger.Threshold(Rate.parse("100/hr")), false, "deferred", new Action.SuspendTenant()));
        for (int i = 0; i < 2 * Automation.MOST_COUNTS; i++) {
            now++;
            automation.replied("421 deferred", false, PATH, "yahoo", "example.com", "tenant-" + i, "", now);
        }
        assertThat(automation.inForce()).isEmpty();
    }
}
