package dev.penstock.config;

import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

/** Keys of the shaping file whose limits several paths share, or that come before a source is chosen; KumoMTA's. */
public enum ShapingLimit {
    ADDITIONAL_CONNECTION_LIMITS(Of.CONNECTIONS, true, false, "Sessions open at one time, of all paths that have the "
            + "limit of this name: { \"name\" = 100 }."),
    ADDITIONAL_MESSAGE_RATE_THROTTLES(Of.MESSAGES, true, false, "Messages, of all paths that have the limit of this "
            + "name: { \"name\" = \"4000/s\" }."),
    SOURCE_SELECTION_RATE(Of.SELECTIONS, false, false, "How often the source is chosen for mail of the path."),
    ADDITIONAL_SOURCE_SELECTION_RATES(Of.SELECTIONS, true, false, "How often a source is chosen, for all paths that "
            + "have the limit of this name."),
    PROVIDER_CONNECTION_LIMIT(Of.CONNECTIONS, false, true, "Sessions open at one time from one source to all of the "
            + "provider."),
    PROVIDER_MAX_MESSAGE_RATE(Of.MESSAGES, false, true, "Messages from one source to all of the provider."),
    PROVIDER_SOURCE_SELECTION_RATE(Of.SELECTIONS, false, true, "How often a source is chosen for mail to the provider."),
    PROVIDER_ADDITIONAL_SOURCE_SELECTION_RATES(Of.SELECTIONS, true, true, "Likewise, several limits by name.");

    /** What is limited. */
    public enum Of {
        CONNECTIONS,
        MESSAGES,
        SELECTIONS
    }

    private final Of of;
    private final boolean isNamed;
    private final boolean isOfProvider;
    private final String text;

    ShapingLimit(Of of, boolean isNamed, boolean isOfProvider, String text) {
        this.of = of;
        this.isNamed = isNamed;
        this.isOfProvider = isOfProvider;
        this.text = text;
    }

    public Of of() {
        return of;
    }

    /** Whether it holds any number of limits, by name. */
    public boolean isNamed() {
        return isNamed;
    }

    /** Whether only a provider's section has it. */
    public boolean isOfProvider() {
        return isOfProvider;
    }

    public String key() {
        return Types.word(this).replace('-', '_');
    }

    String text() {
        return text;
    }

    /** What a layer says under {@code said}; null for another key. */
    public static @Nullable ShapingLimit of(String said) {
        return Stream.of(values())
                .filter(each -> each.isNamed ? said.startsWith(each.key() + ".") : said.equals(each.key()))
                .findFirst().orElse(null);
    }

    /** The name that stands behind the key in {@code said}; the key where there is none. */
    public String nameIn(String said) {
        return isNamed ? said.substring(key().length() + 1) : said;
    }
}
