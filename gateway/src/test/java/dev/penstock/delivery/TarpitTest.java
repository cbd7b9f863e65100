package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.testing.FakeMx;

/** Hosts that take connections and never greet, each a site of its own, get half of the sessions at most. */
class TarpitTest {
    private static final int SESSIONS = 8;
    private static final int TARPITS = 30;
    private static final DeliveryConfig CONFIG = sessions(SESSIONS);

    private ServerSocket tarpit;

    @BeforeEach
    void open() throws IOException {
        tarpit = new ServerSocket(0, 10 * TARPITS, InetAddress.getLoopbackAddress());
    }

    @AfterEach
    void close() throws IOException {
        tarpit.close();
    }

    @Test
    void sessionsThatAreUpAreNotTheirs() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            rig.route("up.example", false, mx);
            rig.send("a@up.example");
            rig.awaitEvents(1);
            fill(rig);
            rig.send("b@up.example");
            rig.send("c@up.example");
            rig.awaitEvents(3);
            assertThat(rig.outcomes()).allMatch(outcome -> outcome.startsWith("Delivery "));
            assertThat(rig.dispatcher.sessionCount()).isLessThanOrEqualTo(SESSIONS / 2 + 1);
        }
    }

    @Test
    void hostsThatTheConfigurationNamesNeedNotWaitForThem() {
        try (FakeMx mx = new FakeMx(); DeliveryRig rig = new DeliveryRig(CONFIG)) {
            fill(rig);
            rig.route(TlsPolicy.NONE, mx);
            rig.send("a@" + DeliveryRig.DOMAIN);
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery a@");
        }
    }

    @Test
    void aQueueThatWaitsSaysForWhat() {
        try (DeliveryRig rig = new DeliveryRig(CONFIG)) {
            fill(rig);
            await().untilAsserted(() -> assertThat(rig.dispatcher.sessionCount()).isEqualTo(SESSIONS / 2));
            await().untilAsserted(() -> {
                List<String> waiting = new ArrayList<>();
                rig.queue.forEachReadyQueue(ready -> {
                    if (ready.waitingAt() != null) {
                        waiting.add(ready.waitingAt().describe(0));
                    }
                });
                assertThat(waiting).hasSize(TARPITS - SESSIONS / 2)
                        .allMatch("max-sessions that aren't up yet 4"::equals);
            });
        }
    }

    private void fill(DeliveryRig rig) {
        for (int i = 0; i < TARPITS; i++) {
            String domain = "d" + i + ".tarpit.example";
            rig.router.set(domain, new Route.Hosts(new Site(domain),
                    List.of(DeliveryRig.host("mx." + domain, tarpit.getLocalPort())), false));
            rig.send("x@" + domain);
        }
        await().until(() -> rig.dispatcher.sessionCount() >= SESSIONS / 2);
    }

    private static DeliveryConfig sessions(int sessions) {
        DeliveryConfig c = DeliveryRig.CONFIG;
        return new DeliveryConfig(c.port(), c.sourceAddress(), sessions, c.maxRecipientsPerTransaction(),
                c.connectTimeout(), Duration.ofMinutes(5), c.commandTimeout(), c.dataInitTimeout(),
                c.dataBlockTimeout(), c.dataDoneTimeout(), c.quitTimeout(), c.badHostTime(), c.stopTimeout());
    }
}
