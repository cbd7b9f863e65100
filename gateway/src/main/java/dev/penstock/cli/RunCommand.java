package dev.penstock.cli;

import java.io.PrintStream;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import dev.penstock.config.AuthConfig;
import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.ListenerTls;
import dev.penstock.config.Places;
import dev.penstock.config.Problem;
import dev.penstock.metrics.BuildInfo;
import dev.penstock.revision.Reloads;
import dev.penstock.revision.ShapingWatch;

/**
 * Runs the gateway until SIGTERM or SIGINT. Confined to the main thread, but for the signals' actions, which run on
 * threads of their own.
 */
@Command(name = "run", description = "Run the gateway; without a file, on built-in defaults.", mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
    private static final Logger log = LoggerFactory.getLogger(RunCommand.class);

    private static final List<String> CONFIG_OPTIONS = List.of("-c", "--config");

    private final Gateway.Starter starter;
    private final Signals signals;
    private final ServiceManager manager;
    private final PrintStream out;
    private final PrintStream err;

    @Option(names = {"-c", "--config"}, paramLabel = "FILE", description = "Configuration; see config/penstock.toml.")
    private @Nullable Path file;

    RunCommand(Gateway.Starter starter, Signals signals, ServiceManager manager, PrintStream out, PrintStream err) {
        this.starter = starter;
        this.signals = signals;
        this.manager = manager;
        this.out = out;
        this.err = err;
    }

    /**
     * Whether these are the usual arguments of a start: they are taken here then. Picocli's classes are too old for the JVM's
     * cache of loaded classes and take a quarter of a start; whatever else is asked for, and every error, is Picocli's.
     */
    boolean takes(String... arguments) {
        if (arguments.length == 0 || !arguments[0].equals("run")) {
            return false;
        }
        boolean named = arguments.length == 3 && CONFIG_OPTIONS.contains(arguments[1])
                && !arguments[2].startsWith("-");
        if (named) {
            file = Path.of(arguments[2]);
        }
        return named || arguments.length == 1;
    }

    @Override
    public Integer call() throws InterruptedException {
        GatewayConfig config;
        Reloads.Found before = Reloads.Found.of(file);
        Places places = new Places();
        if (file == null) {
            config = GatewayConfig.embedded(ConfigReader.systemHostname());
        } else {
            switch (ConfigReader.read(file, places)) {
                case Invalid(List<Problem> problems) -> {
                    problems.forEach(err::println);
                    err.println("penstock: not started: " + Text.count(problems.size(), "error")
                            + " in the configuration");
                    return ExitCode.CONFIG;
                }
                case Valid valid -> {
                    valid.warnings().forEach(warning -> err.println("warning: " + warning));
                    config = valid.config();
                }
            }
        }
        Gateway gateway;
        try {
            gateway = starter.start(config);
        } catch (Exception e) {
            StartFailure failure = StartFailure.of(e);
            err.println("penstock: not started: " + failure.message());
            if (failure.exitCode() == ExitCode.SOFTWARE) {
                log.error("event=start-failed", e);
            }
            return failure.exitCode();
        }
        Reloads reloads = new Reloads(file, before, config, places, gateway::reload, gateway.refusals());
        gateway.configuredBy(reloads);
        try (gateway; ShapingWatch _ = ShapingWatch.start(reloads::shapingFiles, reloads::shapingMayHaveChanged)) {
            AtomicBoolean stopping = new AtomicBoolean();
            for (String signal : List.of("TERM", "INT")) {
                signals.on(signal, () -> {
                    if (stopping.compareAndSet(false, true)) {
                        log.info("event=stopping signal={}", signal);
                        manager.stopping();
                        gateway.close();
                    } else {
                        log.warn(
                                "event=stopping-already effect=\"deliveries under way get their time; kill -9 loses no mail either\"");
                    }
                });
            }
            signals.on("HUP", () -> {
                gateway.reopenLog(); // whatever becomes of the configuration: a file may have been moved away
                manager.reloading();
                reloads.reload();
                manager.ready(status(gateway));
            });
            greet(gateway, config);
            manager.ready(status(gateway));
            gateway.awaitStop();
        }
        return ExitCode.OK;
    }

    private static String status(Gateway gateway) {
        return "Takes mail at " + String.join(", ", gateway.smtpAddresses().stream().map(Text::address).toList());
    }

    private static String relaying(GatewayConfig config) {
        List<String> whom = new ArrayList<>(config.inbound().relayNetworks());
        AuthConfig auth = config.auth();
        if (auth.users().isPresent() || auth.callout().isPresent() || auth.bearer().isPresent()) {
            whom.add("users who log in");
        }
        return (whom.isEmpty() ? "nobody" : String.join(", ", whom))
                + (config.policy().relay().isEmpty() ? "" : "; relay rules come first");
    }

    private void greet(Gateway gateway, GatewayConfig config) {
        InetSocketAddress smtp = gateway.smtpAddresses().getFirst();
        out.println("Penstock " + BuildInfo.version() + " runs as " + config.hostname() + ", process "
                + ProcessHandle.current().pid());
        out.println("  SMTP    " + String.join(", ", gateway.smtpAddresses().stream().map(Text::address).toList())
                + "  relaying for " + relaying(config));
        String tls = String.join(", ", config.listeners().stream()
                .filter(listener -> listener.tls().mode() != ListenerTls.Mode.NONE)
                .map(listener -> listener.name() + " " + listener.tls().mode().name().toLowerCase(Locale.ROOT))
                .toList());
        if (!tls.isEmpty()) {
            out.println("  TLS     " + tls);
        }
        if (!config.localDomains().isEmpty()) {
            out.println("  local   " + String.join(", ", config.localDomains().keySet().stream().sorted().toList()));
        }
        InetSocketAddress injection = gateway.injectionAddress();
        if (injection != null) {
            out.println("  inject  http" + (config.injection().certificates().isEmpty() ? "" : "s") + "://"
                    + Text.address(injection) + "/api/inject/v1");
        }
        InetSocketAddress http = gateway.httpAddress();
        if (http != null) {
            out.println("  HTTP    http://" + Text.address(http) + "/metrics, /health/ready, /health/live");
        }
        out.println("  spool   " + config.spool().directory().toAbsolutePath().normalize());
        out.println(
                "  log     " + config.events().directory().toAbsolutePath().normalize() + ", one JSON line per event");
        if (manager.equals(ServiceManager.NONE)) { // else nobody sits there who could try anything
            greetPerson(smtp, config.admin().enabled());
        }
        out.flush();
    }

    private void greetPerson(InetSocketAddress smtp, boolean administered) {
        out.println();
        out.println("Try next, in another terminal:");
        out.println("  swaks --server " + Text.address(Text.reachable(smtp))
                + " --from you@example.org --to somebody@example.com");
        if (administered) {
            String which = file == null ? "" : " --config " + file;
            out.println("  ./penstock console" + which + "   the address of the web console, with your rights");
            out.println("  ./penstock top" + which + "       the same on a terminal");
        }
        out.println("  ./penstock demo                gateway, DNS, sink and load together, for 30 s");
        out.println("  ./penstock sink --listen 127.0.0.1:2626     receives, counts, verifies");
        out.println("  ./penstock load --target " + Text.address(Text.reachable(smtp)) + " --seconds 10");
        if (file == null) {
            out.println(
                    "These are built-in defaults; config/penstock.toml explains every key: ./penstock run --config FILE");
        }
        out.println("Ctrl-C stops it.");
    }
}
