package dev.penstock.cli;

import java.util.ArrayList;
import java.util.List;

import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The command line as completion scripts and the manual page want it. Stateless. */
final class CommandModel {
    private CommandModel() {}

    /** A command and all below it that help shows, parents first. */
    static List<CommandSpec> all(CommandSpec root) {
        List<CommandSpec> commands = new ArrayList<>(List.of(root));
        for (CommandSpec inner : children(root)) {
            commands.addAll(all(inner));
        }
        return commands;
    }

    /** Those right below it that help shows, in its order. */
    static List<CommandSpec> children(CommandSpec command) {
        return command.subcommands().values().stream().map(inner -> inner.getCommandSpec())
                .filter(spec -> !spec.usageMessage().hidden()).distinct().toList();
    }

    /** Those that help shows. */
    static List<OptionSpec> options(CommandSpec command) {
        return command.options().stream().filter(option -> !option.hidden()).toList();
    }

    /** In one line, values filled in. */
    static String description(ArgSpec argument) {
        return plain(String.join(" ", argument.description()));
    }

    /** In one line. */
    static String description(CommandSpec command) {
        return plain(String.join(" ", command.usageMessage().description()));
    }

    /** Descriptions are formats (java.util.Formatter). */
    private static String plain(String text) {
        return text.replace("%n", " ").replace("%%", "%").replaceAll("\\s+", " ").strip();
    }

    /** What it is good for, in a few words. */
    static String firstSentence(CommandSpec command) {
        String whole = description(command);
        int end = whole.indexOf(". ");
        return end < 0 ? whole : whole.substring(0, end + 1);
    }

    /** Words that a value can be; none when it can be others. */
    static List<String> candidates(ArgSpec argument) {
        List<String> words = new ArrayList<>();
        Iterable<String> candidates = argument.completionCandidates();
        if (candidates != null) {
            candidates.forEach(words::add);
        } else if (argument.type().isEnum()) {
            for (Object constant : argument.type().getEnumConstants()) {
                words.add(constant.toString());
            }
        }
        return words;
    }
}
