package dev.penstock.cli;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.revision.Reloads;

/** Adapts the composition root to what the command line needs of it. Thread-safe. */
record PenstockGateway(Penstock penstock) implements Gateway {
    static Gateway start(GatewayConfig config) throws IOException {
        return new PenstockGateway(Penstock.start(config));
    }

    @Override
    public List<InetSocketAddress> smtpAddresses() {
        return penstock.smtpAddresses();
    }

    @Override
    public @Nullable InetSocketAddress injectionAddress() {
        return penstock.injectionAddress();
    }

    @Override
    public InetSocketAddress httpAddress() {
        return penstock.httpAddress();
    }

    @Override
    public void reload(GatewayConfig changed) {
        penstock.reload(changed);
    }

    @Override
    public Reloads.Refusals refusals() {
        return penstock.refusals();
    }

    @Override
    public void configuredBy(Reloads reloads) {
        penstock.configuredBy(reloads);
    }

    @Override
    public void reopenLog() {
        penstock.reopenLog();
    }

    @Override
    public void awaitStop() throws InterruptedException {
        penstock.awaitStop();
    }

    @Override
    public void close() {
        penstock.close();
    }
}
