package dev.penstock.config;

/** A text that gets into no log, since records are logged with all that they hold. Immutable. */
public record Secret(String text) {
    static final Secret NONE = new Secret("");

    public boolean isEmpty() {
        return text.isEmpty();
    }

    @Override
    public String toString() {
        return text.isEmpty() ? "" : "********";
    }
}
