package dev.penstock.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.config.GatewayConfig;
import dev.penstock.config.JsonText;
import dev.penstock.config.ShapingConfig;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook.Sender;
import dev.penstock.shaping.rules.Explanation;
import dev.penstock.shaping.rules.RuleBook;
import dev.penstock.shaping.rules.SiteFinder;

/** Says what holds for mail to a domain, and where that is written. Confined to the main thread. */
@Command(name = "explain", description = "Say what holds for mail to a domain, each value with the place it is written at and what it overrode. Exit code 75 when DNS didn't answer.", mixinStandardHelpOptions = true)
final class ShapingExplainCommand implements Callable<Integer> {
    private final PrintStream out;
    private final PrintStream err;

    @Parameters(paramLabel = "DOMAIN", description = "Of the recipients.")
    private String domain = "";

    @Option(names = {"-c",
        "--config"}, required = true, paramLabel = "CONFIG", description = "The gateway's configuration, which names the shaping file and name servers.")
    private @Nullable Path configFile;

    @Option(names = "--source", paramLabel = "SOURCE", description = "Which source it goes by; ${DEFAULT-VALUE} when left out.")
    private String source = EgressPath.DEFAULT_SOURCE;

    @Option(names = "--tenant", paramLabel = "TENANT", description = "Whose it is.")
    private String tenant = "";

    @Option(names = "--campaign", paramLabel = "CAMPAIGN", description = "Of which campaign it is.")
    private String campaign = "";

    @Option(names = "--pool", paramLabel = "POOL", description = "Which pool of sources it goes by.")
    private String pool = "";

    @Option(names = "--site", paramLabel = "HOST,…", description = "Where its mail goes, instead of asking the DNS. Sections of other domains are taken to be for other sites.")
    private @Nullable String hosts;

    @Option(names = "--json", description = "One JSON object.")
    private boolean json;

    ShapingExplainCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() {
        ShapingTools tools = new ShapingTools(err);
        Optional<GatewayConfig> config = configFile == null ? Optional.empty() : tools.config(configFile);
        if (config.isEmpty()) {
            return ExitCode.CONFIG;
        }
        ShapingConfig shaping = config.get().shaping();
        String name = domain.toLowerCase(Locale.ROOT);
        Optional<Site> given = ShapingTools.site(hosts);
        SiteFinder finder = given.map(site -> ShapingTools.known(Map.of(name, site)))
                .orElseGet(() -> ShapingTools.dns(config.get()));
        return switch (ShapingTools.find(finder, name)) {
            case SiteFinder.Answer.Nowhere(String why) -> {
                err.println("penstock: " + name + ": no mail goes there: " + why);
                yield 1;
            }
            case SiteFinder.Answer.Unknown(String why) -> {
                err.println("penstock: " + name + ": " + why + "; --site says where its mail goes without the DNS");
                yield ExitCode.TEMPORARY;
            }
            case SiteFinder.Answer.At(Site site) -> {
                RuleBook book = tools.book(shaping, finder);
                print(Explanation.of(book.rules(), name, site, source, new Sender(tenant, campaign, pool, name)));
                out.flush();
                yield ExitCode.OK;
            }
        };
    }

    private void print(Explanation explained) {
        if (json) {
            out.println(Text.json(JsonText.compact(object(explained))));
            return;
        }
        line("domain", explained.domain());
        line("site", explained.site().name() + ": " + String.join(", ", explained.site().hosts()));
        line("provider", explained.provider().isEmpty()
                ? "none"
                : explained.provider() + ", by " + explained.providerMatch());
        line("shaped as", explained.path() + (explained.path().site().equals(explained.site())
                ? ", with all domains of the site"
                : ", by itself"));
        line("sections", explained.layers().isEmpty() ? "none" : String.join(", then ", explained.layers()));
        out.println();
        explained.settings().forEach(setting -> out.println(setting.text()));
        if (!explained.shared().isEmpty()) {
            out.println();
            explained.shared().forEach(limit -> out.println("shared: " + Explanation.text(limit)));
        }
        out.println();
        explained.bounds().forEach(out::println);
    }

    private void line(String what, String text) {
        out.printf("%-10s %s%n", what, text);
    }

    private static Map<String, Object> object(Explanation explained) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("domain", explained.domain());
        object.put("site", explained.site().name());
        object.put("hosts", explained.site().hosts());
        object.put("provider", explained.provider());
        object.put("provider_match", explained.providerMatch());
        object.put("source", explained.path().source());
        object.put("path", explained.path().toString());
        object.put("sections", explained.layers());
        List<Map<String, Object>> settings = new ArrayList<>();
        for (Explanation.Setting setting : explained.settings()) {
            Map<String, Object> each = new LinkedHashMap<>();
            each.put("key", setting.key());
            each.put("value", setting.value());
            each.put("place", setting.place());
            each.put("section", setting.section());
            each.put("overrides", setting.overrides());
            settings.add(each);
        }
        object.put("settings", settings);
        List<Map<String, Object>> shared = new ArrayList<>();
        explained.shared().forEach(limit -> {
            Map<String, Object> each = new LinkedHashMap<>();
            each.put("name", limit.id().name());
            each.put("measure", limit.id().measure().name().toLowerCase(Locale.ROOT));
            each.put("scope", limit.id().scope());
            each.put("value", Explanation.value(limit.bound()));
            each.put("place", limit.place());
            shared.add(each);
        });
        object.put("shared", shared);
        object.put("bounds", explained.bounds());
        return object;
    }
}
