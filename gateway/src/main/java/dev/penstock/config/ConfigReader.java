package dev.penstock.config;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Reads the configuration file and the shaping files that it names. Thread-safe: every call reads anew. All errors of
 * all files are found in one reading; a configuration with any is not given out.
 *
 * <p>Relative paths in the file are relative to the working directory of the process, not to the file.
 */
public final class ConfigReader {
    private static final String SHAPING_FILE = "shaping-file";
    private static final String SHAPING_BASE = "shaping-base";

    private ConfigReader() {}

    /** What a reading gave. */
    public sealed interface Result {}

    /** @param warnings what was read but has no effect */
    public record Valid(GatewayConfig config, List<Problem> warnings) implements Result {}

    /** @param problems at least one, file by file from top to bottom */
    public record Invalid(List<Problem> problems) implements Result {}

    /** Blocks while it reads the files. */
    public static Result read(Path file) {
        return read(file, new Places());
    }

    /** Likewise, and notes in {@code places} which keys are written where. */
    public static Result read(Path file, Places places) {
        return read(file, places, UnaryOperator.identity());
    }

    /** As {@link #read}, with another shaping file in the place of the one that is named: what a change would come to. */
    public static Result readWithShaping(Path file, Path shaping) {
        return read(file, new Places(), _ -> Optional.of(shaping));
    }

    /** As {@link #read}, but whatever the shaping file says: built-in limits for all. */
    public static Result readWithoutShaping(Path file) {
        return read(file, new Places(), _ -> Optional.empty());
    }

    private static Result read(Path file, Places places, UnaryOperator<Optional<Path>> shaping) {
        List<Problem> errors = new ArrayList<>();
        List<Problem> warnings = new ArrayList<>();
        ConfigSource source = new ConfigSource(file, errors, warnings, places);
        GatewayConfig config = config(source.parse(), source, shaping);
        return errors.isEmpty()
                ? new Valid(config, ConfigSource.inOrder(warnings))
                : new Invalid(ConfigSource.inOrder(errors));
    }

    /** The shaping file that is named in {@code file}; empty when none is, or that can't be read. */
    public static Optional<Path> shapingFile(Path file) {
        ConfigSource unread = new ConfigSource(file, new ArrayList<>(), new ArrayList<>(), null);
        return unread.parse().table("gateway").file(SHAPING_FILE, Optional.empty(), "");
    }

    /** The files under it that are named; none when {@code file} can't be read. */
    public static List<Path> shapingBase(Path file) {
        ConfigSource unread = new ConfigSource(file, new ArrayList<>(), new ArrayList<>(), null);
        return unread.parse().table("gateway").list(SHAPING_BASE, List.of(), TableBinder::toPath);
    }

    /** This machine's name as its own system gives it; {@code localhost} when that isn't a usable one. */
    public static String systemHostname() {
        try {
            return Syntax.domain(InetAddress.getLocalHost().getHostName());
        } catch (UnknownHostException | IllegalArgumentException _) {
            return "localhost";
        }
    }

