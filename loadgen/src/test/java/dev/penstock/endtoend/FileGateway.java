package dev.penstock.endtoend;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;

import dev.penstock.Penstock;
import dev.penstock.config.ConfigReader;
import dev.penstock.loadgen.LoadGenerator;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.LoadReport;

/**
 * A gateway configured by files as an operator's is, and looked at as an operator looks: by its metrics and its delivery
 * log. Confined to the test's thread.
 */
final class FileGateway implements AutoCloseable {
    private static final int SHOWN_DOMAINS = 10;
    private final Path log;
    private final Penstock penstock;

    private FileGateway(Path log, Penstock penstock) {
        this.log = log;
        this.penstock = penstock;
    }

    /**
     * Starts one on ports that the system chooses.
     *
     * @param shaping the {@code ["default"]} section of its shaping file
     * @param tables  of its configuration file, beside those of its places
     */
    static FileGateway start(Path directory, String shaping, String tables) throws IOException {
        Files.createDirectories(directory);
        Path shapingFile = Files.writeString(directory.resolve("shaping.toml"), "[\"default\"]\n" + shaping + "\n");
        Path file = Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "gateway.test"
                shaping-file = "%1$s"
                [[listener]]
                address = "127.0.0.1:0"
                [spool]
                directory = "%2$s/spool"
                [events]
                directory = "%2$s/log"
                [http]
                port = 0
                %3$s
                """.formatted(shapingFile, directory, tables));
        return switch (ConfigReader.read(file)) {
            case ConfigReader.Valid valid ->
                new FileGateway(directory.resolve("log"), Penstock.start(valid.config()));
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
    }

    /** A table for the configuration file: where mail of {@code domain} goes. */
    static String route(String domain, LimitedHost host, String further) {
        return "[routes.\"" + domain + "\"]\nhosts = [\"" + host.host() + "\"]\n" + further + "\n";
    }

    InetSocketAddress smtp() {
        return penstock.smtpAddresses().getFirst();
    }

    /** Of the listener with that number, those of its tables after the first one. */
    InetSocketAddress smtp(int listener) {
        return penstock.smtpAddresses().get(listener);
    }

    /** Of its series with that name, all together. */
    double total(String name) {
        return total(name, _ -> true);
    }

    /** Sends small messages as fast as they are taken, all of which must be. */
    LoadReport send(int messages, int sessions, String domains) throws IOException, InterruptedException {
        return send(0, messages, sessions, domains);
    }

    /** As {@link #send(int, int, String)}, to one of its listeners. */
    LoadReport send(int listener, int messages, int sessions, String domains)
            throws IOException, InterruptedException {
        LoadReport sent = new LoadGenerator(LoadOptions.to(smtp(listener)).sessions(sessions).messages(messages)
                .sizes("1KB").domains(domains).build()).run();
        if (sent.accepted() != messages) {
            throw new AssertionError(sent);
        }
        return sent;
    }

    /** Destinations in the queue. Their number by state is no measure: one that moves meanwhile counts twice, or not at all. */
    long queued() {
        Map<String, Double> now = metrics();
        return (long) (now.get("penstock_queue_submitted_total") - now.get("penstock_queue_finished_total"));
    }

    /** Connections that hosts didn't let come about. */
    long connectFailures() {
        return (long) total("penstock_delivery_connect_failures_total", _ -> true);
    }

    /** Destinations whose whole ready queue waits for a time, instead of for its turn. */
    long suspended() {
        return (long) total("penstock_queue_destinations",
                series -> series.contains("\"parked\"") || series.contains("\"suspended\""));
    }

    /** The delivery log so far. */
    List<LoggedEvent> events() {
        try {
            return LoggedEvent.read(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What stays in the queue, for the text of a failure: states, and domains with the last that was heard of each. */
    String remains() {
        List<LoggedEvent> events = events();
        // Not by order: a message may be delivered before its reception is logged.
        Set<String> ended = events.stream().filter(LoggedEvent::isEnd).map(LoggedEvent::id)
                .collect(Collectors.toSet());
        Map<String, LoggedEvent> waiting = new TreeMap<>();
        events.stream().filter(each -> !ended.contains(each.id())).forEach(each -> waiting.put(each.id(), each));
        Map<String, List<LoggedEvent>> byDomain = waiting.values().stream()
                .collect(Collectors.groupingBy(LoggedEvent::domain, TreeMap::new, Collectors.toList()));
        return waiting.size() + " messages to " + byDomain.size() + " domains are left; "
                + metrics().entrySet().stream().filter(each -> each.getKey().startsWith("penstock_queue_destinations")
                        || each.getKey().startsWith("penstock_delivery_sessions"))
                        .map(each -> each.getKey() + " " + each.getValue().longValue())
                        .collect(Collectors.joining(", "))
                + "; " + byDomain.entrySet().stream().limit(SHOWN_DOMAINS)
                        .map(each -> each.getKey() + ": " + each.getValue().size() + ", last event "
                                + each.getValue().getLast())
                        .collect(Collectors.joining("; "));
    }

    private double total(String name, Predicate<String> series) {
        return metrics().entrySet().stream()
                .filter(each -> (each.getKey().equals(name) || each.getKey().startsWith(name + "{"))
                        && series.test(each.getKey()))
                .mapToDouble(Map.Entry::getValue).sum();
    }

    private Map<String, Double> metrics() {
        return Metrics.of(penstock.httpAddress());
    }

    @Override
    public void close() {
        penstock.close();
    }
}
