package dev.penstock.auth;

import java.io.IOException;

import dev.penstock.config.AuthConfig;
import dev.penstock.testing.Patience;

/** An authenticator whose checks of passwords wait for a thread as long as tests have patience. Stateless. */
public final class PatientAuthenticator {
    private PatientAuthenticator() {}

    /** As {@link SaslAuthenticator#open(AuthConfig)}. */
    public static SaslAuthenticator open(AuthConfig config) throws IOException {
        return new SaslAuthenticator(config, ChannelBinding.OF_TLS, new PasswordChecker(PasswordChecker.THREADS,
                PasswordChecker.MAX_WAITING, Patience.LONG, Hashing::matches));
    }
}
