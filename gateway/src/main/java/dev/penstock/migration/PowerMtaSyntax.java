package dev.penstock.migration;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;

import dev.penstock.config.Problem;

/**
 * Reads PowerMTA's configuration and the files that it includes into directives and blocks. Confined to one thread. What
 * is wrong is noted and reading goes on, so that one reading finds all of it.
 */
final class PowerMtaSyntax {
    private static final int MOST_INCLUDES = 20; // one within the other
    private static final String COMMENT = "#";

    /** What a file is made of. */
    sealed interface Item {
        Place place();

        String name();
    }

    /**
     * A line {@code name value}.
     *
     * @param name    in lower case; a regular expression alone is a line without one
     * @param pattern what stands between slashes, empty for none
     * @param value   the rest of the line
     */
    record Directive(Place place, String name, String pattern, String value) implements Item {}

    /** @param argument behind the kind, may be empty */
    record Block(Place place, String name, String argument, List<Item> items) implements Item {}

    /**
     * @param line   from 1
     * @param column from 1
     */
    record Place(Path file, int line, int column) {
        Problem problem(String key, String message) {
            return new Problem(file, line, column, key, message);
        }
    }

    private final List<Problem> problems;
    private final Deque<Path> including = new ArrayDeque<>();

    PowerMtaSyntax(List<Problem> problems) {
        this.problems = problems;
    }

    List<Item> read(Path file) {
        List<Item> items = new ArrayList<>();
        read(file, new Place(file, 0, 0), items);
        return items;
    }

    private void read(Path file, Place named, List<Item> into) {
        Path whole = file.toAbsolutePath().normalize();
        if (including.contains(whole) || including.size() > MOST_INCLUDES) {
            problems.add(named.problem("include", file + " is being read already; allowed: files that don't include "
                    + "each other"));
            return;
        }
        List<String> lines;
        try {
            lines = Files.readAllLines(file, StandardCharsets.UTF_8);
        } catch (NoSuchFileException _) {
            problems.add(named.problem(named.line() == 0 ? "" : "include", "there is no file " + file));
            return;
        } catch (IOException e) {
            problems.add(named.problem(named.line() == 0 ? "" : "include",
                    file + " can't be read as UTF-8 text: " + e.getMessage()));
            return;
        }
        including.push(whole);
        Deque<Block> open = new ArrayDeque<>();
        for (int i = 0; i < lines.size(); i++) {
            line(file, i + 1, lines.get(i), open, into);
        }
        open.forEach(block -> problems.add(block.place.problem("<" + block.name + ">",
                "isn't closed; expected </" + block.name + "> before the end of the file")));
        including.pop();
    }

    private void line(Path file, int number, String written, Deque<Block> open, List<Item> top) {
        String line = written.strip();
        Place place = new Place(file, number, written.indexOf(line) + 1);
        if (line.isEmpty() || line.startsWith(COMMENT)) {
            return;
        }
        Block current = open.peek();
        List<Item> into = current == null ? top : current.items;
        if (line.startsWith("</")) {
            close(line, place, open);
        } else if (line.startsWith("<")) {
            Block block = opened(line, place);
            into.add(block);
            open.push(block);
        } else {
            Directive directive = directive(line, place);
            if (directive.name.equals("include") && directive.pattern.isEmpty()) {
                include(directive, file, into);
            } else {
                into.add(directive);
            }
        }
    }

    private void close(String line, Place place, Deque<Block> open) {
        String name = withoutComment(line).replaceAll("^</\\s*|\\s*>?$", "").toLowerCase(Locale.ROOT);
        Block current = open.peek();
        if (current != null && current.name.equals(name)) {
            open.pop();
            return;
        }
        problems.add(place.problem("</" + name + ">", current == null
                ? "closes nothing"
                : "expected </" + current.name + ">, which line " + current.place.line + " opens"));
        if (open.stream().anyMatch(block -> block.name.equals(name))) { // that one is meant; the inner ones are told of
            Block popped = open.pop();
            while (!popped.name.equals(name)) {
                popped = open.pop();
            }
        }
    }

    private Block opened(String line, Place place) {
        String text = withoutComment(line);
        if (!text.endsWith(">")) {
            problems.add(place.problem(text, "the > is missing at the end"));
        }
        String[] parts = text.replaceAll("^<\\s*|\\s*>$", "").split("\\s+", 2);
        return new Block(place, parts[0].toLowerCase(Locale.ROOT), parts.length == 1 ? "" : unquoted(parts[1].strip()), new ArrayList<>());
    }

    private Directive directive(String line, Place place) {
        String name = "";
        String rest = line;
        if (!line.startsWith("/")) {
            String[] parts = line.split("\\s+", 2);
            name = parts[0].toLowerCase(Locale.ROOT);
            rest = parts.length == 1 ? "" : parts[1].strip();
        }
        if (!rest.startsWith("/") || !name.isEmpty() && !name.equals("reply")) {
            return new Directive(place, name, "", unquoted(withoutComment(" " + rest).strip()));
        }
        int end = 1;
        while (end < rest.length() && rest.charAt(end) != '/') {
            end += rest.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= rest.length()) {
            problems.add(place.problem(name, "the regular expression has no end; expected a / behind it"));
            return new Directive(place, name, "", "");
        }
        return new Directive(place, name, rest.substring(1, end).replace("\\/", "/"),
                withoutComment(" " + rest.substring(end + 1)).strip());
    }

    private static String withoutComment(String text) {
        return text.replaceFirst("\\s" + COMMENT + ".*$", "").strip();
    }

    private static String unquoted(String text) {
        return text.length() > 1 && text.startsWith("\"") && text.endsWith("\"")
                ? text.substring(1, text.length() - 1)
                : text;
    }

    private void include(Directive include, Path from, List<Item> into) {
        try {
            Path named = Path.of(include.value);
            Path directory = from.toAbsolutePath().getParent();
            read(include.value.isEmpty() || named.isAbsolute() || directory == null ? named : directory.resolve(named),
                    include.place, into);
        } catch (InvalidPathException e) {
            problems.add(include.place.problem("include", "not a path: " + e.getReason()));
        }
    }
}
