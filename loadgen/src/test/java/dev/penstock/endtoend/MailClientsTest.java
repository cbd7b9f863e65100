package dev.penstock.endtoend;

import static dev.penstock.endtoend.InboundGateway.NAME;
import static dev.penstock.endtoend.InboundGateway.RECIPIENT;
import static dev.penstock.endtoend.InboundGateway.SENDER;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;

import jakarta.mail.Message;
import jakarta.mail.MessagingException;
import jakarta.mail.Session;
import jakarta.mail.internet.InternetAddress;
import org.eclipse.angus.mail.smtp.SMTPMessage;
import org.eclipse.angus.mail.smtp.SMTPTransport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Clients that people send with: msmtp, gsasl and curl for the mechanisms, nodemailer, Angus Mail. */
@Timeout(300)
class MailClientsTest {
    private static final Duration PATIENCE = Duration.ofSeconds(90);
    private static final int CURL_LOGIN_DENIED = 67; // curl(1), EXIT CODES
    private static final String MESSAGE = "From: alice@send.test\nTo: bob@sink.test\nSubject: hello\n\nthe body\n";

    @TempDir
    Path directory;

    private Credentials credentials;
    private InboundGateway gateway;

    @BeforeEach
    void start() throws Exception {
        credentials = Credentials.create(directory);
        gateway = InboundGateway.start(directory, credentials.tables());
    }

    @AfterEach
    void stop() {
        gateway.close();
        credentials.close();
    }

    @ParameterizedTest
    @CsvSource({"plain, on", "login, on", "scram-sha-256, on", "plain, off", "scram-sha-256, off"})
    void msmtpLogsInOverTls(String mechanism, String starttls) throws Exception {
        msmtp(starttls.equals("on") ? gateway.starttls() : gateway.implicit(), "--tls=on",
                "--tls-starttls=" + starttls, "--auth=" + mechanism, "--user=" + Credentials.USER,
                "--passwordeval=echo " + Credentials.PASSWORD);

        SmtpSink.Transaction delivered = gateway.awaitDelivered();
        assertThat(delivered.received()).contains(" with ESMTPSA ");
        assertThat(delivered.body()).isEqualTo("the body\n");
    }

    @Test
    void msmtpLogsInWithScramWithoutTls() throws Exception {
        msmtp(gateway.starttls(), "--tls=off", "--auth=scram-sha-256", "--user=" + Credentials.USER,
                "--passwordeval=echo " + Credentials.PASSWORD);

        assertThat(gateway.awaitDelivered().received()).contains(" with ESMTPA ");
    }

    @Test
    void msmtpAsksForReportsAndTheNextHopHearsIt() throws Exception {
        msmtp(gateway.starttls(), "--tls=on", "--auth=plain", "--user=" + Credentials.USER,
                "--passwordeval=echo " + Credentials.PASSWORD, "--dsn-notify=failure,delay", "--dsn-return=hdrs");

        SmtpSink.Transaction delivered = gateway.awaitDelivered();
        assertThat(delivered.mail()).startsWith("<" + SENDER + ">").contains(" RET=HDRS");
        assertThat(delivered.rcpts()).singleElement().asString().startsWith("<" + RECIPIENT + ">")
                .containsPattern(" NOTIFY=(FAILURE,DELAY|DELAY,FAILURE)");
    }

