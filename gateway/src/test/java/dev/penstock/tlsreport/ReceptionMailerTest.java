package dev.penstock.tlsreport;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

import dev.penstock.config.DkimConfig;
import dev.penstock.dkim.Crypto;
import dev.penstock.dkim.Signing;
import dev.penstock.dkim.TestKeys;
import dev.penstock.message.MessageEvent;
import dev.penstock.reception.Reception;
import dev.penstock.spool.SpoolException;
import dev.penstock.testing.FakeSpool;

/** Reports about TLS on their way into the spool. */
@Timeout(60)
final class ReceptionMailerTest {
    private static final String MAIL = "From: <tls@example.net>\r\nSubject: x\r\n\r\nbody\r\n";

    private final FakeSpool spool = new FakeSpool();
    private final ListAppender<ILoggingEvent> said = new ListAppender<>();

    @TempDir
    Path directory;

    @BeforeEach
    void listen() {
        said.start();
        ((Logger) LoggerFactory.getLogger(ReceptionMailer.class)).addAppender(said);
    }

    @AfterEach
    void listenNoMore() {
        ((Logger) LoggerFactory.getLogger(ReceptionMailer.class)).detachAppender(said);
    }

    private ReceptionMailer mailer(Signing signing) {
        return new ReceptionMailer(
                new Reception(spool, _ -> {}, MessageEvent.Listener.none(), InstantSource.system(), signing));
    }

    private static void send(ReceptionMailer mailer) throws IOException {
        mailer.send("tls@example.net", "reports@a.example", _ -> MAIL.getBytes(US_ASCII));
    }

    private static Signing signing(DkimConfig.Signature signature) {
        return Signing.open(new DkimConfig(DkimConfig.MissingKey.REFUSE, List.of(signature)), InstantSource.system());
    }

    @Test
    void aReportIsSignedWhereThereIsAKeyForItsDomain() throws IOException {
        Path key = TestKeys.rsa(directory.resolve("s1.key"));
        try (Signing signing = signing(DkimConfig.Signature.of("example.net", "s1", key.toString()))) {
            send(mailer(signing));
        }
        assertThat(spool.content(0)).startsWith("DKIM-Signature: v=1;").contains("d=example.net;");
        assertThat(said.list).isEmpty();
    }

    @Test
    void withoutASignatureItGoesAllTheSameAndThatIsSaidOnce() throws IOException {
        ReceptionMailer mailer = mailer(Signing.off());
        send(mailer);
        send(mailer);
        assertThat(spool.messages()).hasSize(2);
        assertThat(said.list).singleElement()
                .satisfies(line -> assertThat(line.getFormattedMessage()).startsWith("event=tls-reports-unsigned "));
    }

    @Test
    void aKeyThatIsGoneKeepsNoReportBack() throws IOException {
        try (Signing signing = signing(
                DkimConfig.Signature.of("example.net", "s1", directory.resolve("no.key").toString()))) {
            send(mailer(signing));
        }
        assertThat(spool.content(0)).isEqualTo(MAIL);
        assertThat(said.list).hasSize(1);
    }

    @Test
    void whatTheSpoolDoesNotTakeIsToBeSentLater() {
        spool.failCommits(SpoolException.Reason.FULL);
        assertThatThrownBy(() -> send(mailer(Signing.off()))).isInstanceOf(IOException.class);
    }

    @Test
    void whateverGoesWrongNothingIsLeftOpenInTheSpool() throws IOException {
        Path key = TestKeys.rsa(directory.resolve("s1.key"));
        try (Signing broken = new Signing(
                new DkimConfig(DkimConfig.MissingKey.REFUSE,
                        List.of(DkimConfig.Signature.of("example.net", "s1", key.toString()))),
                InstantSource.system(), _ -> {
                    throw new IllegalStateException("of the test");
                }, Crypto::fastest, () -> {})) {
            assertThatThrownBy(() -> send(mailer(broken))).hasMessageContaining("of the test");
        }
        assertThat(spool.openIntakes()).isZero();
        assertThat(spool.aborted()).isEqualTo(1);
    }
}
