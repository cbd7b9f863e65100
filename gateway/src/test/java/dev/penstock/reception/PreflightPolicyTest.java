package dev.penstock.reception;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import dev.penstock.config.PreflightConfig;
import dev.penstock.config.PreflightConfig.Kind;
import dev.penstock.config.PreflightConfig.Mode;
import dev.penstock.config.PreflightConfig.Tenant;
import dev.penstock.message.Judged;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.preflight.PlannedSignatures;
import dev.penstock.preflight.Preflight;
import dev.penstock.preflight.SignatureFacts;
import dev.penstock.preflight.Zones;
import dev.penstock.testing.FakePolicy;
import dev.penstock.testing.Patience;
import dev.penstock.units.MailClass;

/** What becomes of a message that a receiver would refuse, by its tenant's mode. */
class PreflightPolicyTest {
    private static final String SIGNED = """
            DKIM-Signature: v=1; a=rsa-sha256; d=sound.example; s=s1; h=from:to; b=x
            """;
    private static final String SOUND = SIGNED + """
            From: Shop <news@sound.example>
            To: jo@gmail.com
            Subject: Order
            Date: Sat, 28 Nov 2026 21:00:00 +0000
            Message-ID: <1@sound.example>
            X-Penstock-Preflight: pass

            """;
    private static final String UNSIGNED = SOUND.substring(SIGNED.length());
    private static final PreflightConfig CONFIG = PreflightConfig.DEFAULT.with(PreflightConfig.KIND, Kind.TRANSACTIONAL)
            .with(PreflightConfig.ADDRESSES, List.of(Zones.GOOD)).with(PreflightConfig.DEADLINE, Patience.LONG)
            .with(PreflightConfig.TENANTS, Map.of("tags", new Tenant(Mode.TAG, null), "holds",
                    new Tenant(Mode.HOLD, null), "refuses", new Tenant(Mode.REFUSE, null), "personal",
                    new Tenant(Mode.REFUSE, Kind.PERSONAL)));

    private final Zones zones = new Zones();
    private final FakePolicy rules = new FakePolicy();
    private final Preflight preflight = new Preflight(CONFIG, zones.router::records, zones.executor, System::nanoTime);
    private final PreflightPolicy policy = new PreflightPolicy(rules, preflight, PlannedSignatures.NONE);

    @AfterEach
    void close() {
        zones.close();
    }

    @Test
    void aTenantWithoutAModeIsLeftAlone() {
        assertThat(ask("", UNSIGNED, "jo@gmail.com")).isSameAs(Decision.ACCEPT);
        assertThat(zones.dns.questions()).isEmpty();
    }

    @Test
    void mailToNobodyWhoseDemandsAreKnownIsntJudged() {
        assertThat(ask("refuses", UNSIGNED, "jo@dest.example")).isSameAs(Decision.ACCEPT);
        assertThat(zones.dns.questions()).isEmpty();
    }

    @Test
    void aTagSaysWhatIsFoundInPlaceOfWhatTheClientSays() {
        Decision.Accept answer = (Decision.Accept) ask("tags", UNSIGNED, "jo@gmail.com", "flo@outlook.com");
        assertThat(answer.addHeaders()).containsExactly(new HeaderField("X-Penstock-Preflight",
                "fail; gmail=5.7.30; microsoft=5.7.515; by=dkim"));
        assertThat(answer.removeHeaders()).containsExactly("x-penstock-preflight");
        assertThat(answer.judged()).isEqualTo(
                new Judged(false, "would get Gmail 5.7.30, Microsoft 5.7.515: there is no DKIM signature"));
        assertThat(((Decision.Accept) ask("tags", SOUND, "jo@gmail.com")).addHeaders().getFirst().value())
                .isEqualTo("pass");
        assertThat(preflight.stats().tagged()).isEqualTo(1);
        assertThat(preflight.stats().passed()).isEqualTo(1);
    }

    @Test
    void aHoldSaysWhyAndSoundMailGoesOn() {
        Decision.Accept answer = (Decision.Accept) ask("holds", UNSIGNED, "jo@yahoo.co.uk");
        assertThat(answer.judged()).isEqualTo(new Judged(true, "would get Yahoo 5.7.9: there is no DKIM signature"));
        assertThat(answer.addHeaders()).isEmpty();
        assertThat(ask("holds", SOUND, "jo@yahoo.co.uk")).isSameAs(Decision.ACCEPT);
    }

    @Test
    void aRefusalNamesTheReplyThatItWouldGet() {
        String other = UNSIGNED.replace("sound.example>\nTo", "reject.example>\nTo");
        assertThat(((Decision.Refuse) ask("refuses", SIGNED + other, "jo@gmail.com")).reply().oneLine())
                .isEqualTo(
                        "550 5.7.1 Error: would get Gmail 5.7.26, Gmail 5.7.32: the DMARC policy at reject.example is "
                                + "p=reject, and From isn't aligned with d=sound.example, the return path's sound.example "
                                + "(and 1 more)");
        assertThat(ask("refuses", SOUND, "jo@gmail.com")).isSameAs(Decision.ACCEPT);
        assertThat(ask("personal", UNSIGNED, "jo@gmail.com")).as("SPF is enough").isSameAs(Decision.ACCEPT);
    }

