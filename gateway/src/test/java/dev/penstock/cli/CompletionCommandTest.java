package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.Patience;
import dev.penstock.testing.Peers;

/** The scripts in the shells that they are for, asked as the Tab key asks. */
@Timeout(180)
class CompletionCommandTest {
    @TempDir
    Path directory;

    @Test
    void bashCompletesCommandsAndOptions() throws Exception {
        assertThat(bash("penstock", "shap")).containsExactly("shaping");
        assertThat(bash("penstock", "shaping", "")).contains("apply", "rollback", "history", "explain");
        assertThat(bash("penstock", "shaping", "apply", "--if")).containsExactly("--if-version");
        assertThat(bash("penstock", "completion", "")).contains("bash", "zsh", "fish");
    }

    @Test
    void fishCompletesCommandsOptionsAndValuesWithWhatTheyAre() throws Exception {
        assertThat(fish("penstock shap")).singleElement().asString().startsWith("shaping\t");
        assertThat(fish("penstock shaping ")).extracting(line -> line.split("\t", -1)[0]).contains("apply", "rollback",
                "history", "explain").doesNotContain("run");
        assertThat(fish("penstock shaping apply --if")).singleElement().asString()
                .isEqualTo("--if-version\tOnly when version N is in force.");
        assertThat(fish("penstock admin token create x --role ")).extracting(line -> line.split("\t", -1)[0])
                .containsExactlyInAnyOrder("READ", "OPERATE", "CONFIGURE");
        assertThat(fish("penstock completion z")).extracting(line -> line.split("\t", -1)[0]).containsExactly("zsh");
    }

    /** The value of an option is no command, even when it is called like one. */
    @Test
    void fishTakesAValueForNoCommand() throws Exception {
        assertThat(fish("penstock shaping apply --reason history --if")).singleElement().asString()
                .startsWith("--if-version\t");
    }

    @Test
    void zshCompletesCommandsAndOptions() throws Exception {
        assertThat(zsh("penstock shap")).contains("penstock shaping");
        assertThat(zsh("penstock shaping apply --if")).contains("penstock shaping apply --if-version");
    }

    private List<String> bash(String... words) throws Exception {
        Path script = script("bash");
        String line = """
                compopt() { :; } # bash has it while Tab is pressed only
                source %s
                COMP_WORDS=(%s); COMP_CWORD=%d; COMPREPLY=()
                COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
                _complete_penstock
                printf '%%s\\n' "${COMPREPLY[@]}"
                """.formatted(script, String.join(" ", List.of(words).stream().map(word -> "'" + word + "'").toList()),
                words.length - 1);
        return output(Peers.require("bash").toString(), "--norc", "-c", line).lines().map(String::strip)
                .filter(word -> !word.isEmpty()).toList();
    }

    private List<String> fish(String line) throws Exception {
        Path script = script("fish");
        return output(Peers.require("fish").toString(), "--no-config", "-c",
                "source " + script + "; complete -C " + "'" + line + "'").lines().toList();
    }

    /** zsh completes at a terminal only: it gets one of its own. */
    private String zsh(String line) throws Exception {
        Path script = script("zsh");
        Path driver = Files.writeString(directory.resolve("driver.zsh"), """
                zmodload zsh/zpty
                zpty shell zsh -f -i
                zpty -w shell 'PS1="ready> "; unsetopt zle_bracketed_paste 2>/dev/null; autoload -U compinit; compinit -u -D'
                zpty -w shell 'source %s; echo lo''aded'
                zpty -r shell answer '*loaded*'
                zpty -n -w shell $'%s\\t\\x01echo [\\x05]\\n'
                zpty -r shell answer '*\\[penstock*\\]*'
                print -r -- "$answer"
                zpty -d shell
                """.formatted(script, line));
        return output(Peers.require("zsh").toString(), "-f", driver.toString());
    }

    private Path script(String shell) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        assertThat(Main.execute(new FakeGateway()::start, (_, _) -> {}, new PrintStream(out, true, UTF_8),
                new PrintStream(err, true, UTF_8), "completion", shell)).as(err.toString(UTF_8)).isEqualTo(ExitCode.OK);
        return Files.writeString(directory.resolve("penstock." + shell), out.toString(UTF_8));
    }

    private String output(String... command) throws Exception {
        List<String> all = new ArrayList<>(List.of(command));
        Path err = directory.resolve("err");
        Process process = new ProcessBuilder(all).directory(directory.toFile()).redirectError(err.toFile()).start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertThat(process.waitFor(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(Files.readString(err)).isEmpty();
        return out;
    }
}
