package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToIntFunction;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.JsonNode;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.AdminProblem;
import dev.penstock.admin.ConfigRoutes;
import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.ConfigSchema;
import dev.penstock.config.EffectiveConfig;
import dev.penstock.config.EffectiveConfig.Setting;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Places;
import dev.penstock.config.Problem;
import dev.penstock.revision.ConfigFile;

/** Says what is configured and what can be, and changes it under a running gateway. Confined to the main thread. */
@Command(name = "config", description = "Say what is configured and what can be; change it under a running gateway.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class ConfigCommand {
    /** Of HTTP: the files have errors. */
    private static final int INVALID = 422;

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
                out.println(json ? Text.json(setting.json()) : Text.clean(setting.text() + "  # " + setting.origin()));
            }
        }
    }

    @Command(description = "Print a JSON Schema of the configuration, which editors complete keys by.", mixinStandardHelpOptions = true)
    int schema(@Option(names = "--shaping", description = "Of the shaping file instead.") boolean shaping) {
        out.println(shaping ? ConfigSchema.shaping() : ConfigSchema.gateway());
        return ExitCode.OK;
    }

    @Command(description = "Print what is in force in a running gateway, each key with its place. Secrets are masked.", mixinStandardHelpOptions = true)
    int running(@Mixin GatewayOptions gateway,
            @Option(names = "--defaults", description = "The keys, too, that are left out.") boolean defaults,
            @Option(names = "--prefix", paramLabel = "TEXT", defaultValue = "", description = "Only keys that begin so, like queue.") String prefix,
            @Option(names = "--json", description = "As the API has it.") boolean json) {
        String path = "/config" + AdminClient.query(List.of(new String[]{"defaults", String.valueOf(defaults)},
                new String[]{"prefix", prefix}));
        return gateway.ask(err, client -> {
            if (json) {
                out.println(Text.json(client.get(path)));
                return ExitCode.OK;
            }
            for (JsonNode setting : client.get(path).path("settings")) {
                out.println(Text.clean(setting.path("key").asString() + " = " + setting.path("value") + "  # "
                        + (setting.has("file")
                                ? setting.path("file").asString() + ":" + setting.path("line").asInt()
                                : "default")));
            }
            return ExitCode.OK;
        });
    }

    @Command(description = "List the versions of the configuration that were in force, newest first: since when, by whom and why.", mixinStandardHelpOptions = true)
    int history(@Mixin GatewayOptions gateway, @Mixin FileOption which,
            @Option(names = "--json", description = "As the API has it.") boolean json) {
        return gateway.ask(err, client -> {
            String path = which.path() + "/history";
            if (json) {
                out.println(Text.json(client.get(path)));
                return ExitCode.OK;
            }
            for (ConfigRoutes.Version version : client.get(path, ConfigRoutes.History.class).versions()) {
                out.println(Text.clean(version.number() + "  " + version.since() + "  " + version.octets()
                        + (version.who() == null ? "" : "  " + version.who())
                        + (version.why() == null ? "" : "  \"" + version.why() + '"')
                        + (version.inForce() ? "  in force" : "")));
            }
            return ExitCode.OK;
        });
    }

    @Command(description = "Say what would be wrong with a file in the place of a running gateway's.", mixinStandardHelpOptions = true)
    int check(@Mixin GatewayOptions gateway, @Mixin FileOption which,
            @Parameters(paramLabel = "NEW", description = "The file that would be in force.") Path next) {
        return withContent(next, content -> gateway.ask(err, client -> checked(
                client.post(which.path() + "/check", new ConfigRoutes.Content(content), ConfigRoutes.Checked.class))));
    }

    @Command(description = "Say what a file says otherwise than what is in force in a running gateway. Exit code 1 when they differ.", mixinStandardHelpOptions = true)
    int diff(@Mixin GatewayOptions gateway, @Mixin FileOption which,
            @Parameters(paramLabel = "NEW", description = "The file that would be in force.") Path next) {
        return withContent(next, content -> gateway.ask(err, client -> {
            ConfigRoutes.Changed changed = client.post(which.path() + "/diff", new ConfigRoutes.Content(content),
                    ConfigRoutes.Changed.class);
            changed.changes().forEach(out::println);
            return changed.changes().isEmpty() ? ExitCode.OK : 1;
        }));
    }

    @Command(description = "Put a file into force in a running gateway, also for mail that is queued: whole, or with an error not at all.", mixinStandardHelpOptions = true)
    int apply(@Mixin GatewayOptions gateway, @Mixin FileOption which,
            @Option(names = "--if-version", paramLabel = "N", description = "Only when version N is in force.") @Nullable Integer ifVersion,
            @Option(names = "--dry-run", description = "Only say what would change.") boolean dryRun,
            @Option(names = "--reason", required = true, paramLabel = "TEXT", description = "Why, for history and audit log.") String reason,
            @Parameters(paramLabel = "NEW", description = "The file that is to be in force.") Path next) {
        return withContent(next, content -> gateway.ask(err, client -> changed(
                client.post(which.path() + "/apply", new ConfigRoutes.Apply(content, ifVersion, dryRun, reason),
                        ConfigRoutes.Changed.class))));
    }

    @Command(description = "Go back to what was in force before in a running gateway, octet for octet. Going back is a new version, so it can be gone back from.", mixinStandardHelpOptions = true)
    int rollback(@Mixin GatewayOptions gateway, @Mixin FileOption which,
            @Option(names = "--to", paramLabel = "N", description = "The version; left out: the one before that which is in force.") @Nullable Integer to,
            @Option(names = "--dry-run", description = "Only say what would change.") boolean dryRun,
            @Option(names = "--reason", required = true, paramLabel = "TEXT", description = "Why, for history and audit log.") String reason) {
        return gateway.ask(err, client -> changed(client.post(which.path() + "/rollback",
                new ConfigRoutes.Rollback(to, dryRun, reason), ConfigRoutes.Changed.class)));
    }

    @Command(description = "Have a running gateway read its files anew, as SIGHUP does, and say what it makes of them.", mixinStandardHelpOptions = true)
    int reload(@Mixin GatewayOptions gateway,
            @Option(names = "--reason", required = true, paramLabel = "TEXT", description = "Why, for the audit log.") String reason) {
        return gateway.ask(err, client -> {
            try {
                return checked(client.post("/config/reload", new ConfigRoutes.Reload(reason),
                        ConfigRoutes.Checked.class));
            } catch (AdminProblem e) {
                if (e.status() != INVALID) {
                    throw e;
                }
                e.errors().forEach(err::println);
                err.println("penstock: refused: " + e.getMessage());
                return ExitCode.CONFIG;
            }
        });
    }

    /** Which of the two files. */
    static final class FileOption {
        @Option(names = "--shaping", description = "The shaping file instead of the configuration itself.")
        private boolean shaping;

        private String path() {
            return "/config/" + (shaping ? ConfigFile.SHAPING : ConfigFile.GATEWAY).word();
        }
    }

    private int withContent(Path file, ToIntFunction<String> use) {
        try {
            return use.applyAsInt(Files.readString(file));
        } catch (IOException e) {
            err.println("penstock: " + file + " can't be read: " + e);
            return ExitCode.NO_INPUT;
        }
    }

    private int checked(ConfigRoutes.Checked checked) {
        checked.warnings().forEach(warning -> err.println("warning: " + line(warning)));
        checked.errors().forEach(error -> err.println(line(error)));
        if (!checked.ok()) {
            err.println("penstock: refused: " + checked.why());
            return ExitCode.CONFIG;
        }
        out.println("no errors");
        return ExitCode.OK;
    }

    private int changed(ConfigRoutes.Changed changed) {
        changed.warnings().forEach(warning -> err.println("warning: " + line(warning)));
        if (!changed.comparable()) {
            out.println("the file of before has errors, so what changes can't be told");
        }
        changed.changes().forEach(out::println);
        out.println(changed.applied()
                ? "in force" + (changed.version() == null ? "" : " as version " + changed.version())
                : "nothing was changed");
        return ExitCode.OK;
    }

    private static String line(ConfigRoutes.Wrong wrong) {
        return wrong.file() + (wrong.line() == null ? "" : ":" + wrong.line() + ":" + wrong.column()) + ": "
                + (wrong.key() == null ? "" : wrong.key() + ": ") + wrong.message();
    }
}
