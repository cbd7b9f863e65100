package dev.penstock.queue;

import java.util.Locale;

/**
 * Names that a {@link Selection} picks: one, or those that {@code *} leaves open. Immutable.
 *
 * <p>{@code *} stands for any characters, also none: {@code *.example.com} is each domain below example.com, and not
 * example.com itself. {@code -} alone stands for no name: mail without a tenant, of no known provider.
 *
 * @param text       as it was written
 * @param ignoreCase whether case doesn't count, as in domains
 */
public record NamePattern(String text, boolean ignoreCase) {
    /** Written for the empty name. */
    public static final String NONE = "-";
    private static final char ANY = '*';

    /** @throws IllegalArgumentException when nothing is written */
    public NamePattern {
        if (text.isBlank()) {
            throw new IllegalArgumentException("expected a name; - is for none");
        }
        text = ignoreCase ? text.strip().toLowerCase(Locale.ROOT) : text.strip();
    }

    /** Whether it picks the one name that it is. */
    public boolean isLiteral() {
        return text.indexOf(ANY) < 0;
    }

    /** @param name empty for none */
    public boolean matches(String name) {
        if (text.equals(NONE)) {
            return name.isEmpty();
        }
        if (isLiteral()) {
            return ignoreCase ? text.equalsIgnoreCase(name) : text.equals(name);
        }
        return matchesOpen(ignoreCase ? name.toLowerCase(Locale.ROOT) : name);
    }

    /** In steps of at most the product of both lengths: what is after the last {@code *} is tried one character further on. */
    private boolean matchesOpen(String name) {
        int at = 0;
        int in = 0;
        int lastAny = -1;
        int tried = 0;
        while (in < name.length()) {
            if (at < text.length() && text.charAt(at) == ANY) {
                lastAny = at++;
                tried = in;
            } else if (at < text.length() && text.charAt(at) == name.charAt(in)) {
                at++;
                in++;
            } else if (lastAny >= 0) {
                at = lastAny + 1;
                in = ++tried;
            } else {
                return false;
            }
        }
        while (at < text.length() && text.charAt(at) == ANY) {
            at++;
        }
        return at == text.length();
    }

    @Override
    public String toString() {
        return text;
    }
}
