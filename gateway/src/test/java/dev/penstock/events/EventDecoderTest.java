package dev.penstock.events;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.SplittableRandom;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.message.MessageEvent;

class EventDecoderTest {
    @Test
    void whatWasEncodedIsDecoded() {
        long seed = System.nanoTime();
        RandomEvents events = new RandomEvents(new SplittableRandom(seed));
        for (int i = 0; i < 5_000; i++) {
            MessageEvent event = events.next(Events.OCCURRED + i);
            assertThat(decode(EventLines.line(event))).as("seed " + seed + ", event " + i).isEqualTo(event);
        }
    }

    @Test
    void whatIsTornIsNoEvent() {
        String line = EventLines.line(Events.delivery(1)).strip();
        for (int length = 0; length < line.length(); length++) {
            assertThat(decode(line.substring(0, length))).as(line.substring(0, length)).isNull();
        }
        assertThat(decode(line)).isNotNull();
    }

    @Test
    void whatIsSomethingElseIsNoEvent() {
        for (String line : new String[]{"", "{}", "[]", "null", "mail", "{\"type\":\"Other\"}", "{\"type\":7}",
            "{\"type\":\"Delivery\",\"event_time\":\"yesterday\"}"}) {
            assertThat(decode(line)).as(line).isNull();
        }
    }

    @Test
    void whatIsNewToItIsPassedOver() {
        String line = EventLines.line(Events.delivery(1));
        assertThat(decode(line.replaceFirst("\\{", "{\"later\":{\"a\":[1,{\"b\":null}]},\"more\":[[\"x\"]],")))
                .isNotNull().isEqualTo(decode(line));
    }

    private static @Nullable MessageEvent decode(String line) {
        byte[] octets = ("before" + line).getBytes(StandardCharsets.UTF_8);
        return EventDecoder.decode(octets, 6, octets.length - 6);
    }
}
