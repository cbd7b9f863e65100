package dev.penstock.loadgen;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class LoadAndSinkTest {
    private static final InetSocketAddress ANY_PORT = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    @Test
    void everyDeliveryArrivesOnceAndSound(@TempDir Path folder) throws Exception {
        Path acks = folder.resolve("acks");
        Path received = folder.resolve("received");
        LoadReport load;
        SinkReport seen;
        Sink sink = Sink.start(SinkOptions.on(ANY_PORT, ANY_PORT).received(received).threads(2).build());
        try (sink) {
            load = new LoadGenerator(LoadOptions.to(sink.addresses().toArray(InetSocketAddress[]::new)).sessions(6)
                    .threads(2).messages(3_000).recipients(3).sizes("1KB:50,20KB:30,200KB:5").domains("d{1..9}.test")
                    .dots(0.5).eightBit(0.3).messagesPerSession(100).acks(acks).build()).run();
            seen = sink.report();
        }

        assertThat(load.accepted()).isEqualTo(9_000);
        assertThat(load.messages()).isEqualTo(3_000);
        assertThat(load.accept().count()).isEqualTo(3_000);
        assertThat(load.connections()).isGreaterThanOrEqualTo(30);
        assertThat(load.failures()).isZero();
        assertThat(seen.deliveries()).isEqualTo(9_000);
        assertThat(seen.foreign()).isZero();
        assertThat(seen.domains()).hasSize(9);
        assertThat(seen.transit().count()).isEqualTo(9_000);
        Ledger live = Ledger.compare(load.acknowledged(), sink.received());
        assertThat(live.balances(0)).as(live.toString()).isTrue();
        assertThat(Ledger.compare(Deliveries.read(acks), Deliveries.read(received))).isEqualTo(live);
    }

    @Test
    void worksWithoutAnyExtension() throws Exception {
        try (Sink sink = Sink.start(
                SinkOptions.on(ANY_PORT).pipelining(false).eightBit(false).size(0).enhancedCodes(false).build())) {
            LoadReport load = run(sink, LoadOptions.to(sink.addresses().getFirst()).sessions(3).messages(300)
                    .recipients(2).sizes("4KB"));

            assertThat(load.accepted()).isEqualTo(600);
            assertBalance(load, sink);
        }
    }

    @Test
    void refusedAndDeferredRecipientsAreCountedByCodeOnBothSides() throws Exception {
        for (boolean pipelining : new boolean[]{true, false}) {
            try (Sink sink = Sink.start(SinkOptions.on(ANY_PORT)
                    .behave("mixed.test", Behaviour.parse("defer=20%,bounce=10%"))
                    .behave("none.test", Behaviour.parse("bounce")).build())) {
                LoadReport load = run(sink, LoadOptions.to(sink.addresses().getFirst()).sessions(4).messages(2_000)
                        .recipients(2).pipelining(pipelining).domains("mixed.test:8,none.test:1,good.test:1"));

                SinkReport seen = sink.report();
                assertThat(load.refused()).isEqualTo(Map.of(451, seen.deferred(), 550, seen.bounced()));
                assertThat(load.refusedTotal() + load.accepted()).isEqualTo(4_000).isEqualTo(load.attempted());
                assertThat(seen.domains()).hasEntrySatisfying("none.test",
                        count -> assertThat(count.received()).isZero());
                assertThat(load.samples().get(550)).startsWith("550 5.1.1");
                assertBalance(load, sink);
            }
        }
    }

    @Test
    void brokenSessionsAreOpenedAgainAndNothingIsSentTwice() throws Exception {
        try (Sink sink = Sink.start(SinkOptions.on(ANY_PORT)
                .behave("*", Behaviour.parse("drop=2%,lose-reply=2%")).build())) {
            LoadReport load = run(sink, LoadOptions.to(sink.addresses().getFirst()).sessions(5).messages(1_000)
                    .reconnect(true));

            assertThat(load.unknown()).isPositive();
            assertThat(load.accepted() + load.unknown() + load.aborted()).isEqualTo(load.attempted());
            Ledger ledger = Ledger.compare(load.acknowledged(), sink.received());
            assertThat(ledger.balances(0)).as(ledger.toString()).isTrue();
            assertThat(ledger.unacknowledged()).as("replies that were lost").isBetween(1L, load.unknown());
            assertThat(sink.report().dropped() + ledger.unacknowledged()).isEqualTo(load.unknown());
        }
    }

    @Test
    void endsWhenNobodyListens() throws Exception {
        InetSocketAddress gone;
        try (Sink sink = Sink.start(SinkOptions.on(ANY_PORT).build())) {
            gone = sink.addresses().getFirst();
        }

        LoadReport load = new LoadGenerator(LoadOptions.to(gone).sessions(2).messages(10).build()).run();

        assertThat(load.attempted()).isZero();
        assertThat(load.failures()).isEqualTo(2);
    }

    @Test
    void theOpenLoopMeasuresFromThePlannedStart() throws Exception {
        try (Sink sink = Sink.start(
                SinkOptions.on(ANY_PORT).behave("*", Behaviour.ACCEPT.withDotDelay(Duration.ofMillis(100))).build())) {
            LoadReport load = run(sink,
                    LoadOptions.to(sink.addresses().getFirst()).sessions(1).messages(20).rate(100));

            assertThat(load.accept().p50()).as("one reply takes 100 ms").isLessThan(1_000_000);
            assertThat(load.transaction().max())
                    .as("the last of 20 was due at 190 ms and was answered after 2,000 ms").isGreaterThan(1_500_000);
        }
    }

    @Test
    void theWarmUpIsInTheLedgerAndNotInTheFigures() throws Exception {
        try (Sink sink = Sink.start(SinkOptions.on(ANY_PORT).build())) {
            LoadGenerator generator = new LoadGenerator(LoadOptions.to(sink.addresses().getFirst()).sessions(2)
                    .rate(500).warmup(Duration.ofSeconds(3)).messages(100).build());
            long[] warm = new long[1];
            LoadReport load = generator.atWarm(() -> warm[0] = sink.report().deliveries()).run();

            assertThat(warm[0]).isPositive();
            assertThat(load.messages()).isEqualTo(100);
            assertThat(load.accepted()).isEqualTo(warm[0] + 100);
            assertThat(sink.report().counted()).isEqualTo(100);
            assertBalance(load, sink);
        }
    }

    @Test
    void theRunIsToldStretchByStretchAndItsLatenciesAsAHistogram(@TempDir Path folder) throws Exception {
        try (Sink sink = Sink.start(SinkOptions.on(ANY_PORT).behave("bad.test", Behaviour.parse("bounce")).build())) {
            List<LoadReport> seen = new ArrayList<>();
            LoadReport load = new LoadGenerator(LoadOptions.to(sink.addresses().getFirst()).sessions(2)
                    .domains("good.test,bad.test").rate(500).warmup(Duration.ofMillis(4_200)).messages(1_000).build())
                    .run(seen::add);

            List<Interval> series = load.series();
            assertThat(series).hasSizeGreaterThanOrEqualTo(3); // seconds, the rest of the warm-up, the counted part
            assertThat(series.stream().mapToLong(Interval::attempted).sum()).isEqualTo(load.attempted());
            assertThat(series.stream().mapToLong(Interval::accepted).sum()).isEqualTo(load.accepted());
            assertThat(series.stream().mapToLong(Interval::refused).sum()).isEqualTo(load.refusedTotal());
            assertThat(series.stream().filter(Interval::counted).mapToLong(each -> each.accept().count()).sum())
                    .isEqualTo(load.accept().count());
            assertThat(series.stream().mapToDouble(Interval::seconds).sum())
                    .isCloseTo(series.getLast().endSeconds(), within(0.001));
            assertThat(series.getFirst().counted()).isFalse();
            assertThat(series.getFirst().seconds()).isBetween(0.9, 60.0);
            assertThat(seen.getFirst().series()).hasSize(1);
            assertThat(load.accept().buckets().stream().mapToLong(Latency.Bucket::count).sum())
                    .isEqualTo(load.accept().count());
            assertThat(load.accept().buckets()).isSortedAccordingTo(Comparator.comparingLong(Latency.Bucket::upTo));
            Path json = folder.resolve("load.json");
            Json.write(json, load::write);
            assertThat(Files.readString(json)).containsPattern("\"series\":\\[\\{\"end_seconds\":\\d").contains(
                    "\"counted\":false", "\"buckets\":[{\"up_to\":");
        }
    }

    @Test
    void aLineOfProgressIsOfItsStretchAlone() {
        Latency accept = new Latency(10, 1_500, 2_000, 3_000, 3_000, 3_000, 1_600, List.of());
        assertThat(new Interval(7.26, 2.0, true, 300, 250, 40, 3, accept).line(9_000)).isEqualTo(
                "   7.3 s  accepted 125/s  (9000 in all)  refused 40  unanswered 3  accept p50 1.50 p99 3.00 ms");
    }

    @Test
    void aStalledDomainStopsItsSessionsOnlyAndABehaviourCanChange() throws Exception {
        try (Sink sink = Sink.start(SinkOptions.on(ANY_PORT).behave("slow.test", Behaviour.parse("stall")).build());
                Socket stalled = new Socket()) {
            stalled.connect(sink.addresses().getFirst());
            stalled.getOutputStream().write("EHLO t\r\nMAIL FROM:<>\r\nRCPT TO:<a@slow.test>\r\n".getBytes(US_ASCII));
            await().atMost(PATIENCE).until(() -> sink.report().open() == 1);

            assertThat(run(sink, LoadOptions.to(sink.addresses().getFirst()).messages(100)).accepted()).isEqualTo(100);

            sink.behave("example.test", Behaviour.parse("bounce"));
            assertThat(run(sink, LoadOptions.to(sink.addresses().getFirst()).messages(100)).refused())
                    .isEqualTo(Map.of(550, 100L));
            stalled.shutdownOutput();
            await().atMost(PATIENCE).until(() -> sink.report().open() == 0);
        }
    }

    @Test
    void damageAndStrayMailAreToldApart() throws Exception {
        try (Sink sink = Sink.start(SinkOptions.on(ANY_PORT).build()); Socket socket = new Socket()) {
            socket.connect(sink.addresses().getFirst());
            CRC32C sum = new CRC32C();
            sum.update("body\r\n".getBytes(US_ASCII));
            String sound = "Received: by relay\r\nX-Penstock-Load: run=00000001 seq=7\r\n n=1 size=6 crc="
                    + Integer.toHexString((int) sum.getValue()) + " t=1\r\n\r\nbody\r\n.\r\n";
            StringBuilder session = new StringBuilder("EHLO t\r\n");
            for (String message : new String[]{sound, sound.replace("body", "bodi"),
                "Subject: bounce\r\n\r\nx\r\n.\r\n",
                sound}) {
                session.append("MAIL FROM:<>\r\nRCPT TO:<u7.0@A.test>\r\nDATA\r\n").append(message);
            }
            socket.getOutputStream().write(session.append("QUIT\r\n").toString().getBytes(US_ASCII));
            readToEnd(socket);

            SinkReport seen = sink.report();
            assertThat(seen.messages()).isEqualTo(4);
            assertThat(seen.foreign()).isEqualTo(1);
            assertThat(seen.corrupt()).isEqualTo(1);
            assertThat(seen.duplicates()).isEqualTo(1);
            assertThat(seen.received().of(1).contains(7)).isTrue();
            assertThat(seen.domains()).containsOnlyKeys("a.test");
        }
    }

    private static LoadReport run(Sink sink, LoadOptions.Builder options) throws Exception {
        assertThat(sink.addresses()).isNotEmpty();
        return new LoadGenerator(options.build()).run();
    }

    private static void assertBalance(LoadReport load, Sink sink) {
        Ledger ledger = Ledger.compare(load.acknowledged(), sink.received());
        assertThat(ledger.balances(0)).as(ledger.toString()).isTrue();
    }

    private static void readToEnd(Socket socket) throws IOException {
        InputStream in = socket.getInputStream();
        in.readAllBytes();
    }
}
