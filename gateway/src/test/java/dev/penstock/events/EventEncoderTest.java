package dev.penstock.events;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageEvent.Response;
import dev.penstock.message.MessageId;
import dev.penstock.units.MailClass;

class EventEncoderTest {
    private final EventEncoder encoder = new EventEncoder("node-1", 16);

    @Test
    void deliveryIsARecordAsKumomtaWritesIt() {
        assertThat(line(Events.delivery(7)))
                .isEqualTo("""
                        {"type":"Delivery","id":"1J4YMCZH40007","sender":"a@s.example","recipient":"r7@r.example",\
                        "queue":"camp:tenant@r.example","tenant":"tenant","campaign":"camp","domain":"r.example",\
                        "site":"default->mx.r.example+2","size":4096,\
                        "response":{"code":250,"enhanced_code":{"class":2,"subject":0,"detail":0},\
                        "content":"Ok: queued as 4XyZ","command":"."},\
                        "peer_address":{"name":"mx.r.example","addr":"192.0.2.7"},\
                        "timestamp":1757675281,"event_time":"2025-09-12T11:08:01.440Z",\
                        "created":1757675280,"created_time":"2025-09-12T11:08:00.100Z","num_attempts":0,\
                        "egress_pool":"default","egress_source":"default",\
                        "source_address":{"address":"10.0.0.1:53210"},"delivery_protocol":"ESMTP",\
                        "session_id":"01K3SESSION","bounce_classification":"Uncategorized","feedback_report":null,\
                        "meta":{},"headers":{},"nodeid":"node-1"}
                        """.replace("1J4YMCZH40007", new MessageId(Events.CREATED << 20 | 7).toString()));
    }

    @Test
    void receptionHasNoEgressAndSeveralRecipientsAreAnArray() {
        MessageEvent reception = new MessageEvent(MessageEvent.Type.RECEPTION, new MessageId(1), "",
                List.of("a@x", "b@x"), "x", "",
                "", "", 0, new Response(250, "", "", ""), null, "", 0, -1, 3, "SMTP", "");
        Map<String, Object> json = Events.json(line(reception));
        assertThat(json).containsEntry("type", "Reception").containsEntry("sender", "")
                .containsEntry("recipient", List.of("a@x", "b@x")).containsEntry("queue", "x")
                .containsEntry("site", "").containsEntry("peer_address", null)
                .containsEntry("event_time", "1970-01-01T00:00:00.000Z").containsEntry("num_attempts", 3L)
                .containsEntry("reception_protocol", "SMTP")
                .doesNotContainKeys("egress_pool", "egress_source", "source_address", "delivery_protocol",
                        "session_id");
        @SuppressWarnings("unchecked")
        Map<String, Object> response = (Map<String, Object>) json.get("response");
        assertThat(response).containsEntry("enhanced_code", null).containsEntry("command", null);
    }

