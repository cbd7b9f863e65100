package dev.penstock.shaping.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.classification.Classification;
import dev.penstock.classification.ReplyBook;
import dev.penstock.config.AutomationRule;
import dev.penstock.config.AutomationRule.Action;
import dev.penstock.config.ControlConfig;
import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRules;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook;
import dev.penstock.shaping.LimitBook.Sender;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.shaping.control.AdaptiveControl.Mail;
import dev.penstock.shaping.control.AdaptiveControl.Verdict;
import dev.penstock.shaping.control.AdaptiveControl.Whose;
import dev.penstock.smtp.Reply;
import dev.penstock.units.Rate;

class AdaptiveControlTest {
    private static final long SECOND = 1_000_000_000;
    private static final EgressPath PATH = new EgressPath("ip-1", new Site("mx1.example.net"));
    private static final EgressPath SAME_PROVIDER = new EgressPath("ip-1", new Site("mx2.example.net"));
    private static final EgressPath OTHER_SOURCE = new EgressPath("ip-2", new Site("mx1.example.net"));
    private static final Reply RATE = Reply.of(451, "4.7.650",
            "The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation (S775)");
    private static final Reply BLOCKED = Reply.of(550, "5.7.1",
            "Unfortunately, messages from [192.0.2.1] weren't sent; part of their network is on our block list (S3150)");
    private static final Reply TENANT = Reply.of(421, "4.7.28",
            "Gmail has detected an unusual rate of mail originating from your DKIM domain [shop.example 36]");
    private static final Reply CONNECTIONS = Reply.of(421, "4.7.0", "too many concurrent connections");
    private static final Reply BUSY = Reply.of(451, "4.7.500", "Server busy. Please try again later");
    private static final Reply NOBODY = Reply.of(550, "5.1.1", "no such user");

    @TempDir
    Path directory;

    private long nanos = 77 * SECOND;
    private long millis = 1_800_000_000_000L;
    private ControlConfig config = ControlConfig.DEFAULT;
    private final List<AutomationRule> rules = new ArrayList<>();
    private final ConcurrentLinkedQueue<String> told = new ConcurrentLinkedQueue<>();
    private final ReplyBook replies = new ReplyBook(ReplyRules.NONE);
    private TrafficLimits own = TrafficLimits.DEFAULT;
    private Runnable asked = () -> {};
    private AdaptiveControl control = control();

    private AdaptiveControl control() {
        LimitBook base = new LimitBook() {
            @Override
            public PathLimits of(EgressPath path, String provider) {
                PathLimits now = new PathLimits(provider.isEmpty() ? TrafficLimits.DEFAULT : own, List.of());
                asked.run();
                return now;
            }

            @Override
            public boolean limitsSenders() {
                return false;
            }

            @Override
            public List<SharedLimit> of(EgressPath path, String provider, Sender sender) {
                return List.of();
            }
        };
        AutomationBook book = new AutomationBook() {
            @Override
            public List<AutomationRule> all() {
                return rules;
            }

            @Override
            public List<AutomationRule> of(EgressPath path, String provider, String domain) {
                return rules;
            }
        };
        return new AdaptiveControl(config, base, book, directory == null ? Path.of("none") : directory,
                () -> Instant.ofEpochMilli(millis), () -> nanos);
    }

    private void start() throws IOException {
        control = control();
        control.listen(new AdaptiveControl.Listener() {
            @Override
            public void limitsChanged(Scope scope) {
                told.add("limits " + scope);
            }

            @Override
            public void resumed(String source, String site) {
                told.add("resumed " + source + " " + site);
            }
        });
        control.recover();
    }

    private void passes(Duration time) {
        nanos += time.toNanos();
        millis += time.toMillis();
    }

    private void delivered(EgressPath path, String tenant, int messages) {
        for (int i = 0; i < messages; i++) {
            passes(Duration.ofMillis(100));
            control.delivered(path, "outlook", tenant, "spring", nanos);
        }
    }

    private Verdict refused(EgressPath path, String tenant, Reply reply) {
        passes(Duration.ofMillis(100));
        Classification meaning = replies.classify(ReplyPhase.DATA, reply, "outlook");
        return control.refused(new Mail(path, "outlook", "example.com", tenant, "spring"), meaning, reply.code(),
                String.valueOf(reply.status()), reply.text(), false, nanos, () -> 8, true);
    }

    private List<String> limits(EgressPath path) {
        return control.limits().of(path, "outlook").shared().stream().map(AdaptiveControlTest::text).toList();
    }

