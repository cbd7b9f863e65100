package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.config.Problem;
import dev.penstock.migration.Conversion;
import dev.penstock.migration.Conversion.Done;
import dev.penstock.migration.Conversion.Refused;
import dev.penstock.migration.Finding;
import dev.penstock.migration.PostfixImport;
import dev.penstock.migration.PowerMtaImport;

/** Turns other servers' configuration into Penstock's and says what became of each key. Confined to the main thread. */
@Command(name = "import", description = "Turn another server's configuration into Penstock's, with a report of every key.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class ShapingImportCommand {
    private final PrintStream out;
    private final PrintStream err;

    ShapingImportCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    /** Where the files go. */
    static final class Output {
        @Option(names = {"-o",
            "--output"}, paramLabel = "FILE", defaultValue = "shaping.toml", description = "The shaping file to write (default ${DEFAULT-VALUE}).")
        private Path shaping = Path.of("shaping.toml");

        @Option(names = "--tables", paramLabel = "FILE", description = "Where tables for the configuration file go (default: imported-tables.toml beside the shaping file).")
        private @Nullable Path tables;

        @Option(names = "--rules", paramLabel = "FILE", description = "Where rules for delivery.classification-files go (default: imported-rules.toml beside the shaping file).")
        private @Nullable Path rules;

        @Option(names = "--force", description = "Write over files that are there.")
        private boolean force;

        /** By path, what is to be written. */
        private Map<Path, String> texts(Done done) {
            Map<Path, String> texts = new LinkedHashMap<>();
            texts.put(shaping, done.shaping());
            if (!done.tables().isEmpty()) {
                texts.put(tables == null ? shaping.resolveSibling("imported-tables.toml") : tables, done.tables());
            }
            if (!done.rules().isEmpty()) {
                texts.put(rules == null ? shaping.resolveSibling("imported-rules.toml") : rules, done.rules());
            }
            return texts;
        }
    }

    @Command(description = "From PowerMTA's configuration and the files that it includes.", mixinStandardHelpOptions = true)
    int pmta(@Parameters(paramLabel = "FILE", description = "PowerMTA's configuration.") Path file,
            @Mixin Output output) {
        return finish(PowerMtaImport.of(file), output);
    }

    @Command(description = "From Postfix's main.cf and a transport map.", mixinStandardHelpOptions = true)
    int postfix(@Parameters(index = "0", paramLabel = "MAIN.CF", description = "Postfix's main.cf.") Path mainCf,
            @Parameters(index = "1", arity = "0..1", paramLabel = "TRANSPORTS", description = "The transport map, as text.") @Nullable Path transports,
            @Mixin Output output) {
        return finish(PostfixImport.of(mainCf, transports), output);
    }

    private int finish(Conversion conversion, Output output) {
        return switch (conversion) {
            case Refused(List<Problem> problems) -> {
                problems.forEach(err::println);
                err.println(Text.count(problems.size(), "error") + ", nothing was written");
                yield ExitCode.CONFIG;
            }
            case Done done -> write(done, output);
        };
    }

    private int write(Done done, Output output) {
        Map<Path, String> texts = output.texts(done);
        List<Path> there = output.force ? List.of() : texts.keySet().stream().filter(Files::exists).toList();
        if (!there.isEmpty()) {
            there.forEach(file -> err.println(
                    "penstock: " + file + " is there already; name another, or say --force to write over it"));
            return ExitCode.CANT_CREATE;
        }
        for (Map.Entry<Path, String> text : texts.entrySet()) {
            try {
                Files.writeString(text.getKey(), text.getValue());
            } catch (IOException e) {
                err.println("penstock: " + text.getKey() + " can't be written: " + e);
                return ExitCode.CANT_CREATE;
            }
        }
        done.report().forEach(out::println);
        out.println(done.report().size() + " keys: " + Stream.of(Finding.Kind.values())
                .map(kind -> done.report().stream().filter(finding -> finding.kind() == kind).count() + " "
                        + kind.words())
                .collect(Collectors.joining("; ")));
        texts.keySet().forEach(file -> out.println("written: " + file));
        return ExitCode.OK;
    }
}
