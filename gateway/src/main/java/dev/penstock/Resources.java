package dev.penstock;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.Budget;
import dev.penstock.config.GatewayConfig;
import dev.penstock.http.Descriptors;

/** Says at the start, and when the configuration changes, which limits the process can't honour all at once. Stateless. */
final class Resources {
    private static final Logger log = LoggerFactory.getLogger(Resources.class);
    private static final int ALL = 100;
    private static final long MEGABYTE = 1 << 20;

    private Resources() {}

    static void check(GatewayConfig config) {
        check(config, Runtime.getRuntime().maxMemory(), Descriptors.SYSTEM.limit());
    }

    /**
     * Warns.
     *
     * @param heap        octets
     * @param descriptors that the process may have; 0 when that isn't known
     */
    static void check(GatewayConfig config, long heap, long descriptors) {
        Budget memory = Budget.heap(config);
        if (!memory.fitsHeap(heap)) {
            log.warn("event=limits-exceed-heap megabytes={} heap={} largest={} effect=\"with all of them used up the "
                    + "process would end for want of memory: make the heap larger or limits smaller\"",
                    memory.sum() / MEGABYTE, heap / MEGABYTE, memory.largest(MEGABYTE));
        }
        long sessions = Budget.sessionsUnderTls(config);
        if (sessions < config.delivery().maxSessions()) {
            log.info("event=fewer-sessions-under-tls sessions={} max-sessions={} memory-limit={} effect=\"beyond these "
                    + "queues wait until sessions end: for more make delivery.memory-limit larger\"", sessions,
                    config.delivery().maxSessions(), config.delivery().memoryLimit());
        }
        Budget files = Budget.descriptors(config);
        if (descriptors > 0 && !files.fits(descriptors, ALL)) {
            log.warn(
                    "event=limits-exceed-descriptors sum={} descriptors={} largest={} effect=\"connections are refused "
                            + "before the limits are reached: raise LimitNOFILE or make limits smaller\"",
                    files.sum(), descriptors, files.largest(1));
        }
    }
}
