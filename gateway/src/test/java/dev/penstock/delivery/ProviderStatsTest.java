package dev.penstock.delivery;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;

import org.junit.jupiter.api.Test;

import dev.penstock.config.BounceCategory;
import dev.penstock.delivery.OutcomeCounts.AttemptCounts;
import dev.penstock.meters.HistogramSnapshot.Bucket;
import dev.penstock.meters.TopNames;
import dev.penstock.testing.ManualTicker;
import dev.penstock.units.MailClass;

class ProviderStatsTest {
    private final ProviderStats stats = new ProviderStats(new ManualTicker());

    private void delivered(String provider, int recipients) {
        AttemptCounts counts = new AttemptCounts();
        counts.delivered = recipients;
        stats.of(provider).outcomes.add(counts);
    }

    @Test
    void theFirstProvidersHaveFiguresOfTheirOwnAndTheOthersShareOne() {
        for (int i = 0; i < ProviderStats.MAX_PROVIDERS + 10; i++) {
            delivered("provider-" + i, 1);
        }
        delivered("", 5);
        delivered("provider-0", 1);
        assertThat(stats.outcomes()).hasSize(4 * (ProviderStats.MAX_PROVIDERS + 1))
                .containsEntry(List.of("provider-0", "delivered"), 2L)
                .containsEntry(List.of("provider-1", "delivered"), 1L)
                .containsEntry(List.of(TopNames.OTHER, "delivered"), 15L)
                .containsEntry(List.of("provider-0", "bounced"), 0L);
    }

    @Test
    void whyRecipientsWereNotDeliveredToIsCountedByCategory() {
        ProviderStats.Figures google = stats.of("google");
        google.failed(BounceCategory.SPAM_RELATED);
        google.failed(BounceCategory.SPAM_RELATED);
        google.failed(BounceCategory.BAD_MAILBOX);
        assertThat(stats.reasons()).hasSize(2 + BounceCategory.values().length)
                .containsEntry(List.of("google", "spam-related"), 2L)
                .containsEntry(List.of("google", "bad-mailbox"), 1L)
                .containsEntry(List.of(TopNames.OTHER, "bad-mailbox"), 0L);
    }

    @Test
    void timesAreOfAProviderAndAClass() {
        stats.of("google").firstAttempt(MailClass.TRANSACTIONAL, 2_000_000_000L);
        stats.of("google").delivered(MailClass.BULK, 400_000_000_000L, 3);
        assertThat(stats.firstAttempts()).containsOnlyKeys(List.of("google", "transactional"),
                List.of(TopNames.OTHER, "bulk"), List.of(TopNames.OTHER, "transactional"));
        assertThat(stats.transits()).hasSize(3);
        assertThat(requireNonNull(stats.transits().get(List.of("google", "bulk"))).buckets())
                .contains(new Bucket(900, 3))
                .filteredOn(bucket -> bucket.count() > 0).hasSize(1);
    }
}
