package dev.penstock.metrics;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

import dev.penstock.meters.PartMeters;

/**
 * All meters of the gateway, as the parts register them. Thread-safe.
 *
 * <p>Each part's figures are read once per scrape, on the thread that scrapes.
 */
public final class MetricsRegistry implements AutoCloseable {
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final ProcessMetrics process = new ProcessMetrics();
    private final List<PartMeters<?>> parts = new ArrayList<>(); // guarded by scraping
    private final ReentrantLock scraping = new ReentrantLock();

    /** With those of the process and of these parts. */
    public MetricsRegistry(List<PartMeters<?>> parts) {
        bind(process);
        parts.forEach(this::add);
    }

    private void bind(MeterBinder binder) {
        binder.bindTo(registry);
    }

    /** From the next scrape on. */
    public void add(PartMeters<?> part) {
        scraping.lock();
        try {
            bind(part);
            for (PartMeters.NamedHistogram histogram : part.histograms()) {
                registry.getPrometheusRegistry().register(new HistogramCollector(histogram));
            }
            for (PartMeters.NamedFamily family : part.families()) {
                registry.getPrometheusRegistry().register(new FamilyCollector(family));
            }
            parts.add(part);
        } finally {
            scraping.unlock();
        }
    }

    /** Everything in Prometheus's text format. */
    public String scrape() {
        scraping.lock();
        try {
            parts.forEach(PartMeters::refresh);
            return registry.scrape();
        } finally {
            scraping.unlock();
        }
    }

    @Override
    public void close() {
        process.close();
        registry.close();
    }
}
