package dev.penstock.endtoend;

import static java.util.stream.Collectors.joining;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.lang.management.MemoryUsage;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import javax.management.JMException;
import javax.management.ObjectName;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerTls;

/**
 * A gateway in a JVM of its own with the launcher's options, that says how much memory its process has. Its heap is touched
 * at the start, so that what the process grows by is what isn't heap. Listens on 127.0.0.1 and 127.0.0.2; with a
 * certificate also on 127.0.0.3, where STARTTLS is offered, and on 127.0.0.4, where TLS is implicit. Confined to the
 * test's thread.
 */
final class MeasuredGateway implements AutoCloseable {
    private static final int MAX_SESSIONS = 19_000;
    private static final int COLLECTIONS = 3;
    private static final String FIGURES = "figures ";
    private static final String STARTED = "started ";
    private static final String HISTOGRAM = "histogram";
    private final Process process;
    private final BufferedReader lines;
    private final PrintStream commands;
    private final List<Integer> ports;

    /**
     * After full collections.
     *
     * @param resident octets of the process in memory
     * @param heap     of these, heap in use
     * @param sessions open
     */
    record Figures(long resident, long heap, long sessions) {
        /** What the process grew by since {@code before}: outside of the heap, and in it. */
        long grownSince(Figures before) {
            return resident - before.resident + heap - before.heap;
        }
    }

    private MeasuredGateway(Process process) {
        this.process = process;
        lines = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        commands = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
        String[] words = answer(STARTED).split(" ", -1);
        ports = Arrays.stream(words).map(Integer::valueOf).toList();
    }

    /** @param options of Java, beside the launcher's */
    static MeasuredGateway start(Path directory, String dnsServer, int deliveryPort, List<String> options)
            throws IOException {
        return start(options, List.of(directory.toString(), dnsServer, String.valueOf(deliveryPort)));
    }

    static MeasuredGateway start(Path directory, String dnsServer, int deliveryPort, Certificates.Pem certificate)
            throws IOException {
        return start(List.of(), List.of(directory.toString(), dnsServer, String.valueOf(deliveryPort),
                certificate.chain().toString(), certificate.key().toString()));
    }

    private static MeasuredGateway start(List<String> options, List<String> arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xms512m", "-Xmx512m", "-XX:+AlwaysPreTouch", "-XX:MaxDirectMemorySize=256m", "-XX:+UseParallelGC",
                "-XX:+UseCompactObjectHeaders", "--enable-native-access=ALL-UNNAMED", "-XX:+ExitOnOutOfMemoryError",
                "-Dio.netty.allocator.type=pooled"));
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), MeasuredGateway.class.getName()));
        command.addAll(arguments);
        return new MeasuredGateway(
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start());
    }

    /** What {@link #start} runs in the other JVM; ends when its input does, so never outlives the test. */
    public static void main(String[] arguments) throws Exception {
        GatewayConfig base = Gateway.config(Path.of(arguments[0]), arguments[1], Integer.parseInt(arguments[2]));
        InboundConfig inbound = base.inbound();
        GatewayConfig config = base
                .with(GatewayConfig.LISTENERS, listeners(List.of(arguments).subList(3, arguments.length)))
                .with(GatewayConfig.INBOUND, inbound.with(InboundConfig.MAX_SESSIONS, MAX_SESSIONS));
        try (Penstock penstock = Penstock.start(config);
                BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            List<InetSocketAddress> at = penstock.smtpAddresses();
            System.out.println(STARTED
                    + at.stream().map(address -> String.valueOf(address.getPort())).collect(joining(" ")));
            for (String command = in.readLine(); command != null; command = in.readLine()) {
                if (command.equals(HISTOGRAM)) {
                    System.err.println(histogram());
                }
                long heap = heapAfterCollection();
                System.out.println(FIGURES + resident() + " " + heap + " " + penstock.inboundStats().sessions());
            }
        }
    }

    /** @param pem none, or a chain and its key */
    private static List<ListenerConfig> listeners(List<String> pem) {
        List<ListenerConfig> listeners = new ArrayList<>(
                List.of(ListenerConfig.at("127.0.0.1", 0), ListenerConfig.at("127.0.0.2", 0)));
        if (!pem.isEmpty()) {
            ListenerTls.Certificate certificate = new ListenerTls.Certificate(Path.of(pem.get(0)),
                    Path.of(pem.get(1)));
            listeners.add(listener("starttls", "127.0.0.3", ListenerTls.Mode.OFFERED, certificate));
            listeners.add(listener("implicit", "127.0.0.4", ListenerTls.Mode.IMPLICIT, certificate));
        }
        return listeners;
    }

    private static ListenerConfig listener(String name, String address, ListenerTls.Mode mode,
            ListenerTls.Certificate certificate) {
        ListenerConfig base = ListenerConfig.at(address, 0);
        return base.with(ListenerConfig.NAME, name).with(ListenerConfig.TLS,
                new ListenerTls(mode, List.of(certificate), "TLSv1.2",
                        ListenerTls.ClientCertificates.NONE, Optional.empty()));
    }

    private static long heapAfterCollection() {
        long least = Long.MAX_VALUE;
        for (int i = 0; i < COLLECTIONS; i++) {
            System.gc();
            least = Math.min(least, heapLeft());
        }
        return least;
    }

    /** Heap that collections have left in use: not the buffers that threads have taken since, of up to a megabyte each. */
    private static long heapLeft() {
        return ManagementFactory.getMemoryPoolMXBeans().stream().filter(pool -> pool.getType() == MemoryType.HEAP)
                .map(MemoryPoolMXBean::getCollectionUsage).mapToLong(MemoryUsage::getUsed).sum();
    }

    private static long resident() throws IOException {
        try (var status = Files.lines(Path.of("/proc/self/smaps_rollup"))) {
            return 1024 * status.filter(line -> line.startsWith("Rss:")).map(line -> line.replaceAll("\\D", ""))
                    .mapToLong(Long::parseLong).sum();
        }
    }

    private static String histogram() throws JMException {
        String all = (String) ManagementFactory.getPlatformMBeanServer().invoke(
                new ObjectName("com.sun.management:type=DiagnosticCommand"), "gcClassHistogram", new Object[]{null},
                new String[]{String[].class.getName()});
        return all.lines().limit(70).reduce("", (text, line) -> text + line + "\n");
    }

    /** @param listener 0 or 1, with a certificate to 3 */
    InetSocketAddress smtp(int listener) {
        return new InetSocketAddress("127.0.0." + (listener + 1), ports.get(listener));
    }

    Figures figures() {
        return ask("count");
    }

    /** And writes what its heap consists of to standard error. */
    Figures figuresWithHistogram() {
        return ask(HISTOGRAM);
    }

    private Figures ask(String command) {
        commands.println(command);
        String[] words = answer(FIGURES).split(" ", -1);
        return new Figures(Long.parseLong(words[0]), Long.parseLong(words[1]), Long.parseLong(words[2]));
    }

    private String answer(String prefix) {
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith(prefix)) {
                    return line.substring(prefix.length());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new AssertionError("the gateway ended");
    }

    /** Processor time of the process so far. */
    Duration cpu() {
        return process.info().totalCpuDuration().orElseThrow();
    }

    /** kill -9, awaited. */
    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
    }
}
