package dev.penstock.loadgen;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Sends generated messages over HTTP and prints how they were accepted. */
@Command(name = "inject", mixinStandardHelpOptions = true, sortOptions = false, description = "Sends numbered, checksummed messages over HTTP and measures how they are accepted.", exitCodeListHeading = "Exit codes:%n", exitCodeList = {
    "0:every recipient was accepted", "1:some were refused or got no answer", "2:wrong options"})
public final class InjectCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--target", split = ",", required = true, paramLabel = "HOST:PORT", description = "where injection listens; sessions are spread over several")
    private List<String> targets = new ArrayList<>();

    @Option(names = "--sessions", defaultValue = "4", description = "connections, with one request at a time each (default: 4)")
    private int sessions;

    @Option(names = "--requests", description = "end after so many requests (warm-up not included)")
    private long requests;

    @Option(names = "--seconds", description = "end after so many seconds (warm-up not included)")
    private double seconds;

    @Option(names = "--rate", description = "requests per second, sent on time whatever the answers (open loop); without it each session sends as soon as it can")
    private double rate;

    @Option(names = "--size", defaultValue = "4KB", description = "body size, or sizes with weights: 2KB:50,20KB:40,100KB:10 (default: 4KB)")
    private String size = "";

    @Option(names = "--domains", defaultValue = "example.test", description = "recipient domains: d{001..100}.test or a.test:50,b.test:50 (default: example.test)")
    private String domains = "";

    @Option(names = "--recipients", defaultValue = "100", description = "recipients per request (default: 100)")
    private int recipients;

    @Option(names = "--template", negatable = true, defaultValue = "true", fallbackValue = "true", description = "a message for each recipient, filled in by the gateway (default: on); else one for all of a request")
    private boolean template;

    @Option(names = "--keys", negatable = true, defaultValue = "false", fallbackValue = "true", description = "give each request an idempotency key, and repeat it when its answer is lost (default: off)")
    private boolean keys;

    @Option(names = "--user", defaultValue = "", paramLabel = "NAME:PASSWORD", description = "log in")
    private String user = "";

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

    @Option(names = "--acks", description = "append acknowledged deliveries to this file")
    private @Nullable Path acks;

    @Option(names = "--json", description = "write the figures to this file")
    private @Nullable Path json;

    @Option(names = "--quiet", description = "no progress lines")
    private boolean quiet;

    @Override
    public Integer call() throws Exception {
        InjectGenerator generator = new InjectGenerator(options());
        if (hold) {
            generator.atWarm(LoadCommand::awaitLine);
        }
        LoadCommand.Progress progress = new LoadCommand.Progress();
        try (Termination _ = new Termination(generator::stop)) {
            LoadReport report = generator.run(quiet ? _ -> {} : progress::line);
            System.out.print(report.table());
            System.out.flush();
            if (json != null) {
                Json.write(json, report::write);
            }
            return report.refusedTotal() + report.unknown() + report.aborted() == 0 && report.accepted() > 0 ? 0 : 1;
        }
    }

    private InjectOptions options() {
        try {
            InetSocketAddress[] addresses = Addresses.parse(targets).toArray(InetSocketAddress[]::new);
            LoadOptions load = LoadOptions.to(addresses).sessions(sessions).messages(requests)
                    .duration(ofSeconds(seconds)).rate(rate).sizes(size).domains(domains).recipients(recipients)
                    .warmup(ofSeconds(warmup)).sender(sender).dots(0).seed(seed).drain(ofSeconds(drain)).acks(acks)
                    .build();
            return new InjectOptions(load, template, keys, user);
        } catch (IllegalArgumentException e) {
            throw usage(e);
        }
    }

    private RuntimeException usage(IllegalArgumentException e) {
        return spec == null ? e : new ParameterException(spec.commandLine(), e.getMessage(), e);
    }

    private static Duration ofSeconds(double seconds) {
        return Duration.ofNanos((long) (seconds * 1e9));
    }
}
