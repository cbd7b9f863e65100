package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;

import org.junit.jupiter.api.Test;

/** Clients that make errors are slowed down, then sent away. */
class ErrorLimitTest {
    @Test
    void tooManyErrorsEndTheSession() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.errors(10, Duration.ZERO, 3, 100))) {
            smtp.plays("""
                    S: 220 *
                    C: FOO
                    C: BAR
                    C: BAZ
                    C: NOOP
                    S: 500 5.5.2 Error: command not recognized
                    S: 500 5.5.2 Error: command not recognized
                    S: 500 5.5.2 Error: command not recognized
                    S: 421 4.7.0 gateway.example Error: too many errors
                    S: <close>
                    """);
            assertThat(smtp.server.stats().errors()).isEqualTo(3);
        }
    }

    @Test
    void aMessageMakesUpForErrorsAndJunk() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.errors(10, Duration.ZERO, 3, 2))) {
            String round = """
                    C: FOO
                    S: 500 *
                    C: BAR
                    S: 500 *
                    C: MAIL FROM:<a@example.com>
                    S: 250 *
                    C: RCPT TO:<b@example.org>
                    S: 250 *
                    C: DATA
                    S: 354 *
                    C: .
                    S: 250 2.0.0 * queued
                    """;
            smtp.plays("S: 220 *\nC: HELO client.example\nS: 250 *\n" + round + round);
        }
    }

    @Test
    void repliesToErrorsBeyondTheSoftLimitAreDelayed() throws Exception {
        Duration delay = Duration.ofMillis(200);
        try (SmtpFixture smtp = new SmtpFixture(config -> config.errors(1, delay, 20, 100))) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *\nC: FOO\nS: 500 *");
            long start = System.nanoTime();
            client.plays("C: BAR\nC: NOOP\nS: 500 *\nS: 250 *");
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThanOrEqualTo(delay);
        }
    }

    @Test
    void junkBeyondItsLimitCountsAsErrors() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.errors(10, Duration.ZERO, 2, 3))) {
            smtp.plays("""
                    S: 220 *
                    C: NOOP
                    C: RSET
                    C: VRFY x
                    C: HELP
                    C: NOOP
                    S: 250 *
                    S: 250 *
                    S: 252 *
                    S: 214 *
                    S: 250 *
                    S: 421 4.7.0 gateway.example Error: too many errors
                    S: <close>
                    """);
        }
    }

    @Test
    void tooManyRecipientsAreNoErrors() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(
                config -> config.errors(10, Duration.ZERO, 2, 100).counts(1, 100, 50, 100))) {
            smtp.plays("S: 220 *\nC: HELO client.example\nS: 250 *\nC: MAIL FROM:<>\nS: 250 *\n"
                    + "C: RCPT TO:<b@example.org>\nS: 250 *\n"
                    + "C: RCPT TO:<c@example.org>\nS: 452 4.5.3 Error: too many recipients\n".repeat(5)
                    + "C: DATA\nS: 354 *\n");
        }
    }

    @Test
    void butWhoGoesOnAfterAThousandOfThemMakesErrors() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(
                config -> config.errors(10, Duration.ZERO, 2, 100).counts(1, 100, 50, 100))) {
            smtp.plays("S: 220 *\nC: HELO client.example\nS: 250 *\nC: MAIL FROM:<>\nS: 250 *\n"
                    + "C: RCPT TO:<b@example.org>\nS: 250 *\n"
                    + "C: RCPT TO:<c@example.org>\nS: 452 4.5.3 Error: too many recipients\n".repeat(1002)
                    + "S: 421 4.7.0 gateway.example Error: too many errors\nS: <close>");
        }
    }
}
