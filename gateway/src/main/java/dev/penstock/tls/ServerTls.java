package dev.penstock.tls;

import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import javax.net.ssl.SNIMatcher;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.StandardConstants;
import javax.net.ssl.TrustManager;

import io.netty.handler.ssl.SslHandler;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.ListenerTls;
import dev.penstock.units.CertificateFileException;
import dev.penstock.units.RestingFiles;

/**
 * The server's end of TLS for one listener: its certificates as they are now, and a handler for each connection.
 * Thread-safe.
 *
 * <p>TLS 1.2 and 1.3 only, with forward secrecy and authenticated encryption only; see {@code docs/tls.md}. Connections
 * keep what they began with; those that begin after {@link #refresh} get the new certificates, and none of them resumes a
 * session from before.
 */
public final class ServerTls {
    /** From the handler's arrival in the pipeline to the end of the handshake; the connection is closed then. */
    public static final Duration HANDSHAKE_TIMEOUT = Duration.ofSeconds(30);

    private static final Logger log = LoggerFactory.getLogger(ServerTls.class);
    private static final String TLS_1_3 = "TLSv1.3";
    private static final String TLS_1_2 = "TLSv1.2";
    /** By our order, not the client's. AES-128 first: no weaker in practice, and cheaper. */
    private static final List<String> CIPHERS = List.of("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
            "TLS_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
    /**
     * Takes every name. Without one JSSE doesn't compare a session's name with the one asked for, and would resume a
     * session for another name, with its certificate (RFC 6066 3 forbids it).
     */
    private static final SNIMatcher ANY_NAME = new SNIMatcher(StandardConstants.SNI_HOST_NAME) {
        @Override
        public boolean matches(SNIServerName name) {
            return true;
        }
    };
    private static final String[] GROUPS = {"x25519", "secp256r1", "secp384r1"};
    /** Sessions kept for clients of TLS 1.2 that take no tickets; with tickets the clients keep theirs. */
    private static final int MAX_SESSIONS = 4_096;
    /** Likewise where clients may show certificates, of which any stranger sends a chain of 32 KB. */
    private static final int MAX_SESSIONS_WITH_CERTIFICATES = 256;
    private static final Duration SESSION_LIFETIME = Duration.ofHours(1);

    static {
        // read once by JSSE, before its first handshake as a server; TLS 1.3 has no renegotiation
        if (System.getProperty("jdk.tls.rejectClientInitiatedRenegotiation") == null) {
            System.setProperty("jdk.tls.rejectClientInitiatedRenegotiation", "true");
        }
        KeyDerivations.countFromNowOn();
    }

    private final ListenerTls config;
    private final Handshakes handshakes;
    private final TlsCounters counters;
    private volatile Current current;
    /** Guarded by this; one for each certificate, then the client authorities'. */
    private final List<Watched> watched = new ArrayList<>();

    private record Current(SSLContext context, List<ServerCertificate> certificates,
            @Nullable ClientCertificates clients) {}

    /** Files that are used together, as they were when they were last read, and what was wrong with them since. */
    private static final class Watched {
        final RestingFiles files;
        String problem = "";

        Watched(Path... files) {
            this.files = new RestingFiles(files);
            this.files.take();
        }

        Path first() {
            return files.files().getFirst();
        }
    }

    /**
     * Reads all files.
     *
     * @param config     with one certificate at least, and an authority when clients are asked for theirs
     * @param handshakes shared by all listeners
     * @throws CertificateFileException for the first file that can't be used
     */
    public ServerTls(ListenerTls config, Handshakes handshakes) {
        this(config, handshakes, new TlsCounters());
    }

    /** @param counters that go on when another configuration takes this one's place */
    ServerTls(ListenerTls config, Handshakes handshakes, TlsCounters counters) {
        this.config = config;
        this.handshakes = handshakes;
        this.counters = counters;
        if (config.certificates().isEmpty()) {
            throw new IllegalArgumentException("TLS needs a certificate");
        }
        List<ServerCertificate> certificates = new ArrayList<>();
        for (ListenerTls.Certificate files : config.certificates()) {
            Watched pair = new Watched(files.chain(), files.key());
            watched.add(pair);
            certificates.add(ServerCertificate.read(files));
        }
        ClientCertificates clients = null;
        if (config.clientCertificates() != ListenerTls.ClientCertificates.NONE) {
            Path file = config.clientCa().orElseThrow(
                    () -> new IllegalArgumentException("client certificates need a client-ca to be checked against"));
            Watched authority = new Watched(file);
            watched.add(authority);
            clients = ClientCertificates.read(file);
        }
        current = current(certificates, clients);
        certificates.forEach(ServerTls::warnWhenExpired);
    }

    /**
     * Reads what has changed since it was last read, and stood as it is at the last call too, so that files which are being
     * written are left alone. A certificate and its key are taken together when both are good; until then the pair from
     * before stays, which is logged and counted once for each thing that is wrong. To be called often: it costs a look at
     * each file's attributes.
     *
     * @return whether new connections now get something else than before
     */
    public boolean refresh() {
        return refresh(RestingFiles::look);
    }

    /** As {@link #refresh}, but waits a moment for the second look at what has changed. For who was told of a change. */
    public boolean refreshNow() {
        return refresh(RestingFiles::lookNow);
    }

    private synchronized boolean refresh(Function<RestingFiles, RestingFiles.State> look) {
        List<ServerCertificate> certificates = new ArrayList<>(current.certificates);
        ClientCertificates clients = current.clients;
        boolean changed = false;
        for (int i = 0; i < watched.size(); i++) {
            Watched files = watched.get(i);
            RestingFiles.State state = look.apply(files.files);
            if (state == RestingFiles.State.MOVING
                    || state == RestingFiles.State.TAKEN && files.problem.isEmpty()) {
                continue;
            }
            try {
                ServerCertificate certificate = null;
                ClientCertificates authorities = null;
                if (i < certificates.size()) {
                    certificate = ServerCertificate.read(config.certificates().get(i));
                } else {
                    authorities = ClientCertificates.read(files.first());
                }
                if (!files.files.areStill()) {
                    continue; // what was read may be of two pairs
                }
                if (certificate != null) {
                    certificates.set(i, certificate);
                    log.info("event=certificate-reloaded file={} names={} expires={}", files.first(),
                            certificate.names(), certificate.leaf().getNotAfter().toInstant());
                    warnWhenExpired(certificate);
                } else {
                    clients = authorities;
                    log.info("event=client-ca-reloaded file={}", files.first());
                }
                files.problem = "";
                files.files.take();
                counters.reloads.increment();
                changed = true;
            } catch (CertificateFileException e) {
                if (!e.getMessage().equals(files.problem)) {
                    counters.failedReloads.increment();
                    log.error("event=certificate-reload-failed why={} effect=\"the one from before stays\"",
                            e.getMessage());
                }
                files.problem = e.getMessage();
            }
        }
        if (changed) {
            current = current(certificates, clients);
        }
        return changed;
    }

    private Current current(List<ServerCertificate> certificates, @Nullable ClientCertificates clients) {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            TrustManager[] trust = clients == null
                    ? new TrustManager[0]
                    : new TrustManager[]{clients.trustManager(
                            config.clientCertificates() == ListenerTls.ClientCertificates.REQUESTED)};
            context.init(new SniKeyManager[]{new SniKeyManager(certificates)}, trust, null);
            context.getServerSessionContext().setSessionCacheSize(
                    clients == null ? MAX_SESSIONS : MAX_SESSIONS_WITH_CERTIFICATES);
            context.getServerSessionContext().setSessionTimeout((int) SESSION_LIFETIME.toSeconds());
            return new Current(context, List.copyOf(certificates), clients);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java has no TLS", e);
        }
    }

