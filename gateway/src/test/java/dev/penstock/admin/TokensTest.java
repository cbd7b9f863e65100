package dev.penstock.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.ManualClock;

class TokensTest {
    private static final InetAddress OURS = InetAddress.ofLiteral("10.1.2.3");
    private static final InetAddress OTHERS = InetAddress.ofLiteral("192.0.2.9");

    private final ManualClock clock = new ManualClock();

    @TempDir
    Path directory;
    Path file;

    @BeforeEach
    void name() {
        file = directory.resolve(Tokens.FILE);
    }

    @Test
    void aTokenIsItsHoldersOverARestart() throws IOException {
        Tokens.Made made = open().create("grafana", Role.READ, List.of(), null, "anna");
        assertThat(open().find(made.token(), OTHERS)).isEqualTo(new Tokens.Found.Holder(made.view()));
        assertThat(made.view().createdBy()).isEqualTo("anna");
    }

    @Test
    void nothingInTheFileIsAToken() throws IOException {
        Tokens.Made made = open().create("grafana", Role.READ, List.of(), null, "anna");
        String kept = Files.readString(file);
        String secret = made.token().substring(made.token().lastIndexOf(made.view().id()) + 9);
        assertThat(kept).contains("grafana", made.view().id()).doesNotContain(secret);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------");
    }

    @Test
    void everyOctetOfATokenCounts() throws IOException {
        Tokens tokens = open();
        String right = tokens.create("grafana", Role.CONFIGURE, List.of(), null, "anna").token();
        for (int i = 0; i < right.length(); i++) {
            char other = right.charAt(i) == 'x' ? 'y' : 'x';
            assertThat(tokens.find(right.substring(0, i) + other + right.substring(i + 1), OURS)).as("octet %s", i)
                    .isInstanceOf(Tokens.Found.Nobody.class);
            assertThat(tokens.find(right.substring(0, i), OURS)).isInstanceOf(Tokens.Found.Nobody.class);
        }
        assertThat(tokens.find(right + "x", OURS)).isInstanceOf(Tokens.Found.Nobody.class);
        assertThat(tokens.find(right, OURS)).isInstanceOf(Tokens.Found.Holder.class);
    }

    @Test
    void aTokenExpires() throws IOException {
        Tokens tokens = open();
        String token = tokens.create("deploy", Role.OPERATE, List.of(), clock.instant().plusSeconds(60), "anna")
                .token();
        clock.advance(Duration.ofSeconds(59));
        assertThat(tokens.find(token, OURS)).isInstanceOf(Tokens.Found.Holder.class);
        clock.advance(Duration.ofSeconds(1));
        assertThat(tokens.find(token, OURS)).isEqualTo(new Tokens.Found.Nobody("token deploy has expired"));
    }

    @Test
    void aTokenIsTakenFromItsNetworksOnly() throws IOException {
        Tokens tokens = open();
        String token = tokens.create("deploy", Role.OPERATE, List.of("10.0.0.0/8"), null, "anna").token();
        assertThat(tokens.find(token, OURS)).isInstanceOf(Tokens.Found.Holder.class);
        assertThat(tokens.find(token, OTHERS))
                .isEqualTo(new Tokens.Found.Nobody("token deploy isn't for this address"));
    }

    @Test
    void aRevokedTokenIsTakenNoMore() throws IOException {
        Tokens tokens = open();
        Tokens.Made one = tokens.create("one", Role.READ, List.of(), null, "anna");
        Tokens.Made other = tokens.create("other", Role.READ, List.of(), null, "anna");
        assertThat(tokens.revoke(one.view().id())).isEqualTo(one.view());
        assertThat(tokens.revoke(one.view().id())).isNull();
        for (Tokens each : List.of(tokens, open())) {
            assertThat(each.find(one.token(), OURS)).isInstanceOf(Tokens.Found.Nobody.class);
            assertThat(each.find(other.token(), OURS)).isInstanceOf(Tokens.Found.Holder.class);
            assertThat(each.list()).containsExactly(other.view());
        }
    }

    @Test
    void aFileThatCantBeReadLetsNobodyInAndIsntWrittenOver() throws IOException {
        Files.writeString(file, "{\"tokens\":[{\"view\":");
        Tokens tokens = open();
        assertThat(tokens.list()).isEmpty();
        assertThatThrownBy(() -> tokens.create("one", Role.READ, List.of(), null, "anna"))
                .isInstanceOf(IOException.class).hasMessageContaining(file + " can't be read");
        assertThat(Files.readString(file)).isEqualTo("{\"tokens\":[{\"view\":");
    }

    private Tokens open() {
        return Tokens.open(file, clock);
    }
}
