package dev.penstock.auth;

import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.tls.TlsSession;

/** Who may log in, and how. Thread-safe; calls never block. */
public interface Authenticator {
    /** Nobody can log in. */
    Authenticator NONE = new Authenticator() {
        @Override
        public List<String> mechanisms(@Nullable TlsSession tls) {
            return List.of();
        }

        @Override
        public @Nullable Exchange start(String mechanism, @Nullable TlsSession tls, String clientAddress) {
            return null;
        }

        @Override
        public CompletableFuture<Exchange.Step> password(String name, byte[] password, String clientAddress) {
            return CompletableFuture.completedFuture(
                    new Exchange.Step.Failure(Exchange.Reason.CREDENTIALS, "there are no credentials"));
        }

        @Override
        public @Nullable Identity certificate(X509Certificate certificate) {
            return null;
        }
    };

    /**
     * SASL mechanisms to offer, strongest first. Those that reveal a password or a token only with TLS, those with
     * channel binding only where TLS gives one.
     */
    List<String> mechanisms(@Nullable TlsSession tls);

    /**
     * @param mechanism     in any letter case
     * @param clientAddress an IP address, for questions to others; empty when it isn't known
     * @return null for a mechanism that isn't among {@link #mechanisms}
     */
    @Nullable
    Exchange start(String mechanism, @Nullable TlsSession tls, String clientAddress);

    default @Nullable Exchange start(String mechanism, @Nullable TlsSession tls) {
        return start(mechanism, tls, "");
    }

    /**
     * For HTTP's Basic authentication: gives Success or Failure.
     *
     * @param password UTF-8; the caller may change it as soon as this returns
     */
    CompletableFuture<Exchange.Step> password(String name, byte[] password, String clientAddress);

    default CompletableFuture<Exchange.Step> password(String name, byte[] password) {
        return password(name, password, "");
    }

    /**
     * The identity of a name that a trusted proxy vouches for: that user, as after a login here; a name that is no user's
     * stands for itself. Null when nobody may have it: a disabled user's, or one that can't be a name.
     */
    default @Nullable Identity vouched(String name) {
        return new Identity(name, "", List.of());
    }

    /** The identity of a verified client certificate: the user whose certificate names include one of its names. */
    @Nullable
    Identity certificate(X509Certificate certificate);
}
