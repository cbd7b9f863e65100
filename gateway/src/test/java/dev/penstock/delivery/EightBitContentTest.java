package dev.penstock.delivery;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Base64;
import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Content;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.UnreadableMessageException;
import dev.penstock.testing.FakeMx;

/** What hosts with and without 8BITMIME (RFC 6152) get of 8-bit content. */
@Timeout(60)
final class EightBitContentTest {
    private static final String SENDER = "sender@source.example";
    private static final String HEADER = "Subject: test\r\nMIME-Version: 1.0\r\n";
    private static final String TEXT = HEADER + "Content-Transfer-Encoding: 8bit\r\n\r\n\u00e4 = a\r\n.\r\n";
    private static final String CONVERTED = HEADER
            + "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4 =3D a\r\n=2E\r\n";

    private static DeliveryRig oneSession() {
        return new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100), QueueConfig.DEFAULT);
    }

    private static String spooled(DeliveryRig rig, SpoolEntry entry) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        rig.spool.message(new MessageId(entry.messageId())).content().forEachChunk(out::write);
        return out.toString(ISO_8859_1);
    }

    @Test
    void aHostWithoutItGetsConvertedContentAndItsSize() throws IOException {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx ready
                C: EHLO gateway.test
                S: 250-mx
                S: 250-PIPELINING
                S: 250 SIZE 1000
                C: MAIL FROM:<sender@source.example> SIZE=%d
                C: RCPT TO:<a@dest.example>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 354 go
                content
                S: 250 2.0.0 taken
                C: QUIT
                S: 221 bye
                """.formatted(CONVERTED.length())); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            SpoolEntry entry = rig.sendAs(SENDER, TEXT, "a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
            assertThat(mx.messages()).singleElement().extracting(FakeMx.Received::text)
                    .isEqualTo(CONVERTED + ".\r\n");
            assertThat(spooled(rig, entry)).isEqualTo(TEXT);
        }
    }

    @Test
    void byBdatItIsTheConvertedOctetsThatAreCounted() {
        try (FakeMx mx = new FakeMx().script("""
                S: 220 mx ready
                C: EHLO gateway.test
                S: 250-mx
                S: 250-PIPELINING
                S: 250 CHUNKING
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                bdat %d LAST %s
                S: 250 ok
                S: 250 ok
                S: 250 2.0.0 taken
                C: QUIT
                S: 221 bye
                """.formatted(CONVERTED.length(), CONVERTED.replace("\r\n", "\\r\\n")));
                DeliveryRig rig = oneSession()) {
            rig.route(mx);
            rig.dispatcher.peers.bdat(DeliveryRig.host("mx1.dest.example", mx.port()), PeerKnowledge.Bdat.SOUND);
            rig.sendAs(SENDER, TEXT, "a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
        }
    }

    @Test
    void theNextHostOfTheRouteGetsItAsItIs() {
        try (FakeMx without = new FakeMx().offering("PIPELINING").on("MAIL", "421 4.3.2 later");
                FakeMx with = new FakeMx().offering("PIPELINING,8BITMIME");
                DeliveryRig rig = new DeliveryRig()) {
            rig.route(without, with);
            rig.sendAs(SENDER, TEXT, "a@dest.example");
            rig.awaitEvents(1);
            assertThat(without.commands()).contains("MAIL FROM:<sender@source.example>");
            assertThat(with.commands()).contains("MAIL FROM:<sender@source.example> BODY=8BITMIME");
            assertThat(with.messages()).singleElement().extracting(FakeMx.Received::text)
                    .isEqualTo(TEXT.replace("\r\n.", "\r\n..") + ".\r\n");
        }
    }

    @Test
    void aHostThatFollowsOneWithItGetsItConverted() {
        try (FakeMx with = new FakeMx().offering("PIPELINING,8BITMIME").on("MAIL", "421 4.3.2 later");
                FakeMx without = new FakeMx().offering("PIPELINING");
                DeliveryRig rig = new DeliveryRig()) {
            rig.route(with, without);
            rig.sendAs(SENDER, TEXT, "a@dest.example", "b@dest.example");
            rig.awaitEvents(1);
            assertThat(without.messages()).singleElement().extracting(FakeMx.Received::text)
                    .isEqualTo(CONVERTED + ".\r\n");
        }
    }

    @Test
    void severalOverOneSessionAreEachConvertedOrNotAsTheyNeed() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING"); DeliveryRig rig = oneSession()) {
            rig.route(mx);
            rig.sendAs(SENDER, TEXT, "a@dest.example");
            rig.sendAs(SENDER, "DKIM-Signature: v=1\r\n" + TEXT, "b@dest.example");
            rig.sendAs(SENDER, DeliveryRig.CONTENT, "c@dest.example");
            rig.sendAs("", TEXT, "d@dest.example");
            rig.awaitEvents(MessageEvent.Type.DELIVERY, 3);
            rig.awaitEvents(MessageEvent.Type.BOUNCE, 1);
            assertThat(mx.messages()).extracting(FakeMx.Received::text).containsExactlyInAnyOrder(
                    CONVERTED + ".\r\n", DeliveryRig.CONTENT + ".\r\n", CONVERTED + ".\r\n");
            assertThat(rig.outcomes()).filteredOn(text -> text.startsWith("Bounce")).singleElement().asString()
                    .startsWith("Bounce b@dest.example 554 5.6.3 ")
                    .endsWith("takes no 8-bit content, and converted it would break its DKIM signature");
        }
    }

    @Test
    void anLmtpStoreWithoutItGetsItConvertedToo() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING"); DeliveryRig rig = new DeliveryRig()) {
            rig.route(DeliveryRig.DOMAIN, true, mx);
            rig.sendAs(SENDER, TEXT, "a@dest.example");
            rig.awaitEvents(1);
            assertThat(mx.messages()).singleElement().extracting(FakeMx.Received::text)
                    .isEqualTo(CONVERTED + ".\r\n");
        }
    }

    @Test
    void whatIsLargerWhenConvertedThanTheHostTakesBouncesAsTooLarge() {
        String text = HEADER + "\r\n" + "\u00e4".repeat(500) + "\r\n";
        try (FakeMx mx = new FakeMx().offering("PIPELINING,SIZE 1000"); DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.sendAs("", text, "a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Bounce a@dest.example 552 5.3.4 ");
        }
    }

    @Test
    void anOperatorMayHaveItBounceInstead() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING");
                DeliveryRig rig = new DeliveryRig(
                        DeliveryRig.CONFIG.with(DeliveryConfig.CONVERT_EIGHT_BIT, false))) {
            rig.route(mx);
            rig.sendAs("", TEXT, "a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Bounce a@dest.example 554 5.6.3 ");
            assertThat(mx.commands()).noneMatch(command -> command.startsWith("MAIL"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"PIPELINING", "PIPELINING,CHUNKING", ""})
    void contentOfAnySizeIsConvertedWhileItIsSent(String offer) {
        byte[] octets = new byte[3 << 20];
        for (int i = 0; i < octets.length; i++) {
            octets[i] = (byte) (i % 97 == 96 ? '\n' : i % 97 == 95 ? '\r' : 128 + i % 128);
        }
        String body = new String(octets, ISO_8859_1);
        try (FakeMx mx = offer.isEmpty() ? new FakeMx().offering("X-NOTHING") : new FakeMx().offering(offer);
                DeliveryRig rig = new DeliveryRig()) {
            rig.route(mx);
            rig.sendAs(SENDER, HEADER + "Content-Type: application/octet-stream\r\n\r\n" + body + "\r\n",
                    "a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery");
            String text = mx.messages().getFirst().text();
            String start = HEADER
                    + "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n";
            assertThat(text).startsWith(start);
            String encoded = text.substring(start.length()).replace("\r\n.\r\n", "\r\n");
            assertThat(new String(Base64.getMimeDecoder().decode(encoded), ISO_8859_1)).isEqualTo(body + "\r\n");
        }
    }

    @Test
    void contentThatTurnsOutDamagedWhenItIsConvertedBouncesAndTheSessionGoesOn() {
        Content damaged = new Content() {
            @Override
            public long size() {
                return TEXT.length();
            }

            @Override
            public boolean hasDotLines() {
                return false;
            }

            @Override
            public boolean hasEightBit() {
                return true;
            }

            @Override
            public void forEachChunk(ChunkSink sink) throws IOException {
                throw new UnreadableMessageException("checksum mismatch", null);
            }
        };
        try (FakeMx mx = new FakeMx().offering("PIPELINING"); DeliveryRig rig = oneSession()) {
            rig.route(mx);
            rig.submit("", damaged, System.currentTimeMillis(), "a@dest.example");
            rig.sendAs("", TEXT, "b@dest.example");
            rig.awaitEvents(2);
            assertThat(rig.outcomes()).anyMatch(text -> text.startsWith("Bounce a@dest.example 554 5.3.0"))
                    .anyMatch(text -> text.startsWith("Delivery b@dest.example"));
            assertThat(rig.dispatcher.stats().snapshot().unreadable()).isEqualTo(1);
        }
    }

    @Test
    void whatIsSevenBitOnceConvertedNeedsNoSmtputf8() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING"); DeliveryRig rig = new DeliveryRig()) {
            rig.route("xn--bcher-kva.example", false, mx);
            rig.submit(new Envelope(rig.spool.nextId(), "sender@b\u00fccher.example",
                    List.of(new Recipient("a@b\u00fccher.example", "xn--bcher-kva.example")), BodyType.SEVEN_BIT, true,
                    "", "", System.currentTimeMillis(), Origin.LOCAL, Options.NONE),
                    MemoryContent.of(TEXT.getBytes(ISO_8859_1)));
            rig.awaitEvents(1);
            assertThat(mx.commands()).contains("MAIL FROM:<sender@xn--bcher-kva.example>",
                    "RCPT TO:<a@xn--bcher-kva.example>");
            assertThat(mx.messages()).hasSize(1);
        }
    }
}
