package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.SpoolConfig;
import dev.penstock.message.Envelope;
import dev.penstock.spool.FillingDisk;
import dev.penstock.spool.SegmentSpool;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.units.ByteSize;

/** Injection over the real spool: keys outlive restarts, and what the spool can't take is answered as SMTP answers it. */
class KeptKeysTest {
    private static final String BODY = """
            {"envelope_sender": "s@s.example", "recipients": [{"email": "ann@a.example"}, {"email": "bob@b.example"}],
             "content": {"from": {"email": "s@s.example"}, "subject": "{{ email }}", "text_body": "t"}}
            """;
    private static final int PADDING = 300_000; // more than the room that is set aside for a small segment

    @TempDir
    Path directory;
    private final List<Envelope> recovered = new ArrayList<>();

    @Test
    void aRestartAnswersAsBeforeAndHasTheMessagesOnce() throws Exception {
        InjectionFixture.Reply first;
        try (SegmentSpool spool = open(new FillingDisk(config()));
                InjectionFixture http = new InjectionFixture(directory, spool)) {
            first = http.post(BODY, "k");
            assertThat(first.status()).isEqualTo(200);
            assertThat(http.post(BODY.replace("ann@", "bob@"), "k").status()).isEqualTo(422);
            assertThat(http.server.stats().keys()).isEqualTo(1);
        }
        for (int start = 0; start < 2; start++) {
            try (SegmentSpool spool = open(new FillingDisk(config()));
                    InjectionFixture http = new InjectionFixture(directory, spool)) {
                assertThat(recovered).hasSize(2);
                InjectionFixture.Reply again = http.post(BODY, "k");
                assertThat(again.body()).isEqualTo(first.body());
                assertThat(again.header("Idempotency-Replayed")).isEqualTo("true");
                assertThat(http.post(BODY.replace("ann@", "bob@"), "k").text("/type"))
                        .isEqualTo("urn:penstock:problem:idempotency-key-reused");
                assertThat(http.accepted).isEmpty();
            }
        }
    }

    @Test
    void aFullDiskIsAnswered503WithAKeyAndWithoutAndTheRetryIsTaken() throws Exception {
        FillingDisk disk = new FillingDisk(config());
        String large = BODY.replace("\"t\"", "\"" + "word ".repeat(PADDING / 5) + "\"");
        try (SegmentSpool spool = open(disk); InjectionFixture http = new InjectionFixture(directory, spool)) {
            disk.room(0);
            InjectionFixture.Reply full = http.post(large, "k");
            assertThat(full.status()).isEqualTo(503);
            assertThat(full.header("Retry-After")).isEqualTo("5");
            assertThat(http.post(large).status()).isEqualTo(503);
            assertThat(http.accepted).isEmpty();
            disk.room(Long.MAX_VALUE);
            Awaitility.await().until(() -> spool.health().state() == SpoolHealth.State.READY);
            assertThat(http.post(large, "k").status()).isEqualTo(200);
            assertThat(http.accepted).hasSize(2);
            assertThat(http.post(large, "k").header("Idempotency-Replayed")).isEqualTo("true");
        }
        try (SegmentSpool _ = open(new FillingDisk(config()))) {
            assertThat(recovered).hasSize(2);
        }
    }

    @Test
    void aFailedSyncIsAnswered503UntilARestartWithAKeyAndWithout() throws Exception {
        FillingDisk disk = new FillingDisk(config());
        try (SegmentSpool spool = open(disk); InjectionFixture http = new InjectionFixture(directory, spool)) {
            disk.failSyncs(true);
            assertThat(http.post(BODY, "k").status()).isEqualTo(503);
            disk.failSyncs(false);
            assertThat(http.post(BODY, "k").status()).isEqualTo(503);
            assertThat(http.post(BODY).status()).isEqualTo(503);
            assertThat(http.accepted).isEmpty();
        }
        try (SegmentSpool spool = open(new FillingDisk(config()));
                InjectionFixture http = new InjectionFixture(directory, spool)) {
            InjectionFixture.Reply reply = http.post(BODY, "k");
            assertThat(reply.status()).isEqualTo(200);
            boolean found = reply.header("Idempotency-Replayed").equals("true");
            assertThat(recovered).as("both or neither").hasSize(found ? 2 : 0);
            assertThat(http.accepted).hasSize(found ? 0 : 2);
        }
    }

    private SpoolConfig config() {
        SpoolConfig d = SpoolConfig.DEFAULT;
        return d.with(SpoolConfig.DIRECTORY, directory.resolve("spool"))
                .with(SpoolConfig.SEGMENT_SIZE, ByteSize.ofKilobytes(256))
                .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(16))
                .with(SpoolConfig.CACHE_SIZE, ByteSize.ofMegabytes(1)).with(SpoolConfig.MIN_FREE_SPACE, new ByteSize(0))
                .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(16)).with(SpoolConfig.READERS, 1);
    }

    private SegmentSpool open(FillingDisk disk) throws IOException {
        recovered.clear();
        return disk.open(config(), 10, InstantSource.fixed(InjectionFixture.NOW),
                found -> recovered.add(found.envelope()));
    }
}
