package dev.penstock.tls;

import java.time.Instant;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerTls;
import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.units.CertificateFileException;

/**
 * TLS of all listeners, those of injection and administration among them: made from their configuration, made anew when that changes, and looked at again when their files
 * do. Thread-safe.
 */
public final class TlsListeners implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(TlsListeners.class);

    /** No listener can have this name, nor the next one. */
    private static final String INJECTION = "[injection]";
    private static final String ADMIN = "[admin]";

    private record Entry(ListenerTls config, ServerTls server) {}

    private final Handshakes handshakes = new Handshakes();
    private final TlsCounters counters = new TlsCounters();
    private final CertificateWatch watch;
    private volatile Map<String, Entry> entries;

    /** Without mail over HTTP. */
    public TlsListeners(List<ListenerConfig> listeners) {
        this(listeners, ListenerTls.NONE, ListenerTls.NONE);
    }

    /** Likewise, for a program that has no administration. */
    public TlsListeners(List<ListenerConfig> listeners, ListenerTls injection) {
        this(listeners, injection, ListenerTls.NONE);
    }

    /**
     * @param injection of mail over HTTP
     * @param admin     of the administration API
     * @throws CertificateFileException for the first file that can't be used
     */
    public TlsListeners(List<ListenerConfig> listeners, ListenerTls injection, ListenerTls admin) {
        this.entries = entries(listeners, injection, admin, Map.of());
        this.watch = new CertificateWatch(() -> refresh(ServerTls::refresh));
        watch.start();
    }

    /** For mail over HTTP; null when it has no TLS. */
    public @Nullable ServerTls injection() {
        Entry entry = entries.get(INJECTION);
        return entry == null ? null : entry.server();
    }

    /** For the administration API; null when it has no TLS. */
    public @Nullable ServerTls admin() {
        Entry entry = entries.get(ADMIN);
        return entry == null ? null : entry.server();
    }

    /** By listener's name, for those that speak TLS. */
    public Map<String, ServerTls> servers() {
        Map<String, ServerTls> servers = new HashMap<>();
        entries.forEach((name, entry) -> servers.put(name, entry.server()));
        servers.remove(INJECTION);
        servers.remove(ADMIN);
        return servers;
    }

    /** Another configuration whose files have been read. Applying it can't fail. */
    public final class Change {
        private final Map<String, Entry> next;

        private Change(Map<String, Entry> next) {
            this.next = next;
        }

        /** What it leaves as it was is only looked at again. */
        public void apply() {
            entries = next;
            refresh(ServerTls::refreshNow);
        }
    }

    /**
     * Reads the files of a changed configuration and changes nothing.
     *
     * @throws CertificateFileException for the first file that can't be used
     */
    public Change prepare(List<ListenerConfig> listeners, ListenerTls injection, ListenerTls admin) {
        return new Change(entries(listeners, injection, admin, entries));
    }

    /** Likewise, for a program that has no administration. */
    public Change prepare(List<ListenerConfig> listeners, ListenerTls injection) {
        return prepare(listeners, injection, ListenerTls.NONE);
    }

    /** Of all listeners together. */
    public TlsStats stats() {
        return counters.snapshot();
    }

    /** What metrics tell of them. */
    public TlsFigures figures() {
        return new TlsFigures(stats(), waitingHandshakes(), notAfter());
    }

    /** How long handshakes took that were done, from the client's first octets. */
    public HistogramSnapshot handshakeTimes() {
        return counters.times.snapshot();
    }

    /** Steps of handshakes that wait for a thread now. */
    public int waitingHandshakes() {
        return handshakes.waiting();
    }

    /** When the certificate that expires first does; empty when no listener speaks TLS. */
    public Optional<Instant> notAfter() {
        return entries.values().stream().map(entry -> entry.server().notAfter()).min(Comparator.naturalOrder());
    }

    private Map<String, Entry> entries(List<ListenerConfig> listeners, ListenerTls injection, ListenerTls admin,
            Map<String, Entry> before) {
        Map<String, Entry> made = new HashMap<>();
        listeners.forEach(listener -> add(made, listener.name(), listener.tls(), before));
        add(made, INJECTION, injection, before);
        add(made, ADMIN, admin, before);
        return Map.copyOf(made);
    }

    private void add(Map<String, Entry> made, String name, ListenerTls config, Map<String, Entry> before) {
        Entry old = before.get(name);
        if (config.mode() != ListenerTls.Mode.NONE) {
            made.put(name, old != null && old.config().equals(config)
                    ? old
                    : new Entry(config, new ServerTls(config, handshakes, counters)));
        }
    }

    private void refresh(Predicate<ServerTls> look) {
        entries.forEach((name, entry) -> {
            if (look.test(entry.server())) {
                log.info("event=certificates-renewed listener={} not-after={}", name, entry.server().notAfter());
            }
        });
    }

    @Override
    public void close() {
        watch.close();
        handshakes.close();
    }
}