    @Test
    void aMessageWhoseHeaderSectionHasGoneByIsNotJudged() {
        Decision decision = policy.message(client("refuses"), Decision.ACCEPT, "bounce@sound.example",
                List.of(new Recipient("jo@gmail.com", "gmail.com")), Policy.NotKept.FIELDS, 100).join();
        assertThat(decision).isSameAs(Decision.ACCEPT);
        assertThat(preflight.stats().unjudged()).isEqualTo(1);
        assertThat(preflight.stats().refused()).isZero();
    }

    @Test
    void signaturesToComeCount() {
        PreflightPolicy signing = new PreflightPolicy(rules, preflight,
                (tenant, domain) -> tenant.equals("refuses") && domain.equals("sound.example")
                        ? List.of(new SignatureFacts(domain, "s1", "rsa-sha256", Set.of("from")))
                        : List.of());
        assertThat(ask(signing, "refuses", UNSIGNED, "jo@gmail.com").join()).isSameAs(Decision.ACCEPT);
    }

    @Test
    void whatThePolicySaysComesFirstAndItsEditsCount() {
        rules.onMessage = FakePolicy.refusal(550, "5.7.1", "not you");
        assertThat(((Decision.Refuse) ask("tags", UNSIGNED, "jo@gmail.com")).reply().oneLine())
                .isEqualTo("550 5.7.1 not you");
        rules.onMessage = CompletableFuture.completedFuture(new Decision.Accept("refuses", null,
                List.of(new HeaderField("Message-ID", "<2@sound.example>")), List.of("message-id")));
        assertThat(((Decision.Accept) ask("", SOUND.replace("<1@sound.example>", "none"), "jo@gmail.com")).judged())
                .isNull();
    }

    @Test
    void whoseTheMessageIsAndHowUrgentIsForThePolicyToSay() {
        Decision.Accept named = new Decision.Accept("shop", null, List.of(), List.of());
        assertThat(policy.tenantAtMail(client("tags"), named)).isEqualTo("shop");
        assertThat(policy.tenantAtMail(client("tags"), Decision.ACCEPT)).as("the policy doesn't know yet").isNull();
        rules.onMessage = CompletableFuture.completedFuture(Decision.ACCEPT.of(MailClass.TRANSACTIONAL));
        for (String tenant : List.of("tags", "holds", "")) {
            assertThat(((Decision.Accept) ask(tenant, UNSIGNED, "jo@gmail.com")).mailClass()).as(tenant)
                    .isEqualTo(MailClass.TRANSACTIONAL);
        }
    }

    @Test
    void othersSeeTheFieldsTheyAskedForAlone() {
        rules.wanted = List.of("subject");
        ask("tags", SOUND, "jo@gmail.com");
        assertThat(rules.headers.getFirst()).extracting(HeaderField::name).containsExactly("Subject");
    }

    @Test
    void dnsThatIsLateSaysNothingAndTheMessageGoesOn() {
        preflight.reconfigure(CONFIG.with(PreflightConfig.DEADLINE, Duration.ofMillis(20)));
        CountDownLatch held = zones.dns.hold("_dmarc.sound.example");
        Decision.Accept answer = (Decision.Accept) ask("tags", SOUND, "jo@gmail.com");
        held.countDown();
        assertThat(answer.addHeaders().getFirst().value()).startsWith("pass; unknown=");
        assertThat(ask("refuses", SOUND, "jo@gmail.com")).isSameAs(Decision.ACCEPT);
        assertThat(preflight.stats().late()).isPositive();
        assertThat(preflight.stats().uncertain()).isPositive();
    }

    @Test
    void aKnownSenderIsJudgedWithoutAQuestion() {
        ask("refuses", SOUND, "jo@gmail.com");
        int asked = zones.dns.questions().size();
        CompletableFuture<Decision> again = ask(policy, "refuses", SOUND, "jo@gmail.com");
        assertThat(again).as("at once").isCompleted();
        assertThat(zones.dns.questions()).hasSize(asked);
    }

    @Test
    void whatNobodyIsJudgedByCostsNoLookAtTheHeader() {
        preflight.reconfigure(PreflightConfig.DEFAULT);
        assertThat(policy.judgesMessages()).isFalse();
        assertThat(policy.wantedHeaders()).isEmpty();
    }

    private Decision ask(String tenant, String message, String... recipients) {
        return ask(policy, tenant, message, recipients).join();
    }

    private static CompletableFuture<Decision> ask(PreflightPolicy asked, String tenant, String message,
            String... recipients) {
        Client client = client(tenant);
        List<HeaderField> header = HeaderSection.of(message.replace("\n", "\r\n").getBytes(UTF_8))
                .fields(asked.wantedHeaders());
        return asked.message(client, Decision.ACCEPT, "bounces@sound.example",
                Stream.of(recipients).map(one -> new Recipient(one, one.substring(one.indexOf('@') + 1))).toList(),
                new ArrayList<>(header), -1);
    }

    private static Client client(String tenant) {
        return new Client("s", "smtp", new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 1), "c",
                "ESMTP", "", null, true, tenant, "");
    }
}
