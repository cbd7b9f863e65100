package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.Penstock;

/**
 * The gateway among programs that others wrote: swaks, smtp-source and Python's smtplib inject, unbound tells the MX,
 * smtp-sink and a Postfix with a Maildir receive.
 */
@Timeout(600)
class RealPeersTest {
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    /** Lines that begin with dots, 8-bit octets, a long line, and lines that are only a dot. */
    private static final String AWKWARD_BODY = """
            .one dot begins this line
            ..two dots begin this one
            .
            Grüße aus Köln, 8-bit
            %s

            the next line is a lone dot
            .
            the end
            """.formatted("x".repeat(900)).replace("\n", "\r\n");

    @TempDir
    Path directory;

    @Test
    void swaksAndSmtplibReachTheMaildirOfARealPostfixByteForByte() throws Exception {
        int port = Peers.freePort("127.0.0.3");
        try (Postfix postfix = Postfix.receiving(Files.createDirectory(directory.resolve("postfix")), "maildir.test",
                "127.0.0.3", port);
                Unbound unbound = Unbound.start(directory,
                        List.of("maildir.test. 300 IN MX 10 mx.maildir.test.", "mx.maildir.test. 300 IN A 127.0.0.3"));
                Penstock penstock = Gateway.start(Gateway.config(directory, unbound.server(), port))) {
            InetSocketAddress gateway = penstock.smtpAddresses().getFirst();
            Path awkward = Files.write(directory.resolve("awkward.eml"),
                    ("Subject: smtplib\r\nFrom: a@send.test\r\nTo: b@maildir.test\r\n\r\n" + AWKWARD_BODY)
                            .getBytes(UTF_8));

            PeerProcess.run(directory, "smtplib", PATIENCE, List.of(Peers.require("python3"), "-c", """
                    import smtplib, sys
                    with smtplib.SMTP(sys.argv[1], int(sys.argv[2]), timeout=60) as client:
                        client.ehlo()
                        assert client.has_extn('pipelining') and client.has_extn('8bitmime') and client.has_extn('size')
                        data = open(sys.argv[3], 'rb').read()
                        refused = client.sendmail('a@send.test', ['b@maildir.test', 'c@maildir.test'], data,
                                                  mail_options=['BODY=8BITMIME'])
                        assert not refused, refused
                    """, gateway.getHostString(), String.valueOf(gateway.getPort()), awkward.toString()));
            String transcript = PeerProcess.run(directory, "swaks", PATIENCE,
                    List.of(Peers.require("swaks"), "--server", gateway.getHostString(), "--port",
                            String.valueOf(gateway.getPort()), "--from", "a@send.test", "--to", "d@maildir.test",
                            "--header", "Subject: swaks", "--body", "line one\\n.line two begins with a dot\\nlast"));

            assertThat(transcript).contains("250 2.0.0 ").contains(" queued");
            Awaitility.await().atMost(PATIENCE).untilAsserted(() -> assertThat(postfix.arrived())
                    .as("gateway to Postfix:%n%s", postfix.log()).hasSize(3));
            assertThat(bodiesOf(postfix.arrived(), "Subject: smtplib")).hasSize(2).containsOnly(
                    new String(AWKWARD_BODY.replace("\r\n", "\n").getBytes(UTF_8), ISO_8859_1));
            assertThat(bodiesOf(postfix.arrived(), "Subject: swaks")).singleElement()
                    .satisfies(body -> assertThat(body).startsWith("line one\n.line two begins with a dot\nlast\n"));
        }
    }

    @Test
    void aRealPostfixWithout8bitmimeGetsThePartsThatWereSentAsSevenBit() throws Exception {
        int port = Peers.freePort("127.0.0.6");
        String message = """
                Subject: parts
                MIME-Version: 1.0
                Content-Type: multipart/mixed; boundary=b

                --b
                Content-Type: text/plain; charset=utf-8
                Content-Transfer-Encoding: 8bit

                %s
                --b
                Content-Type: application/json
                Content-Transfer-Encoding: 8bit

                {"a": "\u00e4"}
                --b--
                """.formatted(AWKWARD_BODY.replace("\r\n", "\n")).replace("\n", "\r\n");
        try (Postfix postfix = Postfix.receiving(Files.createDirectory(directory.resolve("postfix")), "old.test",
                "127.0.0.6", port, "smtpd_discard_ehlo_keywords = 8bitmime");
                Unbound unbound = Unbound.start(directory,
                        List.of("old.test. 300 IN MX 10 mx.old.test.", "mx.old.test. 300 IN A 127.0.0.6"));
                Penstock penstock = Gateway.start(Gateway.config(directory, unbound.server(), port))) {
            InetSocketAddress gateway = penstock.smtpAddresses().getFirst();
            Path sent = Files.write(directory.resolve("parts.eml"), message.getBytes(UTF_8));
            PeerProcess.run(directory, "smtplib", PATIENCE, List.of(Peers.require("python3"), "-c", """
                    import smtplib, sys
                    with smtplib.SMTP(sys.argv[1], int(sys.argv[2]), timeout=60) as client:
                        client.ehlo()
                        client.sendmail('a@send.test', ['b@old.test'], open(sys.argv[3], 'rb').read(),
                                        mail_options=['BODY=8BITMIME'])
                    """, gateway.getHostString(), String.valueOf(gateway.getPort()), sent.toString()));

            Awaitility.await().atMost(PATIENCE).untilAsserted(() -> assertThat(postfix.arrived())
                    .as("gateway to Postfix:%n%s", postfix.log()).hasSize(1));
            byte[] arrived = postfix.arrived().getFirst();
            assertThat(new String(arrived, ISO_8859_1)).matches("(?s)[\\x00-\\x7f]*");
            Path got = Files.write(directory.resolve("arrived.eml"), arrived);
            assertThat(PeerProcess.run(directory, "email", PATIENCE, List.of(Peers.require("python3"), "-c", """
                    import email, sys
                    def parts(name):
                        return [(p.get_content_type(), p.get_payload(decode=True).replace(b'\\r\\n', b'\\n'))
                                for p in email.message_from_bytes(open(name, 'rb').read()).get_payload()]
                    sent, got = parts(sys.argv[1]), parts(sys.argv[2])
                    assert sent == got, (sent, got)
                    print(len(got))
                    """, sent.toString(), got.toString())).strip()).isEqualTo("2");
        }
    }

