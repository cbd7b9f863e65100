package dev.penstock.tls;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.PSSParameterSpec;
import java.util.Locale;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SSLKeyException;

import org.jspecify.annotations.Nullable;

/** What ties a SASL exchange to the server's end of a TLS connection (RFC 5056). Stateless. */
public final class ChannelBindings {
    private static final String EXPORTER_LABEL = "EXPORTER-Channel-Binding"; // RFC 9266 2
    private static final int EXPORTER_LENGTH = 32; // RFC 9266 2
    private static final byte[] NO_CONTEXT = "".getBytes(StandardCharsets.US_ASCII);

    private ChannelBindings() {}

    /** Octets of {@code tls-exporter} (RFC 9266); null below TLS 1.3, where older clients may lack what it needs. */
    public static byte @Nullable [] exporter(TlsSession tls) {
        if (!tls.protocol().equals("TLSv1.3") || !(tls.session() instanceof ExtendedSSLSession session)) {
            return null;
        }
        try {
            return session.exportKeyingMaterialData(EXPORTER_LABEL, NO_CONTEXT, EXPORTER_LENGTH);
        } catch (SSLKeyException | UnsupportedOperationException _) {
            return null;
        }
    }

    /**
     * Octets of {@code tls-server-end-point} (RFC 5929 4): the hash of the certificate that the server showed, by the
     * algorithm its signature uses, SHA-256 for the two broken ones; null when the signature uses none (Ed25519), for which
     * the RFC defines nothing.
     */
    public static byte @Nullable [] serverEndPoint(TlsSession tls) {
        Certificate[] own = tls.session().getLocalCertificates();
        if (own == null || own.length == 0 || !(own[0] instanceof X509Certificate certificate)) {
            return null;
        }
        try {
            String hash = hash(certificate);
            return hash == null ? null : MessageDigest.getInstance(hash).digest(certificate.getEncoded());
        } catch (GeneralSecurityException _) {
            return null;
        }
    }

    private static @Nullable String hash(X509Certificate certificate) throws GeneralSecurityException {
        String algorithm = certificate.getSigAlgName().toUpperCase(Locale.ROOT);
        String name;
        if (algorithm.equals("RSASSA-PSS")) {
            AlgorithmParameters parameters = AlgorithmParameters.getInstance("RSASSA-PSS");
            try {
                parameters.init(certificate.getSigAlgParams());
            } catch (IOException e) {
                throw new GeneralSecurityException(e);
            }
            name = parameters.getParameterSpec(PSSParameterSpec.class).getDigestAlgorithm();
        } else {
            int with = algorithm.indexOf("WITH");
            if (with < 0) {
                return null;
            }
            name = algorithm.substring(0, with);
        }
        return switch (name.replace("-", "")) {
            case "MD5", "SHA1", "SHA256" -> "SHA-256";
            case "SHA224" -> "SHA-224";
            case "SHA384" -> "SHA-384";
            case "SHA512" -> "SHA-512";
            default -> null;
        };
    }
}
