package dev.penstock.dkim;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.concurrent.TimeUnit;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.config.DkimConfig;

/** What does one signature cost, by whom it is made and with which key? The last answer is in gateway/docs/dkim.md. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 2)
@Measurement(iterations = 3, time = 2)
@SuppressWarnings("NullAway.Init") // JMH sets the parameters, and calls the set-up
public class SigningBenchmark {
    private static final byte[] HEADER = """
            From: "The Shop" <news@example.com>
            To: ann@receiver.example
            Subject: All of it for less
            Date: Sat, 28 Nov 2026 10:00:00 +0000
            Message-ID: <1@example.com>
            MIME-Version: 1.0
            Content-Type: text/html; charset=utf-8
            List-Unsubscribe: <https://u.example/1>
            List-Unsubscribe-Post: List-Unsubscribe=One-Click

            """.replace("\n", "\r\n").getBytes(US_ASCII);

    @Param({"jdk", "fastest"})
    private String library;
    @Param({"RSA-1024", "RSA-2048", "Ed25519"})
    private String kind;

    private Crypto crypto;
    private SigningKey key;
    private SigningRule rule;
    private byte[] bodyHash;

    @Setup
    public void prepare() throws Exception {
        crypto = library.equals("jdk") ? Crypto.jdk() : Crypto.fastest();
        Path file = Files.createTempDirectory("dkim").resolve("key");
        boolean rsa = kind.startsWith("RSA");
        KeyGenerator.write(file, rsa ? SignatureAlgorithm.RSA_SHA256 : SignatureAlgorithm.ED25519_SHA256,
                rsa ? Integer.parseInt(kind.substring("RSA-".length())) : 0);
        key = crypto.take(KeyFile.read(file));
        Files.delete(file);
        Files.delete(file.getParent());
        rule = new SigningRule(DkimConfig.Signature.of("*", "s1", "none"));
        bodyHash = BodyHash.sha256().digest();
    }

    /** All that runs on a thread for signatures: the header section, the field, the arithmetic. */
    @Benchmark
    public byte[] field() throws GeneralSecurityException {
        HeaderFields header = new HeaderFields(HEADER, HEADER.length);
        return SignatureField.sign(crypto, key, rule.settings(), "example.com", header, rule.signedFields(header),
                bodyHash,
                1_800_000_000);
    }
}