    @Test
    void twentyThousandMessagesOfSmtpSourceReachSmtpSink() throws Exception {
        int port = Peers.freePort("127.0.0.4");
        try (PeerProcess sink = PeerProcess.start(directory, "smtp-sink",
                List.of(Peers.require("smtp-sink"), "-c", "-u", "nobody", "127.0.0.4:" + port, "1000"));
                Unbound unbound = Unbound.start(directory,
                        List.of("sink.test. 300 IN MX 10 mx.sink.test.", "mx.sink.test. 300 IN A 127.0.0.4"));
                Penstock penstock = Gateway.start(Gateway.config(directory, unbound.server(), port))) {
            sink.awaitListening("127.0.0.4", port);
            InetSocketAddress gateway = penstock.smtpAddresses().getFirst();

            PeerProcess.run(directory, "smtp-source", PATIENCE,
                    List.of(Peers.require("smtp-source"), "-s", "20", "-m", "20000", "-l", "4096", "-f", "a@send.test",
                            "-t", "b@sink.test", gateway.getHostString() + ":" + gateway.getPort()));

            Awaitility.await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(penstock.deliveryStats().delivered()).isEqualTo(20_000));
            Awaitility.await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(penstock.spoolStats().messages()).isZero());
        }
    }

    @Test
    void smtpSinkWritesDownTheOctetsThatWereInjected() throws Exception {
        int port = Peers.freePort("127.0.0.5");
        Path dump = Files.createDirectory(directory.resolve("dump"));
        try (PeerProcess sink = PeerProcess.start(dump, "smtp-sink-dump",
                List.of(Peers.require("smtp-sink"), "-d", "message.", "-u", "root", "127.0.0.5:" + port, "100"));
                Unbound unbound = Unbound.start(directory,
                        List.of("dump.test. 300 IN MX 10 mx.dump.test.", "mx.dump.test. 300 IN A 127.0.0.5"));
                Penstock penstock = Gateway.start(Gateway.config(directory, unbound.server(), port))) {
            sink.awaitListening("127.0.0.5", port);
            InetSocketAddress gateway = penstock.smtpAddresses().getFirst();
            Path message = Files.write(directory.resolve("message.eml"),
                    ("Subject: dump\n\n" + AWKWARD_BODY.replace("\r\n", "\n")).getBytes(UTF_8));

            PeerProcess.run(directory, "swaks-dump", PATIENCE,
                    List.of(Peers.require("swaks"), "--server", gateway.getHostString(), "--port",
                            String.valueOf(gateway.getPort()), "--from", "a@send.test", "--to", "b@dump.test", "--data",
                            "@" + message));

            Awaitility.await().atMost(PATIENCE)
                    .untilAsserted(() -> assertThat(penstock.deliveryStats().delivered()).isOne());
            // smtp-sink undoes dot-stuffing and line ends are LF in its files, which it may write after its 250.
            String expected = new String(AWKWARD_BODY.replace("\r\n", "\n").getBytes(UTF_8), ISO_8859_1);
            Awaitility.await().atMost(PATIENCE).untilAsserted(() -> assertThat(bodiesOf(dumped(dump), "Subject: dump"))
                    .singleElement().satisfies(body -> assertThat(body).startsWith(expected)));
        }
    }

    private static List<byte[]> dumped(Path dump) throws IOException {
        List<byte[]> dumped = new ArrayList<>();
        try (Stream<Path> files = Files.list(dump)) {
            for (Path file : files.filter(f -> f.getFileName().toString().startsWith("message.")).toList()) {
                dumped.add(Files.readAllBytes(file));
            }
        }
        return dumped;
    }

    /** The bodies (all after the first empty line) of the messages with that header line. */
    private static List<String> bodiesOf(List<byte[]> messages, String headerLine) throws IOException {
        return messages.stream().map(bytes -> new String(bytes, ISO_8859_1).replace("\r\n", "\n"))
                .filter(text -> text.contains("\n" + headerLine + "\n"))
                .map(text -> text.substring(text.indexOf("\n\n") + 2)).toList();
    }
}
