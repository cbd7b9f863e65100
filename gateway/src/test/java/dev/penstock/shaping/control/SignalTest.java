package dev.penstock.shaping.control;

import static org.assertj.core.api.Assertions.assertThat;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.classification.ReplyBook;
import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRules;
import dev.penstock.smtp.Reply;

/** What the replies of large receivers say of the pace, by the shipped rules. */
class SignalTest {
    private final ReplyBook replies = new ReplyBook(ReplyRules.NONE);

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            421|4.7.28|an unusual rate of mail originating from your IP address|RATE
            421|4.7.28|unusual rate of mail originating from your DKIM domain [a.example]|RATE
            451|4.7.650|has been temporarily rate limited due to IP reputation (S775)|RATE
            451|4.7.651|has been temporarily rate limited due to IP reputation (S3114)|RATE
            451|4.7.652|has exceeded the maximum number of connections|CONCURRENCY
            451|4.7.500|Server busy. Please try again later|LOAD
            550|5.7.1|part of their network is on our block list (S3150)|BLOCKED
            421|4.7.0|[TSS04] temporarily deferred due to unexpected volume or user complaints|BLOCKED
            451|4.7.1|[BS02] temporarily deferred|RATE
            421|4.7.0|Too many connections|CONCURRENCY
            550||Ip frequency limited|RATE
            550||Sender frequency limited|RATE
            550|5.7.515|Access denied, sending domain doesn't meet the required authentication level|
            550|5.7.25|The IP address sending this message does not have a PTR record|
            550|5.1.1|user unknown|
            452|4.2.2|mailbox full|
            """)
    void sayWhatTheyAreKnownToMean(int code, @Nullable String status, String text, @Nullable Signal expected) {
        Reply reply = Reply.of(code, status == null ? "" : status, text);
        assertThat(Signal.of(replies.classify(ReplyPhase.RCPT, reply, ""), code)).isEqualTo(expected);
    }
}
