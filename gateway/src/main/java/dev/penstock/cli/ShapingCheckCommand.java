package dev.penstock.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.config.GatewayConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.ShapingSection;

/** Says whether a shaping file is right. Confined to the main thread. */
@Command(name = "check", description = "Check a shaping file. Exit code 78 when it has errors.", mixinStandardHelpOptions = true)
final class ShapingCheckCommand implements Callable<Integer> {
    private final PrintStream out;
    private final PrintStream err;

    @Parameters(paramLabel = "FILE", description = "The shaping file.")
    private @Nullable Path file;

    @Option(names = {"-c",
        "--config"}, paramLabel = "CONFIG", description = "The gateway's configuration: with it the DNS is asked where the mail of the file's domains goes, and what is doubtful then is said, too; the file is read over the configuration's shaping-base.")
    private @Nullable Path configFile;

    @Option(names = "--base", paramLabel = "BASE", description = "A file under it; several are named lowest first. Left out: the configuration's.")
    private List<Path> base = List.of();

    ShapingCheckCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() {
        if (file == null) {
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
        List<Path> under = base.isEmpty() ? config.map(each -> each.shaping().base()).orElse(List.of()) : base;
        Optional<ShapingConfig> shaping = tools.shaping(under, file);
        if (shaping.isEmpty()) {
            return ExitCode.CONFIG;
        }
        if (config.isPresent()) {
            tools.book(shaping.get(), ShapingTools.dns(config.get())).doubts()
                    .forEach(doubt -> err.println("warning: " + doubt));
        }
        out.println(file + ": valid, " + summary(shaping.get()));
        return ExitCode.OK;
    }

    private static String summary(ShapingConfig shaping) {
        var rules = shaping.rules();
        int automation = rules.defaults().automation().size()
                + blocks(List.copyOf(rules.sections().values())) + blocks(List.copyOf(rules.providers().values()));
        return String.join(", ", Text.count(rules.sections().size(), "section"),
                Text.count(rules.providers().size(), "provider"), Text.count(shaping.limits().size(), "shared limit"),
                Text.count(automation, "automation block"));
    }

    private static int blocks(List<ShapingSection> sections) {
        return sections.stream().mapToInt(section -> section.automation().size()).sum();
    }
}
