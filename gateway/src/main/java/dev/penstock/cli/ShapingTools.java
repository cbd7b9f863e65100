package dev.penstock.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

import dev.penstock.RouterSites;
import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Problem;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.ShapingReader;
import dev.penstock.routing.DnsRouter;
import dev.penstock.routing.OwnAddresses;
import dev.penstock.routing.Router;
import dev.penstock.routing.Site;
import dev.penstock.shaping.rules.RuleBook;
import dev.penstock.shaping.rules.SiteFinder;

/** What the commands of {@code penstock shaping} share: files, and where domains' mail goes. Confined to the main thread. */
final class ShapingTools {
    /** A person waits; as long as dns.deadline. */
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private final PrintStream err;

    ShapingTools(PrintStream err) {
        this.err = err;
    }

    /** Empty when it has errors, which are printed. */
    Optional<GatewayConfig> config(Path file) {
        return switch (ConfigReader.read(file)) {
            case Invalid(List<Problem> problems) -> {
                problems.forEach(err::println);
                err.println(file + ": " + Text.count(problems.size(), "error"));
                yield Optional.empty();
            }
            case Valid(GatewayConfig config, List<Problem> warnings) -> {
                warnings.forEach(warning -> err.println("warning: " + warning));
                yield Optional.of(config);
            }
        };
    }

    /**
     * Empty when it has errors, or one of the files under it, which are printed.
     *
     * @param base lowest first
     */
    Optional<ShapingConfig> shaping(List<Path> base, Path file) {
        ShapingReader.Result result = ShapingReader.read(base, file);
        if (!result.errors().isEmpty()) {
            result.errors().forEach(err::println);
            err.println(file + ": " + Text.count(result.errors().size(), "error"));
            return Optional.empty();
        }
        result.warnings().forEach(warning -> err.println("warning: " + warning));
        return Optional.of(result.config());
    }

    /** By the routes and name servers of {@code config}. */
    static SiteFinder dns(GatewayConfig config) {
        Router router = new DnsRouter(config.allRoutes(), config.dns(), config.delivery().port(), OwnAddresses.NONE,
                System::nanoTime, Thread::startVirtualThread, DnsRouter.SHARED_RANDOM);
        return new RouterSites(router);
    }

    /** Asks nobody: of other domains nothing is known. */
    static SiteFinder known(Map<String, Site> sites) {
        Map<String, Site> all = new HashMap<>(sites);
        return domain -> {
            Site site = all.get(domain);
            return CompletableFuture.completedFuture(site == null
                    ? new SiteFinder.Answer.Unknown("not asked for")
                    : new SiteFinder.Answer.At(site));
        };
    }

    /** With the sites of the file's domains, as far as there are answers in time. */
    RuleBook book(ShapingConfig shaping, SiteFinder finder) {
        RuleBook book = new RuleBook(shaping, finder, System::nanoTime);
        if (!book.awaitSites(PATIENCE)) {
            err.println("warning: not all domains of the file could be asked for in " + PATIENCE.toSeconds()
                    + " s; their sections are for themselves alone");
        }
        return book;
    }

    static SiteFinder.Answer find(SiteFinder finder, String domain) {
        return finder.find(domain).completeOnTimeout(new SiteFinder.Answer.Unknown("no answer in time"),
                PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
    }

    /** @param hosts with commas between them; null for none */
    static Optional<Site> site(@Nullable String hosts) {
        List<String> names = new ArrayList<>();
        for (String host : hosts == null ? new String[0] : hosts.split(",", -1)) {
            String name = host.strip().toLowerCase(Locale.ROOT);
            if (!name.isEmpty()) {
                names.add(name.endsWith(".") ? name.substring(0, name.length() - 1) : name);
            }
        }
        return names.isEmpty() ? Optional.empty() : Optional.of(Site.ofHosts(names));
    }
}
