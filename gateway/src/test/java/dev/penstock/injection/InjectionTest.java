package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.PolicyConfig;
import dev.penstock.egress.Pool;
import dev.penstock.egress.Pools;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Client;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy;
import dev.penstock.policy.PolicyEngine;
import dev.penstock.policy.RecipientDirectory;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.SpoolException;
import dev.penstock.spool.SpoolHealth;

class InjectionTest {
    private static final String SIMPLE = """
            {"envelope_sender": "bounce@shop.example",
             "recipients": [{"email": "ann@a.example", "name": "Ann", "substitutions": {"code": 7}},
                            {"email": "bob@b.example", "name": "Bob"}],
             "substitutions": {"code": "none", "items": [{"name": "tea"}, {"name": "milk"}]},
             "content": {"from": {"email": "shop@shop.example", "name": "The Shop"},
                         "subject": "Hello {{ name }}",
                         "text_body": "Code {{ code }}:{% for item in items %} {{ loop.index }} {{ item.name }}{% endfor %}\\n",
                         "html_body": "<p>{{ name }}</p>"}}
            """;
    private static final String RAW = """
            {"envelope_sender": "", "content": "From: <a@b.example>\\nSubject: x\\n\\n.dot\\nbare\\rcr",
             "recipients": [{"email": "ann@a.example"}, {"email": "bob@b.example"}, {"email": "cid@a.example"}]}
            """;

    @TempDir
    Path directory;
    private InjectionFixture http;

    @BeforeEach
    void start() throws Exception {
        http = new InjectionFixture(directory);
    }

    @AfterEach
    void stop() {
        http.close();
    }

    @Test
    void oneConnectionCountsOnceHoweverManyRequestsComeOverIt() throws Exception {
        try (InjectionFixture http = new InjectionFixture(directory, InjectionFixture::withTwoConnections,
                new InjectionPolicy())) {
            for (int i = 0; i < 20; i++) {
                assertThat(http.post("""
                        {"envelope_sender": "s@s.example", "recipients": [{"email": "ann@a.example"}],
                         "content": "From: s@s.example\\nSubject: hello\\n\\nhello\\n"}
                        """).status()).isEqualTo(200);
            }
        }
    }

    @Test
    void everyRecipientGetsAMessageOfItsOwnWithItsSubstitutions() throws Exception {
        InjectionFixture.Reply reply = http.post(SIMPLE);
        assertThat(reply.status()).isEqualTo(200);
        assertThat(reply.body().get("success_count").asInt()).isEqualTo(2);
        assertThat(http.spool.messages()).hasSize(2);
        assertThat(http.spool.messages().get(1).envelope().id()).hasToString(reply.text("/recipients/1/message_id"));
        assertThat(http.mime(0).getSubject()).isEqualTo("Hello Ann");
        assertThat(http.mime(0).getFrom().get(0).getName()).isEqualTo("The Shop");
        assertThat(http.spool.content(1)).contains("To: Bob <bob@b.example>\r\n");
        assertThat(http.spool.content(0)).contains("Code 7: 1 tea 2 milk\r\n", "<p>Ann</p>\r\n");
        assertThat(http.spool.content(1)).contains("Code none:");
    }

    @Test
    void theEnvelopeSaysWhereMailCameFrom() throws Exception {
        http.post(SIMPLE);
        assertThat(http.accepted).hasSize(2);
        assertThat(http.accepted.getFirst().sender()).isEqualTo("bounce@shop.example");
        assertThat(http.accepted.getFirst().recipients()).containsExactly(new Recipient("ann@a.example", "a.example"));
        assertThat(http.accepted.getFirst().tenant()).isEqualTo("shop");
        Origin origin = http.accepted.getFirst().origin();
        assertThat(origin.protocol()).isEqualTo("HTTP");
        assertThat(origin.identity()).isEqualTo("ann");
        assertThat(origin.address()).startsWith("127.0.0.1:");
        assertThat(http.events).extracting(MessageEvent::type).containsOnly(MessageEvent.Type.RECEPTION);
        assertThat(http.events).extracting(MessageEvent::protocol).containsExactly("HTTP", "HTTP");
        assertThat(http.events).extracting(event -> event.client().user()).containsOnly("ann");
        assertThat(http.events).extracting(event -> event.client().messageId()).doesNotHaveDuplicates()
                .allMatch(id -> id.endsWith("@gateway.example>"));
        assertThat(http.spool.content(0)).startsWith("Received: from [127.0.0.1]\r\n\tby gateway.example with HTTP id "
                + http.accepted.getFirst().id() + ";\r\n\tMon, 23 Nov 2026 10:20:30 +0000\r\nFrom: The Shop <");
    }

