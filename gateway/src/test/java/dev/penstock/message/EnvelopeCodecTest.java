package dev.penstock.message;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

import dev.penstock.smtp.DeliverBy;
import dev.penstock.smtp.Notify;
import dev.penstock.smtp.OriginalRecipient;
import dev.penstock.smtp.Ret;
import dev.penstock.units.MailClass;

class EnvelopeCodecTest {
    private static final MessageId ID = new MessageId(0x0123_4567_89ab_cdefL);
    private static final Envelope FULL = new Envelope(ID, "bounce+1@esp.example",
            List.of(new Recipient("a@one.example", "one.example"),
                    new Recipient("\"a@b\"@Zwei.Example", "zwei.example"),
                    new Recipient("postmaster", "local.example"),
                    new Recipient("ü@bücher.example", "xn--bcher-kva.example")),
            BodyType.EIGHT_BIT_MIME, true, "tenant-7", "autumn", 1_790_000_000_123L,
            new Origin("ESMTPSA", "192.0.2.7:50123", "client.example"));

    @Test
    void givesBackWhatWasEncoded() {
        assertThat(decode(EnvelopeCodec.encode(FULL, 0))).isEqualTo(FULL);
    }

    @Test
    void givesBackAReportWithNullSender() {
        Envelope report = new Envelope(ID, "", List.of(new Recipient("a@b.example", "b.example")), BodyType.SEVEN_BIT,
                false, "", "", 0, Origin.LOCAL);
        assertThat(decode(EnvelopeCodec.encode(report, 0))).isEqualTo(report);
    }

    @Test
    void givesBackThePoolThatWasNamedAndNoneWhereNoneWas() {
        Envelope named = new Envelope(ID, FULL.sender(), FULL.recipients(), FULL.body(), true, "", "", 0,
                FULL.origin(), Options.NONE, "marketing");
        assertThat(decode(EnvelopeCodec.encode(named, 0))).isEqualTo(named);
        assertThat(named.to(new int[]{1}).pool()).isEqualTo("marketing");
        assertThat(decode(EnvelopeCodec.encode(FULL, 0)).pool()).isEmpty();
    }

    @Test
    void aRecordWithoutAClassIsBulkAndOneWithATransactionalOneStaysThat() {
        Envelope urgent = new Envelope(ID, "a@x.example", List.of(new Recipient("b@x.example", "x.example")),
                BodyType.SEVEN_BIT, false, "", "", 1, new Origin("SMTP", "", ""), Options.NONE, "",
                MailClass.TRANSACTIONAL);
        byte[] encoded = EnvelopeCodec.encode(urgent, 0);
        assertThat(HexFormat.of().formatHex(encoded)).endsWith("160101"); // tag 22, one octet, transactional
        assertThat(decode(encoded)).isEqualTo(urgent);
        assertThat(urgent.to(new int[]{0}).mailClass()).isEqualTo(MailClass.TRANSACTIONAL);
        assertThat(decode(Arrays.copyOf(encoded, encoded.length - 3)).mailClass()).isEqualTo(MailClass.BULK);
    }

    @Test
    void leavesHeadroom() {
        byte[] encoded = EnvelopeCodec.encode(FULL, 40);
        assertThat(EnvelopeCodec.decode(ID, ByteBuffer.wrap(encoded).position(40))).isEqualTo(FULL);
    }

    @Test
    void keepsADomainThatDiffersOnlyInCase() {
        byte[] encoded = EnvelopeCodec.encode(FULL, 0);
        assertThat(decode(encoded).recipients().get(1).domain()).isEqualTo("zwei.example");
    }

    @Test
    void skipsFieldsOfLaterVersions() {
        byte[] known = EnvelopeCodec.encode(FULL, 0);
        ByteBuffer later = ByteBuffer.allocate(known.length + 5).put((byte) 99).put((byte) 3).put(new byte[3])
                .put(known);
        assertThat(decode(later.array())).isEqualTo(FULL);
    }

