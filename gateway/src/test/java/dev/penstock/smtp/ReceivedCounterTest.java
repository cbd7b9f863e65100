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

    @Test
    void theFirstMessageIdIsFoundUnfoldedWhereverItIsSplit() {
        byte[] message = """
                Received: a\r
                X-Message-ID: <no@x>\r
                MESSAGE-ID:\r
                \t<one@s.example>\r
                Message-ID: <two@s.example>\r
                Received: b\r
                \r
                Message-ID: <body@s.example>\r
                """.getBytes(US_ASCII);
        ReceivedCounter counter = new ReceivedCounter();
        for (int split = 0; split <= message.length; split++) {
            counter.reset();
            assertThat(counter.messageId()).isEmpty();
            counter.scan(message, 0, split);
            counter.scan(message, split, message.length - split);
            assertThat(counter.messageId()).as("split at %d", split).isEqualTo("<one@s.example>");
            assertThat(counter.count()).as("split at %d", split).isEqualTo(2);
        }
    }

    @Test
    void anEndlessMessageIdIsCut() {
        byte[] field = ("Message-ID: <" + "x".repeat(100_000)).getBytes(US_ASCII);
        ReceivedCounter counter = new ReceivedCounter();
        counter.scan(field, 0, field.length);
        assertThat(counter.messageId()).hasSize(997);
        assertThat(counter.headerOctets()).isEqualTo(field.length);
    }
}
