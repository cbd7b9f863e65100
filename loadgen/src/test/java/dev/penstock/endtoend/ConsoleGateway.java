package dev.penstock.endtoend;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import dev.penstock.Penstock;
import dev.penstock.admin.AdminClient;
import dev.penstock.admin.AdminProblem;
import dev.penstock.config.ConfigReader;
import dev.penstock.config.Places;
import dev.penstock.loadgen.Behaviour;
import dev.penstock.loadgen.LoadOptions;
import dev.penstock.loadgen.Sink;
import dev.penstock.loadgen.SinkOptions;
import dev.penstock.loadgen.twin.Twins;
import dev.penstock.revision.Reloads;
import dev.penstock.routing.ZoneServer;

/**
 * A gateway as an operator has it on a busy day, for who looks at it: three tenants send over two sources to domains of
 * known providers, whose hosts answer as theirs do, and of others; one of these stalls, one can't be reached. Confined to
 * the test's thread.
 */
final class ConsoleGateway implements AutoCloseable {
    /** Each by its twin, whose first domain gets mail. */
    private static final List<String> PROVIDERS = List.of("gmail", "outlook", "yahoo", "gmx", "apple");
    /** Domains of no known provider, with one host. */
    static final int OTHERS = 30;
    static final String STALLED = "stalled.test";
    static final String UNREACHABLE = "unreachable.test";
    private static final List<String> TENANTS = List.of("shop", "bank", "club");
    private static final List<String> SENDERS = List.of("news@shop.example", "service@bank.example",
            "board@club.example");
    private static final int SESSIONS = 3; // of each tenant
    private static final int WARMED_UP_DAYS = 29; // of the second source
    /** Messages a second of each tenant, in the order of {@link #TENANTS}: Gmail's twin takes less of a new source. */
    private static final List<Double> RATES = List.of(24.0, 8.0, 4.0);

    private final Path directory;
    private final Sink sink;
    private final ZoneServer zone;
    private final List<BackgroundLoad> loads = new ArrayList<>();
    private Penstock penstock;
    private AdminClient admin;

    private ConsoleGateway(Path directory, Sink sink, ZoneServer zone) throws IOException {
        this.directory = directory;
        this.sink = sink;
        this.zone = zone;
        this.penstock = penstock(directory);
        this.admin = client(directory);
    }

    /** @param http for operators; 0 for whatever is free */
    static ConsoleGateway start(Path directory, int http) throws IOException {
        Files.createDirectories(directory);
        int port = Peers.freePort("127.0.0.1");
        Sink sink = sink(port);
        ZoneServer zone = zone();
        configure(directory, zone.server(), port, http == 0 ? Peers.freePort("127.0.0.1") : http);
        return new ConsoleGateway(directory, sink, zone);
    }

    private static Sink sink(int port) throws IOException {
        List<InetSocketAddress> addresses = new ArrayList<>();
        for (int host = 1; host <= PROVIDERS.size() + 2; host++) {
            addresses.add(new InetSocketAddress(address(host), port));
        }
        SinkOptions.Builder options = SinkOptions.on(addresses.toArray(InetSocketAddress[]::new));
        for (int i = 0; i < PROVIDERS.size(); i++) {
            options.twin(address(i + 1), Twins.read(PROVIDERS.get(i)));
        }
        options.behave(STALLED, Behaviour.parse("stall")).behave("d01.test", Behaviour.parse("bounce=10%"))
                .behave("d02.test", Behaviour.parse("defer=30%"));
        return Sink.start(options.build());
    }

    private static ZoneServer zone() {
        ZoneServer zone = new ZoneServer(0);
        for (int i = 0; i < PROVIDERS.size(); i++) {
            var twin = Twins.read(PROVIDERS.get(i));
            zone.address(twin.host(), address(i + 1));
            twin.domains().forEach(domain -> zone.mx(domain, 10, twin.host()));
        }
        String other = address(PROVIDERS.size() + 1);
        zone.address("mx.test", other).address("mx." + STALLED, address(PROVIDERS.size() + 2))
                .mx(STALLED, 10, "mx." + STALLED)
                .address("mx." + UNREACHABLE, address(PROVIDERS.size() + 3)).mx(UNREACHABLE, 10, "mx." + UNREACHABLE);
        for (int i = 1; i <= OTHERS; i++) {
            zone.mx("d%02d.test".formatted(i), 10, "mx.test");
        }
        SENDERS.forEach(sender -> zone.mx(sender.substring(sender.indexOf('@') + 1), 10, "mx.test"));
        return zone.start();
    }

    private static String address(int host) {
        return "127.0.1." + host;
    }