    @Test
    void nobodySendsByAPoolThatIsForAnothersMail() throws Exception {
        Pool.Member source = new Pool.Member(Pools.DEFAULT, 1);
        Pools pools = new Pools(
                Map.of("shops", new Pool("shops", List.of(source), true), "news",
                        new Pool("news", List.of(source), true), "shared",
                        new Pool("shared", List.of(source), true)),
                Map.of(), Map.of("shop", "shops", "press", "news"), Pools.DEFAULT);
        try (PolicyEngine policy = new PolicyEngine(PolicyConfig.DEFAULT, RecipientDirectory.NONE, () -> pools);
                InjectionFixture over = new InjectionFixture(directory.resolve("pools"), config -> config, policy)) {
            String asked = SIMPLE.replaceFirst("\\{", "{\"pool\": \"POOL\", ");
            InjectionFixture.Reply refused = over.post(asked.replace("POOL", "news"));
            assertThat(refused.status()).isEqualTo(403);
            assertThat(refused.text("/detail"))
                    .contains("550 5.7.1 Error: pool \"news\" isn't for mail of tenant \"shop\"");
            assertThat(over.post(asked.replace("POOL", "gone")).text("/detail")).contains("there is no pool \"gone\"");
            assertThat(over.accepted).isEmpty();
            assertThat(over.post(asked.replace("POOL", "shops")).status()).isEqualTo(200);
            assertThat(over.post(asked.replace("POOL", "shared")).status()).isEqualTo(200);
            assertThat(over.accepted).extracting(Envelope::pool).containsExactly("shops", "shops", "shared", "shared");
        }
    }

    @Test
    void aMessageThatIsTheSameForAllIsKeptOnce() throws Exception {
        InjectionFixture.Reply reply = http.post(RAW);
        assertThat(reply.status()).isEqualTo(200);
        assertThat(http.spool.messages()).hasSize(1);
        assertThat(http.spool.messages().getFirst().envelope().destinations()).hasSize(2);
        assertThat(http.spool.messages().getFirst().envelope().sender()).isEmpty();
        assertThat(reply.text("/recipients/0/message_id")).isEqualTo(reply.text("/recipients/2/message_id"));
    }

    @Test
    void aWholeMessageGetsProperLinesDateAndMessageId() throws Exception {
        http.post(RAW);
        String id = http.accepted.getFirst().id().toString();
        assertThat(http.spool.content(0)).endsWith("Date: Mon, 23 Nov 2026 10:20:30 +0000\r\nMessage-ID: <" + id
                + "@gateway.example>\r\nFrom: <a@b.example>\r\nSubject: x\r\n\r\n.dot\r\nbare\r\ncr\r\n");
        assertThat(http.spool.messages().getFirst().content().hasDotLines()).isTrue();
    }

    @Test
    void nothingIsAnsweredBeforeItIsDurable() throws Exception {
        http.spool.holdCommits();
        CompletableFuture<InjectionFixture.Reply> reply = http.postLater(RAW, "held");
        org.awaitility.Awaitility.await().until(() -> http.spool.waitingCommits() == 1);
        assertThat(reply).isNotDone();
        assertThat(http.accepted).isEmpty();
        http.spool.completeCommits();
        assertThat(reply.get().status()).isEqualTo(200);
        assertThat(http.accepted).hasSize(1);
    }

