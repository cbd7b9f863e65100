package dev.penstock.loadgen;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Sends generated messages and prints how they were accepted. */
@Command(name = "load", mixinStandardHelpOptions = true, sortOptions = false, description = "Sends numbered, checksummed messages over SMTP and measures how they are accepted.", exitCodeListHeading = "Exit codes:%n", exitCodeList = {
    "0:every message was accepted", "1:some were refused or got no answer", "2:wrong options"})
public final class LoadCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--target", split = ",", required = true, paramLabel = "HOST:PORT", description = "where to send; sessions are spread over several")
    private List<String> targets = new ArrayList<>();

    @Option(names = "--sessions", defaultValue = "20", description = "parallel sessions (default: 20)")
    private int sessions;

    @Option(names = "--messages", description = "end after so many messages (warm-up not included)")
    private long messages;

    @Option(names = "--seconds", description = "end after so many seconds (warm-up not included)")
    private double seconds;

    @Option(names = "--rate", description = "messages per second, sent on time whatever the replies (open loop); without it each session sends as soon as it can")
    private double rate;

    @Option(names = "--size", defaultValue = "4KB", description = "body size, or sizes with weights: 2KB:50,20KB:40,100KB:10 (default: 4KB)")
    private String size = "";

    @Option(names = "--domains", defaultValue = "example.test", description = "recipient domains: d{001..100}.test or a.test:50,b.test:50 (default: example.test)")
    private String domains = "";

    @Option(names = "--recipients", defaultValue = "1", description = "recipients per message (default: 1)")
    private int recipients;

    @Option(names = "--pipelining", negatable = true, defaultValue = "true", fallbackValue = "true", description = "use PIPELINING where offered (default: on)")
    private boolean pipelining;

    @Option(names = "--messages-per-session", description = "open a new session after so many messages")
    private int messagesPerSession;

    @Option(names = "--warmup", description = "seconds to send before the counted part")
    private double warmup;

    @Option(names = "--hold", description = "after the warm-up print \"warm\" and wait for a line on standard input")
    private boolean hold;

    @Option(names = "--reconnect", description = "open broken sessions again; messages without an answer are never repeated")
    private boolean reconnect;

    @Option(names = "--sender", defaultValue = "load@penstock.test", description = "envelope sender (default: load@penstock.test)")
    private String sender = "";

    @Option(names = "--dots", defaultValue = "0.05", description = "share of body lines that start with a dot (default: 0.05)")
    private double dots;

    @Option(names = "--eight-bit", defaultValue = "0", description = "share of body lines with octets above 127 (default: 0)")
    private double eightBit;

    @Option(names = "--seed", defaultValue = "1", description = "of bodies, sizes and domains (default: 1)")
    private long seed;

    @Option(names = "--threads", defaultValue = "1", description = "event loops (default: 1)")
    private int threads;

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
        LoadGenerator generator = new LoadGenerator(options());
        if (hold) {
            generator.atWarm(LoadCommand::awaitLine);
        }
        Progress progress = new Progress();
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

    private LoadOptions options() {
        try {
            InetSocketAddress[] addresses = Addresses.parse(targets).toArray(InetSocketAddress[]::new);
            return LoadOptions.to(addresses).sessions(sessions).messages(messages).duration(ofSeconds(seconds))
                    .rate(rate).sizes(size).domains(domains).recipients(recipients).pipelining(pipelining)
                    .messagesPerSession(messagesPerSession).warmup(ofSeconds(warmup)).reconnect(reconnect)
                    .sender(sender).dots(dots).eightBit(eightBit).seed(seed).threads(threads).drain(ofSeconds(drain))
                    .acks(acks).build();
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

    static void awaitLine() {
        System.out.println("warm");
        try {
            for (int c = System.in.read(); c >= 0 && c != '\n';) {
                c = System.in.read();
            }
        } catch (IOException _) {
            // nobody to wait for
        }
    }

    static final class Progress {
        private int second;
        private long before;

        void line(LoadReport now) {
            second++;
            System.out.printf(Locale.ROOT,
                    "%4d s  accepted %d (%d/s)  refused %d  unknown %d  accept p50 %.2f p99 %.2f ms%n",
                    second, now.accepted(), now.accepted() - before, now.refusedTotal(), now.unknown(),
                    now.accept().p50() / 1000.0, now.accept().p99() / 1000.0);
            before = now.accepted();
        }
    }
}
