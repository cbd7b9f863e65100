package dev.penstock.tls;

import java.time.Duration;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Looks every few seconds whether certificates have changed on disk. Thread-safe; one daemon thread does it. */
public final class CertificateWatch implements AutoCloseable {
    public static final Duration PERIOD = Duration.ofSeconds(5);

    private static final Logger log = LoggerFactory.getLogger(CertificateWatch.class);

    private final Runnable look;
    private final Duration period;
    private final Thread thread;

    /** @param look looks at the files; called by one thread */
    public CertificateWatch(Runnable look) {
        this(look, PERIOD);
    }

    CertificateWatch(Runnable look, Duration period) {
        this.look = look;
        this.period = period;
        this.thread = Thread.ofPlatform().name("tls-certificates").daemon().unstarted(this::run);
    }

    public void start() {
        thread.start();
    }

    private void run() {
        try {
            while (!Thread.currentThread().isInterrupted()) {
                Thread.sleep(period);
                try {
                    look.run();
                } catch (RuntimeException e) {
                    log.error("event=certificate-watch-failed", e);
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
