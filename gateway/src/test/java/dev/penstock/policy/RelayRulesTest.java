package dev.penstock.policy;

import static dev.penstock.policy.Clients.BOB;
import static dev.penstock.policy.Clients.RELAY;
import static dev.penstock.policy.Clients.STRANGER;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;

import dev.penstock.config.PolicyConfig;
import dev.penstock.config.PolicyConfig.RelayRule;
import dev.penstock.message.Recipient;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.Reply;

class RelayRulesTest {
    private static final List<String> ANY = List.of();
    private static final Decision UNKNOWN = new Decision.Refuse(
            Reply.of(550, "5.1.1", "<nobody@home.example>: Recipient address rejected: User unknown"));

    /** {@code home.example} is ours and has everybody but {@code nobody}. */
    private static final RecipientDirectory HOME = new RecipientDirectory() {
        @Override
        public boolean isLocal(String domain) {
            return domain.equals("home.example");
        }

        @Override
        public CompletableFuture<Decision> verify(Client client, Recipient recipient) {
            return recipient.address().startsWith("nobody@")
                    ? CompletableFuture.completedFuture(UNKNOWN)
                    : Decision.ACCEPTED;
        }
    };

    @Test
    void withoutRulesRelayNetworksAndIdentitiesMaySendAnywhereAndEverybodyToLocalDomains() {
        PolicyEngine engine = engine();
        assertThat(ask(engine, RELAY, "a@b.example", "x@far.example")).isEqualTo(Decision.ACCEPT);
        assertThat(ask(engine, BOB, "a@b.example", "x@far.example")).isEqualTo(Decision.ACCEPT);
        assertThat(ask(engine, STRANGER, "a@b.example", "x@home.example")).isEqualTo(Decision.ACCEPT);
        assertThat(ask(engine, STRANGER, "a@b.example", "x@far.example")).isEqualTo(new Decision.Refuse(
                Reply.of(554, "5.7.1", "<x@far.example>: Relay access denied")));
        assertThat(engine.stats().relayDenied()).isEqualTo(1);
    }

    @Test
    void anUnknownLocalRecipientIsRefusedToEverybody() {
        PolicyEngine engine = engine();
        assertThat(ask(engine, STRANGER, "a@b.example", "nobody@home.example")).isEqualTo(UNKNOWN);
        assertThat(ask(engine, RELAY, "a@b.example", "nobody@home.example")).isEqualTo(UNKNOWN);
    }

    @Test
    void aDirectoryIsNotAskedAboutWhatTheRulesRefuse() {
        PolicyEngine engine = engine(refuse(ANY, ANY, ANY, ANY, List.of("local")));
        assertThat(ask(engine, RELAY, "a@b.example", "nobody@home.example")).isNotEqualTo(UNKNOWN);
        assertThat(denied(engine, RELAY, "a@b.example", "nobody@home.example")).isTrue();
    }

    @Test
    void theFirstRuleThatFitsDecides() {
        PolicyEngine engine = engine(
                permit(ANY, List.of("192.0.2.0/28"), ANY, ANY, List.of("partner.example")),
                refuse(ANY, List.of("192.0.2.0/24"), ANY, ANY, List.of("partner.example")),
                permit(ANY, ANY, ANY, ANY, List.of("partner.example")));
        assertThat(denied(engine, STRANGER, "a@b.example", "x@partner.example")).isFalse();
        assertThat(denied(engine, from("192.0.2.77"), "a@b.example", "x@partner.example")).isTrue();
        assertThat(denied(engine, from("198.51.100.1"), "a@b.example", "x@partner.example")).isFalse();
        assertThat(denied(engine, from("198.51.100.1"), "a@b.example", "x@far.example")).isTrue();
    }

    @Test
    void aRuleFitsOnlyWhenAllItsListsDo() {
        RelayRule rule = permit(List.of("mx"), List.of("2001:db8::/32"), ANY, List.of("b.example"),
                List.of("partner.example"));
        PolicyEngine engine = engine(rule);
        Client fits = Clients.client("2001:db8::1", "mx", null, false);
        assertThat(denied(engine, fits, "a@b.example", "x@partner.example")).isFalse();
        assertThat(denied(engine, Clients.client("2001:db8::1", "smtp", null, false), "a@b.example",
                "x@partner.example")).isTrue();
        assertThat(denied(engine, Clients.client("2001:db9::1", "mx", null, false), "a@b.example",
                "x@partner.example")).isTrue();
        assertThat(denied(engine, fits, "a@other.example", "x@partner.example")).isTrue();
        assertThat(denied(engine, fits, "a@b.example", "x@other.example")).isTrue();
    }

    @Test
    void identitiesAreNamedOrAnybody() {
        PolicyEngine bob = engine(refuse(ANY, ANY, List.of("bob"), ANY, ANY));
        PolicyEngine anybody = engine(refuse(ANY, ANY, List.of("*"), ANY, ANY));
        Client ann = Clients.restrictedTo("b.example");
        assertThat(denied(bob, BOB, "a@b.example", "x@far.example")).isTrue();
        assertThat(denied(bob, ann, "a@b.example", "x@far.example")).isFalse();
        assertThat(denied(anybody, ann, "a@b.example", "x@far.example")).isTrue();
        assertThat(denied(anybody, RELAY, "a@b.example", "x@far.example")).isFalse();
    }

