package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Places;
import dev.penstock.revision.FileHistory;
import dev.penstock.revision.Reloads;

/** Changing the shaping file under a running gateway: whole or not at all, and back. */
class ShapingChangeTest {
    private static final String SLOW = "# ours\r\n[\"default\"]\r\nconnection_limit = 3   # few\r\n";
    private static final String FAST = "[\"default\"]\nconnection_limit = 30\nmax_message_rate = \"100/s\"\n";

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Map<String, Runnable> signals = new HashMap<>();
    private final FakeGateway gateway = new FakeGateway();

    @TempDir
    Path directory;
    Path config;
    Path shaping;

    @BeforeEach
    void configure() throws IOException {
        shaping = Files.writeString(directory.resolve("shaping.toml"), SLOW);
        config = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                shaping-file = "%s"
                [spool]
                directory = "%s"
                [events]
                directory = "%s"
                """.formatted(shaping, directory.resolve("spool"), directory.resolve("log")));
    }

    @Test
    void applyPutsAFileIntoForceAndSaysAsWhichVersion() throws IOException {
        Path next = Files.writeString(directory.resolve("next.toml"), FAST);
        running(() -> {
            assertThat(changing("apply", next.toString()))
                    .as(err.toString(UTF_8)).isEqualTo(ExitCode.OK);
            assertThat(read()).isEqualTo(gateway.reloads.getLast());
        });
        assertThat(out.toString(UTF_8)).contains("in force as version 2, after ").contains("connection_limit");
        assertThat(Files.readString(shaping)).isEqualTo(FAST);
        assertThat(gateway.reloads).isNotEmpty();
    }

    @Test
    void aDryRunSaysWhatWouldChangeAndChangesNothing() throws IOException {
        Path next = Files.writeString(directory.resolve("next.toml"), FAST);
        running(() -> assertThat(
                penstock("shaping", "apply", next.toString(), "-c", config.toString(), "--dry-run"))
                .isEqualTo(ExitCode.OK));
        assertThat(out.toString(UTF_8)).contains("connection_limit", "nothing was changed: --dry-run");
        assertThat(Files.readString(shaping)).isEqualTo(SLOW);
        assertThat(gateway.reloads).isEmpty();
    }

    @Test
    void aBrokenFileChangesNothingAndNamesEveryError() throws IOException {
        Path next = Files.writeString(directory.resolve("next.toml"), """
                ["default"]
                connection_limit = 0
                max_message_rate = "fast"
                """);
        running(() -> assertThat(changing("apply", next.toString()))
                .isEqualTo(ExitCode.CONFIG));
        assertThat(err.toString(UTF_8)).contains(next + ":2:", next + ":3:", "nothing was changed");
        assertThat(Files.readString(shaping)).isEqualTo(SLOW);
        assertThat(gateway.reloads).isEmpty();
    }

    @Test
    void rollbackRestoresOctetForOctet() throws IOException {
        Path next = Files.writeString(directory.resolve("next.toml"), FAST);
        GatewayConfig before = read();
        running(() -> {
            changing("apply", next.toString());
            assertThat(changing("rollback")).isEqualTo(ExitCode.OK);
            assertThat(gateway.reloads.getLast()).isEqualTo(before);
            assertThat(shaping).content().isEqualTo(SLOW);
            assertThat(changing("rollback", "--to", "2")).isEqualTo(ExitCode.OK);
            assertThat(shaping).content().isEqualTo(FAST);
            assertThat(penstock("shaping", "rollback", "--to", "9", "-c", config.toString()))
                    .isEqualTo(ExitCode.NO_INPUT);
            out.reset();
            assertThat(penstock("shaping", "history", "-c", config.toString())).isEqualTo(ExitCode.OK);
        });
        assertThat(err.toString(UTF_8)).contains("there is no version 9; kept are 1 to 4");
        List<String> lines = out.toString(UTF_8).lines().filter(line -> line.matches("\\d+ {2}.*")).toList();
        assertThat(lines).hasSize(4);
        assertThat(lines.getLast()).startsWith("4  ")
                .endsWith("4.toml  " + System.getProperty("user.name") + "  in force");
        assertThat(lines.getFirst()).contains("  " + SLOW.length() + "  ");
    }

    @Test
    void whatIsEditedByHandIsTakenUpAndCanBeGoneBackFrom() {
        running(() -> {
            write(shaping, FAST);
            await().until(() -> history().size() == 2);
            write(shaping, "nonsense");
            assertThat(changing("rollback")).isEqualTo(ExitCode.OK);
            assertThat(shaping).content().isEqualTo(SLOW);
            assertThat(gateway.reloads).hasSize(2);
        });
    }

    @Test
    void aFileUnderItThatIsEditedByHandIsTakenUp() throws IOException {
        Path base = Files.writeString(Files.createDirectory(directory.resolve("base")).resolve("community.toml"),
                "[\"default\"]\nmax_message_rate = \"9/s\"\n");
        Files.writeString(config, Files.readString(config)
                .replace("[spool]", "shaping-base = [\"" + base + "\"]\n[spool]"));
        running(() -> {
            write(base, "[\"default\"]\nmax_message_rate = \"8/s\"\n");
            await().until(() -> gateway.reloads.size() == 1);
            assertThat(gateway.reloads.getLast()).isEqualTo(read());
        });
    }

    @Test
    void onlyTheVersionThatWasLookedAtIsReplaced() throws IOException {
        Path next = Files.writeString(directory.resolve("next.toml"), FAST);
        running(() -> {
            assertThat(penstock("shaping", "apply", next.toString(), "-c", config.toString(), "--if-version", "7"))
                    .isEqualTo(ExitCode.TEMPORARY);
            assertThat(shaping).content().isEqualTo(SLOW);
            assertThat(changing("apply", next.toString(), "--if-version", "1"))
                    .isEqualTo(ExitCode.OK);
        });
        assertThat(err.toString(UTF_8)).contains("version 1 is in force, not 7");
    }

    @Test
    void ofTwoWhoChangeAVersionTheSecondIsTold() throws IOException {
        Path next = Files.writeString(directory.resolve("next.toml"), FAST);
        Path other = Files.writeString(directory.resolve("other.toml"), "[\"default\"]\nconnection_limit = 4\n");
        running(() -> { // neither waits until the gateway has taken it up
            penstock("shaping", "apply", next.toString(), "-c", config.toString(), "--if-version", "1", "--wait", "0");
            assertThat(penstock("shaping", "apply", other.toString(), "-c", config.toString(), "--if-version", "1"))
                    .isEqualTo(ExitCode.TEMPORARY);
            assertThat(shaping).content().isEqualTo(FAST);
        });
        assertThat(err.toString(UTF_8)).containsAnyOf("the file has been changed since version 1 came into force",
                "version 2 is in force, not 1");
    }

    @Test
    void whatChangesWhileTheGatewayStartsIsTakenUp() {
        gateway.whileStarting = () -> write(shaping, FAST);
        running(() -> await().until(() -> gateway.reloads.size() == 1));
        assertThat(gateway.reloads.getLast()).isEqualTo(read());
        assertThat(history()).singleElement()
                .satisfies(version -> assertThat(version.octets()).asString(UTF_8).isEqualTo(FAST));
    }

    @Test
    void aCurfewOfAProviderOfTheShapingFileKeepsNobodyFromGoingBack() throws IOException {
        String withProvider = SLOW + "[provider.\"corp\"]\nmatch = [{MXSuffix=\".corp.example\"}]\n";
        Files.writeString(shaping, withProvider);
        Files.writeString(config, Files.readString(config) + """
                [curfew."night"]
                providers = ["corp"]
                from = "22:00"
                to = "06:00"
                """);
        running(() -> {
            write(shaping, "nonsense");
            assertThat(changing("rollback", "--to", "1"))
                    .as(err.toString(UTF_8)).isEqualTo(ExitCode.OK);
            assertThat(shaping).content().isEqualTo(withProvider);
        });
    }

    @Test
    void withoutARunningGatewayTheFileIsReplacedAndThatIsSaid() throws IOException {
        Path next = Files.writeString(directory.resolve("next.toml"), FAST);
        assertThat(penstock("shaping", "apply", next.toString(), "-c", config.toString(), "--wait", "0"))
                .isEqualTo(ExitCode.TEMPORARY);
        assertThat(err.toString(UTF_8)).contains("no running gateway has taken it up");
        assertThat(Files.readString(shaping)).isEqualTo(FAST);
    }

    @Test
    void aLinkStaysALinkAndRightsStay() throws IOException {
        Path real = directory.resolve("real.toml");
        Files.move(shaping, real);
        Files.setPosixFilePermissions(real, PosixFilePermissions.fromString("rw-r-----"));
        Files.createSymbolicLink(shaping, real);
        Path next = Files.writeString(directory.resolve("next.toml"), FAST);
        running(() -> assertThat(changing("apply", next.toString()))
                .isEqualTo(ExitCode.OK));
        assertThat(shaping).isSymbolicLink();
        assertThat(Files.readString(real)).isEqualTo(FAST);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(real))).isEqualTo("rw-r-----");
    }

    @Test
    void fiveHundredChangesFromManySidesEndWithTheLastInForce() throws Exception {
        Reloads reloads = new Reloads(config, Reloads.Found.of(config), read(), new Places(), gateway::reload,
                gateway.refusals());
        Random random = new Random(11);
        int[] limits = IntStream.range(0, 500).map(_ -> 1 + random.nextInt(1_000)).toArray();
        List<Thread> threads = new ArrayList<>();
        for (int worker = 0; worker < 10; worker++) {
            int mine = worker;
            threads.add(Thread.ofPlatform().start(() -> {
                for (int i = mine; i < limits.length; i += 10) {
                    boolean broken = i % 7 == 3;
                    write(shaping, "[\"default\"]\nconnection_limit = " + (broken ? "0" : limits[i]) + "\n");
                    reloads.shapingMayHaveChanged();
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        write(shaping, FAST);
        reloads.shapingMayHaveChanged();
        assertThat(gateway.reloads.getLast()).isEqualTo(read());
        assertThat(gateway.reloads.size()).isGreaterThan(10);
        assertThat(FileHistory.ofShaping(read()).versions()).hasSizeLessThanOrEqualTo(FileHistory.KEPT);
        assertThat(new String(FileHistory.ofShaping(read()).newest().orElseThrow().octets(), UTF_8)).isEqualTo(FAST);
    }

    /** Runs the gateway while something is done. */
    private void running(Runnable meanwhile) {
        gateway.whileRunning = () -> {
            await().until(() -> history().size() == 1);
            meanwhile.run();
        };
        assertThat(penstock("run", "--config", config.toString())).as(err.toString(UTF_8)).isEqualTo(ExitCode.OK);
    }

    private List<FileHistory.Version> history() {
        try {
            return FileHistory.ofShaping(read()).versions();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private GatewayConfig read() {
        return ((Valid) ConfigReader.read(config)).config();
    }

    /** Waits longer for the gateway than people do: a machine may be busy. */
    private int changing(String verb, String... arguments) {
        List<String> all = new ArrayList<>(List.of("shaping", verb, "-c", config.toString(), "--wait", "60"));
        all.addAll(List.of(arguments));
        return penstock(all.toArray(String[]::new));
    }

    private int penstock(String... arguments) {
        return Main.execute(gateway::start, signals::put, new PrintStream(out, true, UTF_8),
                new PrintStream(err, true, UTF_8), arguments);
    }

    /** At once: what is written in place may be looked at, and seem to rest, while there is nothing in it. */
    private static void write(Path file, String text) {
        try {
            Path written = Files.writeString(Files.createTempFile(file.getParent(), "written", ""), text);
            Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
