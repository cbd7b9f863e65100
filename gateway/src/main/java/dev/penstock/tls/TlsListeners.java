package dev.penstock.tls;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerTls;

/**
 * TLS of all listeners, injection's among them: made from their configuration, made anew when that changes, and looked at again when their files
 * do. Thread-safe.
 */
public final class TlsListeners implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TlsListeners.class);

    /** No listener can have this name. */
    private static final String INJECTION = "[injection]";

    private record Entry(ListenerTls config, ServerTls server) {}

    private final Handshakes handshakes = new Handshakes();
    private final CertificateWatch watch;
    private volatile Map<String, Entry> entries;

    /**
     * @param injection of mail over HTTP
     * @throws CertificateFileException for the first file that can't be used
     */
    public TlsListeners(List<ListenerConfig> listeners, ListenerTls injection) {
        this.entries = entries(listeners, injection, Map.of());
        this.watch = new CertificateWatch(this::refresh);
        watch.start();
    }

    /** For mail over HTTP; null when it has no TLS. */
    public @Nullable ServerTls injection() {
        Entry entry = entries.get(INJECTION);
        return entry == null ? null : entry.server();
    }

    /** By listener's name, for those that speak TLS. */
    public Map<String, ServerTls> servers() {
        Map<String, ServerTls> servers = new HashMap<>();
        entries.forEach((name, entry) -> servers.put(name, entry.server()));
        servers.remove(INJECTION);
        return servers;
    }

    /**
     * Takes up a changed configuration; what it leaves as it was is only looked at again.
     *
     * @throws CertificateFileException for the first file that can't be used; everything stays as it was then
     */
    public void reconfigure(List<ListenerConfig> listeners, ListenerTls injection) {
        entries = entries(listeners, injection, entries);
        refresh();
    }

    private Map<String, Entry> entries(List<ListenerConfig> listeners, ListenerTls injection,
            Map<String, Entry> before) {
        Map<String, Entry> made = new HashMap<>();
        listeners.forEach(listener -> add(made, listener.name(), listener.tls(), before));
        add(made, INJECTION, injection, before);
        return Map.copyOf(made);
    }

    private void add(Map<String, Entry> made, String name, ListenerTls config, Map<String, Entry> before) {
        Entry old = before.get(name);
        if (config.mode() != ListenerTls.Mode.NONE) {
            made.put(name, old != null && old.config().equals(config)
                    ? old
                    : new Entry(config, new ServerTls(config, handshakes)));
        }
    }

    private void refresh() {
        entries.forEach((name, entry) -> {
            if (entry.server().refresh()) {
                LOG.info("event=certificates-renewed listener={} not-after={}", name, entry.server().notAfter());
            }
        });
    }

    @Override
    public void close() {
        watch.close();
        handshakes.close();
    }
}
