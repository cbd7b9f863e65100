package dev.penstock.testing;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Prometheus's tool for rules and their tests, of Debian's package prometheus. Stateless. */
public final class Promtool {
    private Promtool() {}

    private record Ended(int code, String output) {}

    private static Ended end(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Peers.require("promtool").toString()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        return new Ended(process.waitFor(), output);
    }

    /** @return what it said; fails when it wasn't content */
    public static String run(String... arguments) throws IOException, InterruptedException {
        Ended ended = end(arguments);
        assertThat(ended.code).as(ended.output).isZero();
        return ended.output;
    }

    /** @return what it said; fails when it was content */
    public static String fails(String... arguments) throws IOException, InterruptedException {
        Ended ended = end(arguments);
        assertThat(ended.code).as(ended.output).isNotZero();
        return ended.output;
    }
}
