package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Chunks (BDAT) get round none of what holds for DATA: room in memory and spool, and time. */
class ChunkFlowTest {
    private static final String TO_BDAT = """
            S: 220 *
            C: EHLO client.example
            S: <ehlo>
            C: MAIL FROM:<a@example.com>
            C: RCPT TO:<b@example.org>
            S: 250 2.1.0 Ok
            S: 250 2.1.5 Ok
            """;

    @Test
    void betweenChunksTheSpoolMayCatchUp() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture()) {
            CompletableFuture<@Nullable Void> writable = new CompletableFuture<>();
            smtp.spool.writable(writable);
            SmtpFixture.Client client = smtp.connect().plays(TO_BDAT);
            client.send("BDAT 5\r\nabc\r\nBDAT 5 LAST\r\nabc\r\n");
            client.plays("S: 250 2.0.0 5 octets received");
            assertThat(smtp.accepted).isEmpty();
            writable.complete(null);
            client.plays("S: 250 2.0.0 * queued");
        }
    }

    @Test
    void smallChunksWaitForMemoryAsLargeOnesDo() throws Exception {
        try (SmtpFixture smtp = new SmtpFixture(config -> config.memoryLimit(10_000))) {
            String small = "BDAT 100\r\n" + "x".repeat(98) + "\r\n";
            SmtpFixture.Client one = smtp.connect().plays(TO_BDAT);
            SmtpFixture.Client other = smtp.connect().plays(TO_BDAT);
            one.send(small.repeat(100));
            one.plays("S: 250 2.0.0 100 octets received\n".repeat(100)); // and is favoured
            other.send(small.repeat(30) + "BDAT 0 LAST\r\n");
            other.plays("S: 250 2.0.0 100 octets received");
            assertThat(smtp.server.stats().receivingOctets()).isLessThan(10_450);
            one.plays("C: BDAT 0 LAST\nS: 250 2.0.0 * queued");
            other.plays("S: 250 2.0.0 100 octets received\n".repeat(29) + "S: 250 2.0.0 * queued");
            assertThat(smtp.server.stats().receivingOctets()).isZero();
        }
    }

    @Test
    void aChunkThatIsOnlyReadToBeForgottenHasItsTimeToo() throws Exception {
        try (SmtpFixture smtp = slow()) {
            smtp.plays("""
                    S: 220 *
                    C: BDAT 5000
                    C: x
                    S: 421 4.4.2 gateway.example Error: timeout exceeded
                    S: <close>
                    """);
        }
    }

    @Test
    void aMessageThatStopsHalfWayIsCountedOnce() throws Exception {
        try (SmtpFixture smtp = slow()) {
            smtp.plays(TO_BDAT + """
                    C: BDAT 5000
                    C: x
                    S: 421 4.4.2 gateway.example Error: timeout exceeded
                    S: <close>
                    """);
            await().until(() -> smtp.server.stats().sessions() == 0);
            assertThat(smtp.server.stats().messagesAborted()).isEqualTo(1);
            assertThat(smtp.spool.openIntakes()).isZero();
        }
    }

    private static SmtpFixture slow() throws IOException {
        return new SmtpFixture(config -> config.minDataRate(1000, Duration.ofMillis(200)));
    }
}
