package dev.penstock.tls;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.Optional;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.CertificateFileException;
import dev.penstock.units.PemFile;

/**
 * The client's end of TLS over blocking sockets: 1.2 and 1.3, with SNI. Thread-safe.
 *
 * <p>In a resumed session nobody is asked whether the certificate is trusted. So each kind of {@link CertificateDemand} has
 * a context, and with it sessions, of its own: what one let pass is never resumed under another. What TLSA records say may
 * change, so under {@link CertificateDemand.Dane} nothing is resumed.
 */
public final class ClientTls {
    private static final String[] PROTOCOLS = {"TLSv1.3", "TLSv1.2"};
    /** RFC 6125 rules for names, as JSSE calls them. */
    private static final String MATCH_NAMES = "HTTPS";
    /** Of sessions of each kind that are kept to be resumed: some ten megabytes, with their certificates. */
    private static final int MAX_SESSIONS = 1_000;
    /** A certificate is judged anew at least this often; tickets of hosts last hours at most. */
    private static final int SESSION_SECONDS = 3_600;
    private static final String VERDICT = "dev.penstock.verdict";
    /** The handshake of the thread. */
    private static final ScopedValue<Handshake> HANDSHAKE = ScopedValue.newInstance();

    static {
        KeyDerivations.countFromNowOn();
    }

    private final @Nullable X509ExtendedTrustManager configured;
    /** What we show when a host asks for a certificate; null for nothing. */
    private final KeyManager @Nullable [] identity;
    private final SSLContext lenient;
    private final SSLContext strict;

    /**
     * A connection after its handshake.
     *
     * @param input    what comes from the socket; reading fails when the host does nothing but update keys
     * @param verified whether the certificate is what was demanded, or good for the host's name where anything would do
     * @param problem  why it isn't, empty when it is
     * @param certificates octets of those that the server has shown, which the session keeps
     * @param resumed  whether a session was resumed, in which none is shown
     */
    public record Connection(SSLSocket socket, InputStream input, String protocol, String cipher, boolean verified,
            String problem, int certificates, boolean resumed) {}

    /** What was found about a certificate when it was shown; kept with the session. */
    private record Verdict(String problem, int octets) {
        static final Verdict UNKNOWN = new Verdict("not known of a session that was resumed", 0);
    }

    /** Confined to its thread. */
    private static final class Handshake {
        @Nullable
        Verdict verdict;
    }

    /**
     * @param file PEM file of the authorities trusted; those that come with Java when empty
     * @throws CertificateFileException when the file can't be used
     */
    public ClientTls(Optional<Path> file) {
        this(file.isEmpty() ? null : Authorities.trusting(file), null);
    }

    private ClientTls(@Nullable X509ExtendedTrustManager configured, KeyManager @Nullable [] identity) {
        this.configured = configured;
        this.identity = identity;
        this.lenient = shared(new ServerJudge(true));
        this.strict = shared(new ServerJudge(false));
    }

    /** The same, which shows that certificate to hosts that ask for one; its sessions are its own. */
    ClientTls showing(PemFile.Pair pair) {
        return new ClientTls(configured, new KeyManager[]{new ClientKeyManager(pair)});
    }

    /** Who vouches for certificates here. */
    public X509ExtendedTrustManager authorities() throws CertificateException {
        return configured == null ? OfJava.authorities() : configured;
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
     * As {@link #handshake(Socket, String, int, CertificateDemand)}.
     *
     * @param mustVerify whether a certificate that isn't good for {@code host} fails the handshake
     */
    public Connection handshake(Socket plain, String host, int port, boolean mustVerify) throws IOException {
        return handshake(plain, host, port, mustVerify ? CertificateDemand.NAMED : CertificateDemand.ANY);
    }

    /**
     * Does a handshake over a connected socket, which is closed with the one returned. Blocks; closing {@code plain} from
     * another thread ends it.
     *
     * @param host   the name for SNI and for the certificate to have, or an address
     * @param demand what the certificate has to be
     * @throws IOException when the handshake failed; {@code plain} is of no use then
     */
    public Connection handshake(Socket plain, String host, int port, CertificateDemand demand) throws IOException {
        SSLContext context = switch (demand) {
            case CertificateDemand.Any _ -> lenient;
            case CertificateDemand.Named _ -> strict;
            case CertificateDemand.Dane dane -> context(new DaneJudge(dane));
        };
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, host, port, true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setProtocols(PROTOCOLS);
        parameters.setEndpointIdentificationAlgorithm(MATCH_NAMES);
        socket.setSSLParameters(parameters);
        Handshake handshake = new Handshake();
        ScopedValue.where(HANDSHAKE, handshake).call(() -> {
            socket.startHandshake();
            return handshake;
        });
        SSLSession session = socket.getSession();
        Verdict verdict = handshake.verdict;
        boolean resumed = verdict == null;
        if (verdict == null) {
            verdict = session.getValue(VERDICT) instanceof Verdict kept ? kept : Verdict.UNKNOWN;
        } else {
            session.putValue(VERDICT, verdict);
        }
        return new Connection(socket, new GuardedInput(socket.getInputStream()), session.getProtocol(),
                session.getCipherSuite(), verdict.problem.isEmpty(), verdict.problem, resumed ? 0 : verdict.octets,
                resumed);
    }

    private SSLContext shared(TrustManager trust) {
        SSLContext context = context(trust);
        context.getClientSessionContext().setSessionCacheSize(MAX_SESSIONS);
        context.getClientSessionContext().setSessionTimeout(SESSION_SECONDS);
        return context;
    }

    private SSLContext context(TrustManager trust) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(identity, new TrustManager[]{trust}, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java has no TLS", e);
        }
    }

    /** Notes what is found for the handshake under way. */
    private static void note(X509Certificate[] chain, @Nullable CertificateException found)
            throws CertificateException {
        int octets = 0;
        for (X509Certificate certificate : chain) {
            octets += certificate.getEncoded().length;
        }
        String problem = found == null ? "" : found.getMessage() == null ? found.toString() : found.getMessage();
        if (HANDSHAKE.isBound()) { // a host that renegotiates does so later
            HANDSHAKE.get().verdict = new Verdict(problem, octets);
        }
    }

    /** Of the server's certificate, by authorities. Thread-safe. */
    private final class ServerJudge extends Authorities.Judge {
        ServerJudge(boolean lenient) {
            super(lenient);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
                throws CertificateException {
            note(chain, judge(() -> authorities().checkServerTrusted(chain, authType, socket)));
        }
    }

    /** Of the server's certificate, by its TLSA records. Thread-safe. */
    private static final class DaneJudge extends Authorities.Judge {
        private final CertificateDemand.Dane demand;

        DaneJudge(CertificateDemand.Dane demand) {
            super(false);
            this.demand = demand;
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
                throws CertificateException {
            note(chain, judge(() -> DaneCheck.check(chain, demand)));
        }
    }
}
