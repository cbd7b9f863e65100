package dev.penstock.tls;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

import org.jspecify.annotations.Nullable;

/**
 * The client's end of TLS over blocking sockets: 1.2 and 1.3, with SNI. Thread-safe.
 *
 * <p>Every connection has a context of its own and none resumes a session: in a resumed one nobody is asked whether the
 * certificate is trusted, so that what one policy let pass would hold for another.
 */
public final class ClientTls {
    private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};
    /** RFC 6125 rules for names, as JSSE calls them. */
    private static final String MATCH_NAMES = "HTTPS";

    static {
        KeyDerivations.countFromNowOn();
    }

    private final @Nullable X509ExtendedTrustManager configured;

    /**
     * A connection after its handshake.
     *
     * @param input    what comes from the socket; reading fails when the host does nothing but update keys
     * @param verified whether the certificate is good for the host's name, which it may not be when it needn't
     * @param problem  why it isn't, empty when it is
     * @param certificates octets of those that the server sent, which the session keeps
     */
    public record Connection(SSLSocket socket, InputStream input, String protocol, String cipher, boolean verified,
            String problem, int certificates) {}

    /**
     * @param file PEM file of the authorities trusted; those that come with Java when empty
     * @throws CertificateFileException when the file can't be used
     */
    public ClientTls(Optional<Path> file) {
        configured = file.isEmpty() ? null : Authorities.trusting(file);
    }

    /** Read when the first host is spoken to under TLS: that takes a tenth of a start. */
    private static final class OfJava {
        private static @Nullable X509ExtendedTrustManager authorities;

        static synchronized X509ExtendedTrustManager authorities() throws CertificateException {
            try {
                X509ExtendedTrustManager read = authorities == null
                        ? Authorities.trusting(Optional.empty())
                        : authorities;
                authorities = read;
                return read;
            } catch (IllegalStateException e) {
                throw new CertificateException(e.getMessage(), e);
            }
        }
    }

    /**
     * Does a handshake over a connected socket, which is closed with the one returned. Blocks; closing {@code plain} from
     * another thread ends it.
     *
     * @param host       the name for SNI and for the certificate to have, or an address
     * @param mustVerify whether a certificate that isn't good for {@code host} fails the handshake
     * @throws IOException when the handshake failed; {@code plain} is of no use then
     */
    public Connection handshake(Socket plain, String host, int port, boolean mustVerify) throws IOException {
        ServerJudge judge = new ServerJudge(mustVerify);
        SSLSocket socket = (SSLSocket) context(judge).getSocketFactory().createSocket(plain, host, port, true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setProtocols(PROTOCOLS);
        parameters.setEndpointIdentificationAlgorithm(MATCH_NAMES);
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return new Connection(socket, new GuardedInput(socket.getInputStream()), socket.getSession().getProtocol(),
                socket.getSession().getCipherSuite(), judge.problem == null,
                judge.problem == null ? "" : judge.problem, judge.octets);
    }

    private static SSLContext context(TrustManager trust) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[]{trust}, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java has no TLS", e);
        }
    }

    /** Of the server's certificate. Confined to one handshake. */
    private final class ServerJudge extends Authorities.Judge {
        private @Nullable String problem = "no certificate";
        private int octets;

        ServerJudge(boolean strict) {
            super(!strict);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
                throws CertificateException {
            for (X509Certificate certificate : chain) {
                octets += certificate.getEncoded().length;
            }
            CertificateException found = judge(() -> (configured == null ? OfJava.authorities() : configured)
                    .checkServerTrusted(chain, authType, socket));
            problem = found == null ? null : found.getMessage() == null ? found.toString() : found.getMessage();
        }
    }
}