    private void msmtp(InetSocketAddress listener, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(Peers.require("msmtp"), "--host=" + listener.getHostString(),
                "--port=" + listener.getPort(), "--from=" + SENDER, "--timeout=60",
                "--tls-trust-file=" + gateway.certificates().authority()));
        command.addAll(List.of(options));
        command.addAll(List.of("--", RECIPIENT));
        PeerProcess.run(directory, "msmtp", PATIENCE, Map.of(), MESSAGE, command);
    }

    /** With channel binding by tls-exporter (RFC 9266), which is what TLS 1.3 has. */
    @ParameterizedTest
    @ValueSource(strings = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"})
    void gsaslLogsInWithEveryMechanismItShares(String mechanism) throws Exception {
        PeerProcess.Outcome outcome = gsasl(mechanism, Credentials.PASSWORD);

        assertThat(outcome.output()).contains("(TLS1.3)", "AUTH " + mechanism, "235 2.7.0 ");
        assertThat(outcome.exit()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"})
    void gsaslIsRefusedWithAWrongPassword(String mechanism) throws Exception {
        PeerProcess.Outcome outcome = gsasl(mechanism, "wrong");

        assertThat(outcome.output()).contains("AUTH " + mechanism, "535 5.7.8 ").doesNotContain("235 ");
        assertThat(outcome.exit()).isNotZero();
    }

    private PeerProcess.Outcome gsasl(String mechanism, String password) throws Exception {
        InetSocketAddress listener = gateway.starttls();
        List<String> command = new ArrayList<>(List.of(Peers.require("gsasl"), "--client", "--smtp", "--verbose", "-m",
                mechanism, "--authentication-id=" + Credentials.USER, "--password=" + password, "--starttls",
                "--x509-ca-file=" + gateway.certificates().authority(), "--hostname=" + NAME,
                "--connect=" + listener.getHostString() + ":" + listener.getPort()));
        if (!mechanism.endsWith("-PLUS")) {
            command.add("--no-cb"); // else it takes the mechanism without it for an attack
        }
        return PeerProcess.outcome(directory, "gsasl", PATIENCE, Map.of(), "", command);
    }

    @Test
    void curlLogsInWithABearerToken() throws Exception {
        PeerProcess.Outcome outcome = curl(Credentials.TOKEN);

        assertThat(outcome.output()).contains("AUTH OAUTHBEARER", "235 2.7.0 ");
        assertThat(outcome.exit()).isZero();
        assertThat(gateway.awaitDelivered().received()).contains(" with ESMTPSA ");
    }

    @Test
    void msmtpLogsInWithABearerToken() throws Exception {
        msmtp(gateway.starttls(), "--tls=on", "--auth=oauthbearer", "--user=" + Credentials.USER,
                "--passwordeval=echo " + Credentials.TOKEN);

        assertThat(gateway.awaitDelivered().received()).contains(" with ESMTPSA ");
    }

    @Test
    void aTokenThatTheJudgeRefusesIsRefused() throws Exception {
        PeerProcess.Outcome outcome = curl("another.token");

        assertThat(outcome.output()).contains("AUTH OAUTHBEARER", "535 5.7.8 ").doesNotContain("> MAIL FROM");
        assertThat(outcome.exit()).isEqualTo(CURL_LOGIN_DENIED);
    }

    private PeerProcess.Outcome curl(String token) throws Exception {
        InetSocketAddress listener = gateway.starttls();
        return PeerProcess.outcome(directory, "curl", PATIENCE, Map.of(), MESSAGE,
                List.of(Peers.require("curl"), "--silent", "--show-error", "--verbose", "--crlf", "--url",
                        "smtp://" + listener.getHostString() + ":" + listener.getPort(), "--ssl-reqd", "--cacert",
                        gateway.certificates().authority().toString(), "--user", Credentials.USER + ":",
                        "--oauth2-bearer", token, "--login-options", "AUTH=OAUTHBEARER", "--mail-from", SENDER,
                        "--mail-rcpt", RECIPIENT, "--upload-file", "-"));
    }

    @Test
    void nodemailerSendsAndAsksForReports() throws Exception {
        InetSocketAddress listener = gateway.starttls();
        PeerProcess.run(directory, "nodemailer", PATIENCE,
                Map.of("NODE_PATH", Peers.nodePackage("nodemailer").toString()), """
                        const nodemailer = require('nodemailer');
                        const fs = require('fs');
                        const [host, port, ca, servername, user, pass] = process.argv.slice(2);
                        const transport = nodemailer.createTransport({
                          host, port: Number(port), requireTLS: true, tls: {ca: fs.readFileSync(ca), servername},
                          auth: {user, pass}, logger: true, debug: true,
                        });
                        transport.sendMail({
                          from: 'alice@send.test', to: ['bob@sink.test'], subject: 'Grüße', text: 'Grüße aus Köln',
                          attachments: [{filename: 'a.bin', content: Buffer.alloc(300000, 7)}],
                          dsn: {id: 'node+1', return: 'headers', notify: ['failure', 'delay'],
                                recipient: 'bob@sink.test'},
                        }).then(info => {
                          if (info.accepted.length !== 1) throw new Error(JSON.stringify(info));
                          transport.close();
                        }).catch(error => { console.error(error); process.exit(1); });
                        """,
                List.of(Peers.require("node"), "-", listener.getHostString(), String.valueOf(listener.getPort()),
                        gateway.certificates().authority().toString(), NAME, Credentials.USER, Credentials.PASSWORD));

        SmtpSink.Transaction delivered = gateway.awaitDelivered();
        assertThat(delivered.received()).contains(" with ESMTPSA ");
        assertThat(delivered.mail()).contains(" RET=HDRS", " ENVID=node+2B1");
        assertThat(delivered.rcpts()).singleElement().asString()
                .containsPattern(" NOTIFY=(FAILURE,DELAY|DELAY,FAILURE)")
                .contains(" ORCPT=rfc822;bob@sink.test");
    }

    /**
     * The only one of these that sends BDAT, in chunks of the size that is asked for. It doubles a dot that begins a
     * line there too, which RFC 3030 2 doesn't have: the text has none.
     */
    @ParameterizedTest
    @ValueSource(strings = {"", "1000", "1000000"})
    void angusMailSendsWithChunksAndReports(String chunkSize) throws Exception {
        ByteArrayOutputStream transcript = new ByteArrayOutputStream();
        String text = "Grüße aus Köln\n\nand elsewhere\n".repeat(200);
        SMTPMessage message = new SMTPMessage(session(gateway.starttls(), "smtp", chunkSize, transcript));
        message.setFrom(new InternetAddress(SENDER));
        message.setRecipient(Message.RecipientType.TO, new InternetAddress(RECIPIENT));
        message.setSubject("Angus");
        message.setText(text, UTF_8.name());
        message.setHeader("Content-Transfer-Encoding", "8bit");
        message.setAllow8bitMIME(true);
        message.setNotifyOptions(SMTPMessage.NOTIFY_FAILURE);
        message.setReturnOption(SMTPMessage.RETURN_FULL);
        send(message, "smtp", gateway.starttls());

        SmtpSink.Transaction delivered = gateway.awaitDelivered();
        if (chunkSize.isEmpty()) {
            assertThat(transcript.toString(UTF_8)).contains("\nDATA\n").doesNotContain("BDAT");
        } else {
            assertThat(transcript.toString(UTF_8)).contains("\nBDAT ").contains(" LAST").doesNotContain("\nDATA\n");
        }
        assertThat(delivered.received()).contains(" with ESMTPSA ");
        assertThat(delivered.mail()).contains(" RET=FULL", " BODY=8BITMIME");
        assertThat(delivered.rcpts()).singleElement().asString().contains(" NOTIFY=FAILURE");
        assertThat(new String(delivered.body().getBytes(ISO_8859_1), UTF_8))
                .startsWith(text);
    }

    @Test
    void angusMailSpeaksTlsFromTheStart() throws Exception {
        SMTPMessage message = new SMTPMessage(
                session(gateway.implicit(), "smtps", "", new ByteArrayOutputStream()));
        message.setFrom(new InternetAddress(SENDER));
        message.setRecipient(Message.RecipientType.TO, new InternetAddress(RECIPIENT));
        message.setText("body");
        send(message, "smtps", gateway.implicit());

        assertThat(gateway.awaitDelivered().received()).contains(" with ESMTPSA ");
    }

    private Session session(InetSocketAddress listener, String protocol, String chunkSize, ByteArrayOutputStream debug)
            throws IOException {
        Properties properties = new Properties();
        String prefix = "mail." + protocol + ".";
        properties.put(prefix + "auth", "true");
        properties.put(prefix + "starttls.enable", "true");
        properties.put(prefix + "starttls.required", "true");
        properties.put(prefix + "ssl.trust", listener.getHostString());
        properties.put(prefix + "ssl.checkserveridentity", "false");
        properties.put(prefix + "timeout", "60000");
        properties.put(prefix + "localhost", "client.test");
        if (!chunkSize.isEmpty()) {
            properties.put(prefix + "chunksize", chunkSize);
        }
        Session session = Session.getInstance(properties);
        session.setDebug(true);
        session.setDebugOut(new PrintStream(debug, true, UTF_8));
        return session;
    }

    private static void send(SMTPMessage message, String protocol, InetSocketAddress listener)
            throws MessagingException {
        message.saveChanges();
        try (SMTPTransport transport = (SMTPTransport) message.getSession().getTransport(protocol)) {
            transport.connect(listener.getHostString(), listener.getPort(), Credentials.USER, Credentials.PASSWORD);
            transport.sendMessage(message, message.getAllRecipients());
        }
    }
}
