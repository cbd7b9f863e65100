package dev.penstock.auth;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.Objects;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.AuthConfig;
import dev.penstock.config.ClientLimits;

/** Salts of names that nobody has, over restarts. */
class SaltKeyTest {
    @TempDir
    Path directory;

    @Test
    void theSaltOfAnUnknownNameStaysTheSameOverARestart() throws IOException {
        AuthConfig config = users();
        Path spool = Files.createDirectory(directory.resolve("spool"));
        String bob = salt(config, spool, "bob");
        assertThat(salt(config, spool, "bob")).isEqualTo(bob);
        assertThat(salt(config, spool, "carol")).isNotEqualTo(bob);
        Path file = spool.resolve("scram-salt.key");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------");
        assertThat(file).content(StandardCharsets.US_ASCII).matches("[0-9a-f]{64}\n");
        assertThat(spool).isDirectoryNotContaining("glob:**.tmp");
        Files.delete(file);
        assertThat(salt(config, spool, "bob")).as("of another secret").isNotEqualTo(bob);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "00", "x", "0123456789abcdef"})
    void aFileThatHoldsNoSecretIsLeftAloneAndTheSaltsPass(String content) throws IOException {
        AuthConfig config = users();
        Path file = Files.writeString(directory.resolve("scram-salt.key"), content);
        assertThat(salt(config, directory, "bob")).isNotEqualTo(salt(config, directory, "bob"));
        assertThat(file).hasContent(content);
    }

    @Test
    void whereNothingCanBeWrittenTheSaltsPass() throws IOException {
        AuthConfig config = users();
        Path missing = directory.resolve("missing");
        assertThat(salt(config, missing, "bob")).isNotEqualTo(salt(config, missing, "bob"));
    }

    @Test
    void whatACrashLeftHalfWrittenIsMadeAnew() throws IOException {
        Files.writeString(directory.resolve("scram-salt.key.tmp"), "01");
        AuthConfig config = users();
        assertThat(salt(config, directory, "bob")).isEqualTo(salt(config, directory, "bob"));
    }

    @Test
    void nothingIsKeptWhereThereAreNoUsers() throws IOException {
        SaslAuthenticator.open(AuthConfig.DEFAULT, ClientLimits.DEFAULT, directory).close();
        assertThat(directory).isEmptyDirectory();
    }

    private AuthConfig users() throws IOException {
        return Users.file(directory.resolve("users.toml"), Users.user("alice", "a"));
    }

    private static String salt(AuthConfig config, Path spool, String name) throws IOException {
        try (SaslAuthenticator authenticator = SaslAuthenticator.open(config, ClientLimits.DEFAULT, spool)) {
            Exchange exchange = Objects.requireNonNull(authenticator.start("SCRAM-SHA-256", null));
            Exchange.Step step = SaslAuthenticatorTest
                    .step(exchange.respond(("n,,n=" + name + ",r=abc").getBytes(StandardCharsets.UTF_8)));
            String first = new String(Base64.getDecoder().decode(((Exchange.Step.Challenge) step).base64()),
                    StandardCharsets.UTF_8);
            return first.substring(first.indexOf(",s="), first.indexOf(",i="));
        }
    }
}
