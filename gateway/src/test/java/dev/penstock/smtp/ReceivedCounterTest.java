package dev.penstock.smtp;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ReceivedCounterTest {
    @Test
    void fieldsOfTheHeaderAreCountedWhereverItIsSplit() {
        byte[] message = """
                RECEIVED: a\r
                 Received: folded\r
                X-Received: b\r
                received:c\r
                Receive: d\r
                Received e\r
                Received: f\r
                \r
                Received: body\r
                """.getBytes(US_ASCII);
        ReceivedCounter counter = new ReceivedCounter();
        for (int split = 0; split <= message.length; split++) {
            counter.reset();
            counter.scan(message, 0, split);
            counter.scan(message, split, message.length - split);
            assertThat(counter.count()).as("split at %d", split).isEqualTo(3);
        }
    }
}
