package dev.penstock.config;

import java.util.ArrayList;
import java.util.List;

/** Compares two configurations. Stateless. */
public final class ConfigChange {
    private ConfigChange() {}

    /** The keys that differ and take effect only after a restart, dotted; empty when {@code changed} may be applied now. */
    public static List<String> notReloadable(GatewayConfig current, GatewayConfig changed) {
        List<String> keys = new ArrayList<>();
        differs(keys, "gateway.hostname", current.hostname(), changed.hostname());
        differs(keys, "listener", current.listeners(), changed.listeners());
        differs(keys, "inbound.event-loops", current.inbound().eventLoops(), changed.inbound().eventLoops());
        differs(keys, "spool.directory", current.spool().directory(), changed.spool().directory());
        differs(keys, "spool.segment-size", current.spool().segmentSize(), changed.spool().segmentSize());
        differs(keys, "spool.inline-limit", current.spool().inlineLimit(), changed.spool().inlineLimit());
        differs(keys, "spool.readers", current.spool().readers(), changed.spool().readers());
        differs(keys, "events.directory", current.events().directory(), changed.events().directory());
        differs(keys, "events.max-pending", current.events().maxPending(), changed.events().maxPending());
        differs(keys, "http.address", current.http().address(), changed.http().address());
        differs(keys, "http.port", current.http().port(), changed.http().port());
        return List.copyOf(keys);
    }

    private static void differs(List<String> keys, String key, Object current, Object changed) {
        if (!current.equals(changed)) {
            keys.add(key);
        }
    }
}
