package dev.penstock.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.Spec;

import dev.penstock.metrics.BuildInfo;

/** Prints the manual page, made from what the commands say of themselves. Confined to the main thread. */
@Command(name = "man", description = "Print the manual page: penstock man | man -l -.", mixinStandardHelpOptions = true)
final class ManCommand implements Callable<Integer> {
    private final PrintStream out;

    @Spec
    private @Nullable CommandSpec own;

    ManCommand(PrintStream out) {
        this.out = out;
    }

    @Override
    public Integer call() {
        if (own == null) {
            return ExitCode.USAGE;
        }
        out.print(page(own.root()));
        out.flush();
        return ExitCode.OK;
    }

    /** Requests of man(7) alone. */
    private static String page(CommandSpec root) {
        List<String> lines = new ArrayList<>();
        lines.add(".TH " + root.name().toUpperCase(Locale.ROOT) + " 1 \"\" \"Penstock " + BuildInfo.version()
                + "\" \"Penstock\"");
        lines.add(".SH NAME");
        lines.add(escaped(root.name()) + " \\- an SMTP gateway for bulk mail, and its command line");
        lines.add(".SH SYNOPSIS");
        lines.add(synopsis(root));
        lines.add(".SH DESCRIPTION");
        lines.add(text(CommandModel.description(root)));
        lines.add("Commands that ask a running gateway do so over its Unix socket, or at a URL with a token.");
        arguments(root, lines);
        lines.add(".SH COMMANDS");
        for (CommandSpec command : CommandModel.all(root)) {
            if (!command.equals(root)) {
                lines.add(".SS " + escaped(command.qualifiedName(" ").substring(root.name().length() + 1)));
                lines.add(synopsis(command));
                lines.add(".PP");
                lines.add(text(CommandModel.description(command)));
                arguments(command, lines);
            }
        }
        lines.addAll(List.of(".SH EXIT STATUS", "Those of sysexits.h:"));
        for (String[] code : new String[][]{{"0", "It is done."}, {"1", "It was refused, or files differ."},
            {"64", "The command line is wrong."}, {"66", "A file is missing."},
            {"69", "A gateway can't be reached, or an address is in use."}, {"70", "A fault of Penstock's."},
            {"73", "A file or directory can't be made."}, {"75", "It may be tried again."},
            {"77", "It isn't permitted."}, {"78", "The configuration is wrong."}}) {
            lines.addAll(List.of(".TP", "\\fB" + code[0] + "\\fR", text(code[1])));
        }
        lines.add(".SH ENVIRONMENT");
        for (String[] variable : new String[][]{
            {"PENSTOCK_TOKEN", "The token for a gateway that is asked at a URL."},
            {"PENSTOCK_LOG_LEVEL", "DEBUG adds what explains how sessions end."}}) {
            lines.addAll(List.of(".TP", "\\fB" + escaped(variable[0]) + "\\fR", text(variable[1])));
        }
        return String.join("\n", lines) + "\n";
    }

    private static String synopsis(CommandSpec command) {
        String synopsis = new CommandLine.Help(command, CommandLine.Help.Ansi.OFF).synopsis(0).strip()
                .replaceAll("\\s+", " ");
        String name = command.qualifiedName(" ");
        return text("\\fB" + escaped(name) + "\\fR", synopsis.substring(Math.min(name.length(), synopsis.length())));
    }

    private static void arguments(CommandSpec command, List<String> lines) {
        for (PositionalParamSpec parameter : command.positionalParameters()) {
            if (!parameter.hidden()) {
                lines.addAll(List.of(".TP", "\\fI" + escaped(parameter.paramLabel()) + "\\fR",
                        text(CommandModel.description(parameter))));
            }
        }
        for (OptionSpec option : CommandModel.options(command)) {
            String names = String.join(", ", List.of(option.names()).stream()
                    .map(name -> "\\fB" + escaped(name) + "\\fR").toList());
            String value = option.arity().max() == 0 ? "" : " \\fI" + escaped(option.paramLabel()) + "\\fR";
            lines.addAll(List.of(".TP", names + value, text(CommandModel.description(option))));
        }
    }

    private static String text(String words) {
        return text("", words);
    }

    /** A line of text, which no request begins. */
    private static String text(String formatted, String words) {
        String line = formatted + escaped(words);
        return line.isEmpty() ? "\\&" : line.startsWith(".") || line.startsWith("'") ? "\\&" + line : line;
    }

    /** For groff: a backslash, and hyphens that are to be copied into a shell. */
    private static String escaped(String text) {
        return text.replace("\\", "\\e").replace("-", "\\-").replace("\u2026", "\\[u2026]");
    }
}
