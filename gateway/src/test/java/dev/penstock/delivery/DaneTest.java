package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

import dev.penstock.config.DnsConfig;
import dev.penstock.config.Dnssec;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.message.MemoryContent;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.Options;
import dev.penstock.routing.DnsRouter;
import dev.penstock.routing.OwnAddresses;
import dev.penstock.routing.Route;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.OwnLoopback;
import dev.penstock.testing.Patience;
import dev.penstock.testing.Peers;
import dev.penstock.testing.SignedZone;
import dev.penstock.testing.TestCertificates;

/**
 * The cases of RFC 7672, with zones that unbound serves, one signed with a key of the test's own and one unsigned: validated
 * here, and by unbound. One host has many names.
 */
@Timeout(180)
final class DaneTest {
    private static final InetAddress DNS = OwnLoopback.address();
    private static final TestCertificates AUTHORITY = new TestCertificates();
    private static final TestCertificates ISSUER = AUTHORITY.intermediate("the issuer");
    private static final TestCertificates STRANGER = new TestCertificates("somebody else");

    @TempDir
    static Path directory;

    private static Process unbound;
    private static int dnsPort;
    private static Path anchor;
    private static FakeMx mx;

    @BeforeAll
    static void start() throws IOException, GeneralSecurityException {
        Path program = Peers.require("unbound");
        dnsPort = OwnLoopback.port();
        var certificate = ISSUER.server("mx.match.signed.test", "mx.authority.signed.test", "mx.signed.test");
        mx = new FakeMx().offering("PIPELINING,REQUIRETLS").certificate(certificate);
        String key = digest(certificate.getCertificate().getPublicKey().getEncoded());
        String whole = HexFormat.of().formatHex(certificate.getCertificate().getEncoded());
        String ca = digest(ISSUER.authority().getEncoded());
        SignedZone signed = new SignedZone("signed.test");
        host(signed, "match", "3 1 1 " + key);
        host(signed, "whole", "3 0 0 " + whole);
        host(signed, "mismatch", "3 1 1 " + digest(STRANGER.authority().getPublicKey().getEncoded()));
        host(signed, "authority", "2 0 1 " + ca);
        host(signed, "given", "2 0 0 " + HexFormat.of().formatHex(AUTHORITY.authority().getEncoded()));
        host(signed, "stranger", "2 0 1 " + digest(STRANGER.authority().getEncoded()));
        host(signed, "unusable", "0 0 1 " + ca, "1 1 1 " + key);
        host(signed, "none");
        host(signed, "broken", "3 1 1 " + key);
        signed.forge("_" + mx.port() + "._tcp.mx.broken.signed.test");
        host(signed, "bogus", "3 1 1 " + key);
        signed.forge("mx.bogus.signed.test");
        signed.add("alias.signed.test. 300 IN MX 10 mx.alias.signed.test.")
                .add("mx.alias.signed.test. 300 IN CNAME mx.match.signed.test.");
        signed.add("outside.signed.test. 300 IN MX 10 mx.plain.unsigned.test.");
        SignedZone unsigned = new SignedZone("unsigned.test");
        unsigned.add("into.unsigned.test. 300 IN MX 10 mx.mismatch.signed.test.");
        unsigned.add("plain.unsigned.test. 300 IN MX 10 mx.plain.unsigned.test.")
                .add("mx.plain.unsigned.test. 300 IN A 127.0.0.1")
                .add("_" + mx.port() + "._tcp.mx.plain.unsigned.test. 300 IN TLSA 3 1 1 "
                        + digest(STRANGER.authority().getPublicKey().getEncoded()));
        anchor = signed.writeAnchor(directory);
        Path file = Files.writeString(directory.resolve("unbound.conf"), """
                server:
                  directory: "%1$s"
                  chroot: ""
                  username: ""
                  pidfile: ""
                  use-syslog: no
                  interface: %6$s@%2$d
                  access-control: 127.0.0.0/8 allow
                  num-threads: 1
                  module-config: "validator iterator"
                  trust-anchor-file: "%3$s"
                  local-zone: "test." nodefault
                  do-not-query-localhost: no
                auth-zone:
                  name: "signed.test"
                  zonefile: "%4$s"
                  for-downstream: no
                  for-upstream: yes
                  fallback-enabled: no
                auth-zone:
                  name: "unsigned.test"
                  zonefile: "%5$s"
                  for-downstream: no
                  for-upstream: yes
                  fallback-enabled: no
                remote-control:
                  control-enable: no
                """.formatted(directory, dnsPort, anchor, signed.write(directory, true),
                unsigned.write(directory, false), DNS.getHostAddress()));
        unbound = new ProcessBuilder(program.toString(), "-d", "-p", "-c", file.toString()).redirectErrorStream(true)
                .redirectOutput(directory.resolve("unbound.log").toFile()).start();
        await().ignoreExceptions().until(() -> {
            assertThat(unbound.isAlive()).as(Files.readString(directory.resolve("unbound.log"))).isTrue();
            try (Socket _ = new Socket(DNS, dnsPort)) {
                return true;
            }
        });
    }

    private static void host(SignedZone zone, String name, String... tlsa) {
        zone.add(name + ".signed.test. 300 IN MX 10 mx." + name + ".signed.test.")
                .add("mx." + name + ".signed.test. 300 IN A 127.0.0.1");
        for (String record : tlsa) {
            zone.add("_" + mx.port() + "._tcp.mx." + name + ".signed.test. 300 IN TLSA " + record);
        }
    }

