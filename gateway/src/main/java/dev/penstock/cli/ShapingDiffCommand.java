package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
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
import dev.penstock.config.ShapingConfig;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook.Sender;
import dev.penstock.shaping.rules.Explanation;
import dev.penstock.shaping.rules.RuleChange;
import dev.penstock.shaping.rules.Rules;
import dev.penstock.shaping.rules.SiteFinder;

/** Says what one shaping file says otherwise than another. Confined to the main thread. */
@Command(name = "diff", description = "Say what one shaping file says otherwise than another, and what gets faster or slower by it. Exit code 1 when they differ.", mixinStandardHelpOptions = true)
final class ShapingDiffCommand implements Callable<Integer> {
    private final PrintStream out;
    private final PrintStream err;

    @Parameters(index = "0", paramLabel = "OLD", description = "A shaping file.")
    private @Nullable Path oldFile;

    @Parameters(index = "1", paramLabel = "NEW", description = "Another.")
    private @Nullable Path newFile;

    @Option(names = "--domains", paramLabel = "FILE", description = "A file with a domain on each line, and perhaps, behind a space, its hosts with commas between them: what changes for mail to these is said, too.")
    private @Nullable Path domains;

    @Option(names = "--source", paramLabel = "SOURCE", description = "Which source that mail goes by; ${DEFAULT-VALUE} when left out.")
    private String source = EgressPath.DEFAULT_SOURCE;

    @Option(names = {"-c",
        "--config"}, paramLabel = "CONFIG", description = "The gateway's configuration: both files are read over its shaping-base, and the DNS is asked for hosts by it. Left out: only the hosts in FILE are known.")
    private @Nullable Path configFile;

    ShapingDiffCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() {
        if (oldFile == null || newFile == null) {
            return ExitCode.USAGE;
        }
        ShapingTools tools = new ShapingTools(err);
        Optional<GatewayConfig> config = Optional.empty();
        if (configFile != null) {
            config = tools.config(configFile);
            if (config.isEmpty()) {
                return ExitCode.CONFIG;
            }
        }
        List<Path> base = config.map(each -> each.shaping().base()).orElse(List.of());
        Optional<ShapingConfig> old = tools.shaping(base, oldFile);
        Optional<ShapingConfig> next = tools.shaping(base, newFile);
        if (old.isEmpty() || next.isEmpty()) {
            return ExitCode.CONFIG;
        }
        List<RuleChange> changes = RuleChange.between(old.get(), next.get());
        changes.forEach(out::println);
        int code = changes.isEmpty() ? ExitCode.OK : 1;
        if (domains != null) {
            out.println();
            code = Math.max(code, domains(tools, domains, config, old.get(), next.get()));
        }
        out.flush();
        return code;
    }

    private int domains(ShapingTools tools, Path file, Optional<GatewayConfig> config, ShapingConfig old,
            ShapingConfig next) {
        Map<String, Optional<Site>> listed = new LinkedHashMap<>();
        try {
            for (String line : Files.readAllLines(file)) {
                String[] words = line.strip().split("\\s+", 2);
                if (!words[0].isEmpty() && !words[0].startsWith("#")) {
                    listed.put(words[0].toLowerCase(Locale.ROOT),
                            ShapingTools.site(words.length < 2 ? null : words[1]));
                }
            }
        } catch (IOException e) {
            err.println("penstock: " + file + " can't be read: " + e);
            return ExitCode.NO_INPUT;
        }
        Map<String, Site> given = new LinkedHashMap<>();
        listed.forEach((domain, site) -> site.ifPresent(known -> given.put(domain, known)));
        SiteFinder finder = ShapingTools.known(given);
        if (config.isPresent()) {
            SiteFinder dns = ShapingTools.dns(config.get());
            finder = domain -> given.containsKey(domain)
                    ? ShapingTools.known(given).find(domain)
                    : dns.find(domain);
        }
        Rules oldRules = tools.book(old, finder).rules();
        Rules nextRules = tools.book(next, finder).rules();
        int code = ExitCode.OK;
        for (String domain : listed.keySet()) {
            switch (ShapingTools.find(finder, domain)) {
                case SiteFinder.Answer.At(Site site) ->
                    changes(domain, site, oldRules, nextRules).forEach(out::println);
                case SiteFinder.Answer.Nowhere(String why) -> out.println(domain + ": no mail goes there: " + why);
                case SiteFinder.Answer.Unknown(String why) -> {
                    err.println("penstock: " + domain + ": where its mail goes isn't known: " + why);
                    code = ExitCode.TEMPORARY;
                }
            }
        }
        return code;
    }

    private List<RuleChange> changes(String domain, Site site, Rules old, Rules next) {
        Sender sender = new Sender("", "", "", domain);
        return RuleChange.between(domain, Explanation.of(old, domain, site, source, sender),
                Explanation.of(next, domain, site, source, sender), old, next);
    }
}
