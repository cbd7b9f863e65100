package dev.penstock.testing;

import java.security.cert.X509Certificate;
import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.Exchange;
import dev.penstock.auth.Identity;
import dev.penstock.tls.TlsSession;

/** Nobody may log in, but for what a test makes otherwise. Stateless. */
public class NoUsers implements Authenticator {
    @Override
    public List<String> mechanisms(@Nullable TlsSession tls) {
        return NONE.mechanisms(tls);
    }

    @Override
    public @Nullable Exchange start(String mechanism, @Nullable TlsSession tls, String clientAddress) {
        return NONE.start(mechanism, tls, clientAddress);
    }

    @Override
    public CompletableFuture<Exchange.Step> password(String name, byte[] password, String clientAddress) {
        return NONE.password(name, password, clientAddress);
    }

    @Override
    public @Nullable Identity certificate(X509Certificate certificate) {
        return NONE.certificate(certificate);
    }
}
