package dev.penstock.tls;

import java.time.Duration;
import java.util.List;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks every few seconds whether certificates have changed on disk. Thread-safe; one daemon thread does it. */
public final class CertificateWatch implements AutoCloseable {
    public static final Duration PERIOD = Duration.ofSeconds(5);

    private static final Logger LOG = LoggerFactory.getLogger(CertificateWatch.class);

    private final List<ServerTls> servers;
    private final Duration period;
    private final Thread thread;

    /** @param servers of all listeners that speak TLS */
    public CertificateWatch(List<ServerTls> servers) {
        this(servers, PERIOD);
    }

    CertificateWatch(List<ServerTls> servers, Duration period) {
        this.servers = List.copyOf(servers);
        this.period = period;
        this.thread = Thread.ofPlatform().name("tls-certificates").daemon().unstarted(this::run);
    }

    public void start() {
        if (!servers.isEmpty()) {
            thread.start();
        }
    }

    /** Looks now, on the calling thread: for a reload that an operator asked for. */
    public void refresh() {
        servers.forEach(ServerTls::refresh);
    }

    private void run() {
        try {
            while (!Thread.currentThread().isInterrupted()) {
                Thread.sleep(period);
                try {
                    refresh();
                } catch (RuntimeException e) {
                    LOG.error("certificate-watch", e);
                }
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt(); // close() says so
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
