package dev.penstock.simulation;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.GatewayConfig;
import dev.penstock.loadgen.Json;
import dev.penstock.loadgen.twin.Twins;
import dev.penstock.units.Durations;

/** {@code penstock shaping simulate}: what a configuration would do with some mail, against twins of receivers. */
@Command(name = "penstock shaping simulate", mixinStandardHelpOptions = true, sortOptions = false, description = {
    "Runs the gateway's queue, limits, control and reply rules against twins of receivers, in virtual time: hours in",
    "seconds. Nothing is sent. Exit code 2: something in the options or the files is wrong."})
public final class Main implements Callable<Integer> {
    private static final int MOST_SEEDS = 1_000;
    private static final int MOST_HOURS = 24 * 14;

    @Option(names = "--config", paramLabel = "FILE", description = "The gateway's configuration, with its shaping file (default: what is built in).")
    private @Nullable Path config;

    @Option(names = "--mix", paramLabel = "MIX", description = "What is sent: a file with [[stream]] tables, or like outlook=50000/30m,gmail=100000/1hx10: twin, messages, time over which they come, tenants.")
    private @Nullable String mix;

    @Option(names = "--replay", paramLabel = "LOG", description = "Instead of --mix: a delivery log, whose receptions come again at their times.")
    private @Nullable Path replay;

    @Option(names = "--twin", paramLabel = "NAME=TWIN", split = ",", description = "Another twin for one of the mix, or for a provider of the log ('*' for those that have none): outlook=outlook-february-2026, or a file.")
    private List<String> twins = new ArrayList<>();

    @Option(names = "--sender", paramLabel = "NAME", split = ",", description = "Who sends: penstock, fixed (the limits of the configuration alone, without control), postfix (its queue manager's defaults). Default: penstock.")
    private List<String> senders = new ArrayList<>(List.of("penstock"));

    @Option(names = "--seeds", paramLabel = "N", defaultValue = "1", description = "Runs, with the seeds 1 to N (default ${DEFAULT-VALUE}).")
    private int seeds;

    @Option(names = "--hours", paramLabel = "H", defaultValue = "6", description = "Virtual time of a run (default ${DEFAULT-VALUE}).")
    private double hours;

    @Option(names = "--settle", paramLabel = "TIME", defaultValue = "30m", description = "After this a run counts as settled (default ${DEFAULT-VALUE}).")
    private String settle = "";

    @Option(names = "--known", description = "The receivers know the sources for long; else they are unknown and warm up.")
    private boolean known;

    @Option(names = "--html", paramLabel = "FILE", description = "Write a page with drawings there.")
    private @Nullable Path html;

    @Option(names = "--svg", paramLabel = "DIRECTORY", description = "Write each drawing there, as a file of its own.")
    private @Nullable Path svg;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the figures there, of each run and minute.")
    private @Nullable Path json;

    private final PrintStream out;
    private final PrintStream err;

    Main(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    public static void main(String[] arguments) {
        if (System.getenv("PENSTOCK_LOG_LEVEL") == null
                && LoggerFactory.getILoggerFactory() instanceof LoggerContext logs) {
            logs.getLogger(Logger.ROOT_LOGGER_NAME).setLevel(Level.WARN); // each decision of each run would be told
        }
        System.exit(new CommandLine(new Main(System.out, System.err)).execute(arguments));
    }

    @Override
    public Integer call() throws IOException {
        Report report;
        try {
            report = simulate();
        } catch (IllegalArgumentException e) {
            err.println(e.getMessage());
            return CommandLine.ExitCode.USAGE;
        }
        out.print(report.table());
        if (html != null) {
            Files.writeString(html, report.html());
        }
        if (svg != null) {
            Files.createDirectories(svg);
            for (Map.Entry<String, String> plot : report.plots().entrySet()) {
                Files.writeString(svg.resolve(plot.getKey() + ".svg"), plot.getValue());
            }
        }
        if (json != null) {
            Json.write(json, report::write);
        }
        return CommandLine.ExitCode.OK;
    }

    private Report simulate() throws IOException {
        if (seeds < 1 || seeds > MOST_SEEDS) {
            throw new IllegalArgumentException("--seeds: allowed: 1 to " + MOST_SEEDS);
        }
        if (!(hours > 0) || hours > MOST_HOURS) {
            throw new IllegalArgumentException("--hours: allowed: more than 0, " + MOST_HOURS + " at most");
        }
        Duration length = Duration.ofSeconds(Math.round(hours * Duration.ofHours(1).toSeconds()));
        Simulation simulation = new Simulation(mix(), config(), length, known);
        List<Simulation.Mode> modes = senders.stream().map(Main::mode).toList();
        List<Simulation.Result> results = new ArrayList<>();
        for (Simulation.Mode mode : modes) {
            for (int seed = 1; seed <= seeds; seed++) {
                results.add(simulation.run(mode, seed));
            }
        }
        return new Report(results, (int) Durations.parse(settle).toMinutes());
    }

    private static Simulation.Mode mode(String name) {
        return switch (name) {
            case "penstock" -> new Simulation.Mode.Gateway(name, Controlled::new);
            case "fixed" -> new Simulation.Mode.Gateway(name, () -> Steering.FIXED);
            case "postfix" -> new Simulation.Mode.Postfix();
            default -> throw new IllegalArgumentException(
                    "--sender: there is no " + name + "; allowed: penstock, fixed, postfix");
        };
    }

    private Mix mix() throws IOException {
        Map<String, String> overrides = new LinkedHashMap<>();
        for (String each : twins) {
            int equals = each.indexOf('=');
            if (equals < 1) {
                throw new IllegalArgumentException("--twin: " + each + "; allowed: NAME=TWIN, with a twin of "
                        + String.join(", ", Twins.SHIPPED) + ", or a file that describes one");
            }
            overrides.put(each.substring(0, equals), each.substring(equals + 1));
        }
        if ((mix == null) == (replay == null)) {
            throw new IllegalArgumentException("one of --mix and --replay says what is sent");
        }
        if (replay != null) {
            if (!Files.isRegularFile(replay)) {
                throw new IllegalArgumentException("--replay: there is no file " + replay);
            }
            return Replay.read(replay, overrides);
        }
        return Mix.of(Mix.read(requireNonNull(mix)), overrides);
    }

    private GatewayConfig config() {
        if (config == null) {
            return GatewayConfig.embedded("simulation.penstock.test");
        }
        return switch (ConfigReader.read(config)) {
            case ConfigReader.Valid(GatewayConfig read, var _) -> read;
            case ConfigReader.Invalid(var problems) -> throw new IllegalArgumentException(
                    problems.stream().map(Object::toString).collect(Collectors.joining("\n")));
        };
    }
}
