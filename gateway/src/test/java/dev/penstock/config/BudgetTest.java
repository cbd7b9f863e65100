package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.units.ByteSize;

/** What the limits add up to. */
class BudgetTest {
    private static final long HEAP = 1L << 30; // the launcher's
    private static final int PERCENT = 90;

    @TempDir
    Path directory;

    private GatewayConfig config(String text) throws Exception {
        Path file = Files.writeString(directory.resolve("penstock.toml"), text);
        return ((ConfigReader.Valid) ConfigReader.read(file)).config();
    }

    @Test
    void theDefaultsFitTheDefaultHeap() throws Exception {
        assertThat(Budget.heap(config("")).fits(HEAP, PERCENT)).isTrue();
        assertThat(Budget.heap(config("[injection]\naddress = \"127.0.0.1\"\n")).fits(HEAP, PERCENT))
                .isTrue();
    }

    @Test
    void aLimitThatIsTooLargeIsNamedFirst() throws Exception {
        Budget budget = Budget.heap(config("[inbound]\nmemory-limit = \"1 GB\"\n"));
        assertThat(budget.fits(HEAP, PERCENT)).isFalse();
        assertThat(budget.fits(2 * HEAP, PERCENT)).isTrue();
        assertThat(budget.largest(1 << 20)).startsWith("inbound.memory-limit 1024, delivery.memory-limit 192, ");
    }

    @Test
    void aLargerBodyAloneIsALargerLimitThatTheHeapIsComparedWith() throws Exception {
        GatewayConfig larger = config("[injection]\naddress = \"127.0.0.1\"\nmax-body = \"32 MB\"\n");
        assertThat(larger.injection().memoryLimit()).isEqualTo(ByteSize.ofMegabytes(256));
        assertThat(Budget.heap(larger).largest(1 << 20)).startsWith("injection.memory-limit 256, ");
        assertThat(config("[injection]\nmax-body = \"2 MB\"\n").injection().memoryLimit())
                .isEqualTo(ByteSize.ofMegabytes(128));
    }

    @Test
    void queuedMailGetsWhatTheOthersLeaveAndATenthInAnyCase() throws Exception {
        long others = Budget.heap(config("")).sum();
        assertThat(Budget.forQueue(config(""), HEAP)).isEqualTo(HEAP / 100 * PERCENT - others)
                .isGreaterThan(128 << 20);
        assertThat(Budget.forQueue(config(""), others)).isEqualTo(others / 100 * 10);
        GatewayConfig chosen = config("[queue]\nmemory-limit = \"300 MB\"\n");
        assertThat(Budget.forQueue(chosen, HEAP)).isEqualTo(300 << 20);
        assertThat(Budget.heap(chosen).sum()).isEqualTo(others + (300 << 20));
    }

    @Test
    void sessionsUnderTlsAreAsManyAsDeliveriesMemoryHasRoomFor() throws Exception {
        assertThat(Budget.sessionsUnderTls(config(""))).isEqualTo(2_048);
        assertThat(Budget.sessionsUnderTls(config("[delivery]\nmemory-limit = \"8 MB\"\n"))).isEqualTo(85);
    }

    @Test
    void descriptorsAreThoseOfAllConnections() throws Exception {
        Budget budget = Budget.descriptors(config("""
                [inbound]
                max-sessions = 3000
                [delivery]
                max-sessions = 1000
                [injection]
                address = "127.0.0.1"
                max-connections = 50
                """));
        assertThat(budget.sum()).isEqualTo(3_000 + 1_100 + 50 + 256 + 100 + 512);
        assertThat(budget.largest(1)).startsWith("inbound.max-sessions 3000, delivery.max-sessions 1100, files 512, ");
    }
}