    private static String text(SharedLimit limit) {
        return limit.id() + " " + switch (limit.bound()) {
            case Bound.Count(int most) -> String.valueOf(most);
            case Bound.Spaced(Rate rate) -> rate.toString();
            case Bound.Daily(long most, var _) -> most + " a day";
        };
    }

    @Test
    void aDeferralForTheRateStartsFromWhatWasDeliveredForAllSitesOfTheProvider() throws IOException {
        start();
        delivered(PATH, "shop", 200); // 10 a second
        assertThat(limits(PATH)).isEmpty();
        Verdict verdict = refused(PATH, "shop", RATE);
        assertThat(limits(PATH)).containsExactly("adaptive_rate of ip-1->outlook 416/min");
        assertThat(limits(SAME_PROVIDER)).isEqualTo(limits(PATH));
        assertThat(limits(OTHER_SOURCE)).isEmpty();
        assertThat(told).containsExactly("limits ip-1->outlook");
        assertThat(verdict.meaning().isPaced()).isTrue();
        assertThat(verdict.meaning().suspend()).isZero();
        assertThat(control.limits().of(PATH, "outlook").shared().getFirst().place()).isEqualTo("control");
    }

    @Test
    void aDecisionNamesCauseScopeChangeAndEnd() throws IOException {
        start();
        delivered(PATH, "shop", 200);
        refused(PATH, "shop", RATE);
        Decision decision = control.decisions().getFirst();
        assertThat(decision.what()).isEqualTo("decrease");
        assertThat(decision.scope()).hasToString("ip-1->outlook");
        assertThat(decision.from()).isEqualTo("as configured");
        assertThat(decision.to()).isEqualTo("416/min");
        assertThat(decision.reply()).startsWith("451 4.7.650 The mail server").doesNotContain("192.0.2.1");
        assertThat(decision.className()).isEqualTo("SpamBlock");
        assertThat(decision.rule()).contains("classification.toml");
        assertThat(decision.ends()).isEqualTo("by itself, as mail is taken");
    }

    @Test
    void aBlockMakesTheSourceWaitForTheProbe() throws IOException {
        start();
        delivered(PATH, "shop", 100);
        Verdict verdict = refused(PATH, "shop", BLOCKED);
        assertThat(verdict.meaning().suspend()).isEqualTo(Duration.ofMinutes(10));
        assertThat(limits(PATH)).containsExactly("adaptive_rate of ip-1->outlook 1/600s",
                "adaptive_connections of ip-1->outlook 1");
        passes(Duration.ofMinutes(10));
        assertThat(refused(PATH, "shop", BLOCKED).meaning().suspend()).isEqualTo(Duration.ofMinutes(20));
        for (int probe = 0; probe < 3; probe++) {
            passes(Duration.ofMinutes(20));
            control.delivered(PATH, "outlook", "shop", "", nanos);
        }
        assertThat(control.decisions().getFirst().what()).isEqualTo("return");
        assertThat(limits(PATH)).hasSize(1);
    }

    @Test
    void sessionsThatAreTooManyTakeOneAndLeaveTheRate() throws IOException {
        start();
        refused(PATH, "shop", CONNECTIONS);
        assertThat(limits(PATH)).containsExactly("adaptive_connections of ip-1->outlook 7");
    }

    @Test
    void oneThatIsBusyNowAndThenIsntSentLess() throws IOException {
        start();
        for (int i = 0; i < 20; i++) {
            delivered(PATH, "shop", 30);
            refused(PATH, "shop", BUSY);
        }
        assertThat(limits(PATH)).isEmpty();
        for (int i = 0; i < 20; i++) {
            refused(PATH, "shop", BUSY);
        }
        assertThat(limits(PATH)).isNotEmpty();
    }

    @Test
    void whatSaysNothingOfTheRateIsLeftAlone() throws IOException {
        start();
        Verdict verdict = refused(PATH, "shop", NOBODY);
        assertThat(verdict.meaning()).isEqualTo(replies.classify(ReplyPhase.DATA, NOBODY, "outlook"));
        assertThat(limits(PATH)).isEmpty();
    }

