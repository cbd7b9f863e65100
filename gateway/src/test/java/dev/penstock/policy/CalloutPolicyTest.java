package dev.penstock.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.auth.Identity;
import dev.penstock.config.CalloutConfig;
import dev.penstock.config.PolicyConfig;
import dev.penstock.config.PolicyConfig.Callout;
import dev.penstock.config.PolicyConfig.Event;
import dev.penstock.config.PolicyConfig.OnFailure;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.smtp.Reply;
import dev.penstock.testing.CalloutServer;
import dev.penstock.testing.Patience;
import dev.penstock.units.MailClass;

@Timeout(180)
class CalloutPolicyTest {
    private static final Duration LONG = Patience.LONG;
    private static final Duration SHORT = Duration.ofMillis(200);
    private static final Recipient RECIPIENT = new Recipient("x@far.example", "far.example");

    @Test
    void everyQuestionHasTheShapeOfTheManual() {
        Client client = Clients.ofTenant(new Identity("ann", "", List.of()), false, "acme", "bulk");
        try (CalloutServer server = CalloutServer.answering(200, "{\"action\":\"accept\"}");
                PolicyEngine engine = engine(server.url(), LONG, 10, OnFailure.DEFER, EnumSet.allOf(Event.class))) {
            engine.connect(client).join();
            engine.mail(client, "a\"\\\u0001é@b.example", "b.example", 1234).join();
            engine.recipient(client, "", "", RECIPIENT).join();
            engine.message(client, "a@b.example", List.of(RECIPIENT, new Recipient("y@far.example", "far.example")),
                    List.of(new HeaderField("Subject", "Hi"), new HeaderField("X-Tenant", "globex"),
                            new HeaderField("From", "A <a@b.example>")),
                    99).join();
            String who = "\"client\":{\"session\":\"s-1\",\"listener\":\"smtp\",\"address\":\"192.0.2.4\","
                    + "\"port\":40000,\"helo\":\"client.example\",\"protocol\":\"ESMTP\",\"tls\":\"\","
                    + "\"identity\":\"ann\",\"relay_network\":false}";
            assertThat(server.bodies()).containsExactly(
                    "{\"event\":\"connect\"," + who + ",\"tenant\":\"acme\",\"campaign\":\"bulk\"}",
                    "{\"event\":\"mail\"," + who + ",\"tenant\":\"acme\",\"campaign\":\"bulk\","
                            + "\"sender\":\"a\\\"\\\\\\u0001é@b.example\",\"size\":1234}",
                    "{\"event\":\"recipient\"," + who + ",\"tenant\":\"acme\",\"campaign\":\"bulk\",\"sender\":\"\","
                            + "\"recipient\":\"x@far.example\"}",
                    "{\"event\":\"message\"," + who + ",\"tenant\":\"globex\",\"campaign\":\"bulk\","
                            + "\"sender\":\"a@b.example\",\"size\":99,"
                            + "\"recipients\":[\"x@far.example\",\"y@far.example\"],"
                            + "\"headers\":[[\"Subject\",\"Hi\"],[\"From\",\"A <a@b.example>\"]]}");
        }
    }

    @Test
    void everyAnswerIsReadAsTheManualTells() {
        try (CalloutServer server = CalloutServer.answering(200, "");
                PolicyEngine engine = engine(server.url(), LONG, 10, OnFailure.DEFER, EnumSet.allOf(Event.class))) {
            assertThat(ask(engine, server, "{\"action\":\"accept\"}")).isEqualTo(Decision.ACCEPT);
            assertThat(ask(engine, server, """
                    {"action": "accept", "tenant": "acme", "campaign": "spring", "text": null,
                     "add_headers": [["X-A", "1"], ["X-A", "2"]], "remove_headers": ["X-Secret"]}"""))
                    .isEqualTo(new Decision.Accept("acme", "spring",
                            List.of(new HeaderField("X-A", "1"), new HeaderField("X-A", "2")), List.of("x-secret")));
            assertThat(ask(engine, server, "{\"action\":\"accept\",\"mail_class\":\"transactional\"}"))
                    .isEqualTo(Decision.ACCEPT.of(MailClass.TRANSACTIONAL));
            assertThat(refusal(ask(engine, server, "{\"action\":\"accept\",\"pool\":\"marketing\"}")))
                    .isEqualTo("550 5.7.1 Error: there is no pool \"marketing\" to send by");
            assertThat(refusal(ask(engine, server, "{\"action\":\"reject\"}")))
                    .isEqualTo("550 5.7.1 Rejected by policy");
            assertThat(refusal(ask(engine, server, "{\"action\":\"defer\"}")))
                    .isEqualTo("451 4.7.1 Deferred by policy, please try again later");
            assertThat(refusal(ask(engine, server,
                    "{\"action\":\"reject\",\"code\":554,\"enhanced\":\"5.7.26\",\"text\":\"DMARC\"}")))
                    .isEqualTo("554 5.7.26 DMARC");
            assertThat(refusal(ask(engine, server, "{\"action\":\"defer\",\"code\":421,\"text\":\"Go away\"}")))
                    .isEqualTo("421 4.7.1 Go away");
            assertThat(engine.stats().refusals()).isEqualTo(4);
            assertThat(engine.stats().failures()).isZero();
        }
    }

