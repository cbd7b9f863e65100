package dev.penstock.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.ConfigSchema;
import dev.penstock.config.EffectiveConfig;
import dev.penstock.config.EffectiveConfig.Setting;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Places;
import dev.penstock.config.Problem;

/** Says what is configured and what can be. Confined to the main thread. */
@Command(name = "config", description = "Say what is configured and what can be.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class ConfigCommand {
    private final PrintStream out;
    private final PrintStream err;

    ConfigCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Command(description = "Print what a configuration and its shaping file say, each key on a line with its place; without FILE, all defaults. Secrets are masked.", mixinStandardHelpOptions = true)
    int show(
            @Parameters(paramLabel = "FILE", arity = "0..1", description = "The configuration.") @Nullable Path file,
            @Option(names = "--defaults", description = "The keys, too, that it leaves out.") boolean defaults,
            @Option(names = "--json", description = "A JSON object for each, on a line of its own.") boolean json) {
        Places places = new Places();
        if (file == null) {
            print(EffectiveConfig.of(GatewayConfig.embedded(ConfigReader.systemHostname()), places), true, json);
            return ExitCode.OK;
        }
        return switch (ConfigReader.read(file, places)) {
            case Invalid(List<Problem> problems) -> {
                problems.forEach(err::println);
                err.println(file + ": " + Text.count(problems.size(), "error"));
                yield ExitCode.CONFIG;
            }
            case Valid(GatewayConfig config, List<Problem> warnings) -> {
                warnings.forEach(warning -> err.println("warning: " + warning));
                print(EffectiveConfig.of(config, places), defaults, json);
                yield ExitCode.OK;
            }
        };
    }

    private void print(List<Setting> settings, boolean defaults, boolean json) {
        for (Setting setting : settings) {
            if (defaults || !setting.isDefault()) {
                out.println(json ? setting.json() : setting.text() + "  # " + setting.origin());
            }
        }
    }

    @Command(description = "Print a JSON Schema of the configuration, which editors complete keys by.", mixinStandardHelpOptions = true)
    int schema(@Option(names = "--shaping", description = "Of the shaping file instead.") boolean shaping) {
        out.println(shaping ? ConfigSchema.shaping() : ConfigSchema.gateway());
        return ExitCode.OK;
    }
}
