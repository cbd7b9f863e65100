package dev.penstock;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.GatewayConfig;

/** What goes into packages besides the programs. That they install and run, gateway/packaging/test sees, in a Debian of its own. */
class PackagingTest {
    private static final Path PACKAGING = Path.of("packaging");
    private static final Path CONFIG = Path.of("..", "config");

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"etc/penstock.toml", "container/penstock.toml"})
    void theConfigurationThatIsInstalledHasNoErrorAndKeepsAllInTheServicesDirectories(String name) throws IOException {
        Path shaping = Files.copy(CONFIG.resolve("shaping-providers.toml"), directory.resolve("shaping.toml"));
        Path authorities = Files.writeString(directory.resolve("authorities.pem"), "-----BEGIN CERTIFICATE-----");
        String text = Files.readString(PACKAGING.resolve(name));
        assertThat(text).contains("/etc/penstock/shaping.toml", "/etc/ssl/certs/ca-certificates.crt");
        Path file = Files.writeString(directory.resolve("penstock.toml"),
                text.replace("/etc/penstock/shaping.toml", shaping.toString())
                        .replace("/etc/ssl/certs/ca-certificates.crt", authorities.toString()));

        switch (ConfigReader.read(file)) {
            case Invalid(var problems) -> assertThat(problems).isEmpty();
            case Valid valid -> {
                assertThat(valid.warnings()).isEmpty();
                GatewayConfig config = valid.config();
                assertThat(List.of(config.spool().directory(), config.injection().directory(),
                        config.tlsReports().directory(), config.history().directory()))
                        .allMatch(path -> path.startsWith("/var/lib/penstock"));
                assertThat(config.events().directory()).isEqualTo(Path.of("/var/log/penstock"));
                assertThat(config.inbound().relayNetworks())
                        .allMatch(network -> network.matches("127\\.0\\.0\\.0/8|::1/128"));
            }
        }
    }

    @Test
    void theUnitOfAnInstanceDiffersFromTheOtherInItsNamesAlone() throws IOException {
        List<String> unit = directives("penstock.service");
        List<String> instance = directives("penstock@.service");

        assertThat(instance.stream()
                .filter(line -> !line.equals("EnvironmentFile=-/etc/default/penstock-%i"))
                .map(line -> line.replace("penstock-%i", "penstock").replace("/etc/penstock/%i/", "/etc/penstock/")
                        .replace(" %i", "")))
                .containsExactlyElementsOf(unit);
    }

    @Test
    void theUnitStartsWhatTheLauncherKnowsAndGivesUpWhereARestartHelpsNothing() throws IOException {
        List<String> unit = directives("penstock.service");

        assertThat(unit).contains("Type=notify", "ExecStart=/usr/bin/penstock run --config /etc/penstock/penstock.toml",
                "RestartPreventExitStatus=64 66 73 77 78");
        assertThat(Files.readString(Path.of("docs", "deploying.md"))).contains("exit codes 64, 66, 73, 77, 78");
    }

    @Test
    void everyModuleThatIsAddedIsOneOfTheJdksAndHasAReason() throws IOException {
        Set<String> known = ModuleFinder.ofSystem().findAll().stream().map(module -> module.descriptor().name())
                .collect(Collectors.toSet());
        List<String> lines = Files.readAllLines(PACKAGING.resolve("modules.txt")).stream()
                .filter(line -> !line.startsWith("#")).toList();

        assertThat(lines).isNotEmpty().isSorted().allMatch(line -> line.matches("[a-z0-9.]+ +# .{10,}"));
        assertThat(known).containsAll(lines.stream().map(line -> line.split(" ", 2)[0]).toList());
    }

    @Test
    void everyFileOfTheOperatorsIsAConffile() throws IOException {
        assertThat(Files.readAllLines(PACKAGING.resolve("debian/conffiles"))).containsExactlyInAnyOrder(
                "/etc/default/penstock", "/etc/penstock/penstock.toml", "/etc/penstock/shaping.toml");
        assertThat(Files.readString(PACKAGING.resolve("build")))
                .contains("$dir/etc/default/penstock\"", "$dir/etc/penstock/penstock.toml\"",
                        "$dir/etc/penstock/shaping.toml\"");
    }

    @Test
    void theScriptsAreSoundShell() throws Exception {
        for (String script : List.of("debian/postinst", "debian/prerm", "debian/postrm")) {
            assertThat(complaints("sh", script)).isEmpty();
        }
        for (String script : List.of("build", "test", "../../penstock")) {
            assertThat(complaints("bash", script)).isEmpty();
        }
    }

    private static String complaints(String shell, String script) throws IOException {
        Process process = new ProcessBuilder(shell, "-n", PACKAGING.resolve(script).toString())
                .redirectErrorStream(true)
                .start();
        return new String(process.getInputStream().readAllBytes(), UTF_8);
    }

    private static List<String> directives(String unit) throws IOException {
        try (Stream<String> lines = Files.lines(PACKAGING.resolve("systemd").resolve(unit))) {
            return lines.filter(line -> !line.isBlank() && !line.startsWith("#")).toList();
        }
    }
}