    @Test
    void aReplyCannotBeEndedEarly() {
        try (CalloutServer server = CalloutServer.answering(200, "");
                PolicyEngine engine = engine(server.url(), LONG, 10, OnFailure.DEFER, EnumSet.allOf(Event.class))) {
            assertThat(refusal(ask(engine, server, "{\"action\":\"reject\",\"text\":\"no\\r\\n250 2.0.0 Ok\"}")))
                    .isEqualTo("550 5.7.1 no??250 2.0.0 Ok");
            assertThat(refusal(ask(engine, server, "{\"action\":\"reject\",\"text\":\"Né" + "n".repeat(5_000) + "\"}")))
                    .isEqualTo("550 5.7.1 N?" + "n".repeat(398));
        }
    }

    @Test
    void anythingElseIsAFailure() {
        List<String> wrong = List.of("", "no", "[]", "\"accept\"", "{}", "{\"action\":\"maybe\"}",
                "{\"action\":\"accept\"", "{\"action\":\"accept\"} {}", "{\"action\":\"accept\",\"extra\":1}",
                "{\"action\":\"accept\",\"code\":250}", "{\"action\":\"accept\",\"text\":\"ok\"}",
                "{\"action\":\"reject\",\"code\":250}", "{\"action\":\"reject\",\"code\":451}",
                "{\"action\":\"reject\",\"code\":5500000000}", "{\"action\":\"reject\",\"code\":\"550\"}",
                "{\"action\":\"defer\",\"code\":550}", "{\"action\":\"defer\",\"enhanced\":\"5.7.1\"}",
                "{\"action\":\"reject\",\"enhanced\":\"no\"}", "{\"action\":1}",
                "{\"action\":\"accept\",\"tenant\":7}", "{\"action\":\"accept\",\"tenant\":\"a\\nb\"}",
                "{\"action\":\"accept\",\"add_headers\":{\"X-A\":\"1\"}}",
                "{\"action\":\"accept\",\"add_headers\":[[\"X-A\"]]}",
                "{\"action\":\"accept\",\"add_headers\":[[\"X-A\",\"1\",\"2\"]]}",
                "{\"action\":\"accept\",\"add_headers\":[[\"X-A\",\"1\\r\\nX-B: 2\"]]}",
                "{\"action\":\"accept\",\"add_headers\":[[\"\",\"1\"]]}",
                "{\"action\":\"accept\",\"remove_headers\":[1]}", "[".repeat(10_000));
        try (CalloutServer server = CalloutServer.answering(200, "");
                PolicyEngine engine = engine(server.url(), LONG, 10, OnFailure.DEFER, EnumSet.allOf(Event.class))) {
            for (String body : wrong) {
                assertThat(refusal(ask(engine, server, body))).as(body)
                        .isEqualTo("451 4.7.1 Error: policy is unavailable, please try again later");
            }
            assertThat(engine.stats().failures()).isEqualTo(wrong.size());
            server.handler(exchange -> CalloutServer.answer(exchange, 500, "{\"action\":\"accept\"}"));
            assertThat(engine.connect(Clients.STRANGER).join()).isInstanceOf(Decision.Refuse.class);
            server.handler(exchange -> CalloutServer.answer(exchange, 204, ""));
            assertThat(engine.connect(Clients.STRANGER).join()).isInstanceOf(Decision.Refuse.class);
        }
    }

