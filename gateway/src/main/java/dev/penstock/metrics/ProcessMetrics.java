package dev.penstock.metrics;

import java.lang.management.ManagementFactory;
import java.util.List;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.netty.buffer.PooledByteBufAllocator;
import jdk.management.VirtualThreadSchedulerMXBean;

/** The build, the JVM and what Netty takes of it. Thread-safe. */
final class ProcessMetrics implements MeterBinder, AutoCloseable {
    private final JvmGcMetrics garbageCollection = new JvmGcMetrics();

    @Override
    public void bindTo(MeterRegistry registry) {
        for (MeterBinder binder : List.of(new JvmMemoryMetrics(), garbageCollection, new JvmThreadMetrics(),
                new ProcessorMetrics(), new UptimeMetrics(), new FileDescriptorMetrics())) {
            binder.bindTo(registry);
        }
        Gauge.builder("penstock.build.info", () -> 1).description("Always 1; the version is a label")
                .tag("version", BuildInfo.version()).tag("java", Runtime.version().toString()).register(registry);
        Gauge.builder("penstock.netty.direct.bytes", PooledByteBufAllocator.DEFAULT.metric(),
                pool -> pool.usedDirectMemory()).description("Direct memory of Netty's pooled allocator")
                .strongReference(true).register(registry);
        VirtualThreadSchedulerMXBean scheduler = ManagementFactory
                .getPlatformMXBean(VirtualThreadSchedulerMXBean.class);
        Gauge.builder("penstock.carriers", scheduler, VirtualThreadSchedulerMXBean::getPoolSize)
                .description("Platform threads that carry virtual ones").strongReference(true).register(registry);
        Gauge.builder("penstock.carriers.mounted", scheduler,
                VirtualThreadSchedulerMXBean::getMountedVirtualThreadCount)
                .description("Virtual threads that run now").strongReference(true).register(registry);
        Gauge.builder("penstock.carriers.queued", scheduler, VirtualThreadSchedulerMXBean::getQueuedVirtualThreadCount)
                .description("Virtual threads that could run and wait for a carrier").strongReference(true)
                .register(registry);
    }

    @Override
    public void close() {
        garbageCollection.close();
    }
}
