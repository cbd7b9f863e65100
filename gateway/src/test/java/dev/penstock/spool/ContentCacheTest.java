package dev.penstock.spool;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.smtp.OriginalRecipient;

/** What messages that are kept for their first attempt count. */
class ContentCacheTest {
    private static final long LIMIT = 1_000_000;

    @Test
    void aLargeEnvelopeCountsWithItsContent() {
        ContentCache cache = new ContentCache(LIMIT, 100);
        Envelope large = envelope(1_000, "o".repeat(400));
        int admitted = 0;
        while (admitted < 100 && cache.admit(large, 10)) {
            admitted++;
        }
        assertThat(admitted * large.heapOctets()).isLessThanOrEqualTo(LIMIT);
    }

    @Test
    void aUsualOneIsInTheOverheadOfTheContent() {
        ContentCache cache = new ContentCache(LIMIT, 100);
        assertThat(cache.admit(envelope(1, "b@example.org"), 1_000)).isTrue();
        assertThat(cache.bytes()).isLessThan(2_100);
    }

    private static Envelope envelope(int recipients, String original) {
        List<Recipient> to = IntStream.range(0, recipients).mapToObj(i -> new Recipient("b" + i + "@example.org",
                "example.org", null, OriginalRecipient.of(original))).toList();
        return new Envelope(new MessageId(1), "a@example.com", to, BodyType.SEVEN_BIT, false, "", "", 0, Origin.LOCAL);
    }
}