    @Test
    void gzipAndDeflateAreUnderstood() throws Exception {
        assertThat(http.send(http.request().header("Content-Encoding", "gzip")
                .POST(HttpRequest.BodyPublishers.ofByteArray(InjectionFixture.gzip(SIMPLE))).build()).status())
                .isEqualTo(200);
        assertThat(http.send(http.request().header("Content-Encoding", "gzip")
                .POST(HttpRequest.BodyPublishers.ofString("not gzip")).build()).status()).isEqualTo(422);
        InjectionFixture.Reply brotli = http.send(http.request().header("Content-Encoding", "br")
                .POST(HttpRequest.BodyPublishers.ofString(SIMPLE)).build());
        assertThat(brotli.status()).isEqualTo(415);
        assertThat(brotli.header("Accept-Encoding")).isEqualTo("gzip, deflate");
    }

    @Test
    void wrongFieldsAreNamedAllAtOnce() throws Exception {
        InjectionFixture.Reply reply = http.post("""
                {"envelope_sender": "no address", "recipients": [{"email": 5}, {"name": "x"}, {"emial": "a@b.example"}],
                 "content": {"subject": "a\\r\\nBcc: x@y.example", "headers": {"X Y": "z", "Bcc": "a@b.example"},
                             "attachments": [{"content_type": "nonsense", "data": "%%", "base64": true}]},
                 "template_dialect": "Perl"}
                """);
        assertThat(reply.status()).isEqualTo(422);
        assertThat(reply.text("/type")).isEqualTo("urn:penstock:problem:invalid-request");
        assertThat(reply.body().get("errors").valueStream().map(wrong -> wrong.get("pointer").asString()))
                .contains("/envelope_sender", "/recipients/0/email", "/recipients/1/email", "/recipients/2/emial",
                        "/content/subject", "/content/headers/X Y", "/content/headers/Bcc",
                        "/content/attachments/0/content_type", "/content", "/content/from", "/template_dialect");
        assertThat(http.spool.messages()).isEmpty();
    }

    @Test
    void brokenJsonIsToldWithItsPlace() throws Exception {
        InjectionFixture.Reply reply = http.post("{\"envelope_sender\": \"a@b.example\",\n \"recipients\": [}");
        assertThat(reply.status()).isEqualTo(422);
        assertThat(reply.wrongs().getFirst()).startsWith("/recipients").contains("line 2, column");
        assertThat(http.post("[]").wrongs()).containsExactly(": expected an object");
        assertThat(http.post("").status()).isEqualTo(422);
        assertThat(http.post("{\"a\": 1, \"a\": 2}").wrongs().toString()).contains("uplicate");
    }

    @Test
    void brokenTemplatesAreToldBeforeAnythingIsSent() throws Exception {
        InjectionFixture.Reply reply = http
                .post(SIMPLE.replace("{{ code }}", "{% if %}").replace("<p>{{ name", "{{ 1 +"));
        assertThat(reply.status()).isEqualTo(422);
        assertThat(reply.body().get("errors").valueStream().map(wrong -> wrong.get("pointer").asString()))
                .containsExactly("/content/text_body", "/content/html_body");
        assertThat(http.spool.messages()).isEmpty();
    }

    @Test
    void oneRecipientsTroubleIsNotTheOthers() throws Exception {
        InjectionFixture.Reply reply = http.post("""
                {"envelope_sender": "s@s.example",
                 "recipients": [{"email": "ann@a.example", "substitutions": {"x": "fine"}}, {"email": "not an address"},
                                {"email": "eve@a.example", "substitutions": {"x": "a\\r\\nBcc: all@a.example"}}],
                 "content": {"from": {"email": "s@s.example"}, "subject": "{{ x }}", "text_body": "t"}}
                """);
        assertThat(reply.status()).isEqualTo(200);
        assertThat(reply.text("/recipients/0/status")).isEqualTo("accepted");
        assertThat(reply.text("/recipients/1/error/enhanced")).isEqualTo("5.1.3");
        assertThat(reply.text("/recipients/2/error/enhanced")).isEqualTo("5.6.0");
        assertThat(reply.text("/recipients/2/error/text")).contains("/content/subject has a line break");
        assertThat(reply.body().get("failed_recipients").size()).isEqualTo(2);
        assertThat(http.spool.messages()).hasSize(1);
    }

