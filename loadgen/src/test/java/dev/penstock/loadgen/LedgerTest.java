package dev.penstock.loadgen;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgerTest {
    private static final int RUN = 0x9abcdef0;

    @Test
    void tellsMissingDoubledAndUnacknowledgedApart() {
        Deliveries acknowledged = new Deliveries();
        Deliveries received = new Deliveries();
        for (long number = 0; number < 3_000_000; number += 7) {
            acknowledged.add(RUN, number);
            if (number != 700_007) {
                received.add(RUN, number);
            }
        }
        received.add(RUN, 7);
        received.add(RUN, 5);
        received.add(1, 1);

        Ledger ledger = Ledger.compare(acknowledged, received);

        assertThat(ledger.missing()).isEqualTo(1);
        assertThat(ledger.firstMissing()).containsExactly("9abcdef0:700007");
        assertThat(ledger.duplicates()).isEqualTo(1);
        assertThat(ledger.unacknowledged()).as("of this run").isEqualTo(1);
        assertThat(ledger.balances(1)).as("a duplicate never balances").isFalse();
    }

    @Test
    void balancesWhenTheMissingAreKnownToBeQueued() {
        Deliveries acknowledged = new Deliveries();
        acknowledged.add(RUN, 1);

        Ledger ledger = Ledger.compare(acknowledged, new Deliveries());

        assertThat(ledger.balances(0)).isFalse();
        assertThat(ledger.balances(1)).isTrue();
    }

    @Test
    void readsBackTheLogAndLeavesOutARecordCutAtItsEnd(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("log");
        try (DeliveryLog log = new DeliveryLog(file)) {
            for (int i = 0; i < 10_000; i++) {
                log.append(RUN, i);
            }
            log.append(RUN, 3);
            log.append(RUN, 10_001 | DeliveryLog.CORRUPT);
        }
        Files.write(file, new byte[]{1, 2, 3, 4, 5}, StandardOpenOption.APPEND);

        Deliveries read = Deliveries.read(file);

        assertThat(read.size()).isEqualTo(10_000);
        assertThat(read.duplicates()).isEqualTo(1);
        assertThat(read.corrupt()).isEqualTo(1);
        assertThat(read.of(RUN).contains(9_999)).isTrue();
        assertThat(read.of(RUN).contains(10_001)).isFalse();
    }
}
