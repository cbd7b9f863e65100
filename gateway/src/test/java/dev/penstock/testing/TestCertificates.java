package dev.penstock.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

import io.netty.pkitesting.CertificateBuilder;
import io.netty.pkitesting.X509Bundle;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;

/**
 * An authority and what it issues, made anew for each test and never kept: certificates of servers and clients, PEM
 * files, JSSE contexts. Immutable.
 */
public final class TestCertificates {
    private static final char[] NO_PASSWORD = {};
    private static final String SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"; // RFC 5280 4.2.1.6

    static {
        // as ServerTls does, which may come later: JSSE reads it once, before its first handshake as a server
        System.setProperty("jdk.tls.rejectClientInitiatedRenegotiation", "true");
    }

    private final X509Bundle authority;

    /** Kinds of keys in use. */
    public enum Kind {
        RSA(CertificateBuilder.Algorithm.rsa2048),
        EC(CertificateBuilder.Algorithm.ecp256),
        ED25519(CertificateBuilder.Algorithm.ed25519);

        private final CertificateBuilder.Algorithm algorithm;

        Kind(CertificateBuilder.Algorithm algorithm) {
            this.algorithm = algorithm;
        }
    }

    /** What {@link #write} wrote. */
    public record PemFiles(Path chain, Path key) {}

    public TestCertificates() {
        this("Penstock test authority");
    }

    /** @param name of the authority, without commas */
    public TestCertificates(String name) {
        authority = build(new CertificateBuilder().ecp256().subject("CN=" + name).setIsCertificateAuthority(true),
                null);
    }

    private TestCertificates(X509Bundle authority) {
        this.authority = authority;
    }

    /** One that this one vouches for, and whose servers send its certificate too. */
    public TestCertificates intermediate(String name) {
        return new TestCertificates(build(
                new CertificateBuilder().ecp256().subject("CN=" + name).setIsCertificateAuthority(true), authority));
    }

    public X509Certificate authority() {
        return authority.getCertificate();
    }

    /** For servers of these DNS names; the first is the common name too. Good from yesterday for 90 days. */
    public X509Bundle server(String... names) {
        return server(Kind.EC, Duration.ofDays(90), names);
    }

    /** @param validity from now; negative for one that has expired */
    public X509Bundle server(Kind kind, Duration validity, String... names) {
        return build(leaf(kind, names[0], validity).addExtendedKeyUsageServerAuth()
                .addExtensionOctetString(SUBJECT_ALTERNATIVE_NAME, false, dnsNames(names)), authority);
    }

    /** For a client; {@code name} is its common name. */
    public X509Bundle client(String name) {
        return build(leaf(Kind.EC, name, Duration.ofDays(90)).addExtendedKeyUsageClientAuth(), authority);
    }

    /** Vouched for by nobody. */
    public static X509Bundle selfSigned(String name) {
        return selfSigned(Kind.EC, name);
    }

    public static X509Bundle selfSigned(Kind kind, String name) {
        return build(leaf(kind, name, Duration.ofDays(90)).addSanDnsName(name).setIsCertificateAuthority(true), null);
    }

    /** Wildcards too, which the builder doesn't take. */
    private static byte[] dnsNames(String... names) {
        try {
            return new GeneralNames(Arrays.stream(names).map(name -> new GeneralName(GeneralName.dNSName, name))
                    .toArray(GeneralName[]::new)).getEncoded();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static CertificateBuilder leaf(Kind kind, String name, Duration validity) {
        Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        Instant end = now.plus(validity);
        return new CertificateBuilder().algorithm(kind.algorithm).subject("CN=" + name)
                .notBefore((end.isBefore(now) ? end : now).minus(Duration.ofDays(1))).notAfter(end);
    }

    private static X509Bundle build(CertificateBuilder builder, X509Bundle issuer) {
        try {
            return issuer == null ? builder.buildSelfSigned() : builder.buildIssuedBy(issuer);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Writes {@code name.pem} and {@code name.key}, each by renaming, as tools that renew certificates do. */
    public static PemFiles write(Path directory, String name, X509Bundle certificate) {
        PemFiles files = new PemFiles(directory.resolve(name + ".pem"), directory.resolve(name + ".key"));
        replace(files.chain(), certificate.getCertificatePathPEM());
        replace(files.key(), certificate.getPrivateKeyPEM());
        return files;
    }

    /** Writes the authority's certificate to {@code name}. */
    public Path writeAuthority(Path directory, String name) {
        Path file = directory.resolve(name);
        replace(file, authority.getCertificatePEM());
        return file;
    }

    /** Puts a file in another's place at once. */
    public static void replace(Path file, String text) {
        try {
            Path fresh = Files.writeString(file.resolveSibling(file.getFileName() + ".new"), text);
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** For a server that shows {@code certificate}. */
    public static SSLContext serverContext(X509Bundle certificate) {
        return context(certificate, new TrustAll());
    }

    /** For a client that trusts this authority only. */
    public SSLContext clientContext() {
        return clientContext(null);
    }

    /** @param own shown when the server asks for a certificate; null for none */
    public SSLContext clientContext(X509Bundle own) {
        try {
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            KeyStore anchors = KeyStore.getInstance("PKCS12");
            anchors.load(null, null);
            anchors.setCertificateEntry("authority", authority.getCertificate());
            factory.init(anchors);
            return context(own, factory.getTrustManagers()[0]);
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /** For a client that takes any certificate. */
    public static SSLContext trustingClientContext() {
        return context(null, new TrustAll());
    }

    private static SSLContext context(X509Bundle own, TrustManager trust) {
        try {
            KeyManager[] keys = null;
            if (own != null) {
                KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
                factory.init(own.toKeyStore(NO_PASSWORD), NO_PASSWORD);
                keys = factory.getKeyManagers();
            }
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys, new TrustManager[]{trust}, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static final class TrustAll extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
