package dev.penstock.top;

import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.queue.Grouping;
import dev.penstock.queue.QueueTable.Column;
import dev.penstock.top.Key.Named;

/**
 * What the operator looks at; each key makes another one of it. Immutable and pure.
 *
 * @param by       by what queues are put together
 * @param times    of what the heat map is
 * @param sort     the column that rows are in order of
 * @param reversed whether the other way round
 * @param row      the one that is chosen, from 0
 * @param paused   whether figures stay as they are
 * @param interval from one look to the next
 */
record View(Screen screen, Grouping by, Times times, Column sort, boolean reversed, Filter filter, int row,
        boolean paused, Duration interval, Mode mode) {
    /** What one can wait for without looking away; the gateway itself counts once a second. */
    static final List<Duration> INTERVALS = List.of(Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(5),
            Duration.ofSeconds(10), Duration.ofSeconds(30), Duration.ofSeconds(60));
    /** Those that are shown. */
    static final List<Column> SORTS = List.of(Column.QUEUED, Column.OLDEST, Column.READY, Column.SUSPENDED,
            Column.SCHEDULED, Column.HELD, Column.ACTIVE, Column.DELIVERED_MINUTE, Column.DEFERRAL_SHARE,
            Column.BOUNCE_SHARE, Column.NAME);
    private static final int MOST_TYPED = 500;
    private static final List<Grouping> GROUPINGS = List.of(Grouping.values());

    /** What there is to choose from. */
    interface Rows {
        /** Rows, or lines of a detail. */
        int count();

        /** So many are seen at a time. */
        int page();

        /** Null for none. */
        @Nullable
        Target target(int row);
    }

    static View of(Screen screen, Filter filter, Duration interval) {
        return new View(screen, Grouping.DOMAIN, Times.DELIVERY, Column.QUEUED, false, filter, 0, false, interval,
                new Mode.Rows());
    }

    /** Where there are no keys to choose a row with. */
    View unchosen() {
        return new View(screen, by, times, sort, reversed, filter, -1, paused, interval, mode);
    }

    /** By what the rows of this screen are put together. */
    Grouping grouping() {
        return screen.grouping(by);
    }

    /** As the API has it. */
    String order() {
        return (reversed ? "-" : "") + sort.word();
    }

    /** @return what is looked at then; null when it is over */
    @Nullable
    View press(Key key, Rows rows) {
        if (key == Named.INTERRUPT) {
            return null;
        }
        return switch (mode) {
            case Mode.Rows _ -> pressed(key, rows);
            case Mode.Prompt prompt -> typed(prompt, key);
            case Mode.Help _ -> isEnd(key) ? null : with(new Mode.Rows());
            case Mode.Detail detail -> detailed(detail, key, rows);
        };
    }

    private static boolean isEnd(Key key) {
        return key.equals(Key.typed('q'));
    }

    private @Nullable View pressed(Key key, Rows rows) {
        return switch (key) {
            case Key.Typed(int character) -> pressed(character, rows);
            case Named.ENTER -> {
                Target target = rows.target(row);
                yield target == null ? this : with(new Mode.Detail(target, 0));
            }
            case Named.TAB -> with(screen.next(1));
            case Named.BACK_TAB -> with(screen.next(-1));
            case Named named -> at(moved(row, named, rows), rows);
        };
    }

    private @Nullable View pressed(int character, Rows rows) {
        if (character >= '1' && character < '1' + Screen.values().length) {
            return with(List.of(Screen.values()).get(character - '1'));
        }
        return switch (character) {
            case 'q' -> null;
            case '?', 'h' -> with(new Mode.Help());
            case '/' -> with(new Mode.Prompt(filter.toString(), ""));
            case 'b' -> grouped();
            case 's' -> ordered(SORTS.get((SORTS.indexOf(sort) + 1) % SORTS.size()), false);
            case 'S' -> ordered(sort, !reversed);
            case 'p', ' ' -> new View(screen, by, times, sort, reversed, filter, row, !paused, interval, mode);
            case '+' -> waiting(INTERVALS.stream().filter(each -> each.compareTo(interval) > 0).findFirst()
                    .orElse(interval));
            case '-' -> waiting(INTERVALS.reversed().stream().filter(each -> each.compareTo(interval) < 0).findFirst()
                    .orElse(interval));
            case 'j' -> at(moved(row, Named.DOWN, rows), rows);
            case 'k' -> at(moved(row, Named.UP, rows), rows);
            case 'g' -> at(0, rows);
            case 'G' -> at(rows.count() - 1, rows);
            default -> this;
        };
    }

    private View detailed(Mode.Detail detail, Key key, Rows rows) {
        if (key == Named.ESCAPE || key == Named.ENTER || key == Named.BACKSPACE || isEnd(key)) {
            return with(new Mode.Rows());
        }
        Key meant = key.equals(Key.typed('j')) ? Named.DOWN : key.equals(Key.typed('k')) ? Named.UP : key;
        int last = Math.max(0, rows.count() - rows.page());
        return meant instanceof Named named
                ? with(new Mode.Detail(detail.target(), Math.clamp(moved(detail.from(), named, rows), 0, last)))
                : this;
    }

    private static int moved(int from, Named key, Rows rows) {
        return switch (key) {
            case UP -> from - 1;
            case DOWN -> from + 1;
            case PAGE_UP -> from - rows.page();
            case PAGE_DOWN -> from + rows.page();
            case HOME -> 0;
            case END -> rows.count() - 1;
            case ENTER, TAB, BACK_TAB, BACKSPACE, ERASE_LINE, ESCAPE, INTERRUPT, REDRAW, OTHER -> from;
        };
    }

    private View typed(Mode.Prompt prompt, Key key) {
        String text = prompt.text();
        return switch (key) {
            case Key.Typed(int character) -> text.length() < MOST_TYPED
                    ? with(new Mode.Prompt(text + Character.toString(character), ""))
                    : this;
            case Named.BACKSPACE -> text.isEmpty()
                    ? with(new Mode.Rows())
                    : with(new Mode.Prompt(text.substring(0, text.offsetByCodePoints(text.length(), -1)), ""));
            case Named.ERASE_LINE -> with(new Mode.Prompt("", ""));
            case Named.ESCAPE -> with(new Mode.Rows());
            case Named.ENTER -> filtered(text);
            case Named _ -> this;
        };
    }

    private View filtered(String text) {
        try {
            return new View(screen, by, times, sort, reversed, Filter.parse(text, grouping()), 0, paused, interval,
                    new Mode.Rows());
        } catch (IllegalArgumentException e) {
            return with(new Mode.Prompt(text, String.valueOf(e.getMessage())));
        }
    }

    private View grouped() {
        return switch (screen) {
            case QUEUES -> new View(screen, GROUPINGS.get((GROUPINGS.indexOf(by) + 1) % GROUPINGS.size()), times,
                    sort, reversed, filter, 0, paused, interval, mode);
            case LATENCY -> new View(screen, by, times.next(), sort, reversed, filter, row, paused, interval, mode);
            case OVERVIEW, PROVIDERS, SOURCES, TENANTS, HELD -> this;
        };
    }

    private View ordered(Column column, boolean turned) {
        return screen.hasQueues()
                ? new View(screen, by, times, column, turned, filter, 0, paused, interval, mode)
                : this;
    }

    private View waiting(Duration time) {
        return new View(screen, by, times, sort, reversed, filter, row, paused, time, mode);
    }

    private View at(int chosen, Rows rows) {
        return new View(screen, by, times, sort, reversed, filter, Math.clamp(chosen, 0, Math.max(0, rows.count() - 1)),
                paused, interval, mode);
    }

    private View with(Screen other) {
        return new View(other, by, times, sort, reversed, filter, 0, paused, interval, mode);
    }

    private View with(Mode other) {
        return new View(screen, by, times, sort, reversed, filter, row, paused, interval, other);
    }
}
