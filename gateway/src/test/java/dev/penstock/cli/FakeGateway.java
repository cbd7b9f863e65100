package dev.penstock.cli;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.GatewayConfig;
import dev.penstock.revision.Reloads;

/** A gateway that runs for as long as what a test does meanwhile, and remembers what it was told. */
final class FakeGateway implements Gateway {
    volatile @Nullable GatewayConfig started;
    @Nullable
    Exception failure;
    Runnable whileStarting = () -> {};
    Runnable whileRunning = () -> {};
    final List<GatewayConfig> reloads = new CopyOnWriteArrayList<>();
    volatile @Nullable Reloads configuredBy;
    int reopened;
    int refused;
    boolean closed;

    Gateway start(GatewayConfig config) throws Exception {
        if (failure != null) {
            throw failure;
        }
        started = config;
        whileStarting.run();
        return this;
    }

    @Override
    public List<InetSocketAddress> smtpAddresses() {
        return List.of(new InetSocketAddress(InetAddress.ofLiteral("0.0.0.0"), 2599),
                new InetSocketAddress(InetAddress.ofLiteral("::1"), 2600));
    }

    @Override
    public InetSocketAddress injectionAddress() {
        return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 8026);
    }

    @Override
    public InetSocketAddress httpAddress() {
        return new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 8099);
    }

    @Override
    public void reload(GatewayConfig changed) {
        reloads.add(changed);
    }

    @Override
    public Reloads.Refusals refusals() {
        return new Reloads.Refusals() {
            @Override
            public void refused() {
                refused++;
            }

            @Override
            public void putBack() {}
        };
    }

    @Override
    public void configuredBy(Reloads files) {
        configuredBy = files;
    }

    @Override
    public void reopenLog() {
        reopened++;
    }

    @Override
    public void awaitStop() {
        whileRunning.run();
    }

    @Override
    public void close() {
        closed = true;
    }
}
