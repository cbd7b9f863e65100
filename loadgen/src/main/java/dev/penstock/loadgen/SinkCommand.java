package dev.penstock.loadgen;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

import dev.penstock.loadgen.twin.Twins;
import dev.penstock.units.ByteSize;

/** Receives, checks and counts messages until its time is over or it is told to end. */
@Command(name = "sink", mixinStandardHelpOptions = true, sortOptions = false, description = "Receives mail, proves loss, duplicates and damage of the generator's messages, and misbehaves on request.")
public final class SinkCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--listen", split = ",", required = true, paramLabel = "HOST:PORT", description = "addresses, like 127.0.1.{1..8}:2525")
    private List<String> listen = new ArrayList<>();

    @Option(names = "--seconds", description = "end after so many seconds (default: on SIGTERM or SIGINT)")
    private double seconds;

    @Option(names = "--behave", paramLabel = "DOMAIN:BEHAVIOUR", description = "like slow.test:stall, 127.0.1.8:delay=50ms or *:defer=5%%,bounce=1%%,drop=0.1%%,lose-reply=0.1%%,dot-delay=100ms")
    private List<String> behaviours = new ArrayList<>();

    @Option(names = "--behave-file", description = "one behaviour per line, read again when the file changes")
    private @Nullable Path behaveFile;

    @Option(names = "--pipelining", negatable = true, defaultValue = "true", fallbackValue = "true", description = "offer PIPELINING (default: on)")
    private boolean pipelining;

    @Option(names = "--chunking", negatable = true, defaultValue = "false", fallbackValue = "true", description = "offer CHUNKING (default: off)")
    private boolean chunking;

    @Option(names = "--8bitmime", negatable = true, defaultValue = "true", fallbackValue = "true", description = "offer 8BITMIME (default: on)")
    private boolean eightBit;

    @Option(names = "--enhanced-codes", negatable = true, defaultValue = "true", fallbackValue = "true", description = "offer ENHANCEDSTATUSCODES (default: on)")
    private boolean enhancedCodes;

    @Option(names = "--size", defaultValue = "100MB", description = "SIZE to offer, 0 for none (default: 100MB)")
    private String size = "";

    @Option(names = "--threads", defaultValue = "1", description = "event loops (default: 1)")
    private int threads;

    @Option(names = "--seed", defaultValue = "1", description = "of the choices behind percentages (default: 1)")
    private long seed;

    @Option(names = "--twin", split = ",", paramLabel = "[HOST[:PORT]=]TWIN", description = "answer as that receiver: apple, gmail, gmx, outlook, outlook-february-2026, qq, steady, yahoo, or a file; without an address at all of them, like outlook or 127.0.1.1=gmail,127.0.1.2=yahoo. A source is told by its address, a tenant by the domain of MAIL FROM")
    private List<String> twins = new ArrayList<>();

    @Option(names = "--twin-seed", defaultValue = "1", description = "of the twins' choices (default: 1)")
    private long twinSeed;

    @Option(names = "--twin-scale", defaultValue = "1", description = "so many times as large: connections, rates, quotas (default: 1)")
    private double twinScale;

    @Option(names = "--received", description = "append received deliveries to this file, twelve octets each as --acks of 'load' has them; the number's highest bit is set when the content was damaged")
    private @Nullable Path received;

    @Option(names = "--json", description = "write the figures to this file, each second and at the end")
    private @Nullable Path json;

    @Option(names = "--quiet", description = "no progress lines")
    private boolean quiet;

    private @Nullable FileTime behaveFileTime;

    @Override
    public Integer call() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        try (Termination _ = new Termination(end::countDown)) {
            Sink sink = Sink.start(options());
            try (sink) {
                reloadBehaviours(sink);
                System.out.println("listening on " + sink.addresses());
                serve(sink, end);
            }
            SinkReport report = sink.report();
            System.out.print(report.table());
            sink.twinReports().forEach(each -> System.out.print(each.text()));
            System.out.flush();
            if (json != null) {
                Json.write(json, report::write);
            }
            return report.corrupt() + report.duplicates() == 0 ? 0 : 1;
        }
    }

    private void serve(Sink sink, CountDownLatch end) throws InterruptedException, IOException {
        long start = System.nanoTime();
        long before = 0;
        while (!end.await(1, TimeUnit.SECONDS)) {
            SinkReport report = sink.report();
            if (!quiet && report.deliveries() != before) {
                System.out.printf(Locale.ROOT,
                        "received %d (%d/s)  duplicates %d  corrupt %d  deferred %d  bounced %d  open %d%n",
                        report.deliveries(), report.deliveries() - before, report.duplicates(), report.corrupt(),
                        report.deferred(), report.bounced(), report.open());
            }
            before = report.deliveries();
            if (json != null) {
                Json.write(json, report::write);
            }
            reloadBehaviours(sink);
            if (seconds > 0 && System.nanoTime() - start >= seconds * 1e9) {
                return;
            }
        }
    }

    private SinkOptions options() {
        try {
            SinkOptions.Builder builder = SinkOptions
                    .on(Addresses.parse(listen).toArray(InetSocketAddress[]::new)).threads(threads)
                    .pipelining(pipelining).chunking(chunking).eightBit(eightBit).enhancedCodes(enhancedCodes)
                    .size(ByteSize.parse(size).bytes()).received(received).seed(seed)
                    .twinSeed(twinSeed);
            parsed(behaviours).forEach(builder::behave);
            for (String each : twins) {
                int equals = each.lastIndexOf('=');
                builder.twin(equals < 0 ? "*" : each.substring(0, equals),
                        Twins.read(each.substring(equals + 1)).scaled(twinScale));
            }
            return builder.build();
        } catch (IllegalArgumentException e) {
            throw spec == null ? e : new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }

    private void reloadBehaviours(Sink sink) throws IOException {
        if (behaveFile == null || !Files.exists(behaveFile)) {
            return;
        }
        FileTime time = Files.getLastModifiedTime(behaveFile);
        if (time.equals(behaveFileTime)) {
            return;
        }
        behaveFileTime = time;
        try {
            Map<String, Behaviour> all = parsed(behaviours);
            all.putAll(parsed(Files.readAllLines(behaveFile).stream().map(String::strip)
                    .filter(line -> !line.isEmpty() && !line.startsWith("#")).toList()));
            sink.behave(all);
        } catch (IllegalArgumentException e) {
            System.err.println(behaveFile + ": " + e.getMessage() + "; the behaviours stay as they were");
        }
    }

    private static Map<String, Behaviour> parsed(List<String> texts) {
        Map<String, Behaviour> all = new LinkedHashMap<>();
        for (String text : texts) {
            Map.Entry<String, Behaviour> each = Behaviours.parse(text);
            all.put(each.getKey(), each.getValue());
        }
        return all;
    }
}
