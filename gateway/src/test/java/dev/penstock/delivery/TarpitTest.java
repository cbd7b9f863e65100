package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.Options;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.Limiter;
import dev.penstock.testing.ClosedPort;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;

/** Hosts that stall before they have taken a message, each a site of its own, get a share of the sessions and no more. */
class TarpitTest {
    /** Of these 15 may come up; of those one tenant gets 12, a network or the reports 8. */
    private static final int SESSIONS = 20;
    private static final int OF_A_TENANT = 12;
    private static final int OF_A_NETWORK = 8;
    private static final int TARPITS = 60;
    private static final int NETWORKS = 6;
    private static final int SITES_THAT_TAKE_ONE = 30;
    private static final DeliveryConfig CONFIG = sessions(SESSIONS);
    private static final Origin CLIENT = new Origin("ESMTP", "192.0.2.1:25", "client.example");

    private final List<ServerSocket> tarpits = new ArrayList<>();
    private final List<ClosedPort> closed = new ArrayList<>();

    @AfterEach
    void close() throws IOException {
        for (ServerSocket tarpit : tarpits) {
            tarpit.close();
        }
        closed.forEach(ClosedPort::close);
    }

    @Test
    void sessionsThatAreUpAreNotTheirs() throws IOException {
        TrafficLimits staysUp = TrafficLimits.DEFAULT.with(TrafficLimits.MAX_DELIVERIES_PER_CONNECTION, 100)
                .with(TrafficLimits.IDLE_TIMEOUT, Duration.ofMinutes(5));
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG, staysUp, QueueConfig.DEFAULT)) {
            rig.route("up.example", false, mx);
            rig.send("a@up.example");
            rig.awaitEvents(1);
            fill(rig, silent(), TARPITS, OF_A_TENANT, domain -> rig.send("x@" + domain));
            rig.send("b@up.example");
            rig.send("c@up.example");
            rig.awaitEvents(3);
            assertThat(rig.outcomes()).allMatch(outcome -> outcome.startsWith("Delivery "));
        }
    }

    @Test
    void hostsThatTheConfigurationNamesNeedNotWaitForThem() throws IOException {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            fill(rig, silent(), TARPITS, OF_A_TENANT, domain -> rig.send("x@" + domain));
            rig.route(TlsPolicy.NONE, mx);
            rig.send("a@" + DeliveryRig.DOMAIN);
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery a@");
        }
    }

    @Test
    void aQueueThatWaitsSaysForWhoseShare() throws IOException {
        try (DeliveryRig rig = new DeliveryRig(CONFIG)) {
            fill(rig, silent(), TARPITS, OF_A_TENANT, domain -> mail(rig, "a", domain));
            assertWaiting(rig, TARPITS - OF_A_TENANT,
                    "the share of tenant a in max-sessions that come up 15, of which it has 12"::equals);
        }
    }

    @Test
    void aTenantWhoseThousandsOfHostsNeverGreetHoldsUpNoOther() throws IOException {
        int domains = 5_500;
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            fill(rig, silent(), domains, OF_A_TENANT, domain -> mail(rig, "a", domain));
            assertWaiting(rig, domains - OF_A_TENANT, _ -> true);
            rig.route("b.example", false, mx);
            mail(rig, "b", "b.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery x@b.example");
        }
    }

    @Test
    void aQueueThatWaitsForOneTenantsShareIsOpenedForAnothers() throws IOException {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            fill(rig, silent(), TARPITS, OF_A_TENANT, domain -> mail(rig, "a", domain));
            rig.route("shared.example", false, mx);
            mail(rig, "a", "shared.example");
            assertWaiting(rig, TARPITS - OF_A_TENANT + 1, _ -> true);
            mail(rig, "b", "shared.example");
            rig.awaitEvents(2);
            assertThat(rig.outcomes()).hasSize(2).allMatch(outcome -> outcome.startsWith("Delivery x@shared.example"));
        }
    }

    @Test
    void reportsThatStrangersCauseHoldUpNoMail() throws IOException {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            fill(rig, silent(), TARPITS, OF_A_NETWORK, domain -> submit(rig, "", "a", Origin.LOCAL, "x@" + domain));
            assertWaiting(rig, TARPITS - OF_A_NETWORK,
                    "the share of reports in max-sessions that come up 15, of which it has 8"::equals);
            rig.route("b.example", false, mx);
            mail(rig, "a", "b.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery x@b.example");
        }
    }

    @Test
    void manySitesOfOneNetworkHoldUpNoOther() throws IOException {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            List<MailHost> one = silent().subList(0, 1);
            fill(rig, one, TARPITS, OF_A_NETWORK, domain -> mail(rig, "a", domain));
            assertWaiting(rig, TARPITS - OF_A_NETWORK,
                    "the share of network 127.0.1.0/24 in max-sessions that come up 15, of which it has 8"::equals);
            rig.route("b.example", false, mx);
            mail(rig, "a", "b.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery x@b.example");
        }
    }

    @Test
    void whereTheFirstHostRefusesTheNextOnesNetworkCounts() throws IOException {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            MailHost stalls = silent().getFirst();
            for (int i = 0; i < TARPITS; i++) {
                String domain = "d" + i + ".tarpit.example";
                MailHost refuses = host("mx1." + domain, "127.1." + i + ".1",
                        closedPort("127.1." + i + ".1"));
                rig.router.set(domain, new Route.Hosts(new Site(domain), List.of(refuses, stalls), false));
                mail(rig, "a", domain);
            }
            assertWaiting(rig, TARPITS - OF_A_NETWORK, waiting -> waiting.contains("network 127.0.1.0/24"));
            await().atMost(Patience.LONG).until(() -> rig.dispatcher.sessionCount() == OF_A_NETWORK);
            rig.route("b.example", false, mx);
            mail(rig, "a", "b.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery x@b.example");
        }
    }

    @Test
    void whereTheFirstHostIsRememberedAsBadTheNextOnesNetworkCounts() throws IOException {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            MailHost bad = fillOneNetwork(rig);
            rig.dispatcher.badHosts.add("default", bad);
            MailHost backup = new MailHost("backup", InetAddress.ofLiteral("127.0.0.1"), mx.port(), 20);
            rig.router.set("b.example", new Route.Hosts(new Site("b.example"), List.of(bad, backup), false));
            mail(rig, "a", "b.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery x@b.example");
        }
    }

    @Test
    void ofTwoHostsThatArePreferredAlikeTheOneWithRoomIsAsked() throws IOException {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            MailHost crowded = fillOneNetwork(rig);
            MailHost free = host("mx2", "127.0.0.1", mx.port());
            rig.router.set("b.example", new Route.Hosts(new Site("b.example"), List.of(crowded, free), false));
            mail(rig, "a", "b.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery x@b.example");
        }
    }

    @Test
    void aBackupIsNotAskedBecauseTheFirstHostsNetworkIsCrowded() throws IOException {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            MailHost crowded = fillOneNetwork(rig);
            MailHost backup = new MailHost("backup", InetAddress.ofLiteral("127.0.0.1"), mx.port(), 20);
            rig.router.set("b.example", new Route.Hosts(new Site("b.example"), List.of(crowded, backup), false));
            mail(rig, "a", "b.example");
            assertWaiting(rig, TARPITS - OF_A_NETWORK + 1, waiting -> waiting.contains("network 127.0.1.0/24"));
            assertThat(mx.sessions()).isZero();
        }
    }

    /** @return a host of it */
    private MailHost fillOneNetwork(DeliveryRig rig) throws IOException {
        MailHost stalls = silent().getFirst();
        fill(rig, List.of(stalls), TARPITS, OF_A_NETWORK, domain -> mail(rig, "a", domain));
        assertWaiting(rig, TARPITS - OF_A_NETWORK, _ -> true);
        return stalls;
    }

    @Test
    void hostsThatGreetAndThenStallAreStillComingUp() throws IOException {
        assertStillComingUp("""
                S: 220 mx
                C~ EHLO
                stall
                """);
    }

    @Test
    void hostsThatStallAtTheEnvelopeAreStillComingUp() throws IOException {
        assertStillComingUp("""
                S: 220 mx
                C~ EHLO
                S: 250 mx
                C~ MAIL
                stall
                """);
    }

    @Test
    void hostsThatStallAtTheEndOfTheirFirstMessageAreStillComingUp() throws IOException {
        assertStillComingUp("""
                S: 220 mx
                C~ EHLO
                S: 250 mx
                C~ MAIL
                S: 250 ok
                C~ RCPT
                S: 250 ok
                C~ DATA
                S: 354 go
                content
                stall
                """);
    }

    @Test
    void aSessionThatIsOpenedAgainWithMailInHandIsComingUpToo() {
        List<FakeMx> once = new ArrayList<>();
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            for (int i = 0; i < SITES_THAT_TAKE_ONE; i++) {
                String address = "127.2." + i + ".1";
                String domain = "d" + i + ".tarpit.example";
                FakeMx host = new FakeMx(InetAddress.ofLiteral(address)).script("""
                        S: 220 mx
                        C~ EHLO
                        S: 250-mx
                        S: 250 LIMITS MAILMAX=1 RCPTMAX=1
                        C~ MAIL
                        S: 250 ok
                        C~ RCPT
                        S: 250 ok
                        C~ DATA
                        S: 354 go
                        content
                        S: 250 ok
                        C: QUIT
                        S: 221 bye
                        """);
                for (int session = 1; session < 5; session++) {
                    host.script("stall");
                }
                once.add(host);
                rig.router.set(domain, new Route.Hosts(new Site(domain), List.of(host(domain, address, host.port())),
                        false));
                submit(rig, "sender@source.example", "a", CLIENT, "x@" + domain, "y@" + domain);
            }
            await().atMost(Patience.LONG).until(() -> sessions(once) == SITES_THAT_TAKE_ONE + OF_A_TENANT);
            rig.route("b.example", false, mx);
            mail(rig, "b", "b.example");
            await().atMost(Patience.LONG).until(() -> rig.outcomes().stream()
                    .anyMatch(outcome -> outcome.startsWith("Delivery x@b.example")));
            assertThat(sessions(once)).isEqualTo(SITES_THAT_TAKE_ONE + OF_A_TENANT);
        } finally {
            once.forEach(FakeMx::close);
        }
    }

    private static int sessions(List<FakeMx> hosts) {
        return hosts.stream().mapToInt(FakeMx::sessions).sum();
    }

    private void assertStillComingUp(String transcript) throws IOException {
        try (FakeMx stalls = new FakeMx(InetAddress.ofLiteral("127.2.0.1"));
                FakeMx mx = new FakeMx();
                DeliveryRig rig = new DeliveryRig(CONFIG)) {
            for (int i = 0; i < TARPITS; i++) {
                stalls.script(transcript);
            }
            fill(rig, List.of(host("mx", "127.2.0.1", stalls.port())), TARPITS, OF_A_NETWORK,
                    domain -> mail(rig, "a", domain));
            assertWaiting(rig, TARPITS - OF_A_NETWORK, _ -> true);
            rig.route("b.example", false, mx);
            mail(rig, "a", "b.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery x@b.example");
            assertThat(stalls.sessions()).isEqualTo(OF_A_NETWORK);
        }
    }

    /** Hosts that take connections and say nothing, each in a network of its own. */
    private List<MailHost> silent() throws IOException {
        List<MailHost> hosts = new ArrayList<>();
        for (int i = 1; i <= NETWORKS; i++) {
            ServerSocket tarpit = new ServerSocket(0, 10 * TARPITS, InetAddress.ofLiteral("127.0." + i + ".1"));
            tarpits.add(tarpit);
            hosts.add(host("mx" + i, "127.0." + i + ".1", tarpit.getLocalPort()));
        }
        return hosts;
    }

    private static MailHost host(String name, String address, int port) {
        return new MailHost(name, InetAddress.ofLiteral(address), port, 10);
    }

    private int closedPort(String address) {
        ClosedPort port = new ClosedPort(InetAddress.ofLiteral(address));
        closed.add(port);
        return port.port();
    }

    /** Sends to so many sites at these hosts, and waits until as many sessions as they get are open. */
    private static void fill(DeliveryRig rig, List<MailHost> hosts, int sites, int sessions, Consumer<String> send) {
        int before = rig.dispatcher.sessionCount();
        for (int i = 0; i < sites; i++) {
            String domain = "d" + i + ".tarpit.example";
            rig.router.set(domain,
                    new Route.Hosts(new Site(domain), List.of(hosts.get(i % hosts.size())), false));
            send.accept(domain);
        }
        await().atMost(Patience.LONG).until(() -> rig.dispatcher.sessionCount() >= before + sessions);
    }

    private static void assertWaiting(DeliveryRig rig, int queues, Predicate<String> forWhat) {
        await().atMost(Patience.LONG).untilAsserted(() -> {
            List<String> waiting = new ArrayList<>();
            rig.queue.forEachReadyQueue(ready -> {
                Limiter at = ready.waitingAt();
                if (at != null) {
                    waiting.add(at.describe(ready, 0));
                }
            });
            assertThat(waiting).hasSize(queues).allMatch(forWhat);
        });
    }

    private static void mail(DeliveryRig rig, String tenant, String domain) {
        submit(rig, "sender@source.example", tenant, CLIENT, "x@" + domain);
    }

    private static void submit(DeliveryRig rig, String sender, String tenant, Origin origin, String... recipients) {
        rig.submit(new Envelope(rig.spool.nextId(), sender,
                Stream.of(recipients).map(each -> new Recipient(each, each.substring(each.indexOf('@') + 1))).toList(),
                BodyType.SEVEN_BIT, false, tenant, "", System.currentTimeMillis(), origin, Options.NONE),
                MemoryContent.of(DeliveryRig.CONTENT.getBytes(StandardCharsets.ISO_8859_1)));
    }

    private static DeliveryConfig sessions(int sessions) {
        DeliveryConfig c = DeliveryRig.CONFIG;
        Duration longerThanATest = Duration.ofMinutes(5);
        return c.with(DeliveryConfig.MAX_SESSIONS, sessions).with(DeliveryConfig.GREETING_TIMEOUT, longerThanATest)
                .with(DeliveryConfig.COMMAND_TIMEOUT, longerThanATest)
                .with(DeliveryConfig.DATA_DONE_TIMEOUT, longerThanATest);
    }
}
