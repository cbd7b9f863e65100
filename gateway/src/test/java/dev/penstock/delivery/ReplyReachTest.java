package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.config.QueueConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.queue.QueueItem;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;

/**
 * A reply of one host and the provider's other hosts: two domains with their mail at different hosts of one provider, and one
 * elsewhere.
 */
@Timeout(180)
final class ReplyReachTest {
    private static final String FIRST = "first.example";
    private static final String SECOND = "second.example";
    private static final String ELSEWHERE = "elsewhere.example";

    private static void route(DeliveryRig rig, String domain, String site, FakeMx mx) {
        rig.router.set(domain, new Route.Hosts(new Site(site), List.of(DeliveryRig.host(site, mx.port())), false));
    }

    private static void send(DeliveryRig rig, String recipient, String domain, String tenant, String campaign) {
        Envelope envelope = new Envelope(rig.spool.nextId(), "news@source.example",
                List.of(new Recipient(recipient + "@" + domain, domain)), BodyType.SEVEN_BIT, false, tenant, campaign,
                System.currentTimeMillis(), Origin.LOCAL, Options.NONE);
        rig.submit(envelope, MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.US_ASCII)));
    }

    private static void awaitEvent(DeliveryRig rig, String recipient, MessageEvent.Type type) {
        await(recipient + " " + type).atMost(Patience.LONG).pollInterval(Duration.ofMillis(5)).until(() -> rig.events
                .stream().anyMatch(event -> event.type() == type && event.recipients().contains(recipient)));
    }

    private static void awaitSuspended(DeliveryRig rig, String domain, String tenant) {
        await(tenant + " to " + domain).atMost(Patience.LONG).pollInterval(Duration.ofMillis(5)).until(() -> rig.queue
                .items(domain, 10).stream().anyMatch(item -> item.state() == QueueItem.State.SUSPENDED
                        && item.tenant().equals(tenant)));
    }

    /** The hosts of both domains and of the third have taken mail; then the first says {@code reply} of the tenant's. */
    private static void tell(DeliveryRig rig, FakeMx first, String reply, MessageEvent.Type outcome) {
        for (String domain : List.of(FIRST, SECOND, ELSEWHERE)) {
            send(rig, "before", domain, "tenant", "campaign");
            awaitEvent(rig, "before@" + domain, MessageEvent.Type.DELIVERY);
        }
        first.on(".", reply);
        send(rig, "told", FIRST, "tenant", "campaign");
        awaitEvent(rig, "told@" + FIRST, outcome);
        first.on(".", "250 2.0.0 ok");
    }

    private static DeliveryRig rig() {
        return new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100), QueueConfig.DEFAULT);
    }

    private static void routes(DeliveryRig rig, FakeMx first, FakeMx others) {
        route(rig, FIRST, "alt1.aspmx.l.google.com", first);
        route(rig, SECOND, "gmail-smtp-in.l.google.com", others);
        route(rig, ELSEWHERE, "mx.elsewhere.example", others);
    }

    @Test
    void aTenantThatOneHostNamesWaitsAtAllOfTheProvidersHostsAndNowhereElse() {
        try (FakeMx first = new FakeMx(); FakeMx others = new FakeMx(); DeliveryRig rig = rig()) {
            routes(rig, first, others);
            tell(rig, first, "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your "
                    + "DKIM domain [news.example 36].", MessageEvent.Type.TRANSIENT_FAILURE);
            for (String domain : List.of(FIRST, SECOND)) {
                send(rig, "waits", domain, "tenant", "other");
                awaitSuspended(rig, domain, "tenant");
                send(rig, "goes", domain, "neighbour", "campaign");
                awaitEvent(rig, "goes@" + domain, MessageEvent.Type.DELIVERY);
            }
            send(rig, "goes", ELSEWHERE, "tenant", "campaign");
            awaitEvent(rig, "goes@" + ELSEWHERE, MessageEvent.Type.DELIVERY);
        }
    }

    @Test
    void aReportOfOursThatIsRefusedHoldsBackNobodysMail() {
        try (FakeMx first = new FakeMx(); FakeMx others = new FakeMx(); DeliveryRig rig = rig()) {
            routes(rig, first, others);
            send(rig, "before", FIRST, "tenant", "campaign");
            awaitEvent(rig, "before@" + FIRST, MessageEvent.Type.DELIVERY);
            first.on(".", "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your "
                    + "DKIM domain [news.example 36].");
            Envelope report = new Envelope(rig.spool.nextId(), "", List.of(new Recipient("report@" + FIRST, FIRST)),
                    BodyType.SEVEN_BIT, false, "tenant", "campaign", System.currentTimeMillis(), Origin.LOCAL,
                    Options.NONE);
            assertThat(report.isReport()).isTrue();
            rig.submit(report, MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.US_ASCII)));
            awaitEvent(rig, "report@" + FIRST, MessageEvent.Type.TRANSIENT_FAILURE);
            first.on(".", "250 2.0.0 ok");
            send(rig, "goes", FIRST, "tenant", "campaign");
            awaitEvent(rig, "goes@" + FIRST, MessageEvent.Type.DELIVERY);
        }
    }

    @Test
    void aCampaignThatOneHostNamesWaitsAtAllOfTheProvidersHosts() {
        try (FakeMx first = new FakeMx(); FakeMx others = new FakeMx(); DeliveryRig rig = rig()) {
            routes(rig, first, others);
            tell(rig, first, "554 5.7.1 [CS01] Message rejected due to local policy.", MessageEvent.Type.BOUNCE);
            for (String domain : List.of(FIRST, SECOND)) {
                send(rig, "waits", domain, "tenant", "campaign");
                awaitSuspended(rig, domain, "tenant");
                send(rig, "goes", domain, "tenant", "other");
                awaitEvent(rig, "goes@" + domain, MessageEvent.Type.DELIVERY);
            }
            send(rig, "goes", ELSEWHERE, "tenant", "campaign");
            awaitEvent(rig, "goes@" + ELSEWHERE, MessageEvent.Type.DELIVERY);
        }
    }

    @Test
    void aSourceThatOneHostNamesWaitsAtAllOfTheProvidersHostsWhenNoOtherCanTakeOver() {
        try (FakeMx first = new FakeMx(); FakeMx others = new FakeMx(); DeliveryRig rig = rig()) {
            routes(rig, first, others);
            tell(rig, first, "550 5.7.1 blocked for the very low reputation of the sending IP address",
                    MessageEvent.Type.TRANSIENT_FAILURE);
            for (String domain : List.of(FIRST, SECOND)) {
                send(rig, "waits", domain, "neighbour", "campaign");
                awaitSuspended(rig, domain, "neighbour");
            }
            send(rig, "goes", ELSEWHERE, "neighbour", "campaign");
            awaitEvent(rig, "goes@" + ELSEWHERE, MessageEvent.Type.DELIVERY);
            assertThat(rig.queue.readyQueues()).extracting(queue -> Map.entry(queue.key().site().name(),
                    queue.ready())).contains(Map.entry("gmail-smtp-in.l.google.com", 1));
        }
    }
}
