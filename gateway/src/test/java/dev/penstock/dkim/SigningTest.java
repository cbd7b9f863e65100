package dev.penstock.dkim;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

import dev.penstock.config.Canonicalization;
import dev.penstock.config.DkimConfig;

class SigningTest {
    private static final Instant NOW = Instant.parse("2026-11-28T10:00:00Z");
    private static final String HEADER = "From: a@example.com\r\nSubject: x\r\nList-Unsubscribe: <https://u.example>\r\n\r\n";
    private static final String BODY = "Hello\r\n";

    @TempDir
    private Path directory;
    private final Deque<Runnable> tasks = new ArrayDeque<>();
    private boolean full;

    private String key(String name) throws IOException {
        return TestKeys.rsa(directory.resolve(name)).toString();
    }

    private static DkimConfig config(DkimConfig.MissingKey rule, DkimConfig.Signature... signatures) {
        return new DkimConfig(rule, List.of(signatures));
    }

    private static DkimConfig config(DkimConfig.Signature... signatures) {
        return config(DkimConfig.MissingKey.REFUSE, signatures);
    }

    private DkimConfig.Signature rule(String domain, String selector) throws IOException {
        return DkimConfig.Signature.of(domain, selector, key(selector + ".key"));
    }

    /** Signs when the test says so. */
    private Signing signing(DkimConfig config) {
        return new Signing(config, InstantSource.fixed(NOW), task -> {
            if (full) {
                throw new RejectedExecutionException();
            }
            tasks.add(task);
        }, Crypto::jdk, () -> {});
    }

    private CompletableFuture<MessageSigning.Signed> begun(Signing signing, String from, String tenant) {
        byte[] header = HEADER.getBytes(ISO_8859_1);
        MessageSigning message = Objects.requireNonNull(signing.begin(from, header, header.length));
        message.body(BODY.getBytes(ISO_8859_1), 0, BODY.length());
        return message.sign(tenant, true);
    }

    private MessageSigning.Signed signed(Signing signing, String from, String tenant) {
        CompletableFuture<MessageSigning.Signed> result = begun(signing, from, tenant);
        while (!tasks.isEmpty()) {
            tasks.remove().run();
        }
        return result.join();
    }

    private List<String> signers(Signing signing, String from, String tenant) {
        return signed(signing, from, tenant).signatures().stream()
                .map(signature -> signature.selector() + " for " + signature.domain()).toList();
    }

    @Test
    void theNearestDomainCountsAndThereTheTenantThatIsNamed() throws IOException {
        try (Signing signing = signing(config(rule("*", "all"), rule(".example.com", "below"),
                rule("example.com", "one"), rule("example.com", "two"),
                rule("example.com", "acme").with(DkimConfig.Signature.TENANTS, List.of("acme")),
                rule("deep.below.example.com", "deep").with(DkimConfig.Signature.DOMAIN, "example.com")))) {
            assertThat(signers(signing, "example.com", "")).containsExactly("one for example.com",
                    "two for example.com");
            assertThat(signers(signing, "example.com", "acme")).containsExactly("acme for example.com");
            assertThat(signers(signing, "x.example.com", "acme")).containsExactly("below for x.example.com");
            assertThat(signers(signing, "deep.below.example.com", "")).containsExactly("deep for example.com");
            assertThat(signers(signing, "example.org", "")).containsExactly("all for example.org");
        }
    }