    private static void configure(Path directory, String dns, int port, int http) throws IOException {
        Files.writeString(directory.resolve("shaping.toml"), """
                ["default"]
                connection_limit = 10
                max_message_rate = "200/s"

                # Their postmaster asked for it.
                [provider."apple"]
                match = [ {MXSuffix=".icloud.com"} ]
                provider_connection_limit = 2
                provider_max_message_rate = "5/s"
                """);
        StringBuilder listeners = new StringBuilder();
        for (String tenant : TENANTS) {
            listeners.append("""
                    [[listener]]
                    name = "%1$s"
                    address = "127.0.0.1:%2$d"
                    tenant = "%1$s"
                    campaign = "%3$s"
                    """.formatted(tenant, Peers.freePort("127.0.0.1"), tenant.equals("shop") ? "spring" : ""));
        }
        Files.writeString(directory.resolve("penstock.toml"), """
                [gateway]
                hostname = "mx1.shop.example"
                shaping-file = "%1$s/shaping.toml"
                %2$s
                [spool]
                directory = "%1$s/spool"
                [events]
                directory = "%1$s/log"
                [http]
                port = %3$d
                [dns]
                servers = ["%4$s"]
                ignore-networks = []
                [queue]
                retry-intervals = ["20s", "40s", "2m"]
                [delivery]
                port = %5$d
                pool = "bulk"
                stop-timeout = "1s"
                command-timeout = "1h"
                [source."ip-1"]
                source-address = ["127.0.0.11"]
                [source."ip-2"]
                source-address = ["127.0.0.12"]
                warm-up = "gentle"
                warm-up-start = %6$s
                [pool."bulk"]
                sources = { "ip-1" = 3, "ip-2" = 1 }
                [pool."bank"]
                sources = { "ip-1" = 1 }
                tenants = ["bank"]
                [warm-up."gentle"]
                messages = [{day=1, messages=500}, {day=90, messages=50000}]
                days = 120
                [tenant."bank"]
                mail-class = "transactional"
                queue-limit = 100000
                [history]
                enabled = true
                directory = "%1$s/history"
                """.formatted(directory, listeners, http, dns, port,
                LocalDate.now(ZoneOffset.UTC).minusDays(WARMED_UP_DAYS)));
    }

    private static Penstock penstock(Path directory) throws IOException {
        Path file = directory.resolve("penstock.toml");
        Reloads.Found found = Reloads.Found.of(file);
        Places places = new Places();
        ConfigReader.Valid valid = switch (ConfigReader.read(file, places)) {
            case ConfigReader.Valid read -> read;
            case ConfigReader.Invalid invalid -> throw new AssertionError(invalid.problems());
        };
        Penstock penstock = Penstock.start(valid.config());
        penstock.configuredBy(
                new Reloads(file, found, valid.config(), places, penstock::reload, penstock.refusals()));
        return penstock;
    }

    private static AdminClient client(Path directory) {
        return AdminClient.over(directory.resolve("spool").resolve("admin.sock"));
    }

    /** Mail of all tenants, until it is closed. */
    void load() throws IOException {
        for (int i = 0; i < TENANTS.size(); i++) {
            loads.add(BackgroundLoad.start(LoadOptions.to(penstock.smtpAddresses().get(i)).sessions(SESSIONS)
                    .rate(RATES.get(i)).sizes("2KB:60,8KB:30,50KB:10").domains(domains()).sender(SENDERS.get(i))));
        }
    }

    /** Most of it to Gmail. */
    private static String domains() {
        return "gmail.com:60,outlook.com:6,yahoo.com:6,gmx.de:4,icloud.com:4,d{01.." + OTHERS + "}.test:20," + STALLED
                + ":2," + UNREACHABLE + ":2";
    }

    /** What an operator has done already: Yahoo's mail is suspended, a job waits for sessions, a change was refused. */
    void disturb() throws IOException, AdminProblem {
        admin.post("/suspensions", Map.of("selection", Map.of("provider", List.of("yahoo")), "reason",
                "Yahoo asked us to wait until their incident is over"));
        admin.post("/jobs", Map.of("verb", "bounce", "selection", Map.of("domain", List.of(STALLED)), "reason",
                "the customer has left", "report", false));
        try {
            admin.post("/config/shaping/apply", Map.of("content", "[\"default\"]\nconnection_limit = \"many\"\n",
                    "reason", "more for everybody"));
            throw new AssertionError("taken");
        } catch (AdminProblem _) {
            // It stands in the audit log.
        }
    }

    /** Of its Unix socket. */
    AdminClient admin() {
        return admin;
    }

    /** An address that opens the console with all rights, once. */
    String ticket() throws IOException, AdminProblem {
        var ticket = admin.post("/console/tickets", Map.of());
        return ticket.path("base").asString() + ticket.path("path").asString();
    }

    /** Of the console, with a slash at its end. */
    String console() {
        InetSocketAddress http = penstock.httpAddress();
        return "http://" + http.getAddress().getHostAddress() + ":" + http.getPort() + "/console/";
    }

    void stopGateway() {
        admin.close();
        penstock.close();
    }

    /** At the ports of before. */
    void startAgain() throws IOException {
        penstock = penstock(directory);
        admin = client(directory);
    }

    @Override
    public void close() throws IOException {
        loads.forEach(BackgroundLoad::close);
        admin.close();
        penstock.close();
        sink.close();
        zone.close();
    }
}
