package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

import org.junit.jupiter.api.Test;

import dev.penstock.spool.SpoolException;

/** Clients that say nothing, or little, or don't read. */
class SlowClientTest {
    private static final Duration SHORT = Duration.ofMillis(150);
    private static final Duration LONG = Duration.ofMinutes(5);
    private static final String TO_DATA = """
            S: 220 *
            C: HELO client.example
            S: 250 gateway.example
            C: MAIL FROM:<a@example.com>
            C: RCPT TO:<b@example.org>
            C: DATA
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            S: 354 *
            """;

    @Test
    void aClientThatSaysNothingHears421() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.timeouts(SHORT, LONG))) {
            smtp.plays("""
                    S: 220 *
                    S: 421 4.4.2 gateway.example Error: timeout exceeded
                    S: <close>
                    """);
            await().until(() -> smtp.server.stats().sessions() == 0);
            assertThat(smtp.server.stats().timeouts()).isEqualTo(1);
        }
    }

    @Test
    void aClientThatStopsInTheMiddleOfAMessageHears421AndNothingIsKept() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            smtp.reconfigure(new ConfigBuilder().timeouts(SHORT, LONG).build());
            client.plays("""
                    C: half of a mess\\c
                    S: 421 4.4.2 gateway.example Error: timeout exceeded
                    S: <close>
                    """);
            assertThat(smtp.spool.openIntakes()).isZero();
            assertThat(smtp.spool.aborted()).isEqualTo(1);
            assertThat(smtp.server.stats().messagesAborted()).isEqualTo(1);
            assertThat(smtp.server.stats().receivingOctets()).isZero();
        }
    }

    @Test
    void aWholeMessageHasItsTimeHoweverBusyTheClient() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.timeouts(LONG, SHORT))) {
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            await().pollInterval(Duration.ofMillis(20)).until(() -> {
                client.send("drip\r\n");
                return client.hasInput();
            });
            client.plays("S: 421 4.4.2 gateway.example Error: timeout exceeded");
        }
    }

    @Test
    void theClockStandsStillWhileTheSpoolIsWhatIsWaitedFor() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            smtp.spool.holdCommits();
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            smtp.reconfigure(new ConfigBuilder().timeouts(SHORT, LONG).build());
            client.plays("C: x\nC: .");
            await().during(SHORT.multipliedBy(3)).until(() -> !client.hasInput());
            smtp.spool.completeCommits();
            client.plays("S: 250 2.0.0 * queued");
        }
    }

    @Test
    void aSpoolThatFallsBehindStopsTheReading() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.timeouts(LONG, LONG))) {
            CompletableFuture<Void> writable = new CompletableFuture<>();
            smtp.spool.writable(writable);
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            client.send("x".repeat(1000) + "\r\n");
            await().until(() -> smtp.server.stats().receivingOctets() > 1000);
            client.send("y".repeat(1000) + "\r\n.\r\n");
            await().during(SHORT).until(() -> smtp.server.stats().receivingOctets() < 2000);
            smtp.spool.writable(CompletableFuture.completedFuture(null));
            writable.complete(null);
            client.plays("S: 250 2.0.0 * queued");
            assertThat(smtp.spool.content(0)).hasSizeGreaterThan(2000);
        }
    }

    @Test
    void aClientThatDoesNotReadRepliesIsReadNoMore() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(
                config -> config.timeouts(Duration.ofMillis(500), LONG).errors(1000, LONG, 100_000_000, 100_000_000))) {
            SmtpFixture.Client client = smtp.connect();
            String commands = "HELP\r\n".repeat(10_000);
            CompletableFuture<Void> flood = CompletableFuture.runAsync(() -> {
                try {
                    while (true) {
                        client.send(commands);
                    }
                } catch (IOException e) {
                    // closed by the server: what we wait for
                }
            }, Thread::startVirtualThread);
            await().until(flood::isDone);
            assertThat(smtp.server.stats().timeouts()).isEqualTo(1);
        }
    }

    @Test
    void aLostConnectionInTheMiddleOfAMessageAbortsIt() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            smtp.connect().plays(TO_DATA + "C: half").close();
            smtp.connect().plays(TO_DATA + "C: half").reset();
            await().until(() -> smtp.spool.aborted() == 2);
            await().until(() -> smtp.server.stats().sessions() == 0);
            assertThat(smtp.server.stats().messagesAborted()).isEqualTo(2);
            assertThat(smtp.server.stats().receivingOctets()).isZero();
        }
    }

    @Test
    void aCommandLineHasItsDeadlineHoweverBusyTheClient() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.deadlines(Duration.ofMillis(400), LONG))) {
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *");
            await().pollInterval(Duration.ofMillis(20)).until(() -> {
                client.send("x");
                return client.hasInput();
            });
            client.plays("S: 421 4.4.2 gateway.example Error: timeout exceeded");
            await().until(() -> smtp.server.stats().sessions() == 0); // perhaps by a reset
            assertThat(smtp.server.stats().hostility().slow()).containsEntry(Slowness.COMMAND, 1L);
        }
    }

    @Test
    void aMessageHasToComeAtARate() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(
                config -> config.minDataRate(100_000, Duration.ofMillis(300)))) {
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA);
            await().pollInterval(Duration.ofMillis(20)).until(() -> {
                client.send("drip\r\n");
                return client.hasInput();
            });
            client.plays("S: 421 4.4.2 gateway.example Error: timeout exceeded");
            await().until(() -> smtp.server.stats().receivingOctets() == 0);
            assertThat(smtp.server.stats().hostility().slow()).containsEntry(Slowness.DATA_RATE, 1L);
            assertThat(smtp.spool.openIntakes()).isZero();
        }
    }

    @Test
    void aChunkHasToComeAtARateTooAndNoRateIsAskedForAfterIt() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(
                config -> config.minDataRate(100_000, Duration.ofMillis(300)))) {
            String toBdat = TO_DATA.replace("C: DATA\n", "").replace("S: 354 *\n", "");
            SmtpFixture.Client done = smtp.connect()
                    .plays(toBdat + "C: BDAT 2 LAST\nC: \\r\\n\\c\nS: 250 2.0.0 * queued");
            SmtpFixture.Client client = smtp.connect().plays(toBdat + "C: BDAT 1000\nC: half\n");
            client.plays("S: 421 4.4.2 gateway.example Error: timeout exceeded");
            done.plays("C: NOOP\nS: 250 2.0.0 Ok");
        }
    }

    @Test
    void afterAChunkThatCouldNotBeKeptNoRateIsAskedFor() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(
                config -> config.minDataRate(100_000, Duration.ofMillis(200)))) {
            smtp.spool.refuseIntake(SpoolException.Reason.FULL);
            String toBdat = TO_DATA.replace("C: DATA\n", "").replace("S: 354 *\n", "");
            SmtpFixture.Client client = smtp.connect()
                    .plays(toBdat + "C: BDAT 4 LAST\nC: ab\nS: 452 4.3.1 Insufficient system storage");
            await().during(Duration.ofMillis(600)).until(() -> !client.hasInput());
            client.plays("C: NOOP\nS: 250 2.0.0 Ok");
            assertThat(smtp.server.stats().errors()).isZero();
            assertThat(smtp.server.stats().messagesDeferred()).isEqualTo(1);
        }
    }

    @Test
    void aSessionWithoutAMessageHasItsDeadlineHoweverBusyTheClient() throws Exception {
        ConfigBuilder config = new ConfigBuilder().timeouts(LONG, LONG).errors(1000, LONG, 100_000, 100_000);
        try (SmtpFixture smtp = new SmtpFixture(_ -> config.deadlines(LONG, LONG))) {
            SmtpFixture.Client good = smtp.connect().plays(TO_DATA + "C: .\nS: 250 2.0.0 * queued");
            smtp.reconfigure(config.deadlines(LONG, Duration.ofMillis(500)).build());
            SmtpFixture.Client client = smtp.connect().plays("S: 220 *");
            await().pollInterval(Duration.ofMillis(20)).until(() -> {
                good.plays("C: NOOP\nS: 250 2.0.0 Ok");
                client.send("NOOP\r\n");
                return client.readLine().equals("421 4.4.2 gateway.example Error: timeout exceeded");
            });
            good.plays("C: NOOP\nS: 250 2.0.0 Ok");
            assertThat(smtp.server.stats().hostility().slow()).containsEntry(Slowness.SESSION, 1L);
        }
    }

    /** What came before the end of input is answered, though it came in several reads while something was waited for. */
    @Test
    void aHalfCloseBehindSeveralReadsLosesNone() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            smtp.spool.holdCommits();
            SmtpFixture.Client client = smtp.connect().plays(TO_DATA + "C: x\nC: .\n");
            await().until(() -> smtp.spool.waitingCommits() == 1);
            CompletableFuture<Void> sending = CompletableFuture.runAsync(() -> {
                try {
                    client.send("NOOP " + "x".repeat(1000) + "\r\n");
                    client.send("RSET\r\n".repeat(20));
                    client.shutdownOutput();
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
            }, Thread::startVirtualThread);
            sending.join();
            smtp.spool.completeCommits();
            client.plays("S: 250 2.0.0 * queued");
            int replies = 0;
            while (client.readLine().equals("250 2.0.0 Ok")) {
                replies++;
            }
            assertThat(replies).isEqualTo(21);
        }
    }
}