    @Test
    void aServerThatIsSilentOrGoneIsAnsweredAsConfigured() throws IOException {
        CountDownLatch end = new CountDownLatch(1);
        try (CalloutServer server = new CalloutServer(_ -> {
            try {
                end.await();
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        });
                PolicyEngine patient = engine(server.url(), LONG, 1, OnFailure.DEFER, Set.of(Event.CONNECT));
                PolicyEngine defer = engine(server.url(), SHORT, 1, OnFailure.DEFER, Set.of(Event.CONNECT));
                PolicyEngine accept = engine(server.url(), SHORT, 1, OnFailure.ACCEPT, Set.of(Event.CONNECT))) {
            CompletableFuture<Decision> unanswered = patient.connect(Clients.STRANGER);
            assertThat(patient.connect(Clients.STRANGER)).as("too many").isCompleted();
            assertThat(unanswered).isNotDone();
            assertThat(patient.stats().overloads()).isEqualTo(1);
            assertThat(defer.connect(Clients.STRANGER).join()).isInstanceOf(Decision.Refuse.class);
            assertThat(accept.connect(Clients.STRANGER).join()).isEqualTo(Decision.ACCEPT);
            assertThat(defer.stats().timeouts()).isEqualTo(1);
            await().until(() -> defer.stats().inFlight() == 0);
            end.countDown();
        }
        try (Socket nobody = new Socket()) { // and nobody else can listen at its port while it is open
            nobody.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
            assertThatNobodyIsAnsweredAsConfigured(URI.create("http://127.0.0.1:" + nobody.getLocalPort()));
        }
    }

    private static void assertThatNobodyIsAnsweredAsConfigured(URI url) {
        try (PolicyEngine engine = engine(url, LONG, 1, OnFailure.DEFER, Set.of(Event.CONNECT))) {
            assertThat(engine.connect(Clients.STRANGER).join()).isInstanceOf(Decision.Refuse.class);
            assertThat(engine.stats().failures()).isEqualTo(1);
        }
    }

    @Test
    void whatCannotBeChangedAnyMoreOrYetIsLeftAsItIs() {
        String changes = """
                {"action": "accept", "tenant": "acme", "add_headers": [["X-A", "1"]], "remove_headers": ["X-B"]}""";
        try (CalloutServer server = CalloutServer.answering(200, changes);
                PolicyEngine engine = engine(server.url(), LONG, 10, OnFailure.DEFER, EnumSet.allOf(Event.class))) {
            assertThat(engine.connect(Clients.STRANGER).join()).isEqualTo(Decision.ACCEPT);
            Decision nameOnly = new Decision.Accept("acme", null, List.of(), List.of());
            assertThat(engine.mail(Clients.STRANGER, "", "", -1).join()).isEqualTo(nameOnly);
            assertThat(engine.recipient(Clients.RELAY, "", "", RECIPIENT).join()).isEqualTo(nameOnly);
        }
    }

    @Test
    void itIsAskedOnlyWhenItIsToldToBe() {
        try (CalloutServer server = CalloutServer.answering(200, "{\"action\":\"reject\"}");
                PolicyEngine engine = engine(server.url(), LONG, 1, OnFailure.DEFER, Set.of(Event.MAIL))) {
            assertThat(engine.connect(Clients.STRANGER)).isSameAs(Decision.ACCEPTED);
            assertThat(engine.message(Clients.STRANGER, "", List.of(), List.of(), 1)).isSameAs(Decision.ACCEPTED);
            assertThat(engine.wantedHeaders()).doesNotContain("subject");
            assertThat(engine.mail(Clients.STRANGER, "", "", 0).join()).isInstanceOf(Decision.Refuse.class);
        }
    }

    @Test
    void aQuestionUnderWayIsAnsweredWhenTheServerIsReplaced() {
        CountDownLatch end = new CountDownLatch(1);
        try (CalloutServer old = new CalloutServer(exchange -> {
            try {
                end.await();
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            CalloutServer.answer(exchange, 200, "{\"action\":\"reject\",\"text\":\"old\"}");
        });
                CalloutServer other = CalloutServer.answering(200, "{\"action\":\"reject\",\"text\":\"new\"}");
                PolicyEngine engine = engine(old.url(), LONG, 1, OnFailure.DEFER, Set.of(Event.CONNECT))) {
            CompletableFuture<Decision> underWay = engine.connect(Clients.STRANGER);
            engine.reconfigure(config(other.url(), LONG, 1, OnFailure.DEFER, Set.of(Event.CONNECT)));
            assertThat(refusal(engine.connect(Clients.STRANGER).join())).isEqualTo("550 5.7.1 new");
            end.countDown();
            assertThat(refusal(underWay.join())).isEqualTo("550 5.7.1 old");
            engine.reconfigure(PolicyConfig.DEFAULT);
            assertThat(engine.connect(Clients.STRANGER)).isSameAs(Decision.ACCEPTED);
        }
    }

    private static Decision ask(PolicyEngine engine, CalloutServer server, String answer) {
        server.handler(exchange -> CalloutServer.answer(exchange, 200, answer));
        return engine.message(Clients.STRANGER, "", List.of(RECIPIENT), List.of(), 1).join();
    }

    private static String refusal(Decision decision) {
        return switch (decision) {
            case Decision.Accept accept -> accept.toString();
            case Decision.Refuse(Reply reply) -> reply.oneLine();
        };
    }

    private static PolicyEngine engine(URI url, Duration deadline, int maxInFlight, OnFailure onFailure,
            Set<Event> events) {
        return new PolicyEngine(config(url, deadline, maxInFlight, onFailure, events), RecipientDirectory.NONE);
    }

    private static PolicyConfig config(URI url, Duration deadline, int maxInFlight, OnFailure onFailure,
            Set<Event> events) {
        PolicyConfig d = PolicyConfig.DEFAULT;
        return d.with(PolicyConfig.ALLOW_NULL_SENDER, true).with(PolicyConfig.CHECK_FROM_HEADER, false)
                .with(PolicyConfig.TENANT_HEADER, "X-Tenant").with(PolicyConfig.CAMPAIGN_HEADER, "")
                .with(PolicyConfig.HEADERS_FROM_ANYBODY, false).with(PolicyConfig.REMOVE_HEADERS, true)
                .with(PolicyConfig.PLUGINS, Optional.empty()).with(PolicyConfig.CALLOUT, Optional.of(new Callout(
                        new CalloutConfig(url, deadline, maxInFlight, ""), events, List.of("from", "subject"),
                        onFailure)));
    }
}
