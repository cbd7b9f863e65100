package dev.penstock.classification;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

import org.jspecify.annotations.Nullable;

/**
 * What can be said of a regular expression without running it: which texts every text that it matches must hold, and how
 * far a backtracking engine may go astray in it. Immutable.
 *
 * <p>It knows RE2's syntax only as far as it is sure; of what is beyond that it says nothing.
 */
final class RegexShape {
    /** Shorter ones are in too many texts. */
    private static final int SHORTEST = 3;
    private static final int ENDLESS = Integer.MAX_VALUE;
    /** More than any expression may cost. */
    private static final long TOO_MUCH = 1L << 40;

    private sealed interface Node {}

    private record Char(char c, int min, int max) implements Node {}

    /** A set, a dot, an anchor. */
    private record Other(int min, int max) implements Node {}

    private record Group(List<List<Node>> alternatives, int min, int max) implements Node {}

    /** What is beyond it. */
    private static final class Unknown extends Exception {
        private static final long serialVersionUID = 1L;

        Unknown() {
            super("beyond", null, false, false);
        }
    }

    /**
     * One of the alternatives that an expression is made of at its top.
     *
     * @param required of each set one literal at least must be in the text; lower case, the most telling set first
     * @param literal  when the alternative is that literal and nothing else, in lower case; else empty
     * @param steps    most ways in which a backtracking engine may try it from one place of the text
     */
    record Alternative(List<Set<String>> required, String literal, long steps) {}

    private final String regex;
    private int at;

    private RegexShape(String regex) {
        this.regex = regex;
    }

    /**
     * @param longest how long the text may be
     * @return null when the expression holds something that isn't known
     */
    static @Nullable List<Alternative> of(String regex, int longest) {
        RegexShape shape = new RegexShape(regex);
        try {
            List<List<Node>> alternatives = shape.alternatives();
            if (shape.at < regex.length()) {
                return null;
            }
            return alternatives.stream()
                    .map(nodes -> new Alternative(required(nodes), literal(nodes), steps(nodes, longest))).toList();
        } catch (Unknown _) {
            return null;
        }
    }

    // Reading

    private List<List<Node>> alternatives() throws Unknown {
        List<List<Node>> alternatives = new ArrayList<>();
        List<Node> nodes = new ArrayList<>();
        while (at < regex.length() && regex.charAt(at) != ')') {
            if (regex.charAt(at) == '|') {
                at++;
                alternatives.add(nodes);
                nodes = new ArrayList<>();
            } else {
                nodes.add(atom());
            }
        }
        alternatives.add(nodes);
        return alternatives;
    }

    private Node atom() throws Unknown {
        char c = regex.charAt(at);
        return switch (c) {
            case '\\' -> escape();
            case '[' -> set();
            case '(' -> group();
            case '.', '^', '$' -> {
                at++;
                yield repeated(new Other(1, 1));
            }
            case '*', '+', '?', '{', '}', ']' -> throw new Unknown();
            default -> {
                at++;
                yield repeated(c >= ' ' && c < 127 ? new Char(c, 1, 1) : new Other(1, 1));
            }
        };
    }

    private Node set() throws Unknown {
        skipSet();
        return repeated(new Other(1, 1));
    }

    private Node escape() throws Unknown {
        if (at + 1 == regex.length()) {
            throw new Unknown();
        }
        char c = regex.charAt(at + 1);
        at += 2;
        if ("dDsSwWbB".indexOf(c) >= 0) {
            return repeated(new Other(1, 1));
        }
        if (Character.isLetterOrDigit(c) || c <= ' ' || c >= 127) {
            throw new Unknown();
        }
        return repeated(new Char(c, 1, 1));
    }

    private Node group() throws Unknown {
        at++;
        if (regex.startsWith("?:", at)) {
            at += 2;
        } else if (at < regex.length() && regex.charAt(at) == '?') {
            throw new Unknown(); // flags, names
        }
        List<List<Node>> alternatives = alternatives();
        if (at == regex.length()) {
            throw new Unknown();
        }
        at++;
        return repeated(new Group(alternatives, 1, 1));
    }

    private void skipSet() throws Unknown {
        at++;
        if (at < regex.length() && regex.charAt(at) == '^') {
            at++;
        }
        int first = at;
        while (at < regex.length() && (regex.charAt(at) != ']' || at == first)) {
            if (regex.charAt(at) == '[' || regex.charAt(at) == '&') {
                throw new Unknown(); // engines differ
            }
            if (regex.charAt(at) == '\\') {
                at++;
                if (at < regex.length() && "dDsSwW".indexOf(regex.charAt(at)) < 0
                        && Character.isLetterOrDigit(regex.charAt(at))) {
                    throw new Unknown();
                }
            }
            at++;
        }
        if (at >= regex.length() || regex.charAt(first) == ']') {
            throw new Unknown();
        }
        at++;
    }

