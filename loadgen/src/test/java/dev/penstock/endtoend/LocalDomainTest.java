package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.LocalDomainConfig;
import dev.penstock.config.LocalDomainConfig.Lmtp;
import dev.penstock.config.LocalDomainConfig.Maildir;
import dev.penstock.config.LocalDomainConfig.Verify;
import dev.penstock.config.MaildirConfig;
import dev.penstock.config.QueueConfig;

/**
 * The simple case of mail: the recipient is in our own domain, and the POP3 and IMAP server, a real Dovecot, takes the
 * message. There is no DNS in it: a local domain's mail needs none.
 */
@Timeout(300)
class LocalDomainTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String NO_DNS = "127.0.0.1:1";
    /** Dovecot warns of a machine that is busy with other things, too. */
    private static final Pattern SLOW = Pattern.compile("Warning: .*(Time moved|took \\d|locked for \\d)");
    private static final String BODY = """
            .a dot begins this line
            .
            Grüße aus Köln, 8-bit

            the end
            """;

    @TempDir
    Path directory;

    @Test
    void lmtpOverTcpTakesMailForThoseWhoAreThereAndOthersAreRefusedAtRcpt() throws Exception {
        try (Dovecot dovecot = dovecot();
                Penstock penstock = start(callAhead(new Lmtp(List.of(dovecot.tcpHost()))))) {
            deliversAndRefuses(dovecot, penstock);
        }
    }

    @Test
    void lmtpOverAUnixSocketDoesTheSame() throws Exception {
        try (Dovecot dovecot = dovecot();
                Penstock penstock = start(callAhead(new Lmtp(List.of(dovecot.unixHost()))))) {
            deliversAndRefuses(dovecot, penstock);
            // The log is written beside the deliveries.
            Awaitility.await().atMost(PATIENCE).ignoreExceptions()
                    .untilAsserted(() -> assertThat(Files.readString(deliveryLog())).contains("unix:"));
        }
    }

    @Test
    void dovecotReadsTheMaildirsThatWereWritten() throws Exception {
        Path recipients = Files.writeString(directory.resolve("recipients"), "anna\nbert@example.com\n");
        try (Dovecot dovecot = dovecot();
                Penstock penstock = start(LocalDomainConfig.of(
                        new Maildir(new MaildirConfig(dovecot.maildirTemplate(), true, "+", false)), Verify.FILE,
                        Optional.of(recipients)))) {
            Map<String, String> answers = send(penstock, "anna+tag@example.com", "Bert@example.com",
                    "nobody@example.com");
            assertThat(answers).containsEntry("anna+tag@example.com", "250 2.1.5 Ok")
                    .containsEntry("nobody@example.com",
                            "550 5.1.1 <nobody@example.com>: Recipient address rejected: User unknown");
            awaitDelivered(penstock, 2);
            dovecot.takeOver();

            String byImap = dovecot.readByImap("anna@example.com");
            assertThat(byImap)
                    .startsWith("Return-Path: <sender@example.com>\r\nDelivered-To: anna+tag@example.com\r\n");
            assertThat(bodyOf(byImap)).isEqualTo(expectedBody());
            assertThat(bodyOf(dovecot.readByPop3("bert@example.com"))).isEqualTo(expectedBody());
            assertThat(dovecot.log().lines().filter(line -> !SLOW.matcher(line).find()))
                    .noneMatch(line -> line.contains("Error:") || line.contains("Warning:"));
        }
    }

    @Test
    void whileTheStoreIsAwayRecipientsAreDeferredAndQueuedMailWaitsForIt() throws Exception {
        Path folder = Files.createDirectory(directory.resolve("dovecot"));
        try (Penstock penstock = start(callAhead(new Lmtp(List.of("unix:" + folder.resolve("run/lmtp")))))) {
            assertThat(send(penstock, "anna@example.com")).containsEntry("anna@example.com",
                    "451 4.1.1 <anna@example.com>: Recipient address can't be verified now, try again later");
            // Postmaster is never asked for.
            assertThat(send(penstock, "postmaster@example.com").get("postmaster@example.com")).startsWith("250");
            Awaitility.await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(penstock.deliveryStats().deferred()).isPositive());
            assertThat(penstock.spoolStats().messages()).isOne();

            try (Dovecot dovecot = Dovecot.start(folder, List.of("postmaster@example.com", "anna@example.com"))) {
                awaitDelivered(penstock, 1);
                assertThat(bodyOf(dovecot.readByImap("postmaster@example.com"))).isEqualTo(expectedBody());
                Awaitility.await().atMost(PATIENCE).untilAsserted(() -> assertThat(send(penstock, "anna@example.com"))
                        .containsEntry("anna@example.com", "250 2.1.5 Ok"));
            }
        }
    }

    @Test
    void aFullDiskOfTheStoreDefersAndLosesNothing() throws Exception {
        Path recipients = Files.writeString(directory.resolve("recipients"), "anna\n");
        try (Tmpfs disk = Tmpfs.mount(directory.resolve("disk"), 1)) {
            LocalDomainConfig domain = LocalDomainConfig.of(
                    new Maildir(new MaildirConfig(disk.directory() + "/{local}", true, "+", false)), Verify.FILE,
                    Optional.of(recipients));
            try (Penstock penstock = start(domain)) {
                assertThat(send(penstock, "anna@example.com").get("anna@example.com")).startsWith("250");
                awaitDelivered(penstock, 1);
                disk.fill();
                assertThat(send(penstock, "anna@example.com").get("anna@example.com")).startsWith("250");
                Awaitility.await().atMost(PATIENCE)
                        .untilAsserted(() -> assertThat(penstock.deliveryStats().deferred()).isPositive());

                assertThat(penstock.spoolStats().messages()).isOne();
                Awaitility.await().atMost(PATIENCE)
                        .untilAsserted(() -> assertThat(Files.readString(deliveryLog())).contains(
                                "\"enhanced_code\":{\"class\":4,\"subject\":3,\"detail\":1}",
                                "No space left on device"));
                // Of the attempt that is made just then, if one is, there may be something for a moment.
                Awaitility.await().atMost(PATIENCE).untilAsserted(() -> {
                    try (Stream<Path> left = Files.list(disk.directory().resolve("anna/tmp"))) {
                        assertThat(left).isEmpty();
                    }
                });
                disk.empty();
                awaitDelivered(penstock, 2);
                try (Stream<Path> kept = Files.list(disk.directory().resolve("anna/new"))) {
                    assertThat(kept).hasSize(2);
                }
            }
        }
    }

    private void deliversAndRefuses(Dovecot dovecot, Penstock penstock) throws IOException, InterruptedException {
        Map<String, String> answers = send(penstock, "anna@example.com", "nobody@example.com",
                "bert+tag@example.com");
        assertThat(answers).as("%s", dovecot.log()).containsEntry("anna@example.com", "250 2.1.5 Ok")
                .containsEntry("bert+tag@example.com", "250 2.1.5 Ok").containsEntry("nobody@example.com",
                        "550 5.1.1 <nobody@example.com>: Recipient address rejected: User unknown");
        awaitDelivered(penstock, 2);
        assertThat(bodyOf(dovecot.readByImap("anna@example.com"))).isEqualTo(expectedBody());
        assertThat(bodyOf(dovecot.readByPop3("bert@example.com"))).isEqualTo(expectedBody());
        // Asked twice, the store is asked once.
        long asked = penstock.localStats().asked();
        assertThat(send(penstock, "nobody@example.com").get("nobody@example.com")).startsWith("550 5.1.1");
        assertThat(penstock.localStats().asked()).isEqualTo(asked).isEqualTo(3);
    }

    private Dovecot dovecot() throws IOException {
        return Dovecot.start(Files.createDirectory(directory.resolve("dovecot")),
                List.of("anna@example.com", "bert@example.com"));
    }

    private static LocalDomainConfig callAhead(LocalDomainConfig.Store store) {
        return LocalDomainConfig.of(store, Verify.CALL_AHEAD, Optional.empty());
    }

    private Penstock start(LocalDomainConfig domain) throws IOException {
        GatewayConfig c = Gateway.config(directory, NO_DNS, 25);
        return Gateway.start(c
                .with(GatewayConfig.QUEUE,
                        QueueConfig.DEFAULT.with(QueueConfig.RETRY_INTERVAL, Duration.ofSeconds(2))
                                .with(QueueConfig.MAX_RETRY_INTERVAL, Duration.ofSeconds(2))
                                .with(QueueConfig.JITTER_PERCENT, 0).with(QueueConfig.MAX_AGE, Duration.ofDays(1)))
                .with(GatewayConfig.LOCAL_DOMAINS, Map.of("example.com", domain)));
    }

    private Path deliveryLog() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("log"))) {
            return files.filter(file -> !file.getFileName().toString().startsWith(".")).findFirst().orElseThrow();
        }
    }

    /** One transaction. @return the answer to each RCPT, by address; nothing is sent when all were refused */
    private Map<String, String> send(Penstock penstock, String... recipients) throws IOException, InterruptedException {
        InetSocketAddress gateway = penstock.smtpAddresses().getFirst();
        Path message = Files.write(directory.resolve("message.eml"),
                ("From: sender@example.com\nSubject: local\n\n" + BODY).replace("\n", "\r\n").getBytes(UTF_8));
        List<String> command = Stream.concat(Stream.of(Peers.require("python3"), "-c", """
                import smtplib, sys
                with smtplib.SMTP(sys.argv[1], int(sys.argv[2]), timeout=60) as client:
                    client.ehlo()
                    client.mail('sender@example.com', ['BODY=8BITMIME'])
                    taken = 0
                    for address in sys.argv[4:]:
                        code, text = client.rcpt(address)
                        taken += code == 250
                        print(address, code, text.decode())
                    if taken:
                        code, text = client.data(open(sys.argv[3], 'rb').read())
                        assert code == 250, text
                """, gateway.getHostString(), String.valueOf(gateway.getPort()), message.toString()),
                Stream.of(recipients)).toList();
        return PeerProcess.run(directory, "smtplib", PATIENCE, command).lines()
                .collect(java.util.stream.Collectors.toMap(line -> line.substring(0, line.indexOf(' ')),
                        line -> line.substring(line.indexOf(' ') + 1)));
    }

    private static void awaitDelivered(Penstock penstock, int count) {
        Awaitility.await().atMost(PATIENCE)
                .untilAsserted(() -> assertThat(penstock.deliveryStats().delivered()).isEqualTo(count));
    }

    /** What the peer's output, read octet by octet, has after the first empty line. */
    private static String bodyOf(String message) {
        return message.substring(message.indexOf("\r\n\r\n") + 4);
    }

    private static String expectedBody() {
        return new String(BODY.replace("\n", "\r\n").getBytes(UTF_8), ISO_8859_1);
    }
}
