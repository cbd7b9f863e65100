package dev.penstock.trace;

import java.util.List;

/** Those who watch at one moment. Immutable; the same object as long as nobody comes or leaves. */
final class Watchers {
    static final Watchers NOBODY = new Watchers(List.of());

    private final List<Watch> all;

    private Watchers(List<Watch> all) {
        this.all = all;
    }

    static Watchers of(List<Watch> all) {
        return all.isEmpty() ? NOBODY : new Watchers(List.copyOf(all));
    }

    List<Watch> all() {
        return all;
    }
}