    @Test
    void ofASessionUnderTlsVersionAndCipherAreTold() {
        MessageEvent clear = Events.delivery(7);
        MessageEvent event = new MessageEvent(clear.type(), clear.id(), clear.sender(), clear.recipients(),
                clear.domain(), clear.tenant(), clear.campaign(), clear.site(), clear.size(), clear.response(),
                clear.peer(), clear.sourceAddress(), clear.eventMillis(), clear.createdMillis(), clear.attempts(),
                "ESMTPS", clear.sessionId(), new MessageEvent.Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384"));
        assertThat(Events.json(line(event))).containsEntry("delivery_protocol", "ESMTPS")
                .containsEntry("tls_cipher", "TLS_AES_256_GCM_SHA384")
                .containsEntry("tls_protocol_version", "TLSv1.3").containsEntry("session_id", "01K3SESSION");
        assertThat(Events.json(line(clear))).doesNotContainKeys("tls_cipher", "tls_protocol_version");
    }

    @Test
    void theClassIsToldWhereItIsntBulk() {
        MessageEvent bulk = Events.delivery(7);
        assertThat(Events.json(line(bulk))).doesNotContainKey("mail_class");
        assertThat(Events.json(line(bulk.of(MailClass.TRANSACTIONAL)))).containsEntry("mail_class", "transactional");
    }

    @Test
    void theProviderIsNamedWhereOneIsKnown() {
        MessageEvent nobody = Events.delivery(7);
        MessageEvent event = new MessageEvent(nobody.type(), nobody.id(), nobody.sender(), nobody.recipients(),
                nobody.domain(), nobody.tenant(), nobody.campaign(), nobody.site(), nobody.size(), nobody.response(),
                nobody.peer(), nobody.sourceAddress(), nobody.eventMillis(), nobody.createdMillis(), nobody.attempts(),
                nobody.protocol(), nobody.sessionId(), nobody.tls(), nobody.client(), "goo\"gle", nobody.pool(),
                nobody.meaning());
        assertThat(Events.json(line(event))).containsEntry("provider_name", "goo\"gle");
        assertThat(Events.json(line(nobody))).doesNotContainKey("provider_name");
    }

    @Test
    void queueIsNamedAfterCampaignTenantAndDomain() {
        assertThat(queue("", "")).isEqualTo("x.example");
        assertThat(queue("t", "")).isEqualTo("t@x.example");
        assertThat(queue("", "c")).isEqualTo("c:@x.example");
        assertThat(queue("t", "c")).isEqualTo("c:t@x.example");
    }

    @Test
    void namesThatHoldTheSignsOfAQueueHaveFieldsOfTheirOwn() {
        MessageEvent event = new MessageEvent(MessageEvent.Type.RECEPTION, new MessageId(1), "s", List.of("r"),
                "x.example", "a:b@c", "d@e:f", "", 0, new Response(250, "", "", ""), null, "", 0, 0, 0, "ESMTPA", "",
                null, new MessageEvent.Client("ann", "app.example", "submission", "<1@\"s\">"));
        assertThat(Events.json(line(event))).containsEntry("queue", "d@e:f:a:b@c@x.example")
                .containsEntry("tenant", "a:b@c").containsEntry("campaign", "d@e:f")
                .containsEntry("domain", "x.example").containsEntry("user", "ann").containsEntry("helo", "app.example")
                .containsEntry("listener", "submission").containsEntry("message_id", "<1@\"s\">");
        assertThat(Events.json(line(Events.delivery(7)))).doesNotContainKeys("user", "helo", "listener", "message_id");
    }

    @Test
    void aRejectionBeforeThereIsAMessageHasNeitherIdNorRecipient() {
        MessageEvent event = new MessageEvent(MessageEvent.Type.REJECTION, MessageEvent.NO_ID, "s@s.example", List.of(),
                "", "", "", "", 0, new Response(550, "5.7.1", "not you", "MAIL FROM"), null, "", 0, 0, 0, "ESMTP",
                "1a");
        assertThat(Events.json(line(event))).containsEntry("type", "Rejection").containsEntry("id", "")
                .containsEntry("recipient", List.of()).containsEntry("queue", "").containsEntry("domain", "")
                .containsEntry("reception_protocol", "ESMTP");
    }

    @Test
    void brokenEnhancedCodesAreNull() {
        for (String enhanced : List.of("", ".", "5", "5.1", "..", "5..1", "5.1.")) {
            assertThat(line(response(enhanced, ""))).contains("\"enhanced_code\":null");
        }
        assertThat(line(response("5.1.10", ""))).contains("{\"class\":5,\"subject\":1,\"detail\":10}");
    }

    @Test
    void anyTextSurvives() {
        long seed = 20261124;
        SplittableRandom random = new SplittableRandom(seed);
        for (int i = 0; i < 2_000; i++) {
            StringBuilder text = new StringBuilder();
            for (int n = random.nextInt(20); n > 0; n--) {
                int point = random.nextInt(1 << random.nextInt(1, 21));
                text.appendCodePoint(point >= 0xd800 && point < 0xe000 ? ' ' : point);
            }
            @SuppressWarnings("unchecked")
            Map<String, Object> response = (Map<String, Object>) Events.json(line(response("2.0.0", text.toString())))
                    .get("response");
            assertThat(response).as("seed " + seed).containsEntry("content", text.toString());
        }
    }

    @Test
    void nothingThatATerminalObeysIsWrittenAsItIs() {
        String text = "a\u009b31mb\u0085c\u2028d\u202ee\u2066f\u001bg\u007fh";
        assertThat(line(response("2.0.0", text))).contains(
                "a\\u009b31mb\\u0085c\\u2028d\\u202ee\\u2066f\\u001bg\\u007fh");
    }

    @Test
    void loneSurrogatesBecomeTheReplacementCharacter() {
        assertThat(line(response("2.0.0", "a\ud800b\udc00"))).contains("a\ufffdb\ufffd");
    }

    @Test
    void linesFollowEachOther() {
        encoder.encode(Events.delivery(1));
        encoder.encode(Events.delivery(2));
        assertThat(text().lines()).hasSize(2);
        encoder.clear();
        assertThat(text()).isEmpty();
    }

    private String queue(String tenant, String campaign) {
        return String.valueOf(Events
                .json(line(new MessageEvent(MessageEvent.Type.BOUNCE, new MessageId(1), "s", List.of("r"), "x.example",
                        tenant, campaign, "", 0, new Response(550, "", "", ""), null, "", 0, 0, 0, "", "")))
                .get("queue"));
    }

    private static MessageEvent response(String enhanced, String text) {
        return new MessageEvent(MessageEvent.Type.TRANSIENT_FAILURE, new MessageId(1), "s", List.of("r"), "x", "", "",
                "", 0,
                new Response(451, enhanced, text, "DATA"), null, "", 0, 0, 0, "", "");
    }

    private String line(MessageEvent event) {
        encoder.clear();
        encoder.encode(event);
        return text();
    }

    private String text() {
        return StandardCharsets.UTF_8.decode(encoder.lines()).toString();
    }
}