    @Test
    void aTenantOfNobodyElseLeavesOthersToTheNextDomain() throws IOException {
        try (Signing signing = signing(
                config(rule("example.com", "acme").with(DkimConfig.Signature.TENANTS, List.of("acme"))))) {
            assertThat(signers(signing, "example.com", "acme")).containsExactly("acme for example.com");
            assertThat(signers(signing, "example.com", "")).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({"''", "example.org", "[192.0.2.1]", "../example.com", "example.com/..", ".example.com", "example..com"})
    void nothingIsHashedForWhoDoesNotSign(String from) throws IOException {
        byte[] header = HEADER.getBytes(ISO_8859_1);
        try (Signing signing = signing(config(rule("example.com", "one"))); Signing off = signing(config())) {
            assertThat(signing.begin(from, header, header.length)).isNull();
            assertThat(off.isOff()).isTrue();
            assertThat(off.begin("example.com", header, header.length)).isNull();
        }
    }

    @Test
    void theFieldSaysWhatWasAskedFor() throws IOException {
        try (Signing signing = signing(config(rule("example.com", "one")
                .with(DkimConfig.Signature.HEADERS, List.of("subject"))
                .with(DkimConfig.Signature.OVERSIGN, List.of("to"))
                .with(DkimConfig.Signature.EXPIRY, Duration.ofDays(1))
                .with(DkimConfig.Signature.IDENTITY, "news@sub.{domain}")
                .with(DkimConfig.Signature.BODY_CANONICALIZATION, Canonicalization.SIMPLE)))) {
            MessageSigning.Signed signed = signed(signing, "example.com", "");

            assertThat(new String(signed.fields(), ISO_8859_1)).startsWith("""
                    DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple;
                    \td=example.com;
                    \ts=one; t=1795860000; x=1795946400;
                    \ti=news@sub.example.com;
                    \th=from:subject:to:list-unsubscribe;
                    \tbh=""".replace("\n", "\r\n")).endsWith("\r\n");
            assertThat(signed.signatures()).containsExactly(new PlannedSignature("example.com", "one",
                    "rsa-sha256", List.of("from", "subject", "to", "list-unsubscribe")));
            assertThat(signing.planned("example.com", "")).containsExactly(new PlannedSignature("example.com", "one",
                    "rsa-sha256", List.of("from", "subject", "to", "list-unsubscribe", "list-unsubscribe-post")));
        }
    }

    @Test
    void aMissingKeyIsRefusedHeldOrSentWithoutAsConfigured() throws IOException {
        DkimConfig.Signature there = rule("example.com", "one");
        DkimConfig.Signature missing = DkimConfig.Signature.of("example.com", "two",
                directory + "/none/{selector}.key");
        Files.writeString(directory.resolve("broken.key"), "nothing");
        DkimConfig.Signature broken = DkimConfig.Signature.of("example.com", "two", directory + "/broken.key");
        try (Signing signing = signing(config(DkimConfig.MissingKey.SEND_UNSIGNED, there, missing))) {
            assertThat(signers(signing, "example.com", "")).containsExactly("one for example.com");
            assertThat(signing.stats().unsigned()).isEqualTo(1);

            signing.reconfigure(config(DkimConfig.MissingKey.REFUSE, there, missing));
            assertRefused(signing, "550 5.7.1 No DKIM key for example.com, selector two");
            signing.reconfigure(config(DkimConfig.MissingKey.REFUSE, there, broken));
            assertRefused(signing, "451 4.7.1 No DKIM key for example.com, selector two");
            signing.reconfigure(config(DkimConfig.MissingKey.HOLD, there, missing));
            assertRefused(signing, "451 4.7.1 No DKIM key for example.com, selector two");
            assertThat(signing.stats().refused()).isEqualTo(3);
        }
    }

    private void assertRefused(Signing signing, String reply) {
        assertThatThrownBy(() -> signed(signing, "example.com", "")).isInstanceOf(CompletionException.class).cause()
                .isInstanceOfSatisfying(SigningException.class,
                        e -> assertThat(e.reply().oneLine()).isEqualTo(reply));
    }

    @Test
    void aMessageKeepsTheRulesOfItsHeader() throws IOException {
        try (Signing signing = signing(config(rule("example.com", "one")))) {
            byte[] header = HEADER.getBytes(ISO_8859_1);
            MessageSigning message = Objects.requireNonNull(signing.begin("example.com", header, header.length));
            signing.reconfigure(config());
            CompletableFuture<MessageSigning.Signed> signed = message.sign("", true);
            tasks.remove().run();

            assertThat(signed.join().signatures()).extracting(PlannedSignature::selector).containsExactly("one");
        }
    }

    @Test
    void moreThanCanWaitArePutOffAndNoneIsForgotten() throws IOException {
        Signing signing = signing(config(rule("example.com", "one")));
        CompletableFuture<MessageSigning.Signed> waiting = begun(signing, "example.com", "");
        assertThat(signing.stats().waiting()).isEqualTo(1);
        full = true;

        assertRefused(signing, "451 4.3.2 Too many messages wait for signatures, try again later");
        assertThat(waiting).isCompleted();
        assertThat(signing.stats()).returns(0L, SigningStats::waiting).returns(1L, SigningStats::busy);
        signing.close();
        assertRefused(signing, "421 4.3.2 Service shutting down");
    }

    @Test
    void whatWaitsAtAStopIsSigned() throws IOException {
        Signing signing = Signing.open(config(rule("example.com", "one")), InstantSource.fixed(NOW));
        List<CompletableFuture<MessageSigning.Signed>> waiting = IntStream.range(0, 200)
                .mapToObj(_ -> begun(signing, "example.com", "")).toList();
        signing.close();

        assertThat(waiting).allSatisfy(signed -> assertThat(signed.resultNow().signatures()).hasSize(1));
    }

    @Test
    void aNewKeyIsTakenUpAndAWrongOneChangesNothing() throws IOException {
        Path file = Path.of(key("one.key"));
        KeyStore keys = new KeyStore(Crypto.jdk());
        KeyStore.Answer first = keys.of(file);
        TestKeys.write(file, "nothing");
        look(keys);
        assertThat(keys.of(file)).isEqualTo(first);
        Files.delete(file);
        look(keys);
        assertThat(keys.of(file)).isEqualTo(first);
        assertThat(keys.refused()).as("each once").isEqualTo(2);

        TestKeys.ed25519(file);
        look(keys);
        assertThat(keys.of(file)).isInstanceOfSatisfying(KeyStore.Usable.class,
                usable -> assertThat(usable.key().algorithm()).isEqualTo(SignatureAlgorithm.ED25519_SHA256));
        assertThat(keys.reloads()).isEqualTo(1);

        Files.delete(file);
        keys.forgetMissing();
        assertThat(keys.of(file)).isEqualTo(new KeyStore.Unusable(file + ": no such file", true));
    }

    @Test
    void mailFromHundredThousandDomainsDrivesOutNoKeyAndFillsNoLog() throws IOException {
        Path file = Path.of(key("one.key"));
        AtomicLong now = new AtomicLong();
        KeyStore keys = new KeyStore(Crypto.jdk(), now::get);
        KeyStore.Answer key = keys.of(file);
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        Logger log = (Logger) LoggerFactory.getLogger(KeyStore.class);
        lines.start();
        log.addAppender(lines);
        try {
            for (int i = 0; i < 100_000; i++) {
                KeyStore.Answer none = keys.of(directory.resolve("d" + i + ".example.key"));
                assertThat(none).isInstanceOfSatisfying(KeyStore.Unusable.class,
                        un -> assertThat(un.missing()).isTrue());
            }
            assertThat(lines.list).hasSize(KeyStore.MAX_LINES);
            now.addAndGet(KeyStore.LOG_WINDOW.toNanos());
            keys.look();
        } finally {
            log.detachAppender(lines);
        }

        assertThat(keys.of(file)).isSameAs(key);
        assertThat(keys.remembered()).isLessThanOrEqualTo(KeyStore.MAX_FILES + 1);
        assertThat(keys.missing()).isEqualTo(100_000);
        assertThat(lines.list).hasSize(KeyStore.MAX_LINES + 1).last().extracting(ILoggingEvent::getFormattedMessage)
                .isEqualTo("event=dkim-keys-missing files=99990 not-logged-since=60s");
    }

    @Test
    void aKeyThatComesLaterIsReadWhenItIsAskedForAndAnAbsentOneIsNotReadForEachMessage() throws IOException {
        Path file = directory.resolve("late.key");
        AtomicLong now = new AtomicLong();
        KeyStore keys = new KeyStore(Crypto.jdk(), now::get);
        KeyStore.Answer none = keys.of(file);
        TestKeys.rsa(file);
        assertThat(keys.of(file)).as("at once").isSameAs(none);
        now.addAndGet(KeyStore.LOOK_INTERVAL.toNanos());
        assertThat(keys.known(file)).isSameAs(none);
        assertThat(keys.of(file)).isInstanceOf(KeyStore.Usable.class);
        assertThat(keys.known(file)).isInstanceOf(KeyStore.Usable.class);
        assertThat(keys.reloads()).isEqualTo(1);
        assertThat(keys.missing()).isEqualTo(1);
    }

    @Test
    void anAbsentKeyThatIsAskedForByWhoReadsNoFilesIsFoundByTheNextLook() throws IOException {
        Path file = directory.resolve("late.key");
        AtomicLong now = new AtomicLong();
        KeyStore keys = new KeyStore(Crypto.jdk(), now::get);
        keys.of(file);
        TestKeys.rsa(file);
        now.addAndGet(KeyStore.LOOK_INTERVAL.toNanos());
        keys.look();
        assertThat(keys.known(file)).as("nobody has asked").isInstanceOf(KeyStore.Unusable.class);
        keys.look();
        assertThat(keys.known(file)).isInstanceOf(KeyStore.Usable.class);
    }

    private static void look(KeyStore keys) {
        for (int i = 0; i < 3; i++) {
            keys.look();
        }
    }

    @Test
    void keyFilesOfOtherFormsSayWhatTheyAre() throws IOException {
        assertThat(problem(TestKeys.write(directory.resolve("a"), "x"))).contains("has no private key in it");
        assertThat(problem(TestKeys.write(directory.resolve("b"), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n")))
                .contains("is encrypted");
        assertThat(problem(TestKeys.write(directory.resolve("c"), TestKeys.generate("EC", 256))))
                .contains("expected one of RSA or Ed25519");
        assertThat(problem(TestKeys.write(directory.resolve("d"), TestKeys.generate("RSA", 512))))
                .contains("has an RSA key of 512 bits");
        Path open = TestKeys.rsa(directory.resolve("e"));
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rw-r--r--"));
        assertThat(problem(open)).contains("may be read by everybody");
        assertThat(problem(directory)).contains("is a directory");
    }

    private static String problem(Path file) {
        try {
            return "read " + KeyFile.read(file);
        } catch (KeyFileException e) {
            assertThat(e.getMessage()).startsWith(file + ": ");
            return String.valueOf(e.getMessage());
        }
    }

    @Test
    void anOlderFormOfRsaKeysIsReadToo() throws Exception {
        SigningKey key = KeyFile.read(TestKeys.rsa(directory.resolve("8")));
        byte[] pkcs1 = PrivateKeyInfo.getInstance(key.key().getEncoded())
                .parsePrivateKey().toASN1Primitive().getEncoded();

        assertThat(KeyFile.read(TestKeys.write(directory.resolve("1"), TestKeys.pem("RSA PRIVATE KEY", pkcs1))).key())
                .isEqualTo(key.key());
    }

    @Test
    void whatTheFastLibrarySignsTheJdkVerifiesToo() throws Exception {
        byte[] header = HEADER.getBytes(ISO_8859_1);
        for (String pem : List.of(TestKeys.rsaPem(), TestKeys.ed25519Pem())) {
            SigningKey key = KeyFile.read(TestKeys.write(directory.resolve("key"), pem));
            byte[] fast = Crypto.fastest().sign(Crypto.fastest().take(key), header);

            assertThat(fast).as("both are deterministic").isEqualTo(Crypto.jdk().sign(Crypto.jdk().take(key), header));
            assertThat(PublicKeyRecord.parse(key.record()).belongsTo(key)).isTrue();
        }
    }
}