    private static String digest(byte[] octets) throws GeneralSecurityException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(octets));
    }

    @AfterAll
    static void stop() throws InterruptedException {
        if (mx != null) {
            mx.close();
        }
        if (unbound != null) {
            unbound.destroy();
            if (!unbound.waitFor(10, TimeUnit.SECONDS)) {
                unbound.destroyForcibly();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = "OFF", mode = Mode.EXCLUDE)
    void mailGoesByWhatSignedRecordsSay(Dnssec dnssec) {
        try (DeliveryRig rig = rig(router(dnssec), TlsPolicy.DANE)) {
            assertThat(outcome(rig, "match.signed.test")).isEqualTo("Delivery dane verified");
            assertThat(outcome(rig, "whole.signed.test")).isEqualTo("Delivery dane verified");
            assertThat(outcome(rig, "authority.signed.test")).isEqualTo("Delivery dane verified");
            assertThat(outcome(rig, "alias.signed.test")).isEqualTo("Delivery dane verified");
            assertThat(outcome(rig, "mismatch.signed.test"))
                    .startsWith("TransientFailure 400 4.7.5 TLS handshake with mx.mismatch.signed.test")
                    .contains("no TLSA record matches the certificate");
            assertThat(outcome(rig, "stranger.signed.test")).contains("no TLSA record matches the certificate");
            assertThat(outcome(rig, "given.signed.test"))
                    .contains("the certificate is for none of mx.given.signed.test");
            assertThat(outcome(rig, "unusable.signed.test"))
                    .isEqualTo("Delivery dane-without-usable-records unverified");
            assertThat(outcome(rig, "none.signed.test")).isEqualTo("Delivery opportunistic unverified");
            assertThat(outcome(rig, "plain.unsigned.test")).isEqualTo("Delivery opportunistic unverified");
            assertThat(outcome(rig, "into.unsigned.test")).isEqualTo("Delivery opportunistic unverified");
            assertThat(outcome(rig, "outside.signed.test")).isEqualTo("Delivery opportunistic unverified");
            assertThat(outcome(rig, "bogus.signed.test")).startsWith("TransientFailure 451 4.4.3 ");
            assertThat(outcome(rig, "broken.signed.test")).startsWith("TransientFailure 400 4.7.5 it isn't known what "
                    + "DANE demands of mx.broken.signed.test[127.0.0.1]:" + mx.port() + ": TLSA of mx.broken");
            assertThat(rig.dispatcher.stats().snapshot().tls().byDane()).isGreaterThanOrEqualTo(4);
            assertThat(rig.dispatcher.stats().snapshot().tls().refused()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource(names = "VALIDATE")
    void mailThatRequiresTlsGoesToHostsOfSignedRecords(Dnssec dnssec) {
        try (DeliveryRig rig = rig(router(dnssec), TlsPolicy.DANE)) {
            Options requireTls = new Options(null, null, true, 0, 0, null, false);
            rig.submit("sender@source.example",
                    MemoryContent.of("Subject: a\r\n\r\nb\r\n".getBytes(StandardCharsets.US_ASCII)),
                    System.currentTimeMillis(), requireTls, "a@match.signed.test");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).containsExactly("Delivery a@match.signed.test 250 2.0.0 taken");
        }
    }

    @ParameterizedTest
    @EnumSource(Dnssec.class)
    void whoseHostsAreSignedIsKnownWhenSomebodysWordIsTakenForIt(Dnssec dnssec) {
        DnsRouter router = router(dnssec);
        assertThat(signed(router, "match.signed.test")).isEqualTo(dnssec != Dnssec.OFF);
        assertThat(signed(router, "plain.unsigned.test")).isFalse();
    }

    private static boolean signed(DnsRouter router, String domain) {
        Route route = router.route(domain).orTimeout(Patience.LONG.toSeconds(), TimeUnit.SECONDS).join();
        assertThat(route).isInstanceOf(Route.Hosts.class);
        return ((Route.Hosts) route).proof().signed();
    }

    private static DnsRouter router(Dnssec dnssec) {
        DnsConfig config = DnsConfig.DEFAULT.with(DnsConfig.SERVERS, List.of(DNS.getHostAddress() + ":" + dnsPort))
                .with(DnsConfig.TIMEOUT, Duration.ofSeconds(20)).with(DnsConfig.DEADLINE, Duration.ofSeconds(50))
                .with(DnsConfig.IGNORE_NETWORKS, List.of()).with(DnsConfig.DNSSEC, dnssec)
                .with(DnsConfig.TRUST_ANCHOR, dnssec == Dnssec.VALIDATE ? Optional.of(anchor) : Optional.empty());
        return new DnsRouter(Map.of(), config, mx.port(), OwnAddresses.NONE, System::nanoTime,
                Thread::startVirtualThread, DnsRouter.SHARED_RANDOM);
    }

    private static DeliveryRig rig(DnsRouter router, TlsPolicy policy) {
        return new DeliveryRig(DeliveryRig.CONFIG, TrafficLimits.DEFAULT.with(TrafficLimits.ENABLE_TLS, policy),
                QueueConfig.DEFAULT, router, new TlsOut(router, _ -> {}));
    }

    /** Of a message to the domain: what the first event says. */
    private static String outcome(DeliveryRig rig, String domain) {
        rig.send("a@" + domain);
        await().atMost(Duration.ofSeconds(60))
                .until(() -> rig.events.stream().anyMatch(e -> e.domain().equals(domain)));
        MessageEvent event = rig.events.stream().filter(e -> e.domain().equals(domain)).findFirst().orElseThrow();
        return event.type() == MessageEvent.Type.DELIVERY
                ? "Delivery " + Objects.requireNonNull(event.tls()).policy() + " " + event.tls().result()
                : event.type().label() + " " + event.response().code() + " " + event.response().enhanced() + " "
                        + event.response().text();
    }
}
