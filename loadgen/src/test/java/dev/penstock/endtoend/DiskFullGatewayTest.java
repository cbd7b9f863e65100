package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.config.SpoolConfig;
import dev.penstock.loadgen.Behaviour;
import dev.penstock.loadgen.Ledger;
import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.routing.ZoneServer;
import dev.penstock.spool.SpoolHealth;
import dev.penstock.units.ByteSize;

/** Promise P5 on a real full disk: 452 while there is no room, mail goes on flowing out, and then service as before. */
@Timeout(120)
class DiskFullGatewayTest {
    private static final Duration PATIENCE = Duration.ofSeconds(40);
    private static final int FILLING = 20_000; // messages of 4 KB: more than the file system holds

    @TempDir
    Path directory;

    @Test
    void aFullDiskAnswers452AndServiceComesBackWithSpace() throws Exception {
        Peers.requireRoot();
        Path mount = Files.createDirectory(directory.resolve("small"));
        PeerProcess.run(directory, "mount", PATIENCE,
                List.of(Peers.require("mount"), "-t", "tmpfs", "-o", "size=48m", "tmpfs", mount.toString()));
        try (Sink sink = Sink.start(
                SinkOptions.on(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0))
                        .behave("a.test", Behaviour.parse("defer=100%")).build());
                ZoneServer zone = new ZoneServer(0).mx("penstock.test", 10, "nowhere.test").start();
                Penstock penstock = Penstock.start(config(mount, zone, sink))) {
            LoadReport filling = load(penstock, FILLING);

            assertThat(filling.refused()).containsOnlyKeys(452);
            assertThat(filling.samples().get(452)).contains("4.3.1");
            assertThat(filling.accepted()).isPositive().isLessThan(FILLING);
            assertThat(penstock.spoolHealth().state()).isEqualTo(SpoolHealth.State.FULL);

            sink.behave("a.test", Behaviour.ACCEPT);
            Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
            Awaitility.await().atMost(PATIENCE)
                    .until(() -> penstock.spoolHealth().state() == SpoolHealth.State.READY);
            Ledger ledger = Ledger.compare(filling.acknowledged(), sink.received());
            assertThat(ledger.balances(0)).as(ledger.toString()).isTrue();

            LoadReport afterwards = load(penstock, 100);
            assertThat(afterwards.accepted()).isEqualTo(100);
            Awaitility.await().atMost(PATIENCE).until(() -> penstock.queueStats().queued() == 0);
        } finally {
            PeerProcess.run(directory, "umount", PATIENCE, List.of(Peers.require("umount"), mount.toString()));
        }
    }

    private GatewayConfig config(Path mount, ZoneServer zone, Sink sink) {
        GatewayConfig base = Gateway.config(directory, zone.server(), 25);
        SpoolConfig spool = base.spool();
        return new GatewayConfig(base.hostname(), base.listeners(), base.inbound(),
                new SpoolConfig(mount.resolve("spool"), ByteSize.ofMegabytes(4), spool.inlineLimit(),
                        spool.cacheSize(), ByteSize.ofMegabytes(8), spool.appendDeadline(), spool.maxWaiting(),
                        spool.readers(), spool.reclaimBelow()),
                base.dns(),
                Map.of("a.test",
                        new RouteConfig(List.of("127.0.0.1:" + sink.addresses().getFirst().getPort()), false)),
                new QueueConfig(Duration.ofSeconds(2), Duration.ofSeconds(2), List.of(), 10, Duration.ofDays(1), 10),
                base.delivery(), base.shaping(), base.events(), base.http());
    }

    private static LoadReport load(Penstock penstock, int messages) throws Exception {
        return new LoadGenerator(LoadOptions.to(penstock.smtpAddresses().getFirst()).sessions(4).messages(messages)
                .domains("a.test").build()).run();
    }
}
