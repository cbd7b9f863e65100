package dev.penstock.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShapingImportCommandTest {
    private static final String PMTA = """
            <domain *>
                max-smtp-out 20
                queue-priority 50
                bounce-after 4d
            </domain>
            <domain a.example>
                max-smtp-out 3
            </domain>
            <bounce-category-patterns>
                /mailbox full/ quota-issues
            </bounce-category-patterns>
            """;

    @TempDir
    Path directory;

    private Path config;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @BeforeEach
    void writeConfig() throws IOException {
        config = Files.writeString(directory.resolve("config"), PMTA);
    }

    private int run(String... arguments) {
        out.reset();
        err.reset();
        return ShapingCommand.of(new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8)).execute(arguments);
    }

    private String said() {
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void writesThreeFilesAndSaysWhatBecameOfEachKey() throws IOException {
        Path shaping = directory.resolve("limits.toml");
        assertThat(run("import", "pmta", config.toString(), "-o", shaping.toString())).isEqualTo(ExitCode.OK);
        assertThat(said().lines()).contains(
                config + ":2: max-smtp-out: converted: [\"default\"] connection_limit = 20",
                config + ":3: queue-priority: no counterpart: classes (transactional before bulk) and weights of tenants "
                        + "say what comes first",
                config + ":7: max-smtp-out: converted: [\"a.example\"] connection_limit = 3",
                "5 keys: 3 converted; 1 converted, differs; 1 no counterpart; 0 unknown", "written: " + shaping,
                "written: " + directory.resolve("imported-tables.toml"),
                "written: " + directory.resolve("imported-rules.toml"));
        Path all = Files.writeString(directory.resolve("penstock.toml"), "[gateway]\nshaping-file = '" + shaping
                + "'\n[delivery]\nclassification-files = ['" + directory.resolve("imported-rules.toml") + "']\n"
                + Files.readString(directory.resolve("imported-tables.toml")));
        assertThat(Main.execute(_ -> {
            throw new AssertionError("nothing is started");
        }, Signals.ofProcess(), new PrintStream(out), new PrintStream(err), "check-config", all.toString()))
                .isEqualTo(ExitCode.OK);
    }

    @Test
    void writesOverNothingUnlessTold() throws IOException {
        Path shaping = Files.writeString(directory.resolve("limits.toml"), "# mine\n");
        assertThat(run("import", "pmta", config.toString(), "-o", shaping.toString()))
                .isEqualTo(ExitCode.CANT_CREATE);
        assertThat(err.toString(StandardCharsets.UTF_8)).contains(shaping + " is there already").contains("--force");
        assertThat(shaping).hasContent("# mine");
        assertThat(directory.resolve("imported-tables.toml")).doesNotExist();
        assertThat(run("import", "pmta", config.toString(), "-o", shaping.toString(), "--force"))
                .isEqualTo(ExitCode.OK);
        assertThat(Files.readString(shaping)).contains("connection_limit = 20");
    }

    @Test
    void writesNothingOfAFileWithAnError() throws IOException {
        Files.writeString(config, PMTA.replace("max-smtp-out 3", "max-smtp-out three\n    max-msg-rate x"));
        Path shaping = directory.resolve("limits.toml");
        assertThat(run("import", "pmta", config.toString(), "-o", shaping.toString())).isEqualTo(ExitCode.CONFIG);
        assertThat(err.toString(StandardCharsets.UTF_8).lines()).hasSize(3).last()
                .isEqualTo("2 errors, nothing was written");
        assertThat(shaping).doesNotExist();
    }

    @Test
    void takesPostfixWithAndWithoutATransportMap() throws IOException {
        Path main = Files.writeString(directory.resolve("main.cf"), "slow_destination_concurrency_limit = 2\n");
        Path map = Files.writeString(directory.resolve("transport"), "a.example slow:\n");
        Path shaping = directory.resolve("limits.toml");
        assertThat(run("import", "postfix", main.toString(), "-o", shaping.toString())).isEqualTo(ExitCode.OK);
        assertThat(said()).contains("no counterpart: the transport map sends no domain by slow");
        assertThat(run("import", "postfix", main.toString(), map.toString(), "-o", shaping.toString(), "--force"))
                .isEqualTo(ExitCode.OK);
        assertThat(Files.readString(shaping)).contains("[\"a.example\"]\nmx_rollup = false\nconnection_limit = 2");
        assertThat(run("import")).isNotEqualTo(ExitCode.OK);
    }
}
