package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UsersFileTest {
    private static final String ARGON2 = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
            + "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA";
    private static final String BCRYPT = "$2b$10$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
    private static final String KEY = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    private static final String SCRAM = "SCRAM-SHA-256$4096:c2FsdA==$" + KEY + ":" + KEY;

    @TempDir
    Path directory;

    private Path file;

    @BeforeEach
    void name() {
        file = directory.resolve("users.toml");
    }

    @Test
    void whatIsWrittenIsRead() throws IOException {
        List<UserConfig> users = List.of(
                new UserConfig("bulk@example.com", Optional.of(PasswordHash.parse(ARGON2)),
                        Optional.of(ScramVerifier.parse(SCRAM)), "acme", List.of("example.com", ".example.com", "*"),
                        List.of("client.example.com", "spiffe://example.com/A"), true),
                new UserConfig("\"quoted\" \\ \u00fc", Optional.of(PasswordHash.parse(BCRYPT)), Optional.empty(), "",
                        List.of(), List.of(), false),
                new UserConfig("a.b", Optional.empty(), Optional.empty(), "", List.of(), List.of(), false));
        UsersFile.write(file, users);
        assertThat(UsersFile.read(file)).isEqualTo(new UsersFile.Valid(users));
        assertThat(Files.readString(file)).contains(ARGON2, SCRAM);
        assertThat(users.toString()).doesNotContain("AAAA", "BBBB", "CCCC", "QUFB");
    }

    @Test
    void everyErrorIsNamedWithItsPlaceAndWithoutSecrets() throws IOException {
        Files.writeString(file, """
                tenant = "x"
                [bulk.example]
                password = "x"
                ["a"]
                password = "swordfish"
                scram-sha-256 = "SCRAM-SHA-256$1:c2FsdA==$%1$s:%1$s"
                sender-domain = ["x"]
                ["b"]
                password = "$argon2id$v=19$m=99999999,t=2,p=1$AAAA$BBBB"
                sender-domains = ["exa mple.com"]
                disabled = "yes"
                ["c"]
                password = 12345678
                certificate-names = ["C.example", ""]
                ["d"]
                password = "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
                certificate-names = ["c.example"]
                ["\u00adD"]
                ["D"]
                [""]
                ["e"]
                password = "$argon2id$v=19$m=131072,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$BBBBBBBBBBBBBBBBBBBBBB"
                """.formatted(KEY));
        assertThat(errors()).containsExactly(
                ":1:1: tenant: keys belong into a user's table, written [\"name\"]",
                ":2:1: bulk: a name with a dot needs quotes here: [\"bulk.example\"]",
                ":5:1: a.password: expected a hash, $argon2id$… or $2b$…; penstock user writes one",
                ":6:1: a.scram-sha-256: 1 iterations are out of range; allowed: 4096 to 10000000",
                ":7:1: a.sender-domain: unknown key; did you mean sender-domains?",
                ":9:1: b.password: expected an Argon2id hash like $argon2id$v=19$m=19456,t=2,p=1$salt$hash",
                ":10:19: b.sender-domains[0]: \"exa mple.com\": expected a domain name like example.com: labels of 1 to "
                        + "63 letters, digits and hyphens",
                ":11:1: b.disabled: expected true or false, found a text",
                ":13:1: c.password: expected a hash in quotes",
                ":14:35: c.certificate-names[1]: \"\": expected a DNS name, an e-mail address, a URI or a common name",
                ":16:1: d.password: the cost is 31, out of range; allowed: 4 to 14",
                ":17:1: d.certificate-names: \"c.example\" belongs to the user \"c\" already",
                ":19:1: D: there is a user of this name in another spelling already",
                ":20:1: \"\": a user's name has 1 to 255 octets of UTF-8, without control characters and others that "
                        + "RFC 4013 excludes",
                ":22:1: e.password: m is 131072, out of range; allowed: 8 to 65536");
    }

    @Test
    void aNewFileIsItsOwnersOnly() throws IOException {
        UsersFile.write(file, List.of());
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------");
    }

    @Test
    void anExistingFileKeepsItsGroupsRightToReadButNotThatOfOthers() throws IOException {
        Files.createFile(file);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-r--"));
        UsersFile.write(file, List.of());
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-r-----");
    }

    @Test
    void aSymbolicLinkStaysOneAndNothingIsLeftBeside() throws IOException {
        Path real = Files.createDirectory(directory.resolve("real")).resolve("users.toml");
        UsersFile.write(real, List.of());
        Files.createSymbolicLink(file, real);
        UsersFile.write(file, List.of(plain("a")));
        assertThat(file).isSymbolicLink();
        assertThat(UsersFile.read(real)).isEqualTo(new UsersFile.Valid(List.of(plain("a"))));
        try (var files = Files.list(real.getParent())) {
            assertThat(files).containsExactly(real);
        }
    }

    @Test
    void aReaderSeesTheOldContentsOrTheNewOnes() throws InterruptedException, IOException {
        List<UserConfig> few = List.of(plain("a"));
        List<UserConfig> many = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            many.add(plain("user" + i));
        }
        UsersFile.write(file, few);
        AtomicBoolean done = new AtomicBoolean();
        List<UsersFile.Result> others = new ArrayList<>();
        Thread reader = Thread.startVirtualThread(() -> {
            while (!done.get()) {
                UsersFile.Result seen = UsersFile.read(file);
                if (!seen.equals(new UsersFile.Valid(few)) && !seen.equals(new UsersFile.Valid(many))) {
                    others.add(seen);
                }
            }
        });
        for (int i = 0; i < 100; i++) {
            UsersFile.write(file, i % 2 == 0 ? many : few);
        }
        done.set(true);
        reader.join();
        assertThat(others).isEmpty();
    }

    @Test
    void aFileWithAnErrorIsNotChanged() throws IOException {
        Files.writeString(file, "[a]\nx = 1\n");
        assertThat(UsersFile.change(file, _ -> List.of(plain("b")))).isInstanceOf(UsersFile.Invalid.class);
        assertThat(Files.readString(file)).isEqualTo("[a]\nx = 1\n");
    }

    @Test
    void theConfigurationNamesTheFileThoughItIsNotThereYet() throws IOException {
        Path config = Files.writeString(directory.resolve("penstock.toml"), "auth.users = '" + file + "'");
        assertThat(UsersFile.namedBy(config)).contains(file);
        assertThat(UsersFile.change(file, _ -> List.of(plain("a"))))
                .isEqualTo(new UsersFile.Valid(List.of(plain("a"))));
        assertThat(UsersFile.read(file)).isEqualTo(new UsersFile.Valid(List.of(plain("a"))));
    }

    private static UserConfig plain(String name) {
        return new UserConfig(name, Optional.of(PasswordHash.parse(ARGON2)), Optional.empty(), "", List.of(), List.of(),
                false);
    }

    private List<String> errors() {
        return ((UsersFile.Invalid) UsersFile.read(file)).problems().stream()
                .map(problem -> problem.toString().replace(file.toString(), "")).toList();
    }
}
