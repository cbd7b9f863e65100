package dev.penstock.delivery;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Collectors;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.junit.jupiter.api.Test;

import dev.penstock.delivery.OutcomeCounts.AttemptCounts;
import dev.penstock.meters.PartMeters;
import dev.penstock.meters.PartMeters.NamedFamily;
import dev.penstock.meters.TopNames;
import dev.penstock.testing.ManualTicker;

class SenderStatsTest {
    private final SenderStats stats = new SenderStats(new ManualTicker());

    private static AttemptCounts bounced(int recipients) {
        AttemptCounts counts = new AttemptCounts();
        counts.bounced = recipients;
        return counts;
    }

    @Test
    void mailOfNoTenantAndNoPoolIsAmongTheOthers() {
        stats.ofTenant("acme").add(bounced(2));
        stats.ofTenant("").add(bounced(1));
        stats.ofPool("").add(bounced(1));
        assertThat(stats.byTenant()).hasSize(8).containsEntry(List.of("acme", "bounced"), 2L)
                .containsEntry(List.of(TopNames.OTHER, "bounced"), 1L);
        assertThat(stats.byPool()).hasSize(4).containsEntry(List.of(TopNames.OTHER, "bounced"), 1L);
    }

    @Test
    void tenantsAreBoundedAndWhatTheyHaveQueuedIsOfTheSameOnes() {
        for (int i = 0; i < 3 * SenderStats.MAX_TENANTS; i++) {
            stats.ofTenant("t" + i).add(bounced(1));
        }
        PartMeters<SenderStats> part = SenderMetrics.ofTenants(() -> stats, tenant -> tenant.equals("t7") ? 70 : 0);
        part.bindTo(new SimpleMeterRegistry());
        var families = part.families().stream().collect(Collectors.toMap(NamedFamily::name, NamedFamily::figures));
        assertThat(requireNonNull(families.get("penstock.tenant.recipients")).get())
                .hasSize(4 * (SenderStats.MAX_TENANTS + 1));
        assertThat(requireNonNull(families.get("penstock.tenant.queued")).get()).hasSize(SenderStats.MAX_TENANTS)
                .containsEntry(List.of("t7"), 70L).containsEntry(List.of("t8"), 0L);
    }
}
