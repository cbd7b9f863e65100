package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

import dev.penstock.config.Problem;
import dev.penstock.config.ProxyConfig;
import dev.penstock.metrics.BuildInfo;
import dev.penstock.proxy.ProxyServer;

/**
 * Runs the egress proxy until SIGTERM or SIGINT. Confined to the main thread, but for the signals' actions, which run on
 * threads of their own.
 */
@Command(name = "proxy", description = "Run the egress proxy: clients' connections go on from addresses of this machine.", mixinStandardHelpOptions = true)
final class ProxyCommand implements Callable<Integer> {
    private static final Logger log = LoggerFactory.getLogger(ProxyCommand.class);

    private final Signals signals;
    private final PrintStream out;
    private final PrintStream err;

    @Option(names = {"-c", "--config"}, paramLabel = "FILE", description = "Configuration; see config/proxy.toml.")
    private @Nullable Path file;

    ProxyCommand(Signals signals, PrintStream out, PrintStream err) {
        this.signals = signals;
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() throws InterruptedException {
        ProxyConfig config = ProxyConfig.DEFAULT;
        if (file != null) {
            switch (ProxyConfig.read(file)) {
                case ProxyConfig.Invalid(List<Problem> problems) -> {
                    problems.forEach(err::println);
                    err.println("penstock: proxy not started: " + Text.count(problems.size(), "error")
                            + " in the configuration");
                    return ExitCode.CONFIG;
                }
                case ProxyConfig.Valid(ProxyConfig read, List<Problem> warnings) -> {
                    warnings.forEach(warning -> err.println("warning: " + warning));
                    config = read;
                }
            }
        }
        ProxyServer proxy;
        try {
            proxy = ProxyServer.start(config);
        } catch (IOException | RuntimeException e) {
            StartFailure failure = StartFailure.of(e);
            err.println("penstock: proxy not started: " + failure.message());
            return failure.exitCode();
        }
        CountDownLatch stop = new CountDownLatch(1);
        try (proxy) {
            for (String signal : List.of("TERM", "INT")) {
                signals.on(signal, stop::countDown);
            }
            signals.on("HUP", () -> reload(proxy));
            greet(proxy, config);
            stop.await();
        }
        return ExitCode.OK;
    }

    private void reload(ProxyServer proxy) {
        if (file == null) {
            log.warn("event=reload-refused why=\"started without --config, so there is no file to read\"");
            return;
        }
        switch (ProxyConfig.read(file)) {
            case ProxyConfig.Invalid(List<Problem> problems) -> {
                problems.forEach(problem -> log.error("event=reload-error problem={}", problem));
                log.error("event=reload-refused file={} errors={}", file, problems.size());
            }
            case ProxyConfig.Valid(ProxyConfig changed, List<Problem> warnings) -> {
                warnings.forEach(warning -> log.warn("event=reload-warning problem={}", warning));
                try {
                    proxy.reload(changed);
                    log.info("event=reloaded file={}", file);
                } catch (IllegalArgumentException e) {
                    log.error("event=reload-refused file={} why={}", file, e.getMessage());
                }
            }
        }
    }

    private void greet(ProxyServer proxy, ProxyConfig config) {
        out.println("Penstock proxy " + BuildInfo.version() + ", process " + ProcessHandle.current().pid());
        if (config.socks().isPresent()) {
            out.println("  SOCKS5    " + Text.address(proxy.socksAddress()));
        }
        if (config.proxyV2().isPresent()) {
            out.println("  PROXY v2  " + Text.address(proxy.proxyV2Address()));
        }
        out.println(
                "  HTTP      http://" + Text.address(proxy.httpAddress()) + "/metrics, /health/ready, /health/live");
        out.println("Ctrl-C stops it.");
        out.flush();
    }
}
