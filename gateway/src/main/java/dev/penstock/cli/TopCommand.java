package dev.penstock.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Consumer;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

import dev.penstock.admin.QueueAnswer;
import dev.penstock.admin.StandingAnswer;
import dev.penstock.top.Details;
import dev.penstock.top.Filter;
import dev.penstock.top.Screen;
import dev.penstock.top.Top;
import dev.penstock.units.Durations;

/** Shows a running gateway as it goes on. Confined to the main thread. */
@Command(name = "top", description = "Show a running gateway live on a terminal: rates, queues, providers, sources, tenants, what holds mail, how long deliveries take. ? lists the keys.", mixinStandardHelpOptions = true)
final class TopCommand implements Callable<Integer> {
    private static final Duration SHORTEST = Duration.ofSeconds(1);
    private static final Duration LONGEST = Duration.ofMinutes(1);
    /** Of text that no terminal shows. */
    private static final int TEXT_WIDTH = 200;

    private final Signals signals;
    private final PrintStream out;
    private final PrintStream err;
    private final boolean terminal;
    private final boolean colours;

    @Mixin
    private GatewayOptions gateway = new GatewayOptions();

    @Mixin
    private SelectionOptions selection = new SelectionOptions();

    @Option(names = "--screen", paramLabel = "SCREEN", defaultValue = "OVERVIEW", description = "What to look at first: ${COMPLETION-CANDIDATES} (default ${DEFAULT-VALUE}).")
    private Screen screen = Screen.OVERVIEW;

    @Option(names = "--interval", paramLabel = "TIME", defaultValue = "1s", description = "From one look to the next, 1s to 1m (default ${DEFAULT-VALUE}).")
    private String interval = "1s";

    @Option(names = "--once", description = "Print one screen as text, for scripts; so it is, too, where the output is no terminal.")
    private boolean once;

    @Option(names = "--no-color", description = "No colours; the environment variable NO_COLOR says so, too.")
    private boolean plain;

    /**
     * @param terminal whether {@code out} is one
     * @param colours  whether they are wanted
     */
    TopCommand(Signals signals, PrintStream out, PrintStream err, boolean terminal, boolean colours) {
        this.signals = signals;
        this.out = out;
        this.err = err;
        this.terminal = terminal;
        this.colours = colours;
    }

    @Override
    public Integer call() throws InterruptedException {
        Duration time;
        Filter filter;
        try {
            time = Durations.parse(interval);
            filter = Filter.of(selection.parameters());
        } catch (IllegalArgumentException e) {
            err.println("penstock: " + e.getMessage());
            return ExitCode.USAGE;
        }
        if (time.compareTo(SHORTEST) < 0 || time.compareTo(LONGEST) > 0) {
            err.println("penstock: --interval " + interval + ": allowed is 1s to 1m");
            return ExitCode.USAGE;
        }
        Top top = new Top(gateway::open, new Texts(), screen, filter, time, colours && !plain);
        int asked = gateway.ask(err, client -> {
            top.look(client);
            return ExitCode.OK;
        });
        if (asked != ExitCode.OK) {
            return asked;
        }
        if (once || !terminal) {
            top.text(TEXT_WIDTH).forEach(out::println);
            return ExitCode.OK;
        }
        signals.on("TERM", top::end);
        signals.on("HUP", top::end);
        try {
            top.run();
        } catch (IOException e) {
            err.println("penstock: " + e.getMessage());
            return ExitCode.UNAVAILABLE;
        }
        return ExitCode.OK;
    }

    /** As the commands print them. */
    private static final class Texts implements Details {
        @Override
        public List<String> provider(StandingAnswer.Provider provider) {
            return lines(texts -> texts.provider(provider));
        }

        @Override
        public List<String> source(StandingAnswer.Source source) {
            return lines(texts -> texts.source(source));
        }

        @Override
        public List<String> why(QueueAnswer.WhyOf why) {
            return lines(texts -> texts.why(why));
        }

        private static List<String> lines(Consumer<ViewTexts> text) {
            ByteArrayOutputStream printed = new ByteArrayOutputStream();
            text.accept(new ViewTexts(new PrintStream(printed, true, UTF_8), Instant.now()));
            return printed.toString(UTF_8).lines().toList();
        }
    }
}
