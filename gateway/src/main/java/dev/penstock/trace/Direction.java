package dev.penstock.trace;

import java.util.Locale;

import org.jspecify.annotations.Nullable;

/** Whose session it is. */
public enum Direction {
    /** A client's with us. */
    IN,
    /** Ours with a host. */
    OUT;

    /** @return null for a word that is neither {@code in} nor {@code out} */
    public static @Nullable Direction of(String word) {
        return switch (word) {
            case "in" -> IN;
            case "out" -> OUT;
            default -> null;
        };
    }

    /** As it is written: {@code in}, {@code out}. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