    private Node repeated(Node node) throws Unknown {
        if (at == regex.length()) {
            return node;
        }
        int min;
        int max;
        switch (regex.charAt(at)) {
            case '*' -> {
                min = 0;
                max = ENDLESS;
            }
            case '+' -> {
                min = 1;
                max = ENDLESS;
            }
            case '?' -> {
                min = 0;
                max = 1;
            }
            case '{' -> {
                int end = regex.indexOf('}', at);
                String inside = end < 0 ? "" : regex.substring(at + 1, end);
                if (!inside.matches("\\d{1,3}(,\\d{0,3})?")) {
                    throw new Unknown();
                }
                int comma = inside.indexOf(',');
                min = Integer.parseInt(comma < 0 ? inside : inside.substring(0, comma));
                max = comma < 0
                        ? min
                        : comma == inside.length() - 1 ? ENDLESS : Integer.parseInt(inside.substring(comma + 1));
                at = end;
            }
            default -> {
                return node;
            }
        }
        at++;
        if (at < regex.length() && regex.charAt(at) == '?') { // as few as will do: the same texts
            at++;
        }
        return switch (node) {
            case Char(char c, _, _) -> new Char(c, min, max);
            case Other _ -> new Other(min, max);
            case Group(var alternatives, _, _) -> new Group(alternatives, min, max);
        };
    }

    // Telling

    private static String literal(List<Node> nodes) {
        StringBuilder literal = new StringBuilder();
        for (Node node : nodes) {
            if (!(node instanceof Char(char c, int min, int max)) || min != 1 || max != 1) {
                return "";
            }
            literal.append(c);
        }
        return literal.length() < SHORTEST ? "" : literal.toString().toLowerCase(Locale.ROOT);
    }

    private static List<Set<String>> required(List<Node> nodes) {
        List<Set<String>> sets = new ArrayList<>();
        StringBuilder run = new StringBuilder();
        for (Node node : nodes) {
            switch (node) {
                case Char(char c, int min, int max) -> {
                    if (min > 0) {
                        run.append(c);
                    }
                    if (min != 1 || max != 1) {
                        endRun(run, sets);
                    }
                }
                case Other _ -> endRun(run, sets);
                case Group(List<List<Node>> alternatives, int min, _) -> {
                    endRun(run, sets);
                    if (min > 0) {
                        Set<String> any = ofAny(alternatives);
                        if (!any.isEmpty()) {
                            sets.add(any);
                        }
                    }
                }
            }
        }
        endRun(run, sets);
        sets.sort((one, other) -> Integer.compare(shortest(other), shortest(one)));
        return sets;
    }

    private static void endRun(StringBuilder run, List<Set<String>> sets) {
        if (run.length() >= SHORTEST) {
            sets.add(Set.of(run.toString().toLowerCase(Locale.ROOT)));
        }
        run.setLength(0);
    }

    /** @return empty when one of the alternatives asks for nothing */
    private static Set<String> ofAny(List<List<Node>> alternatives) {
        Set<String> any = new LinkedHashSet<>();
        for (List<Node> alternative : alternatives) {
            List<Set<String>> its = required(alternative);
            if (its.isEmpty()) {
                return Set.of();
            }
            any.addAll(its.getFirst());
        }
        return any;
    }

    private static int shortest(Set<String> literals) {
        return literals.stream().mapToInt(String::length).min().orElse(0);
    }

    private static long steps(List<Node> nodes, int longest) {
        long steps = 1;
        for (Node node : nodes) {
            long ways = switch (node) {
                case Char(_, int min, int max) -> ways(min, max, longest);
                case Other(int min, int max) -> ways(min, max, longest);
                case Group(var alternatives, int min, int max) -> max > 1
                        ? TOO_MUCH
                        : 1 - min + ofGroup(alternatives, longest);
            };
            steps = Math.min(TOO_MUCH, steps * ways);
        }
        return steps;
    }

    private static long ways(int min, int max, int longest) {
        return 1L + Math.min(max, longest) - Math.min(min, longest);
    }

    private static long ofGroup(List<List<Node>> alternatives, int longest) {
        List<String> literals = alternatives.stream().map(RegexShape::literal).toList();
        boolean isOneAtMost = literals.stream().noneMatch(literal -> literal.isEmpty() || literals.stream()
                .anyMatch(other -> !other.equals(literal) && other.startsWith(literal)));
        if (isOneAtMost) {
            return 1;
        }
        long sum = 0;
        for (List<Node> alternative : alternatives) {
            sum = Math.min(TOO_MUCH, sum + steps(alternative, longest));
        }
        return sum;
    }
}
