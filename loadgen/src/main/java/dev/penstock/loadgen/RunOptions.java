package dev.penstock.loadgen;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options of every command that runs a generator, and the run. Confined to the thread of its command. */
final class RunOptions {
    @Spec(Spec.Target.MIXEE)
    private @Nullable CommandSpec spec;

    @Option(names = "--target", split = ",", required = true, paramLabel = "HOST:PORT", description = "where to send; sessions are spread over several")
    private List<String> targets = new ArrayList<>();

    @Option(names = "--seconds", description = "end after so many seconds (warm-up not included)")
    private double seconds;

    @Option(names = "--size", defaultValue = "4KB", description = "body size, or sizes with weights: 2KB:50,20KB:40,100KB:10 (default: 4KB)")
    private String size = "";

    @Option(names = "--domains", defaultValue = "example.test", description = "recipient domains: d{001..100}.test or a.test:50,b.test:50 (default: example.test)")
    private String domains = "";

    @Option(names = "--warmup", description = "seconds to send before the counted part")
    private double warmup;

    @Option(names = "--hold", description = "after the warm-up print \"warm\" and wait for a line on standard input")
    private boolean hold;

    @Option(names = "--sender", defaultValue = "load@penstock.test", description = "envelope sender (default: load@penstock.test)")
    private String sender = "";

    @Option(names = "--seed", defaultValue = "1", description = "of bodies, sizes and domains (default: 1)")
    private long seed;

    @Option(names = "--drain", defaultValue = "30", description = "seconds to wait for replies at the end (default: 30)")
    private double drain;

    @Option(names = "--acks", description = "append acknowledged deliveries to this file, twelve octets each: the run (int) and the delivery's number, message times recipients plus recipient (long), big-endian; 'ledger' reads it")
    private @Nullable Path acks;

    @Option(names = "--json", description = "write the figures to this file, with histogram buckets and a time series")
    private @Nullable Path json;

    @Option(names = "--quiet", description = "no progress lines")
    private boolean quiet;

    /** What a command makes of its options; wrong ones are an IllegalArgumentException that says what is wrong. */
    @FunctionalInterface
    interface Making {
        Generator generator(LoadOptions.Builder builder) throws IOException;
    }

    /** Runs the generator and prints what came of it; gives the exit code. */
    int run(Making making) throws IOException, InterruptedException {
        Generator generator = make(making);
        if (hold) {
            generator.atWarm(RunOptions::awaitLine);
        }
        try (Termination _ = new Termination(generator::stop)) {
            LoadReport report = generator.run(quiet ? _ -> {} : RunOptions::progress);
            System.out.print(report.table());
            System.out.flush();
            if (json != null) {
                Json.write(json, report::write);
            }
            return report.refusedTotal() + report.unknown() + report.aborted() == 0 && report.accepted() > 0 ? 0 : 1;
        }
    }

    private Generator make(Making making) throws IOException {
        try {
            return making.generator(LoadOptions.to(Addresses.parse(targets).toArray(InetSocketAddress[]::new))
                    .duration(ofSeconds(seconds)).sizes(size).domains(domains).warmup(ofSeconds(warmup)).sender(sender)
                    .seed(seed).drain(ofSeconds(drain)).acks(acks));
        } catch (IllegalArgumentException e) {
            throw spec == null ? e : new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }

    private static Duration ofSeconds(double seconds) {
        return Duration.ofNanos((long) (seconds * 1e9));
    }

    private static void awaitLine() {
        System.out.println("warm");
        try {
            for (int c = System.in.read(); c >= 0 && c != '\n';) {
                c = System.in.read();
            }
        } catch (IOException _) {
            // nobody to wait for
        }
    }

    private static void progress(LoadReport now) {
        System.out.println(now.series().getLast().line(now.accepted()));
    }
}