    @Test
    void aDotStandsForWhatIsBelowADomainAndNotForItself() {
        PolicyEngine engine = engine(permit(ANY, ANY, ANY, ANY, List.of(".partner.example")));
        assertThat(denied(engine, STRANGER, "a@b.example", "x@mail.partner.example")).isFalse();
        assertThat(denied(engine, STRANGER, "a@b.example", "x@a.b.partner.example")).isFalse();
        assertThat(denied(engine, STRANGER, "a@b.example", "x@partner.example")).isTrue();
        assertThat(denied(engine, STRANGER, "a@b.example", "x@notpartner.example")).isTrue();
        assertThat(denied(engine, STRANGER, "a@b.example", "x@[192.0.2.9]")).isTrue();
    }

    @Test
    void theNullSenderIsWrittenAsItIsSent() {
        PolicyEngine reports = engine(permit(ANY, ANY, ANY, List.of("<>"), ANY));
        assertThat(denied(reports, STRANGER, "", "x@far.example")).isFalse();
        assertThat(denied(reports, STRANGER, "a@b.example", "x@far.example")).isTrue();
        PolicyEngine domains = engine(permit(ANY, ANY, ANY, List.of("b.example"), ANY));
        assertThat(denied(domains, STRANGER, "", "x@far.example")).isTrue();
    }

    @Test
    void localStandsForAllLocalDomains() {
        PolicyEngine engine = engine(refuse(List.of("submission"), ANY, ANY, ANY, List.of("local", "far.example")));
        assertThat(denied(engine, BOB, "a@b.example", "x@home.example")).isTrue();
        assertThat(denied(engine, BOB, "a@b.example", "x@far.example")).isTrue();
        assertThat(denied(engine, BOB, "a@b.example", "x@local")).isFalse();
    }

    @Test
    void anybodyMaySendToThePostmasterWhateverTheRulesSay() {
        PolicyConfig d = PolicyConfig.DEFAULT;
        PolicyEngine engine = new PolicyEngine(
                d.with(PolicyConfig.RELAY, List.of(refuse(ANY, ANY, ANY, ANY, ANY))).with(PolicyConfig.POSTMASTER,
                        Optional.of(new Mailbox("Ops@far.example", "Ops", "far.example", false))),
                HOME);
        assertThat(engine.postmaster()).isEqualTo(recipient("Ops@far.example"));
        assertThat(denied(engine, STRANGER, "a@b.example", "Ops@far.example")).isFalse();
        assertThat(denied(engine, STRANGER, "a@b.example", "x@far.example")).isTrue();
        engine.reconfigure(PolicyConfig.DEFAULT);
        assertThat(engine.postmaster()).isNull();
    }

    @Test
    void newRulesAreInForceFromTheNextQuestionOn() {
        PolicyEngine engine = engine();
        engine.reconfigure(PolicyConfig.DEFAULT.with(PolicyConfig.RELAY,
                List.of(permit(ANY, ANY, ANY, ANY, List.of("far.example")))));
        assertThat(denied(engine, STRANGER, "a@b.example", "x@far.example")).isFalse();
    }

    @Test
    void whatNeedsNoThoughtIsAnsweredByTheSharedFuture() {
        PolicyEngine engine = engine();
        assertThat(engine.connect(STRANGER)).isSameAs(Decision.ACCEPTED);
        assertThat(engine.mail(RELAY, "a@b.example", "b.example", 0)).isSameAs(Decision.ACCEPTED);
        assertThat(engine.recipient(RELAY, "a@b.example", "b.example", recipient("x@far.example")))
                .isSameAs(Decision.ACCEPTED);
        assertThat(engine.recipient(STRANGER, "a@b.example", "b.example", recipient("x@home.example")))
                .isSameAs(Decision.ACCEPTED);
        assertThat(engine.message(RELAY, "a@b.example", List.of(recipient("x@far.example")), List.of(), 100))
                .isSameAs(Decision.ACCEPTED);
    }

    private static PolicyEngine engine(RelayRule... rules) {
        return new PolicyEngine(PolicyConfig.DEFAULT.with(PolicyConfig.RELAY, List.of(rules)), HOME);
    }

    private static RelayRule permit(List<String> listeners, List<String> networks, List<String> identities,
            List<String> senders, List<String> recipients) {
        return new RelayRule(true, listeners, networks, identities, senders, recipients);
    }

    private static RelayRule refuse(List<String> listeners, List<String> networks, List<String> identities,
            List<String> senders, List<String> recipients) {
        return new RelayRule(false, listeners, networks, identities, senders, recipients);
    }

    private static Client from(String address) {
        return Clients.client(address, "smtp", null, false);
    }

    private static boolean denied(PolicyEngine engine, Client client, String sender, String recipient) {
        return ask(engine, client, sender, recipient) instanceof Decision.Refuse(Reply reply) && reply.code() == 554;
    }

    private static Decision ask(PolicyEngine engine, Client client, String sender, String recipient) {
        return engine.recipient(client, sender, domain(sender), recipient(recipient)).join();
    }

    private static Recipient recipient(String address) {
        return new Recipient(address, domain(address));
    }

    private static String domain(String address) {
        return address.substring(address.indexOf('@') + 1);
    }
}
