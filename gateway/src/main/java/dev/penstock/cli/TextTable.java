package dev.penstock.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Rows in aligned columns, as people read them: two blanks between columns, numbers to the right, nothing behind the last
 * word of a line. What others may have said is cleaned. Confined to one thread.
 */
final class TextTable {
    private static final String GAP = "  ";

    private final List<String> head = new ArrayList<>();
    private final List<Boolean> right = new ArrayList<>();
    private final List<List<String>> rows = new ArrayList<>();

    /** Words. */
    TextTable left(String title) {
        head.add(title);
        right.add(false);
        return this;
    }

    /** Numbers. */
    TextTable right(String title) {
        head.add(title);
        right.add(true);
        return this;
    }

    /** @throws IllegalArgumentException when they aren't as many as the columns */
    void row(String... cells) {
        if (cells.length != head.size()) {
            throw new IllegalArgumentException(cells.length + " cells in " + head.size() + " columns");
        }
        rows.add(Stream.of(cells).map(Text::clean).toList());
    }

    void print(PrintStream out) {
        int[] widths = new int[head.size()];
        measure(head, widths);
        rows.forEach(row -> measure(row, widths));
        out.println(line(head, widths));
        rows.forEach(row -> out.println(line(row, widths)));
    }

    private static void measure(List<String> row, int[] widths) {
        for (int i = 0; i < widths.length; i++) {
            widths[i] = Math.max(widths[i], row.get(i).length());
        }
    }

    private String line(List<String> row, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            String cell = row.get(i);
            String blanks = " ".repeat(widths[i] - cell.length());
            line.append(i == 0 ? "" : GAP).append(right.get(i) ? blanks + cell : cell + blanks);
        }
        return line.toString().stripTrailing();
    }
}
