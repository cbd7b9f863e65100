package dev.penstock.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

import dev.penstock.auth.Hashing;
import dev.penstock.auth.PatientAuthenticator;
import dev.penstock.auth.SaslAuthenticator;
import dev.penstock.config.AuthConfig;
import dev.penstock.config.ScramVerifier;
import dev.penstock.config.UserConfig;
import dev.penstock.config.UsersFile;

/** A credentials file with one user, and what that user's client says. Stateless. */
public final class TestUsers {
    public static final String NAME = "alice";
    public static final String PASSWORD = "correct horse";
    public static final String CERTIFICATE_NAME = "client.example";
    public static final String PLAIN = base64("\0alice\0correct horse");
    public static final String WRONG_PLAIN = base64("\0alice\0wrong horse");

    private TestUsers() {}

    public static SaslAuthenticator authenticator(Path directory) {
        try {
            return PatientAuthenticator.open(AuthConfig.DEFAULT.with(AuthConfig.USERS, Optional.of(write(directory))));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @return the file */
    public static Path write(Path directory) throws IOException {
        Path file = directory.resolve("users.toml");
        UsersFile.write(file, List.of(new UserConfig(NAME, Optional.of(Hashing.argon2id(PASSWORD)),
                Optional.of(Hashing.scramSha256(PASSWORD, ScramVerifier.MIN_ITERATIONS)), "acme",
                List.of("example.com"), List.of(CERTIFICATE_NAME), false)));
        return file;
    }

    public static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }
}
