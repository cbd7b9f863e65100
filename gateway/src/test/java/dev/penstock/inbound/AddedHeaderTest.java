package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.message.Content;
import dev.penstock.policy.Decision;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.testing.FakePolicy;

/** What a policy adds to a header section counts when the message is passed on. */
class AddedHeaderTest {
    @ParameterizedTest
    @CsvSource({"X-Name, plain, false, false", "X-Name, Müller, true, false", ".x, plain, false, true"})
    void itsOctetsAreContentToo(String name, String value, boolean eightBit, boolean dotLines) throws Exception {
        FakePolicy policy = new FakePolicy();
        policy.wanted = List.of("subject");
        policy.onMessage = CompletableFuture.completedFuture(new Decision.Accept(null, null,
                List.of(new HeaderField("X-First", "1"), new HeaderField(name, value)), List.of()));
        try (SmtpFixture smtp = new SmtpFixture(policy)) {
            smtp.plays("""
                    S: 220 *
                    C: EHLO client.example
                    S: <ehlo>
                    C: MAIL FROM:<a@example.com>
                    C: RCPT TO:<b@example.org>
                    C: DATA
                    S: 250 2.1.0 Ok
                    S: 250 2.1.5 Ok
                    S: 354 *
                    C: Subject: x
                    C: .
                    S: 250 2.0.0 * queued
                    """);
            Content content = smtp.spool.messages().getFirst().content();
            assertThat(content.hasEightBit()).isEqualTo(eightBit);
            assertThat(content.hasDotLines()).isEqualTo(dotLines);
        }
    }
}
