package dev.penstock.proxy;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.haproxy.HAProxyMessageDecoder;
import io.netty.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.netty.resources.LoopResources;

import dev.penstock.config.ListenAddress;
import dev.penstock.config.ProxyConfig;
import dev.penstock.http.ConnectionGate;
import dev.penstock.http.HttpServer;
import dev.penstock.http.OperatorPort;
import dev.penstock.http.Routes;
import dev.penstock.http.TextErrors;
import dev.penstock.metrics.Health;
import dev.penstock.metrics.MetricsRegistry;
import dev.penstock.metrics.OperatorRoutes;
import dev.penstock.tls.ServerTls;
import dev.penstock.tls.TlsListeners;

/**
 * The egress proxy: its ports, its connections, its metrics. Thread-safe. Both connections of a client live on one event
 * loop and hold no buffer while nothing comes, so that thousands of idle sessions cost little.
 */
public final class ProxyServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(ProxyServer.class);
    private static final int BACKLOG = 1024;
    /** TLVs are passed over; those that proxies send are far shorter. */
    private static final int MAX_TLV_OCTETS = 4096;
    private static final Duration LOOPS_QUIET = Duration.ofMillis(50);
    private static final Duration LOOPS_TIME = Duration.ofSeconds(10);
    private static final Duration STOP_POLL = Duration.ofMillis(10);

    private enum Protocol {
        SOCKS5, PROXY_V2
    }

    private final LoopResources loops = LoopResources.create("proxy", Runtime.getRuntime().availableProcessors(), true);
    private final Counters counters = new Counters();
    private final ConnectionGate gate = new ConnectionGate("proxy");
    private final Set<Channel> open = ConcurrentHashMap.newKeySet();
    private final List<Channel> ports = new ArrayList<>();
    private final TlsListeners tls;
    private final HttpServer http;
    private final @Nullable InetSocketAddress socks;
    private final @Nullable InetSocketAddress proxyV2;
    private volatile Settings settings;
    private volatile boolean stopping;

    /**
     * Binds its ports.
     *
     * @throws IOException              when one can't be bound
     * @throws IllegalArgumentException when a file that the configuration names can't be used
     */
    public static ProxyServer start(ProxyConfig config) throws IOException {
        return new ProxyServer(config);
    }

    private ProxyServer(ProxyConfig config) throws IOException {
        settings = Settings.of(config);
        tls = new TlsListeners(List.of(), config.tls());
        try {
            socks = config.socks().isEmpty() ? null : bind(config.socks().get(), Protocol.SOCKS5);
            proxyV2 = config.proxyV2().isEmpty() ? null : bind(config.proxyV2().get(), Protocol.PROXY_V2);
            MetricsRegistry metrics = new MetricsRegistry(List.of(ProxyMetrics.of(this::stats)));
            http = new HttpServer(OperatorPort.of(config.http()), Routes.of(new TextErrors(),
                    OperatorRoutes.of(metrics, () -> List.of(new Health.Check("proxy", !stopping,
                            stopping ? "stopping" : "")))));
        } catch (IOException | RuntimeException e) {
            ports.forEach(channel -> {
                var _ = channel.close();
            });
            tls.close();
            loops.disposeLater(Duration.ZERO, LOOPS_TIME).onErrorComplete().block();
            throw e;
        }
        log.info("event=proxy-started socks={} proxy-v2={} http={}", socks, proxyV2, http.address());
    }

    private InetSocketAddress bind(ListenAddress at, Protocol protocol) throws IOException {
        EventLoopGroup group = loops.onServer(true);
        ChannelFuture bound = new ServerBootstrap().group(loops.onServerSelect(true), group)
                .channel(loops.onChannelClass(ServerSocketChannel.class, group))
                .option(ChannelOption.SO_BACKLOG, BACKLOG).option(ChannelOption.SO_REUSEADDR, true)
                .childOption(ChannelOption.TCP_NODELAY, true).childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        connected(channel, protocol);
                    }
                }).bind(at.address(), at.port()).awaitUninterruptibly();
        if (!bound.isSuccess()) {
            throw new IOException("can't listen on " + at + ": " + bound.cause().getMessage(), bound.cause());
        }
        ports.add(bound.channel());
        return (InetSocketAddress) bound.channel().localAddress();
    }

    private void connected(SocketChannel channel, Protocol protocol) {
        Settings now = settings;
        SocketAddress remote = channel.remoteAddress();
        if (stopping || !(remote instanceof InetSocketAddress client) || !allowed(now, client.getAddress())) {
            var _ = channel.close();
            return;
        }
        if (!gate.enter(channel, now.limits())) {
            return;
        }
        open.add(channel);
        var _ = channel.closeFuture().addListener(_ -> open.remove(channel));
        Future<?> deadline = channel.eventLoop().schedule(() -> {
            counters.late.increment();
            var _ = channel.close();
        }, now.config().handshakeTimeout().toNanos(), TimeUnit.NANOSECONDS);
        var _ = channel.closeFuture().addListener(_ -> deadline.cancel(false));
        Runnable asked = () -> deadline.cancel(false);
        ServerTls secured = tls.injection();
        if (secured != null) {
            channel.pipeline().addLast(secured.newHandler());
        }
        Outbound outbound = new Outbound(channel, loops.onChannelClass(SocketChannel.class, loops.onServer(true)), now,
                counters);
        switch (protocol) {
            case SOCKS5 -> channel.pipeline().addLast(new SocksEntry(outbound, now, counters, asked));
            case PROXY_V2 -> channel.pipeline().addLast(new HAProxyMessageDecoder(MAX_TLV_OCTETS),
                    new HeaderEntry(outbound, counters, asked));
        }
    }

    private boolean allowed(Settings now, InetAddress client) {
        if (now.allows(client)) {
            return true;
        }
        counters.notAllowed.increment();
        log.debug("event=proxy-client-not-allowed client={}", client.getHostAddress());
        return false;
    }

    /**
     * Applies a changed configuration, to connections that come from now on.
     *
     * @throws IllegalArgumentException when it can't be; the old one stays in force
     */
    public synchronized void reload(ProxyConfig changed) {
        List<String> fixed = ProxyConfig.notReloadable(settings.config(), changed);
        if (!fixed.isEmpty()) {
            throw new IllegalArgumentException("a restart is needed to change " + String.join(", ", fixed));
        }
        Settings next = Settings.of(changed);
        tls.prepare(List.of(), changed.tls()).apply();
        settings = next;
    }

    /** Where SOCKS5 is spoken, port as bound; for a proxy that is configured to. */
    public InetSocketAddress socksAddress() {
        return requireNonNull(socks);
    }

    /** Where the PROXY protocol is spoken, port as bound; for a proxy that is configured to. */
    public InetSocketAddress proxyV2Address() {
        return requireNonNull(proxyV2);
    }

    /** Where metrics and health are served, port as bound. */
    public InetSocketAddress httpAddress() {
        return http.address();
    }

    public ProxyStats stats() {
        return counters.snapshot(open.size(), gate.refused() + gate.refusedToClient() + gate.refusedForDescriptors());
    }

    /** Takes no more connections, lets those that stand end for the time configured, then closes them. */
    @Override
    public synchronized void close() {
        if (stopping) {
            return;
        }
        stopping = true;
        ports.forEach(port -> port.close().awaitUninterruptibly());
        long end = System.nanoTime() + settings.config().stopTimeout().toNanos();
        while (!open.isEmpty() && System.nanoTime() - end < 0) {
            LockSupport.parkNanos(this, STOP_POLL.toNanos());
        }
        int left = open.size();
        open.forEach(channel -> {
            var _ = channel.close();
        });
        loops.disposeLater(LOOPS_QUIET, LOOPS_TIME).onErrorComplete().block(); // what takes longer ends by itself
        tls.close();
        http.close();
        log.info("event=proxy-stopped broken-off={}", left);
    }
}
