package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

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
        assertThat(stats.of(ProviderStats.Counts::delivered)).hasSize(ProviderStats.MAX_PROVIDERS + 1)
                .containsEntry("provider-0", 2L).containsEntry("provider-1", 1L)
                .containsEntry(ProviderStats.OTHER, 15L);
        assertThat(stats.of(ProviderStats.Counts::bounced)).containsEntry("provider-0", 0L);
    }
}