    private static GatewayConfig config(TableBinder file, ConfigSource source,
            UnaryOperator<Optional<Path>> shaping) {
        GatewayConfig config = GatewayConfig.embedded(systemHostname());
        TableBinder gateway = file.table("gateway");
        String hostname = GatewayConfig.HOSTNAME.read(gateway);
        int node = GatewayConfig.NODE.read(gateway);
        Optional<Path> named = gateway.file(SHAPING_FILE, Optional.empty(), "built-in limits");
        Optional<Path> shapingFile = shaping.apply(named);
        List<Path> base = shapingBase(gateway, named);
        gateway.end();
        if (!hostname.isEmpty()) {
            config = config.with(GatewayConfig.HOSTNAME, hostname);
        }

        config = config.with(GatewayConfig.NODE, node);
        List<ListenerConfig> listeners = GatewayConfig.LISTENERS.read(file);
        Map<String, RouteConfig> routes = GatewayConfig.ROUTES.read(file);
        Map<String, LocalDomainConfig> localDomains = GatewayConfig.LOCAL_DOMAINS.read(file);
        config = config.with(GatewayConfig.LISTENERS, listeners)
                .with(GatewayConfig.ROUTES, routes)
                .with(GatewayConfig.LOCAL_DOMAINS, localDomains)
                .with(GatewayConfig.INBOUND, GatewayConfig.INBOUND.read(file))
                .with(GatewayConfig.SPOOL, GatewayConfig.SPOOL.read(file))
                .with(GatewayConfig.DNS, GatewayConfig.DNS.read(file))
                .with(GatewayConfig.QUEUE, GatewayConfig.QUEUE.read(file))
                .with(GatewayConfig.DELIVERY, GatewayConfig.DELIVERY.read(file))
                .with(GatewayConfig.EVENTS, GatewayConfig.EVENTS.read(file))
                .with(GatewayConfig.HTTP, GatewayConfig.HTTP.read(file))
                .with(GatewayConfig.AUTH, AuthReader.read(file.table("auth"), source))
                .with(GatewayConfig.POLICY, PolicyReader.read(file.table("policy"), listeners))
                .with(GatewayConfig.INJECTION, InjectionConfig.read(file.table("injection")))
                .with(GatewayConfig.SOURCES, GatewayConfig.SOURCES.read(file))
                .with(GatewayConfig.POOLS, GatewayConfig.POOLS.read(file))
                .with(GatewayConfig.DKIM, GatewayConfig.DKIM.read(file))
                .with(GatewayConfig.PREFLIGHT, GatewayConfig.PREFLIGHT.read(file))
                .with(GatewayConfig.WARM_UPS, GatewayConfig.WARM_UPS.read(file))
                .with(GatewayConfig.TLS_REPORTS, GatewayConfig.TLS_REPORTS.read(file))
                .with(GatewayConfig.HISTORY, GatewayConfig.HISTORY.read(file))
                .with(GatewayConfig.TENANTS, GatewayConfig.TENANTS.read(file))
                .with(GatewayConfig.CAMPAIGNS, GatewayConfig.CAMPAIGNS.read(file))
                .with(GatewayConfig.CURFEWS, GatewayConfig.CURFEWS.read(file))
                .with(GatewayConfig.CONTROL, GatewayConfig.CONTROL.read(file))
                .with(GatewayConfig.ADMIN, GatewayConfig.ADMIN.read(file));
        WarmUpReader.check(file.table("source"), config.sources(), config.warmUps().keySet());
        PoolReader.check(file, config.pools(), config.sources().keySet(), config.delivery().pool());
        if (shapingFile.isPresent()) {
            config = config.with(GatewayConfig.SHAPING, ShapingReader
                    .read(base, source.other(shapingFile.get(), Places.SHAPING), routes, localDomains.keySet(),
                            sourceNames(config)));
        }
        CurfewReader.check(file, config, named.isEmpty() || shapingFile.isPresent());
        file.end();

        for (String domain : config.localDomains().keySet()) {
            if (config.routes().containsKey(domain)) {
                file.reject("local", domain + " has a table in [routes] too; allowed: one of the two");
            }
        }
        if (config.events().directory().toAbsolutePath().normalize()
                .equals(config.spool().directory().toAbsolutePath().normalize())) {
            file.reject("events", "directory is the spool's; the delivery log needs one of its own");
        }
        if (config.sources().containsKey(SourceConfig.DEFAULT_NAME) && !config.delivery().sourceAddress().isEmpty()) {
            file.reject("source", "\"" + SourceConfig.DEFAULT_NAME
                    + "\" is there, and delivery.source-address says the same; allowed: one of the two");
        }
        boolean nobody = config.auth().users().isEmpty() && config.auth().callout().isEmpty()
                && config.auth().bearer().isEmpty();
        for (ListenerConfig listener : listeners) {
            if (listener.authRequired() && nobody
                    && listener.tls().clientCertificates() == ListenerTls.ClientCertificates.NONE) {
                file.reject("listener", "\"" + listener.name()
                        + "\" has auth-required, but [auth] has no users, callout or bearer: nobody could log in");
            }
        }
        HttpConfig http = config.http();
        ListenAddress httpAddress = new ListenAddress(http.address(), http.port());
        if (http.port() != 0 && listeners.stream().anyMatch(listener -> listener.addresses().contains(httpAddress))) {
            file.reject("http", "a listener uses this address and port already");
        }
        InjectionConfig injection = config.injection();
        if (injection.enabled() && injection.port() != 0) {
            ListenAddress injectionAddress = new ListenAddress(injection.address(), injection.port());
            if (injectionAddress.equals(httpAddress)
                    || listeners.stream().anyMatch(listener -> listener.addresses().contains(injectionAddress))) {
                file.reject("injection", "a listener or [http] uses this address and port already");
            }
        }
        AdminConfig admin = config.admin();
        if (admin.hasPort() && admin.port() != 0) {
            ListenAddress adminAddress = new ListenAddress(admin.address(), admin.port());
            if (adminAddress.equals(httpAddress)
                    || injection.enabled()
                            && adminAddress.equals(new ListenAddress(injection.address(), injection.port()))
                    || listeners.stream().anyMatch(listener -> listener.addresses().contains(adminAddress))) {
                file.reject("admin", "a listener, [http] or [injection] uses this address and port already");
            }
        }
        return config;
    }