    @Test
    void refusesWhatIsCutOff() {
        byte[] encoded = EnvelopeCodec.encode(FULL, 0);
        for (int length = 0; length < encoded.length; length++) {
            ByteBuffer cut = ByteBuffer.wrap(encoded, 0, length);
            try {
                EnvelopeCodec.decode(ID, cut); // whole fields are left: an envelope, if it has a recipient
            } catch (IllegalArgumentException e) {
                assertThat(e).hasMessageContaining("envelope");
            }
        }
        assertThatThrownBy(() -> decode(new byte[]{1, 9, 'a'})).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void givesBackWhatWasAskedFor() {
        Envelope asked = new Envelope(ID, "a@x.example", List.of(
                new Recipient("b@x.example", "x.example", Notify.NEVER, null),
                new Recipient("c@X.example", "x.example", new Notify(true, false, true),
                        new OriginalRecipient("utf-8", "ü@x.example")),
                new Recipient("d@x.example", "x.example"),
                new Recipient("e@x.example", "x.example", null, new OriginalRecipient("rfc822", ""))),
                BodyType.SEVEN_BIT, false, "", "", 1, new Origin("ESMTPSA", "", "", "joe"), new Options(Ret.HDRS,
                        "QQ 314", true, 1_790_000_060_000L, 1_790_000_120_000L, DeliverBy.Mode.RETURN, true));
        assertThat(decode(EnvelopeCodec.encode(asked, 0))).isEqualTo(asked);
    }

    @Test
    void nothingAskedForCostsNoOctet() {
        Envelope plain = new Envelope(ID, "a@x.example", List.of(new Recipient("b@x.example", "x.example")),
                BodyType.SEVEN_BIT, false, "", "", 1, new Origin("SMTP", "", ""));
        // tags and lengths 2 each, two addresses of 11, the time 1, the protocol 4
        assertThat(EnvelopeCodec.encode(plain, 0)).hasSize(2 + 11 + 2 + 11 + 2 + 1 + 2 + 4);
    }

    @Test
    void readsWhatTheFirstVersionWrote() {
        byte[] old = HexFormat.of().parseHex("0103" + hex("a@b") + "0205" + hex("c@d.e") + "030a" + "05" + hex("f@G.h")
                + hex("g.h0") + "040101" + "050101" + "0601" + hex("t") + "0701" + hex("k") + "080105" + "0904"
                + hex("SMTP") + "0a01" + hex("1") + "0b01" + hex("h"));
        assertThat(decode(old)).isEqualTo(new Envelope(ID, "a@b",
                List.of(new Recipient("c@d.e", "d.e"), new Recipient("f@G.h", "g.h0")), BodyType.EIGHT_BIT_MIME, true,
                "t", "k", 5, new Origin("SMTP", "1", "h")));
    }

    @Test
    void refusesARecipientsFieldBeforeAnyRecipient() {
        assertThatThrownBy(() -> decode(new byte[]{17, 1, 1, 2, 3, 'a', '@', 'b'}))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("before any recipient");
    }

    @Test
    void anyEnvelopeComesBack() {
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < 5_000; i++) {
            Envelope envelope = envelope(random);
            byte[] encoded = EnvelopeCodec.encode(envelope, 0);
            assertThat(decode(encoded)).isEqualTo(envelope);
            byte[] broken = encoded.clone();
            broken[random.nextInt(broken.length)] ^= (byte) (1 << random.nextInt(8));
            try {
                decode(broken);
            } catch (IllegalArgumentException _) {
                // told, and nothing else is thrown
            }
        }
    }

    private static Envelope envelope(SplittableRandom random) {
        List<Recipient> recipients = new ArrayList<>();
        for (int n = random.nextInt(1, 5); n > 0; n--) {
            String domain = text(random).replace("@", "");
            recipients.add(new Recipient(text(random) + "@" + (random.nextBoolean() ? domain : text(random)), domain,
                    random.nextBoolean()
                            ? null
                            : new Notify(random.nextBoolean(), random.nextBoolean(), random.nextBoolean(),
                                    random.nextBoolean()),
                    random.nextBoolean() ? null : new OriginalRecipient(text(random), text(random))));
        }
        boolean by = random.nextBoolean();
        DeliverBy.Mode mode = random.nextBoolean() ? DeliverBy.Mode.RETURN : DeliverBy.Mode.NOTIFY;
        Ret ret = random.nextBoolean() ? Ret.FULL : Ret.HDRS;
        Options options = random.nextInt(4) == 0
                ? Options.NONE
                : new Options(random.nextBoolean() ? null : ret,
                        random.nextBoolean() ? null : text(random), random.nextBoolean(),
                        random.nextBoolean() ? 0 : random.nextLong(), by ? random.nextLong() : 0,
                        by ? mode : null, by && random.nextBoolean());
        return new Envelope(ID, text(random), recipients,
                random.nextBoolean() ? BodyType.SEVEN_BIT : BodyType.EIGHT_BIT_MIME, random.nextBoolean(),
                text(random), text(random), random.nextLong(), new Origin(text(random), text(random), text(random),
                        text(random)),
                options, "", random.nextBoolean() ? MailClass.BULK : MailClass.TRANSACTIONAL);
    }

    private static String text(SplittableRandom random) {
        return random.ints(random.nextInt(random.nextInt(10) == 0 ? 300 : 12), 0, 0x2000)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
    }

    private static String hex(String text) {
        return HexFormat.of().formatHex(text.getBytes(StandardCharsets.US_ASCII));
    }

    private static Envelope decode(byte[] encoded) {
        return EnvelopeCodec.decode(ID, ByteBuffer.wrap(encoded));
    }
}
