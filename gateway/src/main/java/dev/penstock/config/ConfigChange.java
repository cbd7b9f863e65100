package dev.penstock.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import dev.penstock.config.ValueType.Nested;
import dev.penstock.config.ValueType.Plain;

/** Compares two configurations. Stateless. */
public final class ConfigChange {
    private ConfigChange() {}

    /** The keys that differ and take effect only after a restart, dotted; empty when {@code changed} may be applied now. */
    public static List<String> notReloadable(GatewayConfig current, GatewayConfig changed) {
        return notReloadable(GatewayConfig.TABLE, current, changed);
    }

    static <R> List<String> notReloadable(Table<R> table, R current, R changed) {
        List<String> keys = new ArrayList<>();
        compare(keys, "", table, current, changed);
        return List.copyOf(keys);
    }

    private static <R> void compare(List<String> keys, String path, Table<R> table, R current, R changed) {
        for (Key<R, ?> key : table.keys()) {
            compare(keys, Places.path(path, key.name()), key, current, changed);
        }
    }

    private static <R, T> void compare(List<String> keys, String path, Key<R, T> key, R current, R changed) {
        if (key.differsForGood(current, changed)) {
            keys.add(path);
            return;
        }
        switch (key.type()) {
            case Plain<T> _ -> {
                // compared as a whole
            }
            case Nested<T, ?> nested -> compare(keys, path, nested, key.in(current), key.in(changed));
        }
    }

    /** Of several tables the keys aren't told apart: what stands for them is the key that holds them all. */
    private static <T, N> void compare(List<String> keys, String path, Nested<T, N> nested, T current, T changed) {
        Map<String, N> before = nested.records().apply(current);
        Map<String, N> after = nested.records().apply(changed);
        List<String> inside = new ArrayList<>();
        before.forEach((name, record) -> {
            N other = after.get(name);
            if (other != null) {
                compare(inside, path + name, nested.table(), record, other);
            }
        });
        switch (nested.nesting()) {
            case TABLE, INLINE -> keys.addAll(inside);
            case OPTIONAL, LIST, MAP -> {
                boolean needRestart = nested.table().keys().stream().anyMatch(Key::needsRestart);
                if (!inside.isEmpty() || needRestart && !before.keySet().equals(after.keySet())) {
                    keys.add(path);
                }
            }
        }
    }
}
