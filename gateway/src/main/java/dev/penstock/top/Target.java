package dev.penstock.top;

import dev.penstock.admin.AdminClient;
import dev.penstock.queue.Grouping;
import dev.penstock.queue.NamePattern;
import dev.penstock.queue.Selection.Attribute;
import dev.penstock.queue.Traffic;

/** What a row is about, and Enter asks after. Immutable. */
sealed interface Target {
    /** Where the API tells more of it. */
    String path();

    /** A provider: control, decisions, what holds its mail. */
    record Provider(String name) implements Target {
        @Override
        public String path() {
            return "/providers/" + AdminClient.segment(name.isEmpty() ? NamePattern.NONE : name);
        }
    }

    /** A source: suspensions, warm-up, its mail by provider. */
    record Source(String name) implements Target {
        @Override
        public String path() {
            return "/sources/" + AdminClient.segment(name);
        }
    }

    /** Mail, with why it hasn't gone yet. */
    record Mail(Filter filter) implements Target {
        @Override
        public String path() {
            return "/why" + AdminClient.query(filter.query());
        }
    }

    /** A row of a table by {@code by}, of which the filter selects. */
    static Target mail(Filter filter, Grouping by, String name) {
        int slash = name.indexOf('/');
        if (by == Grouping.CAMPAIGN && slash >= 0) {
            return new Mail(filter.with(Attribute.TENANT, name.substring(0, slash)).with(Attribute.CAMPAIGN,
                    name.substring(slash + 1)));
        }
        return new Mail(filter.with(by.attribute(), name));
    }

    /** The ready queue of that name, {@code source->site}. */
    static Target readyQueue(Filter filter, String name) {
        int arrow = name.indexOf("->");
        return new Mail(arrow <= 0 || arrow == name.length() - 2
                ? filter
                : filter.with(Attribute.SOURCE, name.substring(0, arrow)).with(Attribute.SITE,
                        name.substring(arrow + 2)));
    }

    /** Whether a row of that name is about something that can be asked after. */
    static boolean isNamed(String name) {
        return !name.equals(Traffic.OTHER);
    }

    /** For the title: {@code provider google}, {@code domain=gmail.com}. */
    default String title() {
        return switch (this) {
            case Provider(String name) -> "provider " + (name.isEmpty() ? NamePattern.NONE : name);
            case Source(String name) -> "source " + name;
            case Mail(Filter filter) -> filter.isNone() ? "all mail" : filter.toString();
        };
    }
}
