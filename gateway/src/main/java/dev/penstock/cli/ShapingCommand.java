package dev.penstock.cli;

import java.io.PrintStream;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** What there is to do about the shaping file. Confined to the main thread. */
@Command(name = "shaping", description = "Say what a shaping file comes to, and take over those of other servers.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class ShapingCommand {
    private ShapingCommand() {}

    /** With its subcommands. */
    static CommandLine of(PrintStream out, PrintStream err) {
        CommandLine line = new CommandLine(new ShapingCommand());
        line.addSubcommand(new ShapingExplainCommand(out, err));
        line.addSubcommand(new ShapingCheckCommand(out, err));
        line.addSubcommand(new ShapingDiffCommand(out, err));
        line.addSubcommand(new ShapingImportCommand(out, err));
        return line;
    }
}
