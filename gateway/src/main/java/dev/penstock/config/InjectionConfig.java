package dev.penstock.config;

/**
 * Mail taken over HTTP.
 *
 * @param enabled whether at all
 */
public record InjectionConfig(boolean enabled) {
    public static final InjectionConfig DEFAULT = new InjectionConfig(false);
}
