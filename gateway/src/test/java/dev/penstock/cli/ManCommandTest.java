package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.Peers;

@Timeout(180)
class ManCommandTest {
    @TempDir
    Path directory;

    @Test
    void theManualPageRendersWithoutAWarning() throws Exception {
        Path page = Files.writeString(directory.resolve("penstock.1"), page());
        Path err = directory.resolve("err");
        ProcessBuilder man = new ProcessBuilder(Peers.require("man").toString(), "--warnings", "-l", page.toString())
                .redirectError(err.toFile());
        man.environment().put("MANWIDTH", "100");
        man.environment().put("LC_ALL", "C.UTF-8");
        man.environment().put("MAN_KEEP_FORMATTING", "");
        Process process = man.start();
        process.getOutputStream().close();
        String text = new String(process.getInputStream().readAllBytes(), UTF_8).replaceAll(".\b", "")
                .replaceAll("\u001b\\[[0-9;]*m", "");
        assertThat(process.waitFor()).isZero();
        assertThat(Files.readString(err)).isEmpty();
        assertThat(text).contains("PENSTOCK(1)", "NAME", "SYNOPSIS", "shaping apply", "--if-version", "EXIT STATUS",
                "PENSTOCK_TOKEN");
    }

    @Test
    void everyCommandIsInIt() {
        String page = page();
        for (String command : new String[]{"run", "check\\-config", "shaping rollback", "admin token create",
            "config apply", "audit list", "completion", "man"}) {
            assertThat(page).contains("\n.SS " + command + "\n");
        }
    }

    private static String page() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        assertThat(Main.execute(new FakeGateway()::start, (_, _) -> {}, new PrintStream(out, true, UTF_8),
                new PrintStream(new ByteArrayOutputStream()), "man")).isEqualTo(ExitCode.OK);
        return out.toString(UTF_8);
    }
}
