package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.List;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.message.MessageEvent;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.testing.ClosedPort;
import dev.penstock.testing.FakeMx;

/** Hosts with addresses of one family, the other, or both, over the loopback addresses of each. */
class Ipv6Test {
    private static final InetAddress SIX = InetAddress.ofLiteral("::1");
    private static final InetAddress FOUR = InetAddress.ofLiteral("127.0.0.1");

    @BeforeEach
    void needsIpv6() {
        try (ServerSocket _ = new ServerSocket(0, 1, SIX)) {
            // it can be bound
        } catch (IOException e) {
            assumeTrue(false, "this machine has no ::1: " + e.getMessage());
        }
    }

    @Test
    void aHostWithIpv6AloneGetsItsMail() {
        try (FakeMx mx = new FakeMx(SIX, 0); DeliveryRig rig = new DeliveryRig()) {
            route(rig, host(SIX, mx.port()));
            rig.send("a@" + DeliveryRig.DOMAIN);
            rig.awaitEvents(1);
            MessageEvent event = rig.events.getFirst();
            assertThat(event.type()).isEqualTo(MessageEvent.Type.DELIVERY);
            assertThat(event.peer())
                    .isEqualTo(new MessageEvent.Peer("mx." + DeliveryRig.DOMAIN, "0:0:0:0:0:0:0:1"));
            assertThat(event.sourceAddress()).isEqualTo("0:0:0:0:0:0:0:1");
            assertThat(mx.messages()).hasSize(1);
        }
    }

    @Test
    void aHostWhoseOneFamilyIsDeadGetsItsMailByTheOther() {
        for (boolean six : new boolean[]{true, false}) {
            InetAddress alive = six ? SIX : FOUR;
            InetAddress dead = six ? FOUR : SIX;
            try (FakeMx mx = new FakeMx(alive, 0);
                    ClosedPort closed = new ClosedPort(dead);
                    DeliveryRig rig = new DeliveryRig()) {
                route(rig, host(dead, closed.port()), host(alive, mx.port()));
                rig.send("a@" + DeliveryRig.DOMAIN);
                rig.send("b@" + DeliveryRig.DOMAIN);
                rig.awaitEvents(2);
                assertThat(rig.outcomes()).as(alive.toString()).allMatch(outcome -> outcome.startsWith("Delivery "));
            }
        }
    }

    @Test
    void fromAnAddressOfOneFamilyOnlyHostsOfThatAreTried() {
        for (boolean six : new boolean[]{true, false}) {
            InetAddress from = six ? SIX : FOUR;
            InetAddress other = six ? FOUR : SIX;
            try (FakeMx wrong = new FakeMx(other, 0);
                    FakeMx right = new FakeMx(from, 0);
                    DeliveryRig rig = new DeliveryRig(from(from.getHostAddress()))) {
                route(rig, host(other, wrong.port()), host(other, wrong.port() + 1), host(other, wrong.port() + 2),
                        host(other, wrong.port() + 3), host(other, wrong.port() + 4), host(from, right.port()));
                rig.send("a@" + DeliveryRig.DOMAIN);
                rig.awaitEvents(1);
                assertThat(rig.outcomes()).as(from.toString()).singleElement().asString().startsWith("Delivery ");
                assertThat(wrong.sessions()).isZero();
            }
        }
    }

    @Test
    void whereThereIsNoneTheReasonIsSaid() {
        try (FakeMx mx = new FakeMx(SIX, 0); DeliveryRig rig = new DeliveryRig(from("127.0.0.1"))) {
            route(rig, host(SIX, mx.port()));
            rig.send("a@" + DeliveryRig.DOMAIN);
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString().startsWith("TransientFailure ")
                    .contains("delivery.source-address 127.0.0.1 is of the other family");
            assertThat(mx.sessions()).isZero();
        }
    }

    private static void route(DeliveryRig rig, MailHost... hosts) {
        rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN), List.of(hosts), false));
    }

    private static MailHost host(InetAddress address, int port) {
        return new MailHost("mx." + DeliveryRig.DOMAIN, address, port, 10);
    }

    private static DeliveryConfig from(String source) {
        DeliveryConfig c = DeliveryRig.CONFIG;
        return c.with(DeliveryConfig.SOURCE_ADDRESS, source);
    }
}
