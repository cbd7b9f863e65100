package dev.penstock.tls;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerTls;

/**
 * TLS of all listeners: made from their configuration, made anew when that changes, and looked at again when their files
 * do. Thread-safe.
 */
public final class TlsListeners implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TlsListeners.class);

    private record Entry(ListenerTls config, ServerTls server) {}

    private final Handshakes handshakes = new Handshakes();
    private final CertificateWatch watch;
    private volatile Map<String, Entry> entries;

    /** @throws CertificateFileException for the first file that can't be used */
    public TlsListeners(List<ListenerConfig> listeners) {
        this.entries = entries(listeners, Map.of());
        this.watch = new CertificateWatch(this::refresh);
        watch.start();
    }

    /** By listener's name, for those that speak TLS. */
    public Map<String, ServerTls> servers() {
        Map<String, ServerTls> servers = new HashMap<>();
        entries.forEach((name, entry) -> servers.put(name, entry.server()));
        return servers;
    }

    /**
     * Takes up a changed configuration; what it leaves as it was is only looked at again.
     *
     * @throws CertificateFileException for the first file that can't be used; everything stays as it was then
     */
    public void reconfigure(List<ListenerConfig> listeners) {
        entries = entries(listeners, entries);
        refresh();
    }

    private Map<String, Entry> entries(List<ListenerConfig> listeners, Map<String, Entry> before) {
        Map<String, Entry> made = new HashMap<>();
        for (ListenerConfig listener : listeners) {
            ListenerTls config = listener.tls();
            Entry old = before.get(listener.name());
            if (config.mode() != ListenerTls.Mode.NONE) {
                made.put(listener.name(), old != null && old.config().equals(config)
                        ? old
                        : new Entry(config, new ServerTls(config, handshakes)));
            }
        }
        return Map.copyOf(made);
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
