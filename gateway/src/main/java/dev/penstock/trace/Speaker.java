package dev.penstock.trace;

import java.util.Locale;

/** Whose line it is. */
public enum Speaker {
    CLIENT,
    SERVER,
    /** Ours, about the session: said to nobody. */
    PENSTOCK;

    /** As it is written: {@code client}, {@code server}, {@code penstock}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