    private static List<Path> shapingBase(TableBinder gateway, Optional<Path> shapingFile) {
        List<Path> base = GatewayConfig.SHAPING_BASE.read(gateway);
        Set<Path> files = new HashSet<>();
        shapingFile.map(ConfigReader::absolute).ifPresent(files::add);
        if (!base.isEmpty() && !gateway.says(SHAPING_FILE)) {
            gateway.reject(SHAPING_BASE, "lies under shaping-file, and none is named; allowed: the last file as "
                    + "shaping-file, the others here");
        }
        base.stream().filter(file -> !files.add(absolute(file)))
                .forEach(file -> gateway.reject(SHAPING_BASE, file + " is named twice"));
        return base;
    }

    private static Path absolute(Path file) {
        return file.toAbsolutePath().normalize();
    }

    private static Set<String> sourceNames(GatewayConfig config) {
        Set<String> names = new HashSet<>(config.sources().keySet());
        names.add(SourceConfig.DEFAULT_NAME);
        return names;
    }

    static Map<String, RouteConfig> routes(TableBinder table) {
        Map<String, RouteConfig> routes = new LinkedHashMap<>();
        for (String name : table.keys()) {
            TableBinder route = table.table(name);
            if (!table.hasTable(name)) {
                continue;
            }
            if (route.holdsOnlyTables()) {
                table.reject(name, "a domain needs quotes here: [routes.\"" + name + "."
                        + route.keys().iterator().next() + "\"]");
                continue;
            }
            List<String> hosts = RouteConfig.HOSTS.read(route);
            if (!route.has("hosts")) {
                table.reject(name, "hosts is missing; expected an array like [\"mx.example.net\", \"192.0.2.1:2525\"]");
            } else if (route.isEmptyArray("hosts")) {
                route.reject("hosts", "at least one host is needed");
            }
            boolean lmtp = RouteConfig.LMTP.read(route);
            TlsPolicy tls = RouteConfig.TLS.read(route);
            String user = RouteConfig.USER.read(route);
            String password = RouteConfig.PASSWORD.read(route);
            Optional<Path> passwordFile = RouteConfig.PASSWORD_FILE.read(route);
            boolean authWithoutTls = RouteConfig.AUTH_WITHOUT_TLS.read(route);
            RouteConfig config = new RouteConfig(hosts, lmtp, tls, user, password, passwordFile, authWithoutTls,
                    Optional.empty(), RouteConfig.login(route, user, password, passwordFile, authWithoutTls));
            route.end();
            try {
                String domain = name.equals("*") ? name : Syntax.domain(name);
                table.means(name, domain);
                if (routes.put(domain, config) != null) {
                    table.reject(name, "there is a route for " + domain + " in another spelling already");
                }
            } catch (IllegalArgumentException e) {
                table.reject(name, e.getMessage() + ", or \"*\"");
            }
        }
        return routes;
    }
}
