package dev.penstock.message;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.List;

import org.junit.jupiter.api.Test;

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

    private static Envelope decode(byte[] encoded) {
        return EnvelopeCodec.decode(ID, ByteBuffer.wrap(encoded));
    }
}
