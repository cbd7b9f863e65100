package dev.penstock.cli;

import java.io.PrintStream;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** What there is to do about the shaping file. Confined to the main thread. */
@Command(name = "shaping", description = "Limits per destination: take over those of other servers.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class ShapingCommand {
    private ShapingCommand() {}

    /** With its own commands. */
    static CommandLine of(PrintStream out, PrintStream err) {
        return new CommandLine(new ShapingCommand()).addSubcommand(new ShapingImportCommand(out, err));
    }
}
