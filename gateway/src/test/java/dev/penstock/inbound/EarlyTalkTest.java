package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;

import org.junit.jupiter.api.Test;

import dev.penstock.auth.Authenticator;
import dev.penstock.testing.FakePolicy;

/** Clients that talk before they are greeted, as only bad ones do (RFC 5321 4.3.1). */
class EarlyTalkTest {
    private static final Duration LONG = Duration.ofMinutes(10);

    @Test
    void whoeverTalksBeforeTheGreetingIsSentAway() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.stranger().greetDelay(LONG))) {
            SmtpFixture.Client client = smtp.connect();
            client.send("EHLO client.example\r\nMAIL FROM:<a@example.com>\r\n");
            client.plays("S: 554 5.5.1 gateway.example Error: wait for the greeting\nS: <close>");
            await().until(() -> smtp.server.stats().sessions() == 0);
            assertThat(smtp.server.stats().hostility().earlyTalkers()).isEqualTo(1);
            assertThat(smtp.policy.clients).isEmpty();
        }
    }

    @Test
    void whoeverWaitsIsGreeted() throws Exception {
        Duration delay = Duration.ofMillis(300);
        try (SmtpFixture smtp = new SmtpFixture(config -> config.stranger().greetDelay(delay))) {
            long start = System.nanoTime();
            smtp.plays("""
                    S: 220 gateway.example ESMTP Penstock
                    C: EHLO client.example
                    S: <ehlo>
                    C: MAIL FROM:<a@example.com>
                    S: 250 2.1.0 Ok
                    """);
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThanOrEqualTo(delay);
            assertThat(smtp.server.stats().hostility().earlyTalkers()).isZero();
        }
    }

    @Test
    void ourOwnClientsNeedNotWait() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.greetDelay(LONG));
                SmtpFixture submission = new SmtpFixture(config -> config.stranger().greetDelay(LONG),
                        new ListenerBuilder().authRequired().build(), null, Authenticator.NONE, new FakePolicy())) {
            smtp.plays("S: 220 *");
            submission.plays("S: 220 *");
        }
    }

    @Test
    void aClientThatLeavesBeforeTheGreetingIsForgotten() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.stranger().greetDelay(LONG))) {
            SmtpFixture.Client client = smtp.connect();
            await().until(() -> smtp.server.stats().sessions() == 1);
            client.close();
            await().until(() -> smtp.server.stats().sessions() == 0);
        }
    }
}
