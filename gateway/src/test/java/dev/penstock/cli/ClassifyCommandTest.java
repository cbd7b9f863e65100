package dev.penstock.cli;

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

/** What {@code penstock classify} prints. */
final class ClassifyCommandTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    @TempDir
    Path directory;

    private int classify(String... arguments) {
        return new CommandLine(new ClassifyCommand(new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8))).setCaseInsensitiveEnumValuesAllowed(true)
                .execute(arguments);
    }

    @Test
    void namesClassScopeActionAndTheRuleThatSaysSo() {
        assertThat(classify("550 5.7.1 part of their network is on our block list (S3150).")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).matches("""
                class:    SpamBlock
                category: spam-related
                scope:    source-provider
                message:  defer
                besides:  suspend 4h, reduce
                rule:     shipped/classification\\.toml:\\d+
                """);
    }

    @Test
    void asksTheRulesOfTheConfigurationFirst() throws IOException {
        Path rules = Files.writeString(directory.resolve("own.toml"), """
                [[rule]]
                provider = ["hotmail"]
                phase = ["mail"]
                text = ['S3150']
                class = "Ours"
                scope = "message"
                """);
        Path config = Files.writeString(directory.resolve("penstock.toml"),
                "delivery.classification-files = ['" + rules + "']\n");
        assertThat(classify("550 5.7.1 no (S3150)", "--config", config.toString(), "--provider", "Hotmail", "--phase",
                "mail")).isZero();
        assertThat(out.toString(StandardCharsets.UTF_8)).contains("class:    Ours", "rule:     " + rules + ":2");
    }

    @Test
    void whatIsNoRefusalIsSaidSo() {
        assertThat(classify("250 ok")).isEqualTo(ExitCode.USAGE);
        assertThat(err.toString(StandardCharsets.UTF_8))
                .contains("not a refusal: 250 ok; expected a code from 400 to 599");
    }
}
