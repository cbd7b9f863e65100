package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.message.MessageId;
import dev.penstock.spool.SpoolInspector;
import dev.penstock.spool.SpoolListing;

/** Looks into a spool, live or dead, without changing it. Confined to the main thread. */
@Command(name = "spool", description = "Look into a spool, live or dead, without changing it.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class SpoolCommand {
    private static final String DIRECTORY = "The spool's directory (default ${DEFAULT-VALUE}).";
    private static final String DEFAULT_DIRECTORY = "data/spool";

    private final PrintStream out;
    private final PrintStream err;

    SpoolCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Command(description = "Check every record; exit code 1 when something is damaged.", mixinStandardHelpOptions = true)
    int verify(
            @Option(names = {"-d",
                "--directory"}, paramLabel = "DIR", defaultValue = DEFAULT_DIRECTORY, description = DIRECTORY) Path directory) {
        return inspect(directory, () -> SpoolInspector.verify(directory, out));
    }

    @Command(description = "Print a line for each destination that isn't done, as the spool holds them.", mixinStandardHelpOptions = true)
    int list(
            @Option(names = {"-d",
                "--directory"}, paramLabel = "DIR", defaultValue = DEFAULT_DIRECTORY, description = DIRECTORY) Path directory,
            @Option(names = "--domain", paramLabel = "DOMAIN", description = "Only recipients in it.") @Nullable String domain,
            @Option(names = "--recipient", paramLabel = "ADDRESS", description = "Only this recipient, in any case.") @Nullable String recipient,
            @Option(names = "--tenant", paramLabel = "TENANT", description = "Only this tenant's; '' for those without one.") @Nullable String tenant,
            @Option(names = "--state", paramLabel = "STATE", description = "Only those in it: ${COMPLETION-CANDIDATES}. Which limits or suspensions they wait for, the spool doesn't know.") SpoolListing.@Nullable State state,
            @Option(names = "--json", description = "A JSON object for each, on a line of its own.") boolean json,
            @Option(names = "--count", description = "Only how many there are.") boolean count) {
        SpoolListing.Form form = count
                ? json ? SpoolListing.Form.COUNT_JSON : SpoolListing.Form.COUNT
                : json ? SpoolListing.Form.JSON : SpoolListing.Form.TABLE;
        return inspect(directory, () -> SpoolInspector.list(directory,
                new SpoolListing.Filter(domain, recipient, tenant, state), form, InstantSource.system(), out));
    }

    @Command(description = "Print a message's header and body.", mixinStandardHelpOptions = true)
    int cat(
            @Option(names = {"-d",
                "--directory"}, paramLabel = "DIR", defaultValue = DEFAULT_DIRECTORY, description = DIRECTORY) Path directory,
            @Parameters(paramLabel = "ID", description = "The message's id, as 250 and list give it.") String id) {
        MessageId messageId = MessageId.parse(id);
        if (messageId == null) {
            err.println("penstock: " + id + " isn't a message id: expected " + MessageId.TEXT_LENGTH
                    + " letters and digits");
            return ExitCode.USAGE;
        }
        return inspect(directory, () -> SpoolInspector.cat(directory, messageId, out));
    }

    /** One look into a spool. */
    @FunctionalInterface
    private interface Inspection {
        int run() throws IOException;
    }

    private int inspect(Path directory, Inspection inspection) {
        if (!Files.isDirectory(directory)) {
            err.println("penstock: there is no directory " + directory);
            return ExitCode.NO_INPUT;
        }
        try {
            return inspection.run();
        } catch (IOException e) {
            err.println("penstock: " + directory + " can't be read: " + e);
            return ExitCode.NO_INPUT;
        } finally {
            out.flush();
        }
    }
}
