package dev.penstock.delivery;

import java.util.List;

import dev.penstock.config.BounceCategory;
import dev.penstock.delivery.OutcomeCounts.AttemptCounts;
import dev.penstock.meters.PartMeters;
import dev.penstock.units.MailClass;

/** The meters of deliveries before there was any, for tests of other packages. Stateless. */
public final class DeliveryParts {
    private DeliveryParts() {}

    public static List<PartMeters<?>> meters() {
        return meters(new DeliveryStats());
    }

    /** With as many providers, tenants and pools as have figures of their own, all figures of theirs counted. */
    public static List<PartMeters<?>> full() {
        DeliveryStats stats = new DeliveryStats();
        AttemptCounts counts = new AttemptCounts();
        counts.delivered = 123_456;
        counts.deferred = 1_234;
        for (int i = 0; i < 2 * ProviderStats.MAX_PROVIDERS; i++) {
            ProviderStats.Figures provider = stats.providers.of("provider-" + i);
            provider.outcomes.add(counts);
            for (BounceCategory category : BounceCategory.values()) {
                provider.failed(category);
            }
            for (MailClass mailClass : MailClass.values()) {
                stats.firstAttempt(mailClass, provider, 1_234_567_890L * i);
                stats.transit(mailClass, provider, 1_234_567_890L * i, 7);
            }
        }
        for (int i = 0; i < 2 * SenderStats.MAX_TENANTS; i++) {
            stats.senders.ofTenant("tenant-" + i).add(counts);
            stats.senders.ofPool("pool-" + i).add(counts);
        }
        return meters(stats);
    }

    private static List<PartMeters<?>> meters(DeliveryStats stats) {
        return List.of(DeliveryMetrics.times(() -> stats), ProviderMetrics.of(stats::providers),
                SenderMetrics.ofTenants(stats::senders, _ -> 0), SenderMetrics.ofPools(stats::senders));
    }
}
