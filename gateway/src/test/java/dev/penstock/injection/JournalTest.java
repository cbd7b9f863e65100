package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.ManualClock;

class JournalTest {
    private static final Duration RETENTION = Duration.ofHours(24);
    private static final Journal.Key KEY = Journal.Key.of("ann", "k");
    private static final byte[] HASH = Journal.sha256().digest("body".getBytes(UTF_8));
    private static final byte[] ANSWER = "{\"answer\":1}".getBytes(UTF_8);

    private final ManualClock clock = new ManualClock();
    @TempDir
    Path directory;

    @Test
    void aFinishedRequestIsRememberedAndItsMessagesAreKept() throws Exception {
        write(journal -> {
            journal.intent(KEY, new long[]{1, 2, 3}).join();
            journal.done(KEY, HASH, List.of(3L), ANSWER).join();
        });
        try (Journal journal = read()) {
            Journal.Recorded recorded = Objects.requireNonNull(journal.find(KEY));
            assertThat(recorded.hash().octets).isEqualTo(HASH);
            assertThat(recorded.body().octets).isEqualTo(ANSWER);
            assertThat(journal.isAbandoned(1)).isFalse();
            assertThat(journal.isAbandoned(3)).as("refused").isTrue();
        }
    }

    @Test
    void anUnfinishedRequestIsAbandonedAndItsKeyIsFree() throws Exception {
        write(journal -> journal.intent(KEY, new long[]{1, 2}).join());
        write(journal -> {
            journal.intent(KEY, new long[]{7, 8}).join();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
        });
        try (Journal journal = read()) {
            assertThat(Stream.of(1L, 2L, 7L, 8L).filter(journal::isAbandoned)).containsExactly(1L, 2L);
            assertThat(journal.find(KEY)).isNotNull();
        }
    }

    @Test
    void aRecordCutOffAtAnyOctetNeverWas() throws Exception {
        write(journal -> {
            journal.intent(KEY, new long[]{1}).join();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
        });
        Path file = file(1);
        byte[] whole = Files.readAllBytes(file);
        int intent = 12 + ByteBuffer.wrap(whole).getInt();
        for (int length = whole.length - 1; length >= intent; length--) {
            Files.write(file, java.util.Arrays.copyOf(whole, length));
            try (Journal journal = read()) {
                assertThat(journal.find(KEY)).as("cut at %d", length).isNull();
                assertThat(journal.isAbandoned(1)).as("cut at %d", length).isTrue();
            }
        }
    }

    @Test
    void damageNeverMakesMailDisappear() throws Exception {
        write(journal -> {
            journal.intent(KEY, new long[]{1}).join();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
        });
        byte[] whole = Files.readAllBytes(file(1));
        int intent = 12 + ByteBuffer.wrap(whole).getInt();
        for (int at = intent; at < whole.length; at++) {
            byte[] damaged = whole.clone();
            damaged[at] ^= 0x10;
            Files.write(file(1), damaged);
            try (Journal journal = read()) {
                assertThat(journal.isAbandoned(1)).as("octet %d", at).isFalse();
            }
        }
    }

    @Test
    void keysGoWithTheirRetentionAndFilesWithTheirKeys() throws Exception {
        try (Journal journal = Journal.read(directory, RETENTION, 200, clock)) {
            journal.start();
            for (int i = 0; i < 20; i++) {
                journal.done(Journal.Key.of("ann", "k" + i), HASH, List.of(), ANSWER).join();
            }
            assertThat(files()).isGreaterThan(3);
            assertThat(journal.hasRoom(20)).isFalse();
            clock.advance(RETENTION.plusSeconds(1));
            assertThat(journal.find(Journal.Key.of("ann", "k3"))).isNull();
            assertThat(journal.hasRoom(20)).isTrue();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
            journal.done(KEY, HASH, List.of(), ANSWER).join();
            assertThat(journal.size()).isEqualTo(1);
            assertThat(files()).isLessThanOrEqualTo(3);
        }
    }

    @Test
    void identitiesDoNotShareKeys() {
        assertThat(Journal.Key.of("ann", "k")).isNotEqualTo(Journal.Key.of("bob", "k"))
                .isNotEqualTo(Journal.Key.of("an", "nk"));
    }

    private interface Use {
        void with(Journal journal) throws IOException;
    }

    private void write(Use use) throws IOException {
        try (Journal journal = read()) {
            journal.start();
            use.with(journal);
        }
    }

    private Journal read() throws IOException {
        return Journal.read(directory, RETENTION, 1 << 20, clock);
    }

    private Path file(int number) {
        return directory.resolve("keys-%08d.log".formatted(number));
    }

    private long files() throws IOException {
        try (Stream<Path> list = Files.list(directory)) {
            return list.count();
        }
    }
}
