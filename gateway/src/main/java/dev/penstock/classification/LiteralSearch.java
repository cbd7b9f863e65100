package dev.penstock.classification;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

import org.jspecify.annotations.Nullable;

/**
 * Finds many literals in a text in one pass, whatever its case: Aho and Corasick's automaton (1975), as a table of what
 * comes next. Immutable.
 */
final class LiteralSearch {
    private static final int ASCII = 128;

    /** By character: its column in the table; 0 for those of no literal. */
    private final byte[] columns = new byte[ASCII];
    private final int width;
    /** By state and column: the next state. */
    private final int[] next;
    /** By state: what stands for the literals that end there; null for none. */
    private final int[] @Nullable [] found;

    /** @param literals in lower case, ASCII and not empty, and the numbers that stand for each */
    LiteralSearch(Map<String, ? extends Iterable<Integer>> literals) {
        TreeSet<Character> alphabet = new TreeSet<>();
        int states = 1;
        for (String literal : literals.keySet()) {
            states += literal.length();
            for (int i = 0; i < literal.length(); i++) {
                alphabet.add(literal.charAt(i));
            }
        }
        int column = 0;
        for (char c : alphabet) {
            column++;
            columns[c] = (byte) column;
            if (c >= 'a' && c <= 'z') {
                columns[c - 'a' + 'A'] = (byte) column;
            }
        }
        width = column + 1;
        next = new int[states * width];
        List<List<Integer>> ends = new ArrayList<>();
        ends.add(new ArrayList<>());
        literals.forEach((literal, numbers) -> numbers.forEach(ends.get(add(literal, ends))::add));
        found = new int[ends.size()] @Nullable [];
        link(ends);
        for (int state = 0; state < found.length; state++) {
            found[state] = ends.get(state).isEmpty()
                    ? null
                    : ends.get(state).stream().mapToInt(Integer::intValue).distinct().toArray();
        }
    }

    private int add(String literal, List<List<Integer>> ends) {
        int state = 0;
        for (int i = 0; i < literal.length(); i++) {
            int at = state * width + columns[literal.charAt(i)];
            if (next[at] == 0) {
                next[at] = ends.size();
                ends.add(new ArrayList<>());
            }
            state = next[at];
        }
        return state;
    }

    /** Where a literal goes on no further, the longest end of what was read that begins another does. */
    private void link(List<List<Integer>> ends) {
        int[] fallback = new int[ends.size()];
        ArrayDeque<Integer> breadthFirst = new ArrayDeque<>();
        for (int column = 0; column < width; column++) {
            if (next[column] != 0) {
                breadthFirst.add(next[column]);
            }
        }
        while (!breadthFirst.isEmpty()) {
            int state = breadthFirst.remove();
            ends.get(state).addAll(ends.get(fallback[state]));
            for (int column = 0; column < width; column++) {
                int child = next[state * width + column];
                int other = next[fallback[state] * width + column];
                if (child == 0) {
                    next[state * width + column] = other;
                } else {
                    fallback[child] = other;
                    breadthFirst.add(child);
                }
            }
        }
    }

    /** Sets the bits of the numbers whose literals are in the text. */
    void search(String text, long[] bits) {
        int state = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            state = next[state * width + (c < ASCII ? columns[c] : 0)];
            int[] here = found[state];
            if (here != null) {
                for (int number : here) {
                    bits[number >>> 6] |= 1L << number;
                }
            }
        }
    }

    @Override
    public String toString() {
        return Arrays.stream(found).filter(here -> here != null).count() + " ends";
    }
}
