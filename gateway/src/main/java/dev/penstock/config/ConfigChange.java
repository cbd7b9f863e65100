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
        differs(keys, "gateway.node", current.node(), changed.node());
        differs(keys, "listener", sockets(current), sockets(changed));
        differs(keys, "inbound.event-loops", current.inbound().eventLoops(), changed.inbound().eventLoops());
        spool(keys, current.spool(), changed.spool());
        delivery(keys, current.delivery(), changed.delivery());
        differs(keys, "queue.lane-share-percent", current.queue().laneSharePercent(),
                changed.queue().laneSharePercent());
        differs(keys, "events.directory", current.events().directory(), changed.events().directory());
        differs(keys, "events.max-pending", current.events().maxPending(), changed.events().maxPending());
        differs(keys, "http.address", current.http().address(), changed.http().address());
        differs(keys, "http.port", current.http().port(), changed.http().port());
        differs(keys, "policy.plugins", current.policy().plugins(), changed.policy().plugins());
        differs(keys, "injection.address", current.injection().address(), changed.injection().address());
        differs(keys, "injection.port", current.injection().port(), changed.injection().port());
        differs(keys, "injection.directory", current.injection().directory(), changed.injection().directory());
        differs(keys, "injection.certificate", current.injection().certificates().isEmpty(),
                changed.injection().certificates().isEmpty());
        return List.copyOf(keys);
    }

    /** What is bound or decided when the sockets are opened; the rest of a listener is what new sessions go by. */
    private record Socket(String name, List<ListenAddress> addresses, boolean implicitTls) {}

    private static List<Socket> sockets(GatewayConfig config) {
        return config.listeners().stream().map(listener -> new Socket(listener.name(), listener.addresses(),
                listener.tls().mode() == ListenerTls.Mode.IMPLICIT)).toList();
    }

    private static void spool(List<String> keys, SpoolConfig current, SpoolConfig changed) {
        differs(keys, "spool.directory", current.directory(), changed.directory());
        differs(keys, "spool.segment-size", current.segmentSize(), changed.segmentSize());
        differs(keys, "spool.inline-limit", current.inlineLimit(), changed.inlineLimit());
        differs(keys, "spool.cache-size", current.cacheSize(), changed.cacheSize());
        differs(keys, "spool.min-free-space", current.minFreeSpace(), changed.minFreeSpace());
        differs(keys, "spool.append-deadline", current.appendDeadline(), changed.appendDeadline());
        differs(keys, "spool.max-waiting", current.maxWaiting(), changed.maxWaiting());
        differs(keys, "spool.readers", current.readers(), changed.readers());
        differs(keys, "spool.reclaim-below", current.reclaimBelow(), changed.reclaimBelow());
    }

    /** All but the port, which is the router's. */
    private static void delivery(List<String> keys, DeliveryConfig current, DeliveryConfig changed) {
        differs(keys, "delivery.source-address", current.sourceAddress(), changed.sourceAddress());
        differs(keys, "delivery.max-sessions", current.maxSessions(), changed.maxSessions());
        differs(keys, "delivery.memory-limit", current.memoryLimit(), changed.memoryLimit());
        differs(keys, "delivery.max-recipients-per-transaction", current.maxRecipientsPerTransaction(),
                changed.maxRecipientsPerTransaction());
        differs(keys, "delivery.connect-timeout", current.connectTimeout(), changed.connectTimeout());
        differs(keys, "delivery.greeting-timeout", current.greetingTimeout(), changed.greetingTimeout());
        differs(keys, "delivery.command-timeout", current.commandTimeout(), changed.commandTimeout());
        differs(keys, "delivery.data-init-timeout", current.dataInitTimeout(), changed.dataInitTimeout());
        differs(keys, "delivery.data-block-timeout", current.dataBlockTimeout(), changed.dataBlockTimeout());
        differs(keys, "delivery.data-done-timeout", current.dataDoneTimeout(), changed.dataDoneTimeout());
        differs(keys, "delivery.quit-timeout", current.quitTimeout(), changed.quitTimeout());
        differs(keys, "delivery.bad-host-time", current.badHostTime(), changed.badHostTime());
        differs(keys, "delivery.stop-timeout", current.stopTimeout(), changed.stopTimeout());
        differs(keys, "delivery.tls", current.tls(), changed.tls());
        differs(keys, "delivery.tls-ca", current.tlsCa(), changed.tlsCa());
    }

    private static void differs(List<String> keys, String key, Object current, Object changed) {
        if (!current.equals(changed)) {
            keys.add(key);
        }
    }
}
