package dev.penstock.events;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.EventsConfig;
import dev.penstock.config.EventsConfig.Compression;
import dev.penstock.units.ByteSize;

class ClosedFilesTest {
    @TempDir
    Path directory;

    @Test
    void aThreadThatCantBeStartedIsAFailureThatTheNextRoundMakesGood() throws IOException {
        AtomicBoolean none = new AtomicBoolean(true);
        AtomicInteger failures = new AtomicInteger();
        ThreadFactory threads = work -> new Thread(work) {
            @Override
            public void start() {
                if (none.get()) {
                    throw new OutOfMemoryError("unable to create native thread, says the test");
                }
                super.start();
            }
        };
        Path file = Files.writeString(
                directory.resolve(DeliveryLogFile.PREFIX + "2026-11-28T10-00-00" + DeliveryLogFile.SUFFIX),
                "{}\n");
        EventsConfig config = EventsConfig.DEFAULT.with(EventsConfig.DIRECTORY, directory)
                .with(EventsConfig.MAX_FILE_SIZE, ByteSize.ofMegabytes(1))
                .with(EventsConfig.MAX_FILE_AGE, Duration.ZERO).with(EventsConfig.COMPRESSION, Compression.GZIP)
                .with(EventsConfig.KEEP, Duration.ZERO).with(EventsConfig.REJECTION_RATE, null)
                .with(EventsConfig.FLUSH_INTERVAL, Duration.ofSeconds(1)).with(EventsConfig.MAX_PENDING, 10);
        try (ClosedFiles closed = new ClosedFiles(directory, InstantSource.system(), failures::incrementAndGet,
                threads)) {
            for (int i = 1; i <= 3; i++) {
                closed.tidy(config, null);
                assertThat(failures).hasValue(i);
            }
            assertThat(file).exists();
            none.set(false);
            closed.tidy(config, null);
            await().until(() -> !Files.exists(file));
            assertThat(failures).hasValue(3);
        }
    }
}
