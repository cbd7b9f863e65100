package dev.penstock.top;

import java.util.List;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

import dev.penstock.queue.Grouping;

/** What there is to look at, in the order of the keys from 1 on. */
public enum Screen {
    OVERVIEW("Overview", Grouping.PROVIDER),
    QUEUES("Queues", null),
    PROVIDERS("Providers", Grouping.PROVIDER),
    SOURCES("Sources", Grouping.SOURCE),
    TENANTS("Tenants", Grouping.TENANT),
    HELD("Held by", null),
    LATENCY("Latency", null);

    final String title;
    private final @Nullable Grouping grouping;

    Screen(String title, @Nullable Grouping grouping) {
        this.title = title;
        this.grouping = grouping;
    }

    /** By what its rows are put together, where nobody chooses. */
    Grouping grouping(Grouping chosen) {
        return grouping == null ? chosen : grouping;
    }

    /** Whether it has rows of queued mail. */
    boolean hasQueues() {
        return this != HELD && this != LATENCY;
    }

    Screen next(int step) {
        List<Screen> all = List.of(values());
        return all.get(Math.floorMod(all.indexOf(this) + step, all.size()));
    }

    /** As the command line has it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
