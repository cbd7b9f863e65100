package dev.penstock.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Prints what a shell needs to complete commands, options and files. Confined to the main thread. */
@Command(name = "completion", description = "Print a script by which a shell completes commands and options. bash: source <(penstock completion bash); zsh likewise; fish: penstock completion fish > ~/.config/fish/completions/penstock.fish.", mixinStandardHelpOptions = true)
final class CompletionCommand implements Callable<Integer> {
    private final PrintStream out;

    @Spec
    private @Nullable CommandSpec own;

    @Parameters(paramLabel = "SHELL", description = "${COMPLETION-CANDIDATES}.")
    private @Nullable Shell shell;

    /** For which there is a script. */
    enum Shell {
        BASH,
        ZSH,
        FISH;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    CompletionCommand(PrintStream out) {
        this.out = out;
    }

    @Override
    public Integer call() {
        if (own == null || shell == null) {
            return ExitCode.USAGE;
        }
        CommandSpec root = own.root();
        out.print(switch (shell) {
            // zsh loads it by its bashcompinit, which the script calls
            case BASH, ZSH -> AutoComplete.bash(root.name(), root.commandLine());
            case FISH -> fish(root);
        });
        out.flush();
        return ExitCode.OK;
    }

    /**
     * A function finds out at which command the line is, by words that are commands; what is offered there are its
     * commands, options and values.
     */
    private static String fish(CommandSpec root) {
        List<CommandSpec> commands = CommandModel.all(root);
        List<String> lines = new ArrayList<>();
        lines.add("# fish completion for " + root.name() + ", written by: " + root.name() + " completion fish");
        lines.add("");
        lines.add("function __" + root.name() + "_at");
        lines.add("    set -l at " + root.name());
        lines.add("    set -l value no");
        lines.add("    for word in (commandline -opc)[2..-1]");
        lines.add("        if test $value = yes");
        lines.add("            set value no");
        lines.add("        else if contains -- $word " + String.join(" ", commands.stream()
                .flatMap(command -> CommandModel.options(command).stream())
                .filter(option -> option.arity().min() > 0)
                .flatMap(option -> List.of(option.names()).stream()).distinct().sorted().toList()));
        lines.add("            set value yes");
        lines.add("        else if contains -- \"$at $word\" " + String.join(" ", commands.stream().skip(1)
                .map(command -> quoted(path(command))).toList()));
        lines.add("            set at \"$at $word\"");
        lines.add("        end");
        lines.add("    end");
        lines.add("    test \"$at\" = \"$argv\"");
        lines.add("end");
        lines.add("");
        lines.add("complete -c " + root.name() + " -f");
        for (CommandSpec command : commands) {
            String at = "complete -c " + root.name() + " -n "
                    + quoted("__" + root.name() + "_at " + path(command)) + ' ';
            for (CommandSpec inner : CommandModel.children(command)) {
                lines.add(at + "-a " + inner.name() + " -d " + quoted(CommandModel.firstSentence(inner)));
            }
            for (OptionSpec option : CommandModel.options(command)) {
                lines.add(at + names(option) + value(option) + " -d " + quoted(CommandModel.description(option)));
            }
            for (PositionalParamSpec parameter : command.positionalParameters()) {
                String values = values(parameter);
                if (!values.isEmpty()) {
                    lines.add(at + values);
                }
            }
        }
        return String.join("\n", lines) + "\n";
    }

    private static String path(CommandSpec command) {
        CommandSpec parent = command.parent();
        return parent == null ? command.name() : path(parent) + " " + command.name();
    }

    private static String names(OptionSpec option) {
        List<String> names = new ArrayList<>();
        for (String name : option.names()) {
            names.add(name.startsWith("--")
                    ? "-l " + name.substring(2)
                    : (name.length() == 2 ? "-s " : "-o ") + name.substring(1));
        }
        return String.join(" ", names);
    }

    private static String value(OptionSpec option) {
        if (option.arity().max() == 0) {
            return "";
        }
        String values = values(option);
        return values.isEmpty() ? " -x" : " -r " + values;
    }

    /** Empty when nothing can be offered. */
    private static String values(ArgSpec argument) {
        List<String> candidates = CommandModel.candidates(argument);
        return !candidates.isEmpty()
                ? "-f -a " + quoted(String.join(" ", candidates))
                : argument.type() == Path.class ? "-F" : "";
    }

    private static String quoted(String text) {
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
    }
}
