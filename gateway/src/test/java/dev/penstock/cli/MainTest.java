package dev.penstock.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchException;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.auth.SaslAuthenticator;
import dev.penstock.config.AuthConfig;
import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigSchema;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerTls;
import dev.penstock.config.PolicyConfig;
import dev.penstock.policy.PolicyEngine;
import dev.penstock.policy.RecipientDirectory;
import dev.penstock.spool.SpoolException;
import dev.penstock.tls.TlsListeners;

class MainTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final FakeSignals signals = new FakeSignals();
    private final FakeGateway gateway = new FakeGateway();

    @TempDir
    Path directory;

    @Test
    void runsOnDefaultsAndSaysWhereItListensAndWhatToTry() {
        assertThat(penstock("run")).isEqualTo(ExitCode.OK);
        assertThat(gateway.started).isEqualTo(GatewayConfig.embedded(ConfigReader.systemHostname()));
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("127.0.0.1:2599", "[0:0:0:0:0:0:0:1]:2600",
                "http://127.0.0.1:8099/metrics", "swaks --server 127.0.0.1:2599", "./penstock load",
                "./penstock console", "./penstock top");
        assertThat(gateway.closed).isTrue();
    }

    @Test
    void theLauncherKnowsEveryCommand() throws IOException {
        penstock("--help");
        List<String> commands = out.toString(StandardCharsets.UTF_8).lines()
                .dropWhile(line -> !line.equals("Commands:"))
                .skip(1).filter(line -> line.matches(" {2}\\S.*")).map(line -> line.strip().split("\\s+", 2)[0])
                .toList();
        assertThat(commands).contains("run", "preflight", "version");
        String launched = Files.readAllLines(Path.of("..", "penstock")).stream()
                .filter(line -> line.contains("main=dev.penstock.cli.Main")).findFirst().orElseThrow();
        assertThat(launched.strip().replaceAll("\\).*", "").split(" \\| ", -1))
                .containsExactlyInAnyOrderElementsOf(commands);
    }

    @Test
    void saysWhoMaySendAndWhatElseItIsThere() throws IOException {
        Path chain = Files.writeString(directory.resolve("mx.pem"), "-----BEGIN CERTIFICATE-----");
        Path key = Files.writeString(directory.resolve("mx.key"), "-----BEGIN PRIVATE KEY-----");
        Path users = Files.writeString(directory.resolve("users.toml"), "[ann]\n");
        Path file = Files.writeString(directory.resolve("good.toml"), spool() + """
                [[listener]]
                name = "mx"
                addresses = ["127.0.0.1:2525"]
                [[listener.certificate]]
                chain = "%s"
                key = "%s"
                [inbound]
                relay-networks = ["192.0.2.0/24"]
                [auth]
                users = "%s"
                [[policy.relay]]
                action = "refuse"
                [local."example.com"]
                lmtp = ["unix:/run/lmtp"]
                """.formatted(chain, key, users));
        assertThat(penstock("run", "--config", file.toString())).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8).lines()).contains("  TLS     mx offered",
                "  local   example.com", "  inject  http://127.0.0.1:8026/api/inject/v1")
                .anyMatch(line -> line
                        .endsWith("relaying for 192.0.2.0/24, users who log in; relay rules come first"));
    }

    @Test
    void termStopsCleanly() {
        gateway.whileRunning = () -> {
            signals.raise("TERM");
            assertThat(gateway.closed).isTrue();
        };
        assertThat(penstock("run")).isEqualTo(ExitCode.OK);
    }

    @Test
    void badConfigurationNamesEveryErrorAndStartsNothing() throws IOException {
        Path file = Files.writeString(directory.resolve("bad.toml"), """
                [inbound]
                max-sessions = 0
                [htttp]
                """);
        assertThat(penstock("run", "--config", file.toString())).isEqualTo(ExitCode.CONFIG);
        assertThat(gateway.started).isNull();
        assertThat(err.toString(StandardCharsets.UTF_8)).isEqualTo("""
                %1$s:2:1: inbound.max-sessions: 0 is out of range; allowed: 1 to 1000000
                %1$s:3:1: htttp: unknown key; did you mean http?
                penstock: not started: 2 errors in the configuration
                """.formatted(file));
    }

    @Test
    void hangupAppliesAChangedFile() throws IOException {
        Path file = Files.writeString(directory.resolve("good.toml"), spool() + "inbound.max-sessions = 5");
        gateway.whileRunning = () -> {
            write(file, spool() + "inbound.max-sessions = 6");
            signals.raise("HUP");
        };
        assertThat(penstock("run", "-c", file.toString())).isEqualTo(ExitCode.OK);
        assertThat(gateway.reloads).extracting(config -> config.inbound().maxSessions()).containsExactly(6);
    }

    @Test
    void hangupWithAWrongFileOrAChangeThatNeedsARestartChangesNothing() throws IOException {
        Path file = Files.writeString(directory.resolve("good.toml"), spool());
        gateway.whileRunning = () -> {
            write(file, spool() + "inbound.max-sessions = 6\ninbound.max-recipients = 0");
            signals.raise("HUP");
            write(file, spool() + "inbound.max-sessions = 6\nhttp.port = 1");
            signals.raise("HUP");
            write(file, spool() + "inbound.max-sessions = 7");
            signals.raise("HUP");
        };
        assertThat(penstock("run", "-c", file.toString())).isEqualTo(ExitCode.OK);
        assertThat(gateway.reloads).extracting(config -> config.inbound().maxSessions()).containsExactly(7);
    }

    @Test
    void hangupWithAFileThatHasNothingInItChangesNothing() throws IOException {
        Path file = Files.writeString(directory.resolve("good.toml"), spool() + "inbound.max-sessions = 5");
        gateway.whileRunning = () -> {
            write(file, "");
            signals.raise("HUP");
        };
        assertThat(penstock("run", "-c", file.toString())).isEqualTo(ExitCode.OK);
        assertThat(gateway.reloads).isEmpty();
    }

    @Test
    void hangupReopensTheDeliveryLogWhateverBecomesOfTheFile() throws IOException {
        Path file = Files.writeString(directory.resolve("good.toml"), spool());
        gateway.whileRunning = () -> {
            signals.raise("HUP");
            write(file, spool() + "no.such = 1");
            signals.raise("HUP");
        };
        assertThat(penstock("run", "-c", file.toString())).isEqualTo(ExitCode.OK);
        gateway.whileRunning = () -> signals.raise("HUP");
        assertThat(penstock("run")).isEqualTo(ExitCode.OK);
        assertThat(gateway.reopened).isEqualTo(3);
    }

    @Test
    void filesThatTheConfigurationNamesAndThatCanNotBeUsedAreErrorsOfIt() throws IOException {
        Path chain = Files.writeString(directory.resolve("mx.pem"), "-----BEGIN CERTIFICATE-----");
        Path key = Files.writeString(directory.resolve("mx.key"), "-----BEGIN PRIVATE KEY-----");
        gateway.failure = catchException(() -> new TlsListeners(List.of(listener(chain, key)), ListenerTls.NONE));
        assertThat(penstock("run")).isEqualTo(ExitCode.CONFIG);

        Path users = Files.writeString(directory.resolve("users.toml"), "[ann]\npasword = 1\n");
        gateway.failure = catchException(() -> SaslAuthenticator.open(
                AuthConfig.DEFAULT.with(AuthConfig.USERS, Optional.of(users))));
        assertThat(penstock("run")).isEqualTo(ExitCode.CONFIG);

        Path plugins = Files.createDirectory(directory.resolve("plugins"));
        PolicyConfig d = PolicyConfig.DEFAULT;
        PolicyConfig policy = d.with(PolicyConfig.PLUGINS, Optional.of(plugins));
        gateway.failure = catchException(() -> new PolicyEngine(policy, RecipientDirectory.NONE));
        assertThat(penstock("run")).isEqualTo(ExitCode.CONFIG);

        assertThat(err.toString(StandardCharsets.UTF_8).lines()).satisfiesExactly(
                line -> assertThat(line).startsWith("penstock: not started: " + chain + ": has no certificate in it"),
                line -> assertThat(line).startsWith("penstock: not started: " + users + ":2:1: ann.pasword: "),
                line -> assertThat(line)
                        .startsWith("penstock: not started: policy.plugins: no jar in " + plugins + " names"));
    }

    private static ListenerConfig listener(Path chain, Path key) {
        ListenerConfig d = ListenerConfig.DEFAULT;
        ListenerTls tls = new ListenerTls(ListenerTls.Mode.OFFERED, List.of(new ListenerTls.Certificate(chain, key)),
                "TLSv1.2", ListenerTls.ClientCertificates.NONE, Optional.empty());
        return d.with(ListenerConfig.TLS, tls);
    }

    @Test
    void failedStartsTellWhyByExitCodeToo() {
        Map<Exception, Integer> failures = Map.of(
                new IllegalStateException(new BindException("Address already in use: 127.0.0.1:25")),
                ExitCode.UNAVAILABLE,
                new IllegalStateException("listener", new IOException("bind(..) failed: Address already in use")),
                ExitCode.UNAVAILABLE,
                new IllegalStateException(new IOException("bind(..) failed: Permission denied")),
                ExitCode.NO_PERMISSION,
                new AccessDeniedException("/var/spool/penstock"), ExitCode.NO_PERMISSION,
                new SpoolException(SpoolException.Reason.FAILED, "locked by another process", null),
                ExitCode.CANT_CREATE,
                new NullPointerException(), ExitCode.SOFTWARE);
        failures.forEach((failure, exitCode) -> {
            gateway.failure = failure;
            assertThat(penstock("run")).as(failure.toString()).isEqualTo(exitCode);
        });
        assertThat(err.toString(StandardCharsets.UTF_8)).contains(
                "penstock: not started: listener: bind(..) failed: Address already in use\n",
                "penstock: not started: locked by another process\n");
    }

    @Test
    void checkConfigPrintsErrorsOrASummary() throws IOException {
        Path good = Files.writeString(directory.resolve("good.toml"), "");
        assertThat(penstock("check-config", good.toString())).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8))
                .isEqualTo(good + ": valid, 1 listener, 0 routes, 0 shaping sections\n");
        assertThat(penstock("check-config", directory.resolve("none").toString())).isEqualTo(ExitCode.CONFIG);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("none: there is no such file\n");
    }

    @Test
    void configShowPrintsWhatAFileSaysOrEverything() throws IOException {
        Path file = Files.writeString(directory.resolve("good.toml"), "http.port = 1\nauth.callout.url = 'http://h/'\n"
                + "auth.callout.authorization = 's3cret'");
        assertThat(penstock("config", "show", file.toString())).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("""
                auth.callout.url = "http://h/"  # FILE:2
                auth.callout.authorization = "********"  # FILE:3
                http.port = 1  # FILE:1
                """.replace("FILE", file.toString()));
        out.reset();
        assertThat(penstock("config", "show", "--defaults", "--json", file.toString())).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains(
                "{\"key\":\"http.address\",\"value\":\"127.0.0.1\",\"origin\":\"default\"}\n", "\"line\":1}\n")
                .doesNotContain("s3cret");
        out.reset();
        assertThat(penstock("config", "show")).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("http.port = 8025  # default\n");
        assertThat(penstock("config", "show", directory.resolve("none").toString())).isEqualTo(ExitCode.CONFIG);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("none: there is no such file\n");
    }

    @Test
    void configSchemaPrintsTheSchemaOfEitherFile() {
        assertThat(penstock("config", "schema")).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo(ConfigSchema.gateway() + "\n");
        out.reset();
        assertThat(penstock("config", "schema", "--shaping")).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo(ConfigSchema.shaping() + "\n");
    }

    @Test
    void spoolIsLookedIntoWithoutChangingIt() throws IOException {
        Path spool = Files.createDirectory(directory.resolve("spool"));
        assertThat(penstock("spool", "verify", "-d", spool.toString())).isEqualTo(ExitCode.OK);
        assertThat(penstock("spool", "list", "--directory", spool.toString())).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("0 messages", "RECIPIENTS");
        assertThat(
                penstock("spool", "list", "-d", spool.toString(), "--domain", "a.example", "--recipient", "a@a.example",
                        "--tenant", "", "--state", "deferred", "--json", "--count"))
                .isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8))
                .endsWith("{\"destinations\":0,\"messages\":0,\"octets\":0}\n");
        assertThat(penstock("spool", "list", "--state", "lost")).isEqualTo(ExitCode.USAGE);
        assertThat(penstock("spool", "cat", "-d", spool.toString(), "0000000000001")).isEqualTo(1);
        assertThat(penstock("spool", "cat", "-d", spool.toString(), "what?")).isEqualTo(ExitCode.USAGE);
        assertThat(penstock("spool", "verify", "-d", directory.resolve("none").toString()))
                .isEqualTo(ExitCode.NO_INPUT);
        assertThat(penstock("spool")).isEqualTo(ExitCode.USAGE);
        try (Stream<Path> files = Files.list(spool)) {
            assertThat(files).isEmpty();
        }
    }

    @Test
    void versionAndHelpArePrinted() {
        assertThat(penstock("version")).isEqualTo(ExitCode.OK);
        assertThat(penstock()).isEqualTo(ExitCode.OK);
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("Penstock ", "Java 25", "check-config");
    }

    @Test
    void wrongUsageIsExUsage() {
        assertThat(penstock("run", "--confg", "x")).isEqualTo(ExitCode.USAGE);
        assertThat(penstock("check-config")).isEqualTo(ExitCode.USAGE);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("--config");
    }

    /** Where versions of the configuration are kept. */
    private String spool() {
        return "spool.directory = '" + directory.resolve("spool") + "'\n";
    }

    private int penstock(String... arguments) {
        return Main.execute(gateway::start, signals, new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8), arguments);
    }

    private static void write(Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static final class FakeSignals implements Signals {
        private final Map<String, Runnable> actions = new HashMap<>();

        @Override
        public void on(String name, Runnable action) {
            actions.put(name, action);
        }

        void raise(String name) {
            actions.getOrDefault(name, () -> {
                throw new AssertionError("nobody handles " + name);
            }).run();
        }
    }
}
