package dev.penstock.queue;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToLongFunction;

import org.jspecify.annotations.Nullable;

/**
 * What is queued, put together by something. Immutable.
 *
 * @param by       what it is put together by
 * @param rows     one for each, in no order
 * @param total    of all rows
 * @param atMillis when it was counted, milliseconds since 1970
 */
public record QueueTable(Grouping by, List<Row> rows, QueueCounts total, long atMillis) {
    /**
     * One domain, site, provider, … and its mail.
     *
     * @param name       empty for mail that has none; {@link Traffic#OTHER} for all that has no rates of its own
     * @param counts     what is queued of it
     * @param rates      what became of its recipients, whatever else is selected
     * @param domains    of its recipients that have mail queued, each once for each source
     * @param waitingFor on a page, what holds most of its mail that could go; empty when there is none
     * @param nextMillis when that may go at the earliest, milliseconds since 1970; 0 when it isn't known, or at once
     */
    public record Row(String name, QueueCounts counts, Rates rates, long domains, String waitingFor,
            long nextMillis) {}

    /**
     * Some rows in order.
     *
     * @param all rows that there are
     */
    public record Page(Grouping by, List<Row> rows, int all, QueueCounts total, long atMillis) {}

    /** By what rows may be put in order. */
    public enum Column {
        NAME(Comparator.comparing(Row::name)),
        QUEUED(by(row -> row.counts.destinations())),
        SCHEDULED(by(row -> row.counts.scheduled())),
        HELD(by(row -> row.counts.held())),
        ROUTING(by(row -> row.counts.routing())),
        READY(by(row -> row.counts.ready())),
        SUSPENDED(by(row -> row.counts.suspended())),
        ACTIVE(by(row -> row.counts.active())),
        ATTEMPTED(by(row -> row.counts.attempted())),
        OCTETS(by(row -> row.counts.octets())),
        DOMAINS(by(row -> row.domains)),
        OLDEST(by(row -> row.counts.oldestMillis() == 0 ? Long.MIN_VALUE : -row.counts.oldestMillis())),
        DELIVERED_MINUTE(by(row -> row.rates.deliveredMinute())),
        DEFERRED_MINUTE(by(row -> row.rates.deferredMinute())),
        BOUNCED_MINUTE(by(row -> row.rates.bouncedMinute())),
        DELIVERED_HOUR(by(row -> row.rates.deliveredHour())),
        DEFERRED_HOUR(by(row -> row.rates.deferredHour())),
        BOUNCED_HOUR(by(row -> row.rates.bouncedHour())),
        DEFERRAL_SHARE(Comparator.comparingDouble((Row row) -> row.rates.deferralShare()).reversed()),
        BOUNCE_SHARE(Comparator.comparingDouble((Row row) -> row.rates.bounceShare()).reversed());

        private final String word = name().toLowerCase(Locale.ROOT).replace('_', '-');
        @SuppressWarnings("ImmutableEnumChecker") // of functions without state
        private final Comparator<Row> order;

        Column(Comparator<Row> order) {
            this.order = order;
        }

        private static Comparator<Row> by(ToLongFunction<Row> number) {
            return Comparator.comparingLong(number).reversed();
        }

        /** As queries and the command line write it: {@code deferral-share}. */
        public String word() {
            return word;
        }

        /** In either spelling; null when there is no such. */
        public static @Nullable Column of(String text) {
            String spelled = text.replace('_', '-');
            for (Column column : values()) {
                if (column.word.equalsIgnoreCase(spelled)) {
                    return column;
                }
            }
            return null;
        }

        /** The largest, the oldest or the first in the alphabet first; what is alike by its name. */
        public Comparator<Row> order() {
            return order.thenComparing(Row::name);
        }
    }
}
