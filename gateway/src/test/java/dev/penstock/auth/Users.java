package dev.penstock.auth;

import java.io.IOException;
import java.nio.file.Path;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;

import dev.penstock.config.AuthConfig;
import dev.penstock.config.ScramVerifier;
import dev.penstock.config.UserConfig;
import dev.penstock.config.UsersFile;
import dev.penstock.tls.TlsSession;

/** Users and sessions for tests. */
final class Users {
    static final TlsSession TLS = new TlsSession("TLSv1.3", "TLS_AES_256_GCM_SHA384", "", null, noSession());

    private Users() {}

    private static javax.net.ssl.SSLSession noSession() {
        try {
            return SSLContext.getDefault().createSSLEngine().getSession();
        } catch (NoSuchAlgorithmException e) {
            throw new LinkageError("no default TLS", e);
        }
    }

    /** With both kinds of hash. */
    static UserConfig user(String name, String password) {
        return new UserConfig(name, Optional.of(Hashing.argon2id(password)),
                Optional.of(Hashing.scramSha256(password, ScramVerifier.MIN_ITERATIONS)), "acme",
                List.of("example.com"), List.of(), false);
    }

    static UserConfig disabled(UserConfig user) {
        return new UserConfig(user.name(), user.password(), user.scramSha256(), user.tenant(), user.senderDomains(),
                user.certificateNames(), true);
    }

    static UserConfig withCertificateNames(UserConfig user, String... names) {
        return new UserConfig(user.name(), user.password(), user.scramSha256(), user.tenant(), user.senderDomains(),
                List.of(names), user.disabled());
    }

    static AuthConfig file(Path file, UserConfig... users) throws IOException {
        UsersFile.write(file, List.of(users));
        return AuthConfig.DEFAULT.with(AuthConfig.USERS, Optional.of(file));
    }
}
