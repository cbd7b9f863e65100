package dev.penstock.demo;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code penstock demo}: shows what the gateway does, and proves by its ledger that nothing was lost. */
@Command(name = "penstock demo", mixinStandardHelpOptions = true, sortOptions = false, description = {
    "Runs the gateway, a measuring sink on 9 loopback addresses, a DNS zone of 100 domains and load, all in this",
    "process; shows live what happens and ends with the ledger. Exit code 1: something was lost, doubled or damaged."})
public final class Main implements Callable<Integer> {
    @Option(names = "--seconds", paramLabel = "N", defaultValue = "30", description = "How long load is sent (default ${DEFAULT-VALUE}).")
    private int seconds;

    @Option(names = "--sessions", paramLabel = "N", defaultValue = "20", description = "SMTP sessions that send (default ${DEFAULT-VALUE}).")
    private int sessions;

    @Option(names = "--rate", paramLabel = "N", defaultValue = "0", description = "Messages per second, 0 for as many as are taken (default ${DEFAULT-VALUE}).")
    private double rate;

    @Option(names = "--size", paramLabel = "SIZES", defaultValue = "2KB:60,8KB:30,50KB:10", description = "Message sizes and their weights (default ${DEFAULT-VALUE}).")
    private String sizes = "";

    @Option(names = "--directory", paramLabel = "DIR", description = "Where the spool and the log of the demo lie (default: a new one below the working directory, removed at the end).")
    private @Nullable Path directory;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the ledger and the figures there.")
    private @Nullable Path json;

    private final PrintStream out;

    private Main(PrintStream out) {
        this.out = out;
    }

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Main(System.out)).execute(arguments));
    }

    @Override
    public Integer call() throws IOException, InterruptedException {
        if (seconds < 1 || sessions < 1) {
            out.println("--seconds and --sessions must be at least 1");
            return CommandLine.ExitCode.USAGE;
        }
        Demo.Options options = new Demo.Options(Duration.ofSeconds(seconds), sessions, rate, sizes, directory);
        DemoResult result = new Demo(options, out).run();
        out.print(result.table());
        if (json != null) {
            result.writeJson(json);
        }
        return result.balances() ? CommandLine.ExitCode.OK : CommandLine.ExitCode.SOFTWARE;
    }
}
