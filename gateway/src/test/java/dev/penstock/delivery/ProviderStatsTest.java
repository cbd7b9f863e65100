package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;

import org.junit.jupiter.api.Test;

class ProviderStatsTest {
    private final ProviderStats stats = new ProviderStats();

    @Test
    void theFirstProvidersHaveFiguresOfTheirOwnAndTheOthersShareOne() {
        for (int i = 0; i < ProviderStats.MAX_PROVIDERS + 10; i++) {
            stats.of("provider-" + i).delivered().increment();
        }
        stats.of("").delivered().add(5);
        stats.of("provider-0").delivered().increment();
        assertThat(stats.figures()).hasSize(4 * (ProviderStats.MAX_PROVIDERS + 1))
                .containsEntry(List.of("provider-0", "delivered"), 2L)
                .containsEntry(List.of("provider-1", "delivered"), 1L)
                .containsEntry(List.of(ProviderStats.OTHER, "delivered"), 15L)
                .containsEntry(List.of("provider-0", "bounced"), 0L);
    }
}
