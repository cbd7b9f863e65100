package dev.penstock.endtoend;

import static dev.penstock.endtoend.InboundGateway.NAME;
import static dev.penstock.endtoend.InboundGateway.RECIPIENT;
import static dev.penstock.endtoend.InboundGateway.RELAY_CLIENT;
import static dev.penstock.endtoend.InboundGateway.SENDER;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Other servers that send to us: Postfix with TLS and DSN, Exim with CHUNKING (Postfix's client has none), and HAProxy
 * between a client and us.
 */
@Timeout(300)
class RelayingServersTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String MESSAGE = "From: alice@send.test\nTo: bob@sink.test\nSubject: hello\n\n"
            + ".begins with a dot\n.\nGrüße aus Köln\n".repeat(3_000);

    @TempDir
    Path directory;

    private InboundGateway gateway;

    @BeforeEach
    void start() throws Exception {
        gateway = InboundGateway.start(directory);
    }

    @AfterEach
    void stop() {
        gateway.close();
    }

    @Test
    void postfixRelaysWithVerifiedTlsAndHandsOnWhatTheSenderWantsToHear() throws Exception {
        Path folder = Files.createDirectory(directory.resolve("postfix"));
        try (Postfix postfix = Postfix.relaying(folder, RELAY_CLIENT, gateway.starttls(),
                gateway.certificates().authority(), NAME)) {
            postfix.sendmail(MESSAGE, "-f", SENDER, "-N", "success,delay", "-R", "hdrs", "-V", "env+1", RECIPIENT);

            SmtpSink.Transaction delivered = gateway.awaitDelivered();
            Awaitility.await().atMost(PATIENCE).untilAsserted(() -> assertThat(postfix.log())
                    .contains("Verified TLS connection established to 127.0.0.1"));
            assertThat(delivered.received()).contains("[" + RELAY_CLIENT + "]", " with ESMTPS ");
            assertThat(delivered.mail()).startsWith("<" + SENDER + ">").contains(" RET=HDRS", " ENVID=env+2B1");
            assertThat(delivered.rcpts()).singleElement().asString().startsWith("<" + RECIPIENT + ">")
                    .containsPattern(" NOTIFY=(SUCCESS,DELAY|DELAY,SUCCESS)").contains(" ORCPT=rfc822;" + RECIPIENT);
            assertThat(delivered.body()).isEqualTo(body());
        }
    }

    @Test
    void eximSendsWithChunking() throws Exception {
        Path folder = Files.createDirectory(directory.resolve("exim"));
        for (Path path = folder; path.startsWith("/tmp/"); path = path.getParent()) {
            Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
        String exim = Peers.exim();
        Path spool = Files.createDirectory(folder.resolve("spool"));
        PeerProcess.run(folder, "chown", PATIENCE, List.of("/bin/chown", "Debian-exim:", spool.toString()));
        InetSocketAddress listener = gateway.starttls();
        Path config = Files.writeString(folder.resolve("exim.conf"), """
                exim_path = %5$s
                primary_hostname = exim.test
                spool_directory = %1$s
                log_file_path = %1$s/%%slog
                log_selector = +all
                keep_environment =
                tls_advertise_hosts =
                begin routers
                gateway:
                  driver = manualroute
                  transport = smtp
                  route_list = * 127.0.0.1
                  self = send
                begin transports
                smtp:
                  driver = smtp
                  port = %2$d
                  interface = %3$s
                  allow_localhost
                  hosts_require_tls = *
                  tls_verify_certificates = %4$s
                  tls_verify_hosts = *
                  tls_verify_cert_hostnames =
                begin retry
                * * F,1h,1m
                """.formatted(spool, listener.getPort(), RELAY_CLIENT, gateway.certificates().authority(),
                exim));
        Files.setPosixFilePermissions(config, PosixFilePermissions.fromString("rw-r--r--"));

        PeerProcess.run(folder, "exim", PATIENCE, Map.of(), MESSAGE,
                List.of(exim, "-C", config.toString(), "-odi", "-oi", "-f", SENDER, RECIPIENT));

        String log = Files.readString(spool.resolve("mainlog"));
        assertThat(log).as(log).containsPattern("=> " + RECIPIENT + ".* K ").contains(" CV=yes");
        SmtpSink.Transaction delivered = gateway.awaitDelivered();
        assertThat(delivered.received()).contains("[" + RELAY_CLIENT + "]", " with ESMTPS ");
        assertThat(delivered.body()).isEqualTo(body());
    }

    @ParameterizedTest
    @ValueSource(strings = {"send-proxy", "send-proxy-v2"})
    void haproxyTellsUsWhoTheClientIs(String option) throws Exception {
        int port = Peers.freePort("127.0.0.1");
        InetSocketAddress listener = gateway.proxied();
        Path config = Files.writeString(directory.resolve("haproxy.cfg"), """
                global
                    maxconn 100
                defaults
                    mode tcp
                    timeout connect 30s
                    timeout client 30s
                    timeout server 30s
                listen smtp
                    bind 127.0.0.1:%d
                    server gateway %s:%d %s
                """.formatted(port, listener.getHostString(), listener.getPort(), option));
        try (PeerProcess haproxy = PeerProcess.start(directory, "haproxy",
                List.of(Peers.require("haproxy"), "-db", "-f", config.toString()))) {
            haproxy.awaitListening("127.0.0.1", port);
            PeerProcess.run(directory, "swaks", PATIENCE,
                    List.of(Peers.require("swaks"), "--server", "127.0.0.1", "--port", String.valueOf(port),
                            "--local-interface", RELAY_CLIENT, "--from", SENDER, "--to", RECIPIENT));

            assertThat(gateway.awaitDelivered().received()).contains("[" + RELAY_CLIENT + "]");
        }
    }

    /** As smtp-sink's file has it, in octets. */
    private static String body() {
        return new String(MESSAGE.substring(MESSAGE.indexOf("\n\n") + 2).getBytes(UTF_8), ISO_8859_1);
    }
}
