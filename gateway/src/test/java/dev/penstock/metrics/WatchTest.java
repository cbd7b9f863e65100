package dev.penstock.metrics;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.meters.MemoryAccount;
import dev.penstock.testing.ManualClock;
import dev.penstock.testing.Said;

/** What has no event of its own is told when it changes, and once. */
class WatchTest {
    private static final long MEGABYTE = 1 << 20;

    @TempDir
    Path directory;

    @Test
    void aLookThatFailsIsToldAndKeepsNoOtherFromBeingLookedAt() {
        AtomicInteger looks = new AtomicInteger();
        try (Said said = Said.by(Watch.class); Watch watch = new Watch(List.of(() -> {
            throw new IllegalStateException("broken");
        }, looks::incrementAndGet))) {
            watch.look();
            watch.look();
            assertThat(looks).hasValue(2);
            assertThat(said.lines()).containsExactly("event=watch-failed", "event=watch-failed");
        }
    }

    @Test
    void theFirstLookIsOverWhenItHasStartedAndNoneBeginsAfterItWasClosed() {
        List<Thread> by = new ArrayList<>();
        Watch watch = new Watch(List.of(() -> by.add(Thread.currentThread())));
        watch.start();
        assertThat(by).containsExactly(Thread.currentThread());
        watch.close();
        assertThat(by).hasSize(1);
    }

    @Test
    void anAccountThatStaysNearItsLimitIsToldOnceAndWhenItIsOver() {
        AtomicLong used = new AtomicLong(89 * MEGABYTE);
        MemoryWatch watch = new MemoryWatch(
                List.of(new MemoryAccount("delivery", used::get, () -> 100 * MEGABYTE)));
        try (Said said = Said.by(MemoryWatch.class)) {
            watch.look();
            assertThat(said.lines()).isEmpty();
            for (long megabytes : new long[]{91, 95, 85, 92, 76}) {
                used.set(megabytes * MEGABYTE);
                watch.look();
            }
            assertThat(said.lines()).containsExactly("event=memory-near-limit account=delivery megabytes=91 limit=100");
            used.set(74 * MEGABYTE);
            watch.look();
            watch.look();
            assertThat(said.lines())
                    .containsExactly("event=memory-near-limit-over account=delivery megabytes=74 limit=100");
        }
    }

    @Test
    void spaceIsThatOfTheFileSystemAndADirectoryThatIsGoneHasNoFigures() throws Exception {
        Path log = Files.createDirectory(directory.resolve("log"));
        DiskSpace disk = new DiskSpace(Map.of("spool", new DiskSpace.Place(directory, () -> 64 * MEGABYTE),
                "delivery-log", new DiskSpace.Place(log, () -> 0)));
        assertThat(disk.spaces()).isEmpty();
        disk.look();
        DiskSpace.Space space = requireNonNull(disk.spaces().get("spool"));
        assertThat(space.size()).isEqualTo(Files.getFileStore(directory).getTotalSpace());
        assertThat(space.free()).isBetween(1L, space.size());
        assertThat(space.reserve()).isEqualTo(64 * MEGABYTE);
        Files.delete(log);
        try (Said said = Said.by(DiskSpace.class)) {
            disk.look();
            disk.look();
            assertThat(disk.spaces()).containsOnlyKeys("spool");
            assertThat(said.lines()).hasSize(1).first().asString()
                    .startsWith("event=disk-space-unknown directory=delivery-log file=" + log);
            Files.createDirectory(log);
            disk.look();
            Files.delete(log);
            disk.look();
            assertThat(said.lines()).as("anew").hasSize(1);
        }
    }

    @Test
    void aChangeThatWasRefusedIsShownUntilOneIsInForce() {
        ConfigurationState state = new ConfigurationState(new ManualClock());
        try (MetricsRegistry metrics = new MetricsRegistry(List.of(state.meters()))) {
            assertThat(metrics.scrape().lines()).contains("penstock_config_refused 0.0");
            state.refused();
            assertThat(metrics.scrape().lines()).contains("penstock_config_refused 1.0",
                    "penstock_config_reloads_total{outcome=\"refused\"} 1.0",
                    "penstock_config_reloads_total{outcome=\"applied\"} 0.0");
            state.applied();
            assertThat(metrics.scrape().lines()).contains("penstock_config_refused 0.0",
                    "penstock_config_reloads_total{outcome=\"applied\"} 1.0");
        }
    }
}
