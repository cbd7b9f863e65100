package dev.penstock.policy;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Optional;

import org.junit.jupiter.api.Test;

import dev.penstock.config.PolicyConfig;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.smtp.Reply;

class OwnershipTest {
    @Test
    void anIdentityWithSenderDomainsMayUseOnlyThose() {
        PolicyEngine engine = engine(true, false);
        Client ann = Clients.restrictedTo("ann.example", ".mail.example");
        assertThat(mail(engine, ann, "a@ann.example")).isEmpty();
        assertThat(mail(engine, ann, "a@x.mail.example")).isEmpty();
        assertThat(mail(engine, ann, "a@bob.example"))
                .contains("553 5.7.1 <a@bob.example>: Sender address rejected: not owned by user ann");
        assertThat(mail(engine, ann, "a@x.ann.example")).isPresent();
        assertThat(mail(engine, ann, "a@mail.example")).isPresent();
        assertThat(mail(engine, ann, "a@evilmail.example")).isPresent();
        assertThat(engine.stats().sendersRefused()).isEqualTo(4);
    }

    @Test
    void nobodyElseIsRestricted() {
        PolicyEngine engine = engine(false, true);
        assertThat(mail(engine, Clients.BOB, "a@bob.example")).isEmpty();
        assertThat(mail(engine, Clients.restrictedTo("*"), "a@bob.example")).isEmpty();
        assertThat(mail(engine, Clients.STRANGER, "")).isEmpty();
        assertThat(message(engine, Clients.BOB, from("x@any.example"))).isEmpty();
    }

    @Test
    void theNullSenderIsEverybodysOrNobodys() {
        Client ann = Clients.restrictedTo("ann.example");
        assertThat(mail(engine(true, false), ann, "")).isEmpty();
        assertThat(mail(engine(false, false), ann, ""))
                .contains("553 5.7.1 <>: Sender address rejected: not owned by user ann");
    }

    @Test
    void theFromFieldIsCheckedOnDemand() {
        Client ann = Clients.restrictedTo("ann.example");
        assertThat(engine(true, false).wantedHeaders()).doesNotContain("from");
        assertThat(message(engine(true, false), ann, from("x@bob.example"))).isEmpty();
        PolicyEngine engine = engine(true, true);
        assertThat(engine.wantedHeaders()).contains("from");
        assertThat(message(engine, ann, from("Ann <x@ANN.example>"))).isEmpty();
        assertThat(message(engine, ann, from("x@bob.example")))
                .contains("553 5.7.1 <x@bob.example>: From address rejected: not owned by user ann");
        assertThat(message(engine, ann, from("x@ann.example, Bob <y@bob.example>"))).isPresent();
        assertThat(message(engine, ann, List.of())).contains(
                "550 5.7.1 From: rejected: there is none, and user ann may use domains of its own only");
    }

    @Test
    void fromFieldsThatReadersUnderstandDifferentlyAreUnreadable() {
        Map.of(
                "a@ann.example", true,
                "\"b@bob.example\" <a@ann.example>", true,
                "=?utf-8?q?Ann?= J. (b@bob.example) <a@ann.example>", true,
                "Us: a@ann.example, Ann <\"a b\"@ann.example>;", true,
                "a@ann.example,", true,
                "\"Ann \\\"x\\\" B\" <a@[192.0.2.1]>", true)
                .forEach((value, readable) -> assertThat(FromHeader.of(from(value)) instanceof FromHeader.Mailboxes)
                        .as(value).isEqualTo(readable));
        for (String value : List.of("b@bob.example <a@ann.example>", "<a@ann.example> <b@bob.example>", "Ann",
                "<a@ann.example", "a@ann.example b@bob.example", "Us: a@ann.example", "undisclosed:;", "",
                "\"Ann <a@ann.example>", "(Ann <a@ann.example>", "<@bob.example:a@ann.example>", "a@@ann.example",
                "a b@ann.example", "<>", "a@ann.example\u0000<b@bob.example>", "\\", "(\\")) {
            assertThat(FromHeader.of(from(value))).as(value).isInstanceOf(FromHeader.Unreadable.class);
        }
        assertThat(FromHeader.of(List.of(new HeaderField("From", "a@ann.example"),
                new HeaderField("FROM", "b@bob.example"))))
                .isEqualTo(new FromHeader.Unreadable("there is more than one"));
    }

    private static PolicyEngine engine(boolean allowNullSender, boolean checkFromHeader) {
        PolicyConfig d = PolicyConfig.DEFAULT;
        return new PolicyEngine(
                d.with(PolicyConfig.RELAY, List.of()).with(PolicyConfig.ALLOW_NULL_SENDER, allowNullSender)
                        .with(PolicyConfig.CHECK_FROM_HEADER, checkFromHeader)
                        .with(PolicyConfig.HEADERS_FROM_ANYBODY, false).with(PolicyConfig.REMOVE_HEADERS, true)
                        .with(PolicyConfig.PLUGINS, Optional.empty()).with(PolicyConfig.CALLOUT, Optional.empty()),
                RecipientDirectory.NONE);
    }

    private static List<HeaderField> from(String value) {
        return List.of(new HeaderField("Subject", "x@other.example"), new HeaderField("From", value));
    }

    /** The refusal. */
    private static Optional<String> mail(PolicyEngine engine, Client client, String sender) {
        return refusal(engine.mail(client, sender, sender.substring(sender.indexOf('@') + 1), 0).join());
    }

    private static Optional<String> message(PolicyEngine engine, Client client, List<HeaderField> header) {
        return refusal(engine.message(client, "a@ann.example", List.of(), header, 100).join());
    }

    private static Optional<String> refusal(Decision decision) {
        return switch (decision) {
            case Decision.Accept _ -> Optional.empty();
            case Decision.Refuse(Reply reply) -> Optional.of(reply.oneLine());
        };
    }
}
