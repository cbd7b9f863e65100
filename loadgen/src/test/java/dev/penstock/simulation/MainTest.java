package dev.penstock.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class MainTest {
    private record Run(int code, String out, String err) {}

    private static Run run(String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code = new CommandLine(new Main(new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8))).execute(arguments);
        return new Run(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void aRunGivesATableAPageDrawingsAndFigures(@TempDir Path directory) throws IOException {
        Path config = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.example"
                shaping-file = "%s"
                """.formatted(Files.writeString(directory.resolve("shaping.toml"), """
                ["default"]
                connection_limit = 2
                max_message_rate = "2/s"
                """)));
        Path page = directory.resolve("page.html");
        Path figures = directory.resolve("figures.json");
        Run run = run("--config", config.toString(), "--mix", "steady=600", "--hours", "0.2", "--seeds", "2",
                "--sender",
                "penstock,postfix", "--html", page.toString(), "--svg", directory.toString(), "--json",
                figures.toString(), "--settle", "1m");
        assertThat(run.err).isEmpty();
        assertThat(run.code).isZero();
        assertThat(run.out).contains("4 runs of 0.2 h", "limits of penstock: control\n")
                .doesNotContain("limits of postfix").containsPattern("steady +penstock +600")
                .containsPattern("steady +postfix +600").contains("unknown-user");
        assertThat(Files.readString(page)).contains("<svg", "would take").doesNotContain("<script", "src=", "href=");
        assertThat(Files.readString(directory.resolve("steady.svg"))).startsWith("<svg");
        assertThat(Files.readString(figures)).contains("\"sender\":\"penstock\",\"steering\":\"control\",\"seed\":2",
                "\"messages\":600");
    }

    @Test
    void whatIsWrongIsSaidWithWhatIsAllowed(@TempDir Path directory) throws IOException {
        assertThat(run("--mix", "nobody=5"))
                .isEqualTo(new Run(2, "", "there is no twin nobody; allowed: apple, gmail, gmx, "
                        + "outlook, outlook-february-2026, qq, steady, yahoo, or a file that describes one\n"));
        assertThat(run()).isEqualTo(new Run(2, "", "one of --mix and --replay says what is sent\n"));
        assertThat(run("--mix", "steady=5", "--sender", "exim").err)
                .isEqualTo("--sender: there is no exim; allowed: penstock, fixed, postfix\n");
        assertThat(run("--mix", "steady=5", "--hours", "-1").err).startsWith("--hours: allowed: more than 0");
        assertThat(run("--mix", "steady=5", "--twin", "steady").err).startsWith("--twin: steady; allowed: NAME=TWIN");
        Path config = Files.writeString(directory.resolve("penstock.toml"), "[queue]\nmax-age = 7\n");
        assertThat(run("--mix", "steady=5", "--config", config.toString()).err).contains("penstock.toml:2:",
                "queue.max-age");
    }
}
