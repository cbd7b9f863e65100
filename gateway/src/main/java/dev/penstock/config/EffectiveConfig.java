package dev.penstock.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.Places.Place;
import dev.penstock.config.ValueType.Nested;
import dev.penstock.config.ValueType.Plain;

/** Every value of a configuration and where it comes from, for operators. Stateless. */
public final class EffectiveConfig {
    static final String MASK = "********";
    private static final String SHAPING_DEFAULTS = Places.path(Places.SHAPING, ShapingConfig.DEFAULTS.name());

    private static final String SHAPING_LIMITS = Places.path(Places.SHAPING, ShapingConfig.LIMITS.name()) + "[";

    private EffectiveConfig() {}

    /**
     * One value.
     *
     * @param key   dotted, as in messages about errors: {@code listener[0].name}; the shaping file's begin with
     *              {@code shaping}
     * @param value a text, {@code Long}, {@code Boolean} or a list of texts; a secret is masked
     * @param file  where it is written; empty for a default
     * @param line  from 1
     */
    public record Setting(String key, Object value, Optional<Path> file, int line) {
        public boolean isDefault() {
            return file.isEmpty();
        }

        /** {@code default} or {@code FILE:LINE}. */
        public String origin() {
            return file.map(path -> path + ":" + line).orElse("default");
        }

        /** {@code key = value}, the value as the file would have it. */
        public String text() {
            return key + " = " + TomlText.of(value);
        }

        /** A JSON object on one line. */
        public String json() {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("key", key);
            object.put("value", value);
            object.put("origin", isDefault()
                    ? "default"
                    : key.startsWith(Places.SHAPING + ".") ? "shaping-file" : "file");
            file.ifPresent(path -> {
                object.put("file", path.toString());
                object.put("line", line);
            });
            return JsonText.compact(object);
        }
    }

    /**
     * All values in the order of the sample file.
     *
     * @param places filled by the reading that gave {@code config}
     */
    public static List<Setting> of(GatewayConfig config, Places places) {
        List<Setting> settings = new ArrayList<>();
        table(settings, places, "", GatewayConfig.TABLE, config);
        table(settings, places, Places.SHAPING, ShapingConfig.TABLE, config.shaping());
        layers(settings, config.shaping().rules());
        return List.copyOf(settings);
    }

    /** What is said of providers and single sources, and named limits, lies over other sections: it is told as it is written. */
    private static void layers(List<Setting> settings, ShapingRules rules) {
        Set<String> merged = TrafficLimits.TABLE.keys().stream().map(Key::name).collect(Collectors.toSet());
        section(settings, SHAPING_DEFAULTS, rules.defaults(), merged);
        rules.sections().forEach((name, each) -> section(settings, Places.SHAPING + quoted(name), each, merged));
        rules.providers().forEach((name, each) -> section(settings,
                Places.path(Places.SHAPING, ShapingConfig.PROVIDERS.name()) + quoted(name), each, Set.of()));
    }

    /** @param but keys that are told otherwise */
    private static void section(List<Setting> settings, String path, ShapingSection section, Set<String> but) {
        said(settings, path, section.layer(), but);
        section.sources().forEach((name, layer) -> said(settings, path + ".sources" + quoted(name), layer, Set.of()));
    }

    private static String quoted(String name) {
        return ".\"" + name + '"';
    }

    private static void said(List<Setting> settings, String path, ShapingLayer layer, Set<String> but) {
        layer.said().forEach((key, said) -> {
            int colon = said.place().lastIndexOf(':');
            if (colon > 0 && !but.contains(key)) {
                settings.add(new Setting(Places.path(path, key), TomlText.value(said.text()),
                        Optional.of(Path.of(said.place().substring(0, colon))),
                        Integer.parseInt(said.place().substring(colon + 1))));
            }
        });
    }

    private static <R> void table(List<Setting> settings, Places places, String path, Table<R> table, R record) {
        for (Key<R, ?> key : table.keys()) {
            key(settings, places, path, key, record);
        }
    }

    private static <R, T> void key(List<Setting> settings, Places places, String path, Key<R, T> key, R record) {
        switch (key.type()) {
            case Plain<T> plain -> {
                Place place = place(places, path, key);
                Object value = value(key, plain, key.in(record), place);
                if (value != null) {
                    settings.add(new Setting(Places.path(path, key.name()), value,
                            Optional.ofNullable(place).map(Place::file), place == null ? 0 : place.line()));
                }
            }
            case Nested<T, ?> nested -> tables(settings, places, path, key, nested, key.in(record));
        }
    }

    private static <T, N> void tables(List<Setting> settings, Places places, String path, Key<?, T> key,
            Nested<T, N> nested, T value) {
        String inner = switch (nested.nesting()) {
            case INLINE -> path;
            case TABLE, OPTIONAL, LIST, MAP -> Places.path(path, key.name());
        };
        nested.records().apply(value)
                .forEach((suffix, record) -> table(settings, places, inner + suffix, nested.table(), record));
    }

    /** A section of the shaping file has from its default section what it doesn't say itself. */
    private static @Nullable Place place(Places places, String path, Key<?, ?> key) {
        Place place = places.of(path, key.name());
        if (place == null && !key.alias().isEmpty()) {
            place = places.of(path, key.alias());
        }
        if (place == null && path.startsWith(Places.SHAPING + ".") && !path.startsWith(SHAPING_LIMITS)) {
            Place alone = places.of(path, ShapingReader.REPLACE_BASE);
            return alone != null && alone.written().equals(true) ? null : places.of(SHAPING_DEFAULTS, key.name());
        }
        return place;
    }

    private static <T> @Nullable Object value(Key<?, T> key, Plain<T> plain, T value, @Nullable Place place) {
        if (key == GatewayConfig.SHAPING && place != null) {
            return place.written(); // the configuration holds what is in the file, not its name
        }
        Object written = plain.written().apply(value);
        return plain.secret() && written instanceof String secret && !secret.isEmpty() ? MASK : written;
    }
}
