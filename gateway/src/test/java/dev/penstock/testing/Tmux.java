package dev.penstock.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

import org.awaitility.Awaitility;

/** Terminals of a test's own, of Debian's tmux. Confined to the test's thread. */
public final class Tmux implements AutoCloseable {
    private final Path program;
    private final Path directory;

    /** @param directory for its socket, and what it says */
    public Tmux(Path directory) {
        this.program = Peers.require("tmux");
        this.directory = directory;
    }

    /** The command line of the gateway, as a shell takes it. */
    public static String penstock(String arguments) {
        return Path.of(System.getProperty("java.home"), "bin", "java") + " -cp '"
                + System.getProperty("java.class.path") + "' --enable-native-access=ALL-UNNAMED"
                + " -Dstdout.encoding=UTF-8 dev.penstock.cli.Main " + arguments;
    }

    public void open(String window, int width, int height, String command) {
        tmux("new-session", "-d", "-s", window, "-x", String.valueOf(width), "-y", String.valueOf(height), command);
    }

    /** What stands on the screen, each line without blanks at its end; with what makes colours when they are asked for. */
    public String screen(String window, boolean colours) {
        List<String> command = new ArrayList<>(List.of("capture-pane", "-p", "-J", "-t", window));
        if (colours) {
            command.add("-e");
        }
        return tmux(command.toArray(String[]::new));
    }

    /** @param keys as tmux names them, or characters */
    public void press(String window, String... keys) {
        List<String> command = new ArrayList<>(List.of("send-keys", "-t", window));
        command.addAll(List.of(keys));
        tmux(command.toArray(String[]::new));
    }

    /** Returns when the terminal itself has that size: tmux's own lines have it before. */
    public void resize(String window, int width, int height) {
        tmux("resize-window", "-t", window, "-x", String.valueOf(width), "-y", String.valueOf(height));
        String terminal = tmux("display-message", "-p", "-t", window, "#{pane_tty}").strip();
        Awaitility.await().until(() -> run(directory, List.of("stty", "-F", terminal, "size")).strip()
                .equals(height + " " + width));
    }

    /** What tmux answers. */
    public String tmux(String... arguments) {
        List<String> command = new ArrayList<>(
                List.of(program.toString(), "-S", directory.resolve("tmux.sock").toString(), "-f", "/dev/null"));
        command.addAll(List.of(arguments));
        return run(directory, command);
    }

    /** @return what the program says, on both of its outputs */
    public static String run(Path directory, List<String> command) {
        try {
            Path output = directory.resolve("output");
            Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile())
                    .start();
            assertThat(process.waitFor(Patience.LONG.toSeconds(), TimeUnit.SECONDS)).as("%s", command).isTrue();
            return Files.readString(output, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        tmux("kill-server");
    }
}