    @Test
    void credentialsAreNeededAndChecked() throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(http.uri("/api/inject/v1"))
                .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(SIMPLE));
        InjectionFixture.Reply none = http.send(request.build());
        assertThat(none.status()).isEqualTo(401);
        assertThat(none.header("WWW-Authenticate")).isEqualTo("Basic realm=\"penstock\", charset=\"UTF-8\"");
        assertThat(none.text("/detail")).isEqualTo("credentials are needed");
        for (String wrong : List.of("Basic YW5uOndyb25n", "Basic ???", "Basic", "Bearer x", "Digest y")) {
            assertThat(http.send(request.copy().header("Authorization", wrong).build()).status()).as(wrong)
                    .isEqualTo(401);
        }
        InjectionFixture.Reply later = http.send(request.copy().header("Authorization", "Basic Ym9iOnNsb3c=").build());
        assertThat(later.status()).isEqualTo(503);
        assertThat(http.spool.messages()).isEmpty();
    }

    @Test
    void relayNetworksNeedNoCredentials() throws Exception {
        try (InjectionFixture open = new InjectionFixture(directory.resolve("open"),
                config -> InjectionFixture.relaying(config, "127.0.0.0/8"), new InjectionPolicy())) {
            assertThat(open.send(HttpRequest.newBuilder(open.uri("/api/inject/v1"))
                    .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(SIMPLE))
                    .build()).status()).isEqualTo(200);
            assertThat(open.accepted.getFirst().origin().identity()).isEmpty();
        }
    }

    @Test
    void methodsTypesAndPathsAreChecked() throws Exception {
        InjectionFixture.Reply get = http.send(http.request().GET().build());
        assertThat(get.status()).isEqualTo(405);
        assertThat(get.header("Allow")).isEqualTo("POST");
        assertThat(http.send(http.request().setHeader("Content-Type", "text/plain")
                .POST(HttpRequest.BodyPublishers.ofString(SIMPLE)).build()).status()).isEqualTo(415);
        assertThat(http.send(HttpRequest.newBuilder(http.uri("/elsewhere")).build()).status()).isEqualTo(404);
        assertThat(http.send(HttpRequest.newBuilder(http.uri("/api/openapi.json")).DELETE().build()).status())
                .isEqualTo(405);
        InjectionFixture.Reply document = http.send(HttpRequest.newBuilder(http.uri("/api/openapi.json")).build());
        assertThat(document.status()).isEqualTo(200);
        assertThat(document.text("/openapi")).isEqualTo("3.1.0");
    }

    @Test
    void theDocumentDescribesWhatIsRead() {
        InjectionFixture.assertValid(InjectionFixture.schema("Request"), InjectionFixture.parse(SIMPLE));
        InjectionFixture.assertValid(InjectionFixture.schema("Request"), InjectionFixture.parse(RAW));
    }

    @Test
    void aFullQueueIsToldWithWhenToComeAgain() throws Exception {
        http.queueHasRoom = false;
        InjectionFixture.Reply full = http.post(SIMPLE);
        assertThat(full.status()).isEqualTo(503);
        assertThat(full.header("Retry-After")).isEqualTo("5");
        assertThat(full.text("/detail")).isEqualTo("the queue is full");
        assertThat(http.accepted).isEmpty();
        http.queueHasRoom = true;
        assertThat(http.post(SIMPLE).status()).isEqualTo(200);
    }

    @Test
    void aTenantWithEnoughQueuedIsTold503AndOneThatCameTooOften429() throws Exception {
        http.beyondQuota = Reply.of(452, "4.3.1", "Error: tenant \"shop\" has enough");
        InjectionFixture.Reply full = http.post(SIMPLE);
        assertThat(full.status()).isEqualTo(503);
        assertThat(full.header("Retry-After")).isEqualTo("5");
        assertThat(full.text("/detail")).isEqualTo("452 4.3.1 Error: tenant \"shop\" has enough");
        http.beyondQuota = Reply.of(451, "4.7.1", "Error: tenant \"shop\" came too often");
        InjectionFixture.Reply often = http.post(SIMPLE);
        assertThat(often.status()).isEqualTo(429);
        assertThat(often.text("/detail")).isEqualTo("451 4.7.1 Error: tenant \"shop\" came too often");
        assertThat(http.accepted).isEmpty();
        assertThat(http.events).hasSize(2).allMatch(event -> event.type() == MessageEvent.Type.REJECTION);
        http.beyondQuota = null;
        assertThat(http.post(SIMPLE).status()).isEqualTo(200);
    }

    @Test
    void ofARequestsMessagesThoseBeyondTheQuotaAreRefusedAlone() throws Exception {
        http.places.set(0);
        InjectionFixture.Reply none = http.post(SIMPLE);
        assertThat(none.status()).isEqualTo(503);
        assertThat(none.text("/detail")).contains("has as many messages queued as its queue-limit 2 allows");
        assertThat(http.spool.openIntakes()).isZero();
        assertThat(http.accepted).isEmpty();
    }

    @Test
    void theRequestSaysItsMailsClass() throws Exception {
        assertThat(http.post(SIMPLE.replaceFirst("\\{", "{\"mail_class\":\"transactional\",")).status())
                .isEqualTo(200);
        assertThat(http.accepted).isNotEmpty();
        InjectionFixture.Reply wrong = http.post(SIMPLE.replaceFirst("\\{", "{\"mail_class\":\"soon\","));
        assertThat(wrong.status()).isEqualTo(422);
        assertThat(wrong.body().toString()).contains("/mail_class", "transactional");
    }

    @Test
    void aSpoolInTroubleIsToldWithWhenToComeAgain() throws Exception {
        http.spool.health(SpoolHealth.State.FULL);
        InjectionFixture.Reply full = http.post(SIMPLE);
        assertThat(full.status()).isEqualTo(503);
        assertThat(full.header("Retry-After")).isEqualTo("5");
        assertThat(full.text("/detail")).isEqualTo("the spool is full");
        http.spool.health(SpoolHealth.State.READY);
        http.spool.failCommits(SpoolException.Reason.OVERLOADED);
        InjectionFixture.Reply failed = http.post(SIMPLE);
        assertThat(failed.status()).isEqualTo(503);
        assertThat(failed.text("/recipients/1/error/code")).isEqualTo("451");
        assertThat(http.accepted).isEmpty();
        assertThat(http.spool.openIntakes()).isZero();
    }

    @Test
    void policyDecides() throws Exception {
        Policy policy = new Policy() {
            @Override
            public CompletableFuture<Decision> connect(Client client) {
                return Decision.ACCEPTED;
            }

            @Override
            public CompletableFuture<Decision> mail(Client client, String sender, String senderDomain,
                    long declaredSize) {
                return switch (senderDomain) {
                    case "busy.example" -> Decision.refused(Reply.of(451, "4.7.1", "Too much"));
                    case "other.example" -> Decision.refused(Reply.of(550, "5.7.1", "Not yours"));
                    default -> CompletableFuture.completedFuture(
                            new Decision.Accept("tenant-" + client.tenant(), "summer", List.of(), List.of()));
                };
            }

            @Override
            public CompletableFuture<Decision> recipient(Client client, String sender, String senderDomain,
                    Recipient recipient) {
                return recipient.domain().equals("b.example")
                        ? Decision.refused(Reply.of(550, "5.7.1", "Relay access denied"))
                        : Decision.ACCEPTED;
            }

            @Override
            public CompletableFuture<Decision> message(Client client, Decision.Accept mail, String sender,
                    List<Recipient> recipients, List<HeaderField> header, long size) {
                return CompletableFuture.completedFuture(new Decision.Accept(mail.tenant(), mail.campaign(),
                        List.of(new HeaderField("X-Seen", header.getFirst().value()),
                                new HeaderField(".long", "word ".repeat(40) + "end")),
                        List.of("subject"), client.pool().isEmpty() ? null : client.pool()));
            }

            @Override
            public boolean judgesMessages() {
                return true;
            }

            @Override
            public List<String> wantedHeaders() {
                return List.of("subject");
            }

            @Override
            public List<String> removedHeaders() {
                return List.of("message-id");
            }
        };
        String pooled = SIMPLE.replaceFirst("\\{", "{\"pool\": \"marketing\", ");
        InjectionFixture.assertValid(InjectionFixture.schema("Request"), InjectionFixture.parse(pooled));
        try (InjectionFixture ruled = new InjectionFixture(directory.resolve("pooled"), config -> config, policy)) {
            assertThat(ruled.post(pooled).status()).isEqualTo(200);
            assertThat(ruled.accepted).extracting(Envelope::pool).containsExactly("marketing");
        }
        try (InjectionFixture ruled = new InjectionFixture(directory.resolve("ruled"), config -> config, policy)) {
            InjectionFixture.Reply reply = ruled.post(SIMPLE);
            assertThat(reply.status()).isEqualTo(200);
            assertThat(reply.text("/recipients/1/error/text")).isEqualTo("Relay access denied");
            assertThat(ruled.accepted).hasSize(1);
            assertThat(ruled.accepted.getFirst().tenant()).isEqualTo("tenant-shop");
            assertThat(ruled.accepted.getFirst().campaign()).isEqualTo("summer");
            assertThat(ruled.spool.messages().getFirst().content().hasDotLines()).isTrue();
            assertThat(ruled.spool.content(0)).contains("X-Seen: Hello Ann\r\n.long: " + "word ".repeat(40) + "end\r\n")
                    .doesNotContain("Subject:", "Message-ID:");
            assertThat(ruled.post(SIMPLE.replace("bounce@shop", "bounce@other")).status()).isEqualTo(403);
            InjectionFixture.Reply busy = ruled.post(SIMPLE.replace("bounce@shop", "bounce@busy"));
            assertThat(busy.status()).isEqualTo(429);
            assertThat(busy.text("/detail")).isEqualTo("451 4.7.1 Too much");
            assertThat(ruled.post(SIMPLE.replace("ann@a", "ann@b")).status()).isEqualTo(403);
            assertThat(ruled.events).extracting(event -> event.type().label() + " " + event.sender() + " "
                    + event.recipients() + " " + event.response().code()).containsExactly(
                            "Reception bounce@shop.example [ann@a.example] 250",
                            "Rejection bounce@shop.example [bob@b.example] 550",
                            "Rejection bounce@other.example [] 550", "Rejection bounce@busy.example [] 451",
                            "Rejection bounce@shop.example [ann@b.example, bob@b.example] 550");
        }
    }

    @Test
    void addressesBeyondAsciiAreKeptSendable() throws Exception {
        InjectionFixture.Reply reply = http.post("""
                {"envelope_sender": "s@bücher.example",
                 "recipients": [{"email": "ann@bücher.example", "name": "Änn"}, {"email": "änn@a.example"}],
                 "content": {"from": {"email": "s@s.example"}, "subject": "{{ email }}", "text_body": "t"}}
                """);
        assertThat(reply.status()).isEqualTo(200);
        assertThat(http.accepted.get(0).sender()).isEqualTo("s@xn--bcher-kva.example");
        assertThat(http.accepted.get(0).recipients().getFirst().address()).isEqualTo("ann@xn--bcher-kva.example");
        assertThat(http.accepted.get(0).smtpUtf8()).isFalse();
        assertThat(http.accepted.get(1).smtpUtf8()).isTrue();
    }
}