    private static void warnWhenExpired(ServerCertificate certificate) {
        if (certificate.leaf().getNotAfter().toInstant().isBefore(Instant.now())) {
            log.warn("event=certificate-expired names={} since={}", certificate.names(),
                    certificate.leaf().getNotAfter().toInstant());
        }
    }

    /**
     * A handler to stand first in a connection's pipeline: from the start for implicit TLS; for STARTTLS to be added, on the
     * event loop, in the same task that wrote and flushed the 220 in clear, once everything received before has been
     * dropped. The handshake begins with the client's first octets, and its arithmetic runs on {@link Handshakes}.
     * {@link SslHandler#handshakeFuture()} tells the end; after a failure Netty has sent the alert and closes the
     * connection. A handler serves one connection.
     */
    public SslHandler newHandler() {
        SSLEngine engine = current.context.createSSLEngine();
        engine.setUseClientMode(false);
        SSLParameters parameters = engine.getSSLParameters();
        parameters.setProtocols(config.minProtocol().equals(TLS_1_3)
                ? new String[]{TLS_1_3}
                : new String[]{TLS_1_3, TLS_1_2});
        parameters.setCipherSuites(CIPHERS.toArray(String[]::new));
        parameters.setUseCipherSuitesOrder(true);
        parameters.setNamedGroups(GROUPS);
        parameters.setSNIMatchers(List.of(ANY_NAME));
        switch (config.clientCertificates()) {
            case NONE -> parameters.setWantClientAuth(false);
            case REQUESTED -> parameters.setWantClientAuth(true);
            case REQUIRED -> parameters.setNeedClientAuth(true);
        }
        engine.setSSLParameters(parameters);
        GuardedSslHandler handler = new GuardedSslHandler(engine, handshakes, counters);
        handler.setHandshakeTimeout(HANDSHAKE_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
        handler.handshakeFuture().addListener(future -> {
            if (future.isSuccess()) {
                handler.done();
            } else {
                counters.failedHandshakes.increment();
            }
        });
        return handler;
    }

    /** Whether the client has begun a handshake, or whatever it took for one: a mere connection is none. */
    public static boolean hasHeard(SslHandler handler) {
        return handler instanceof GuardedSslHandler guarded && guarded.hasHeard();
    }

    /**
     * What a handshake came to, to be asked after it succeeded. The client's certificate is there only when it is good by
     * the authorities of {@code client-ca}; when clients are merely asked for one, another is as none.
     *
     * @param handler from {@link #newHandler()}
     */
    public TlsSession session(SslHandler handler) {
        SSLSession session = handler.engine().getSession();
        return new TlsSession(session.getProtocol(), session.getCipherSuite(), SniKeyManager.serverName(session),
                verifiedClient(session), session);
    }

    private @Nullable X509Certificate verifiedClient(SSLSession session) {
        ClientCertificates clients = current.clients;
        if (clients == null) {
            return null;
        }
        try {
            Certificate[] chain = session.getPeerCertificates();
            X509Certificate[] certificates = Arrays.copyOf(chain, chain.length, X509Certificate[].class);
            return clients.verified(session, certificates) ? certificates[0] : null;
        } catch (SSLPeerUnverifiedException _) {
            return null; // none was sent
        }
    }

    /** When the certificate that expires first does. */
    public Instant notAfter() {
        return current.certificates.stream().map(certificate -> certificate.leaf().getNotAfter().toInstant())
                .min(Instant::compareTo).orElseThrow();
    }

    public TlsStats stats() {
        return counters.snapshot();
    }
}
