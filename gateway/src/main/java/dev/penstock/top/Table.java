package dev.penstock.top;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

import org.jline.utils.AttributedString;
import org.jspecify.annotations.Nullable;

import dev.penstock.queue.QueueTable;
import dev.penstock.top.Palette.Tone;

/**
 * Rows in columns that fit the screen: the last column takes what is left, and where there is too little room the columns
 * that matter least are left out. Immutable.
 */
record Table(List<Column> columns, List<Row> rows) {
    private static final int GAP = 2;
    /** Of a name; what is longer is cut, unless it is the last column. */
    private static final int WIDEST = 40;
    /** The last column is worth showing from here on. */
    private static final int LEAST_OF_LAST = 10;

    Table {
        columns = List.copyOf(columns);
        rows = List.copyOf(rows);
    }

    /**
     * A column.
     *
     * @param right   whether it has figures
     * @param matters the least goes first when there is too little room; the first column always stays
     * @param order   the order that shows it off; null for none
     */
    record Column(String title, boolean right, int matters, QueueTable.@Nullable Column order) {}

    record Cell(String text, Tone tone) {
        static Cell plain(String text) {
            return new Cell(text, Tone.PLAIN);
        }
    }

    /** @param target what Enter asks after; null for nothing */
    record Row(@Nullable Target target, List<Cell> cells) {
        Row {
            cells = List.copyOf(cells);
        }
    }

    /**
     * The head and rows.
     *
     * @param chosen a row's place; it is among what is shown
     * @param height lines at most
     */
    List<AttributedString> lines(int chosen, QueueTable.Column order, int width, int height, Palette palette) {
        List<AttributedString> lines = new ArrayList<>();
        if (height <= 0) {
            return lines;
        }
        int[] natural = natural();
        List<Integer> kept = kept(natural, width);
        Line head = new Line(width, palette).add(" ");
        each(kept, head, natural, width, place -> {
            Column column = columns.get(place);
            return new Cell(column.title, column.order == order ? Tone.CHOSEN : Tone.TITLE);
        });
        lines.add(head.done());
        int page = height - 1;
        int first = Math.clamp(chosen - page / 2, 0, Math.max(0, rows.size() - page));
        for (int i = first; i < Math.min(rows.size(), first + page); i++) {
            Row row = rows.get(i);
            boolean isChosen = i == chosen;
            Line line = new Line(width, palette).add(isChosen ? ">" : " ", isChosen ? Tone.TITLE : Tone.PLAIN);
            each(kept, line, natural, width, place -> row.cells.get(place));
            lines.add(line.done());
        }
        return lines;
    }

    private interface Cells {
        Cell at(int column);
    }

    private void each(List<Integer> kept, Line line, int[] widths, int width, Cells cells) {
        for (int i = 0; i < kept.size(); i++) {
            int place = kept.get(i);
            if (i > 0) {
                line.add(" ".repeat(GAP));
            }
            Cell cell = cells.at(place);
            boolean last = place == columns.size() - 1;
            line.cell(cell.text, last ? Math.max(0, width - line.used()) : widths[place], columns.get(place).right,
                    cell.tone);
        }
    }

    private int[] natural() {
        return IntStream.range(0, columns.size()).map(i -> Math.min(WIDEST, Math.max(
                Line.columns(columns.get(i).title),
                rows.stream().mapToInt(row -> Line.columns(row.cells.get(i).text)).max().orElse(0)))).toArray();
    }

    private List<Integer> kept(int[] natural, int width) {
        List<Integer> kept = new ArrayList<>(IntStream.range(0, columns.size()).boxed().toList());
        while (kept.size() > 1 && needed(kept, natural) > width) {
            kept.remove((Object) kept.stream().skip(1).min(Comparator.comparingInt(i -> columns.get(i).matters))
                    .orElseThrow());
        }
        return kept;
    }

    private int needed(List<Integer> kept, int[] natural) {
        return 1 + GAP * (kept.size() - 1) + kept.stream()
                .mapToInt(i -> i == columns.size() - 1 ? Math.min(LEAST_OF_LAST, natural[i]) : natural[i]).sum();
    }
}