    @Test
    void aTenantThatIsNamedIsSlowedAlone() throws IOException {
        start();
        delivered(PATH, "shop", 200);
        assertThat(control.limits().limitsSenders()).isFalse();
        refused(PATH, "shop", TENANT);
        assertThat(limits(PATH)).isEmpty();
        assertThat(control.limits().limitsSenders()).isTrue();
        assertThat(control.limits().of(PATH, "outlook", new Sender("shop", "spring", "", "example.com")))
                .extracting(limit -> limit.id().toString()).containsExactly("adaptive_rate of ip-1->outlook of shop");
        assertThat(control.limits().of(PATH, "outlook", new Sender("acme", "", "", "example.com"))).isEmpty();
        assertThat(told).containsExactly("limits ip-1->outlook of shop");
    }

    @Test
    void mailWithoutATenantIsSlowedAloneAndARestartKnowsIt() throws IOException {
        own = TrafficLimits.DEFAULT.with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse("10/s"));
        start();
        delivered(PATH, "", 200);
        assertThat(refused(PATH, "", TENANT).meaning().isPaced()).isTrue();
        assertThat(told).containsExactly("limits ip-1->outlook without tenant");
        for (boolean isRestarted : new boolean[]{false, true}) {
            if (isRestarted) {
                control.close();
                start();
            }
            assertThat(limits(PATH)).as("the source's").isEmpty();
            assertThat(ofSender("", "")).containsExactly("adaptive_rate of ip-1->outlook without tenant");
            assertThat(ofSender("", "autumn")).hasSize(1);
            assertThat(ofSender("shop", "spring")).isEmpty();
            assertThat(ofSender("no tenant", "")).isEmpty();
        }
        refused(PATH, "shop", TENANT);
        assertThat(ofSender("shop", "spring")).contains("adaptive_rate of ip-1->outlook of shop");
        passes(Duration.ofSeconds(10));
        for (int i = 0; i < 5_000 && !ofSender("", "").isEmpty(); i++) {
            delivered(PATH, "", 1);
        }
        assertThat(ofSender("", "")).as("what is taken lets it go").isEmpty();
        assertThat(ofSender("shop", "spring")).as("and nobody else").isNotEmpty();
    }

    private List<String> ofSender(String tenant, String campaign) {
        return control.limits().of(PATH, "outlook", new Sender(tenant, campaign, "", "example.com")).stream()
                .map(limit -> limit.id().toString()).toList();
    }

    @Test
    void aRateIsReleasedAtTheConfiguredLimit() throws IOException {
        own = TrafficLimits.DEFAULT.with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse("10/s"));
        start();
        delivered(PATH, "shop", 200);
        refused(PATH, "shop", RATE);
        assertThat(limits(PATH)).hasSize(1);
        passes(Duration.ofSeconds(10));
        for (int i = 0; i < 5_000 && !limits(PATH).isEmpty(); i++) {
            delivered(PATH, "shop", 1);
        }
        assertThat(limits(PATH)).isEmpty();
        assertThat(control.decisions().getFirst().what()).isEqualTo("release");
    }

    @Test
    void limitsThatChangeWhileTheyAreAskedForAreAskedForAnew() throws IOException {
        start();
        asked = () -> {
            asked = () -> {};
            own = TrafficLimits.DEFAULT.with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse("10/s"));
            control.limitsChanged();
        };
        delivered(PATH, "shop", 200);
        refused(PATH, "shop", RATE);
        passes(Duration.ofSeconds(10));
        for (int i = 0; i < 5_000 && !limits(PATH).isEmpty(); i++) {
            delivered(PATH, "shop", 1);
        }
        assertThat(limits(PATH)).as("at 10/s").isEmpty();
    }

    @Test
    void switchedOffItLeavesMeaningsAsTheyAre() throws IOException {
        config = ControlConfig.DEFAULT.with(ControlConfig.ENABLED, false);
        start();
        assertThat(refused(PATH, "shop", RATE).meaning().suspend()).isEqualTo(Duration.ofMinutes(30));
        assertThat(limits(PATH)).isEmpty();
    }

    @Test
    void whatWasLearnedBindsNobodyOnceItIsSwitchedOff() throws IOException {
        start();
        delivered(PATH, "shop", 200);
        refused(PATH, "shop", RATE);
        refused(PATH, "shop", TENANT);
        for (int i = 0; i < 300; i++) {
            refused(PATH, "tenant-" + i % 10, BUSY);
        }
        Sender bulk = new Sender("shop", "", "", "example.com");
        assertThat(limits(PATH)).isNotEmpty();
        assertThat(control.limits().of(PATH, "outlook", bulk)).hasSize(2);
        control.close(); // a file that has it all
        byte[] learned = Files.readAllBytes(directory.resolve("control"));
        told.clear();
        config = ControlConfig.DEFAULT.with(ControlConfig.ENABLED, false);
        control.reconfigure(config);
        assertThat(told).as("who asks anew").contains("limits ip-1->outlook", "limits outlook");
        for (int round = 0; round < 2; round++) {
            assertThat(limits(PATH)).isEmpty();
            assertThat(control.isIncident("outlook")).isFalse();
            assertThat(control.limits().of(PATH, "outlook", bulk)).isEmpty();
            assertThat(control.limits().limitsSenders()).isFalse();
            assertThat(control.figures(10).standings()).isEmpty();
            Files.write(directory.resolve("control"), learned);
            start();
        }
        control.reconfigure(ControlConfig.DEFAULT);
        assertThat(limits(PATH)).as("switched on again").isEmpty();
        assertThat(control.isIncident("outlook")).isFalse();
    }

    @Test
    void manyTenantsDeferredAtOnceAreAnIncidentThatProbesEnd() throws IOException {
        start();
        for (int i = 0; i < 60; i++) {
            refused(PATH, "tenant-" + i % 10, BUSY);
        }
        assertThat(control.isIncident("outlook")).isTrue();
        assertThat(told).containsOnlyOnce("limits outlook");
        Sender bulk = new Sender("shop", "", "", "example.com");
        Sender urgent = new Sender("shop", "", "", "example.com", true);
        assertThat(control.limits().limitsSenders()).isTrue();
        assertThat(control.limits().of(PATH, "outlook", bulk).stream().map(AdaptiveControlTest::text))
                .containsExactly("incident_rate of outlook 1/10s");
        assertThat(control.limits().of(PATH, "outlook", urgent)).isEmpty();
        assertThat(control.limits().of(PATH, "google", bulk)).isEmpty();
        control.close();
        start();
        assertThat(control.isIncident("outlook")).as("after a restart").isTrue();
        assertThat(control.limits().limitsSenders()).isTrue();
        delivered(PATH, "shop", Incident.PROVED);
        assertThat(control.isIncident("outlook")).isFalse();
        assertThat(control.limits().of(PATH, "outlook", bulk)).isEmpty();
        assertThat(control.limits().limitsSenders()).isFalse();
        assertThat(control.decisions()).extracting(Decision::what).contains("incident-over");
    }

    @Test
    void fewDeferralsOfManyMessagesAreNoIncidentHoweverManyTenantsTheyAreOf() throws IOException {
        start();
        for (int i = 0; i < 200; i++) {
            delivered(PATH, "tenant-" + i % 10, 3);
            refused(PATH, "tenant-" + i % 10, BUSY);
        }
        assertThat(control.isIncident("outlook")).as("a quarter").isFalse();
        for (int i = 0; i < 3_000 && !control.isIncident("outlook"); i++) {
            refused(PATH, "tenant-" + i % 10, BUSY);
        }
        assertThat(control.isIncident("outlook")).isTrue();
    }

    @Test
    void aSessionThatHasCarriedAllItMayIsNobodysTrouble() throws IOException {
        start();
        for (int i = 0; i < 200; i++) {
            refused(PATH, "tenant-" + i % 10,
                    Reply.of(421, "", "Max message per connection reached, closing transmission channel"));
        }
        assertThat(control.isIncident("outlook")).isFalse();
    }

    private static AutomationRule rule(Action... actions) {
        return new AutomationRule(List.of("S775"), List.of(actions), new AutomationRule.Trigger.Immediate(),
                Duration.ofHours(1), false, "shaping.toml:9");
    }

    @Test
    void automationRulesSuspendReturnAndSetUntilTheirTimeIsOver() throws IOException {
        rules.add(rule(new Action.SuspendTenant(), new Action.BounceCampaign(),
                new Action.Set("max_message_rate", "10/min", true)));
        start();
        Verdict verdict = refused(PATH, "shop", RATE);
        assertThat(verdict.suspensions()).singleElement().satisfies(suspension -> {
            assertThat(suspension.whose()).isEqualTo(Whose.TENANT);
            assertThat(suspension.time()).isEqualTo(Duration.ofHours(1));
            assertThat(suspension.why()).startsWith("shaping.toml:9: 451 4.7.650");
        });
        assertThat(control.bounces(new Mail(PATH, "outlook", "example.com", "shop", "spring"))).contains("S775");
        assertThat(control.bounces(new Mail(PATH, "outlook", "example.com", "shop", "summer"))).isNull();
        assertThat(control.suspended(new Mail(PATH, "outlook", "example.com", "shop", ""))).isNotNull();
        assertThat(control.suspended(new Mail(PATH, "outlook", "example.com", "acme", ""))).isNull();
        passes(Duration.ofHours(2));
        control.tick();
        assertThat(control.bounces(new Mail(PATH, "outlook", "example.com", "shop", "spring"))).isNull();
        assertThat(control.figures(10).effects()).isZero();
    }

    @Test
    void whatARuleBeganIsOverWhenTheRuleIsGoneAndOnlyThen() throws IOException {
        rules.add(rule(new Action.SuspendTenant(), new Action.BounceCampaign(),
                new Action.Set("max_message_rate", "10/min", false)));
        for (boolean restart : new boolean[]{false, true}) {
            start();
            refused(PATH, "shop", RATE);
            assertThat(control.figures(0).effects()).isEqualTo(3);
            AutomationRule rule = rules.removeFirst();
            AutomationRule moved = new AutomationRule(rule.regex(), rule.actions(), rule.trigger(),
                    Duration.ofHours(3), rule.matchInternal(), "shaping.toml:77");
            rules.add(moved);
            change(restart);
            assertThat(control.figures(0).effects()).as("it stands in another line").isEqualTo(3);
            rules.set(0, new AutomationRule(rule.regex(), List.of(new Action.Suspend()), rule.trigger(),
                    rule.duration(), rule.matchInternal(), rule.place()));
            told.clear();
            change(restart);
            assertThat(control.figures(0).effects()).isZero();
            assertThat(control.bounces(new Mail(PATH, "outlook", "example.com", "shop", "spring"))).isNull();
            assertThat(control.suspended(new Mail(PATH, "outlook", "example.com", "shop", ""))).isNull();
            assertThat(told).contains("limits ip-1->outlook", "resumed ip-1 mx1.example.net");
            assertThat(control.limits().of(PATH, "outlook").own()).isEqualTo(own);
            rules.set(0, rule);
            control.close();
        }
    }

    private void change(boolean byARestart) throws IOException {
        if (byARestart) {
            control.close();
            start();
        } else {
            control.reconfigure(config);
        }
    }

    @Test
    void aValueForADomainAloneBindsThoughItIsWhatHoldsWhereNoProviderIsKnown() throws IOException {
        own = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT,
                TrafficLimits.DEFAULT.connectionLimit() * 2);
        rules.add(rule(new Action.Set("connection_limit", (long) TrafficLimits.DEFAULT.connectionLimit(), true)));
        config = ControlConfig.DEFAULT.with(ControlConfig.ENABLED, false);
        start();
        refused(PATH, "shop", RATE);
        assertThat(control.limits().of(PATH, "outlook", new Sender("shop", "", "", "example.com")))
                .extracting(SharedLimit::bound)
                .containsExactly(new Bound.Count(TrafficLimits.DEFAULT.connectionLimit()));
    }

    /** One of each kind of step, whatever came before it. */
    private void step(int number) {
        SplittableRandom random = new SplittableRandom(number);
        switch (number % 6) {
            case 0 -> delivered(PATH, "shop", 1 + random.nextInt(100));
            case 1 -> refused(PATH, "shop", RATE);
            case 2 -> refused(OTHER_SOURCE, "shop", TENANT);
            case 3 -> refused(PATH, "acme", random.nextInt(3) == 0 ? BLOCKED : CONNECTIONS);
            case 4 -> passes(Duration.ofSeconds(random.nextInt(1, 2_000)));
            default -> {
                delivered(OTHER_SOURCE, "shop", 1 + random.nextInt(100));
                refused(OTHER_SOURCE, "acme", RATE);
            }
        }
    }

    private String standings() {
        return control.figures(100).standings().stream()
                .map(each -> each.scope() + " " + each.mode() + " " + Math.round(each.perSecond() * 1e6) + " "
                        + each.window())
                .collect(Collectors.joining("\n"));
    }

    @Test
    void aRestartAtEachStepFindsWhatWasLearned() throws IOException {
        rules.add(rule(new Action.Bounce(), new Action.Set("connection_limit", 3L, false)));
        start();
        for (int number = 0; number < 120; number++) {
            step(number);
            String before = standings();
            List<String> ofPath = limits(PATH);
            int effects = control.figures(0).effects();
            if (number % 2 == 0) {
                control.close();
            } else { // killed: what was decided some seconds ago is in the file
                passes(Duration.ofSeconds(6));
                control.tick();
            }
            nanos = number % 3 * 1_000L * SECOND; // another boot
            start();
            assertThat(standings()).as("step " + number).isEqualTo(before);
            assertThat(limits(PATH)).as("step " + number).hasSameSizeAs(ofPath);
            assertThat(control.figures(0).effects()).isBetween(effects - 4, effects);
        }
        assertThat(control.limits().of(PATH, "outlook").own().connectionLimit()).isEqualTo(3);
    }

    @Test
    void aClockThatIsSetBackOrForwardChangesNoRate() throws IOException {
        start();
        delivered(PATH, "shop", 200);
        refused(PATH, "shop", RATE);
        String before = standings();
        control.close();
        millis -= Duration.ofDays(400).toMillis();
        start();
        assertThat(standings()).isEqualTo(before);
        refused(PATH, "shop", RATE);
        String cut = standings();
        control.close();
        millis += Duration.ofHours(3).toMillis();
        start();
        assertThat(standings()).isEqualTo(cut);
    }

    @Test
    void aFileThatIsDamagedIsSetAsideWhereverItIs() throws IOException {
        start();
        delivered(PATH, "shop", 200);
        refused(PATH, "shop", RATE);
        control.close();
        Path file = directory.resolve("control");
        byte[] whole = Files.readAllBytes(file);
        for (int at = 0; at < whole.length; at++) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 4;
            Files.write(file, damaged);
            start();
            assertThat(standings()).as("octet " + at).isEmpty();
            assertThat(directory.resolve("control.damaged")).hasBinaryContent(damaged);
            assertThat(file).doesNotExist();
        }
        for (int length = 1; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            start();
            assertThat(standings()).as("length " + length).isEmpty();
        }
        Files.write(file, whole);
        start();
        assertThat(standings()).isNotEmpty();
    }

    @Test
    void whatHasPassedIsForgotten() throws IOException {
        start();
        delivered(PATH, "shop", 200);
        refused(PATH, "shop", RATE);
        passes(Duration.ofHours(25));
        control.tick();
        assertThat(limits(PATH)).isEmpty();
        assertThat(control.figures(10).standings()).isEmpty();
    }

    @Test
    void pathsThatArentUsedAreForgottenAndCountNoMoreInTheCeiling() throws IOException {
        own = TrafficLimits.DEFAULT.with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse("1/s"));
        start();
        for (int i = 0; i < 1_000; i++) {
            control.delivered(new EgressPath("ip-1", new Site("mx" + i + ".example.com")), "outlook", "shop", "",
                    nanos);
        }
        for (int i = 0; i < 60; i++) { // the provider goes on by one path
            passes(Duration.ofMinutes(2));
            delivered(PATH, "shop", 1);
            control.tick();
        }
        assertThat(control.paths()).isEqualTo(1);
        delivered(PATH, "shop", 200); // 10 a second
        refused(PATH, "shop", RATE);
        assertThat(perSecond()).as("less than the one path that is left may send").isLessThanOrEqualTo(1);
        delivered(PATH, "shop", 10_000);
        assertThat(limits(PATH)).as("released at the one path's limit").isEmpty();
    }

    private double perSecond() {
        return control.figures(1).standings().getFirst().perSecond();
    }

    @Test
    void manyThreadsLeaveItWhole() throws Exception {
        start();
        List<Thread> threads = new ArrayList<>();
        ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        for (int number = 0; number < 4; number++) {
            SplittableRandom random = new SplittableRandom(number);
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    for (int i = 0; i < 20_000; i++) {
                        nanos += random.nextInt(1_000_000); // may lose some: time that varies
                        EgressPath path = random.nextBoolean() ? PATH : OTHER_SOURCE;
                        String tenant = "tenant-" + random.nextInt(20);
                        if (random.nextInt(10) > 0) {
                            control.delivered(path, "outlook", tenant, "", nanos);
                        } else {
                            Reply reply = random.nextBoolean() ? RATE : random.nextBoolean() ? TENANT : CONNECTIONS;
                            control.refused(new Mail(path, "outlook", "example.com", tenant, ""),
                                    replies.classify(ReplyPhase.DATA, reply, "outlook"), reply.code(), "",
                                    reply.text(), false, nanos, () -> 5, true);
                        }
                        if (i % 100 == 0) {
                            control.tick();
                            control.limits().of(path, "outlook");
                        }
                    }
                } catch (Throwable e) {
                    failures.add(e);
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failures).isEmpty();
        for (SharedLimit limit : control.limits().of(PATH, "outlook").shared()) {
            assertThat(limit.id().measure()).isIn(Measure.MESSAGE_RATE, Measure.CONNECTIONS);
        }
    }
}
