package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.MaildirConfig;
import dev.penstock.message.MessageEvent;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.testing.FakeMx;

/** Mail from the queue into a store of this machine: over a Unix domain socket, and into Maildirs. */
@Timeout(180)
class LocalDeliveryTest {
    @TempDir
    Path directory;

    @Test
    void lmtpGoesOverAUnixDomainSocket() throws IOException {
        Path path = directory.resolve("lmtp");
        try (FakeMx mx = new FakeMx();
                UnixDoor _ = new UnixDoor(path, mx.port());
                DeliveryRig rig = new DeliveryRig()) {
            rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site("store"),
                    List.of(new MailHost("unix:" + path, UnixDomainSocketAddress.of(path), 0)), true));
            rig.send("anna@dest.example");
            rig.send("bert@dest.example");
            rig.awaitEvents(2);

            assertThat(mx.messages()).hasSize(2);
            assertThat(mx.commands().getFirst()).isEqualTo("LHLO gateway.test");
            MessageEvent event = rig.events.getFirst();
            assertThat(event.type()).isEqualTo(MessageEvent.Type.DELIVERY);
            assertThat(event.protocol()).isEqualTo("LMTP");
            assertThat(event.peer()).isEqualTo(new MessageEvent.Peer("unix:" + path, path.toString()));
            assertThat(event.sourceAddress()).isEmpty();
        }
    }

    @Test
    void aSocketThatIsNotThereDefers() {
        Path path = directory.resolve("none");
        try (DeliveryRig rig = new DeliveryRig()) {
            rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site("store"),
                    List.of(new MailHost("unix:" + path, UnixDomainSocketAddress.of(path), 0)), true));
            rig.send("anna@dest.example");
            rig.awaitEvents(1);

            assertThat(rig.outcomes())
                    .containsExactly("TransientFailure anna@dest.example 400 4.4.1 can't connect to unix:"
                            + path + ": No such file or directory");
        }
    }

    @Test
    void aSilentStoreBehindASocketIsGivenUpAtItsDeadline() throws IOException {
        Path path = directory.resolve("lmtp");
        try (FakeMx mx = new FakeMx().script("stall");
                UnixDoor _ = new UnixDoor(path, mx.port());
                DeliveryRig rig = new DeliveryRig(
                        DeliveryRig.CONFIG.with(DeliveryConfig.GREETING_TIMEOUT, DeliveryRig.SHORT))) {
            rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site("store"),
                    List.of(new MailHost("unix:" + path, UnixDomainSocketAddress.of(path), 0)), true));
            rig.send("anna@dest.example");
            rig.awaitEvents(1);

            assertThat(rig.outcomes())
                    .containsExactly("TransientFailure anna@dest.example 400 4.4.2 timed out with unix:"
                            + path + " before its greeting");
        }
    }

    @Test
    void recipientsOfOneMessageAreStoredOrRefusedEachByThemselves() throws IOException {
        try (DeliveryRig rig = new DeliveryRig()) {
            rig.router.set(DeliveryRig.DOMAIN, new Route.Store(new Site(DeliveryRig.DOMAIN), maildir(true)));
            rig.send("anna@dest.example", ".bert@dest.example", "clara+tag@dest.example");
            rig.awaitEvents(MessageEvent.Type.DELIVERY, 2);
            rig.awaitEvents(MessageEvent.Type.BOUNCE, 1);

            assertThat(list("anna/new")).hasSize(1);
            assertThat(list("clara/new")).hasSize(1);
            assertThat(rig.events(MessageEvent.Type.DELIVERY)).hasSize(2).allSatisfy(event -> {
                assertThat(event.protocol()).isEqualTo("MAILDIR");
                assertThat(event.peer()).isNull();
                assertThat(event.response().code()).isEqualTo(250);
                assertThat(event.response().text()).startsWith("stored as ");
            });
            assertThat(rig.outcomes()).anyMatch(outcome -> outcome
                    .equals("Bounce .bert@dest.example 553 5.1.3 <.bert@dest.example> can't be the name of a directory"));
            Awaitility.await()
                    .untilAsserted(() -> assertThat(rig.spool.log()).anyMatch(line -> line.startsWith("done ")));
        }
    }

    @Test
    void aMaildirThatIsNotThereDefersAndTakesTheMailLater() throws IOException {
        try (DeliveryRig rig = new DeliveryRig()) {
            rig.router.set(DeliveryRig.DOMAIN, new Route.Store(new Site(DeliveryRig.DOMAIN), maildir(false)));
            rig.send("anna@dest.example");
            rig.awaitEvents(1);

            assertThat(rig.outcomes())
                    .containsExactly("TransientFailure anna@dest.example 450 4.2.1 there is no Maildir "
                            + directory.resolve("anna"));
            Awaitility.await()
                    .untilAsserted(() -> assertThat(rig.spool.log()).anyMatch(line -> line.startsWith("attempt ")));
        }
    }

    @Test
    void aStreamOfMailIsStoredWholeAndTheSessionsEnd() throws IOException {
        try (DeliveryRig rig = new DeliveryRig()) {
            rig.router.set(DeliveryRig.DOMAIN, new Route.Store(new Site(DeliveryRig.DOMAIN), maildir(true)));
            for (int i = 0; i < 500; i++) {
                rig.send("user" + i % 10 + "@dest.example");
            }
            rig.awaitEvents(500);
            rig.awaitNoSessions();

            assertThat(rig.events).hasSize(500).allMatch(event -> event.type() == MessageEvent.Type.DELIVERY);
            for (int i = 0; i < 10; i++) {
                assertThat(list("user" + i + "/new")).hasSize(50);
            }
        }
    }

    private MaildirConfig maildir(boolean create) {
        return new MaildirConfig(directory + "/{local}", create, "+", false);
    }

    private List<Path> list(String folder) throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve(folder))) {
            return files.toList();
        }
    }
}
