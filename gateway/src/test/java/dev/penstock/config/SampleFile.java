package dev.penstock.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ValueType.Nested;
import dev.penstock.config.ValueType.Nesting;
import dev.penstock.config.ValueType.Plain;

/** Writes the sample files from what the keys say of themselves. Confined to one thread. */
final class SampleFile {
    private static final int WIDTH = 120;
    private static final String COMMENT = "# ";
    private static final String RESTART = "[restart]";

    private final List<String> lines = new ArrayList<>();

    /** Of the configuration, without what stands above the first table. */
    static List<String> gateway() {
        SampleFile file = new SampleFile();
        file.tables("", GatewayConfig.TABLE, GatewayConfig.embedded(""), false);
        return file.lines;
    }

    /** Of the proxy's configuration, likewise. */
    static List<String> proxy() {
        SampleFile file = new SampleFile();
        file.tables("", ProxyConfig.TABLE, ProxyConfig.DEFAULT, false);
        return file.lines;
    }

    /** Of the shaping file, likewise. */
    static List<String> shaping() {
        SampleFile file = new SampleFile();
        file.blankLine();
        file.lines.add("[\"default\"]");
        file.keys(TrafficLimits.TABLE, TrafficLimits.DEFAULT, false, false);
        file.blankLine();
        file.comment(ShapingConfig.SECTIONS.text());
        file.lines.addAll(List.of("#", "# [\"example.com\"]", "# connection_limit = 3",
                "# max_message_rate = \"20/s,max_burst=5\""));
        file.blankLine();
        file.comment(ShapingConfig.PROVIDERS.text());
        file.lines.addAll(List.of("#", "# [provider.\"example\"]"));
        file.comment(ProviderConfig.MATCH.text());
        file.lines.add("# match = [ {MXSuffix=\".example.net\"}, {HostName=\"mx.example.com\"} ]");
        ShapingReader.sharedKeys(true).keys().forEach(key -> file.comment(key.name() + ": " + key.text()));
        file.lines.add("# provider_connection_limit = 20");
        file.blankLine();
        file.comment("In any section:");
        ShapingReader.sharedKeys(false).keys().forEach(key -> file.comment(key.name() + ": " + key.text()));
        file.lines.addAll(List.of("#", "# [\"example.com\".sources.\"ip-2\"]", "# connection_limit = 1"));
        file.blankLine();
        file.tables("", ShapingConfig.LIMITS, ShapingConfig.DEFAULT, true);
        return file.lines;
    }

    private <R> void tables(String path, Table<R> table, R record, boolean commented) {
        for (Key<R, ?> key : table.keys()) {
            tables(path, key, record, commented);
        }
    }

    private <R, T> void tables(String path, Key<R, T> key, R record, boolean commented) {
        if (!(key.type() instanceof Nested<T, ?> nested)) {
            return;
        }
        tables(nested.nesting() == Nesting.INLINE ? path : Places.path(path, key.name()), key, nested, key.in(record),
                commented);
    }

    private <T, N> void tables(String path, Key<?, T> key, Nested<T, N> nested, T value, boolean commented) {
        Map<String, N> records = nested.records().apply(value);
        switch (nested.nesting()) {
            case INLINE -> records.values().forEach(record -> tables(path, nested.table(), record, commented));
            case TABLE -> records.values().forEach(record -> table("[" + path + "]", path, key, nested.table(), record,
                    commented || withoutDefaults(nested.table(), record)));
            case OPTIONAL -> table("[" + path + "]", path, key, nested.table(), nested.table().defaults(), true);
            case LIST -> {
                if (records.isEmpty()) {
                    table("[[" + path + "]]", path, key, nested.table(), nested.table().defaults(), true);
                }
                records.values().forEach(record -> table("[[" + path + "]]", path, key, nested.table(), record,
                        commented));
            }
            case MAP -> {
                blankLine();
                comment(key.text());
                lines.add("[" + path + "]");
                table("[" + path + ".\"" + KeyTables.nameIn(key) + "\"]", path, null, nested.table(), null, true);
            }
        }
    }

    private static <N> boolean withoutDefaults(Table<N> table, N record) {
        return table.keys().stream().allMatch(key -> key.type() instanceof Plain && written(key, record) == null);
    }

    /**
     * @param key    that the table is the value of; null when that is said already
     * @param record null for defaults
     */
    private <N> void table(String header, String path, @Nullable Key<?, ?> key, Table<N> table, @Nullable N record,
            boolean commented) {
        boolean wholeTable = restarts(table) > 1 && restarts(table) >= plain(table) - 1;
        if (key != null) {
            if (!commented) {
                blankLine();
            }
            comment(String.join(" ", List.of(key.text(), table.text(), wholeTable ? restart(table) : "")).strip());
        }
        lines.add((commented ? COMMENT : "") + header);
        keys(table, record, commented, wholeTable);
        if (record != null) {
            tables(path, table, record, commented);
        }
    }

    private static long restarts(Table<?> table) {
        return table.keys().stream().filter(key -> key.type() instanceof Plain && key.needsRestart()).count();
    }

    private static long plain(Table<?> table) {
        return table.keys().stream().filter(key -> key.type() instanceof Plain).count();
    }

    private static String restart(Table<?> table) {
        List<String> others = table.keys().stream().filter(key -> key.type() instanceof Plain && !key.needsRestart())
                .map(Key::name).toList();
        return RESTART + (others.isEmpty() ? ", the whole table." : ", all but the " + others.getFirst() + ".");
    }

    private <N> void keys(Table<N> table, @Nullable N record, boolean commented, boolean restartIsSaid) {
        for (Key<N, ?> key : table.keys()) {
            if (key.type() instanceof Nested<?, ?> nested) {
                if (nested.nesting() == Nesting.INLINE) {
                    inline(key, record, commented);
                }
                continue;
            }
            // Where only something about the value takes a restart, the text says so.
            boolean marked = key.needsRestart() && !restartIsSaid && !key.text().contains("takes a restart");
            comment(key.text() + (marked ? " " + RESTART : ""));
            Object written = written(key, record);
            if (!key.example().isEmpty()) {
                lines.add(COMMENT + key.name() + " = " + key.example());
            } else {
                lines.add(
                        (commented ? COMMENT : "") + key.name() + " = " + TomlText.of(written == null ? "" : written));
            }
        }
    }

    private <N, T> void inline(Key<N, T> key, @Nullable N record, boolean commented) {
        if (key.type() instanceof Nested<T, ?> nested) {
            inline(nested, record == null ? key.fallback() : key.in(record), commented);
        }
    }

    private <T, N> void inline(Nested<T, N> nested, T value, boolean commented) {
        nested.records().apply(value).values().forEach(record -> keys(nested.table(), record, commented, false));
    }

    private static <N, T> @Nullable Object written(Key<N, T> key, @Nullable N record) {
        if (!(key.type() instanceof Plain<T> plain) || !key.example().isEmpty()) {
            return null;
        }
        return plain.written().apply(record == null ? key.fallback() : key.in(record));
    }

    private void blankLine() {
        lines.add("");
    }

    private void comment(String text) {
        StringBuilder line = new StringBuilder("#");
        for (String word : text.isEmpty() ? List.<String>of() : List.of(text.split(" ", -1))) {
            if (line.length() + 1 + word.length() > WIDTH) {
                lines.add(line.toString());
                line.setLength(1);
            }
            line.append(' ').append(word);
        }
        if (line.length() > 1) {
            lines.add(line.toString());
        }
    }
}
