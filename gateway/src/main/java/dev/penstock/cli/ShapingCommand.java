package dev.penstock.cli;

import java.io.PrintStream;

import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Says what a shaping file comes to. Confined to the main thread. */
@Command(name = "shaping", description = "Say what a shaping file comes to.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class ShapingCommand {
    private ShapingCommand() {}

    /** With its subcommands. */
    static CommandLine line(PrintStream out, PrintStream err) {
        CommandLine line = new CommandLine(new ShapingCommand());
        line.addSubcommand(new ShapingExplainCommand(out, err));
        line.addSubcommand(new ShapingCheckCommand(out, err));
        line.addSubcommand(new ShapingDiffCommand(out, err));
        return line;
    }
}
