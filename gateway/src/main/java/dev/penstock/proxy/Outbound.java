package dev.penstock.proxy;

import static java.util.Objects.requireNonNull;

import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.ConnectTimeoutException;
import io.netty.handler.timeout.IdleStateHandler;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.egress.AddressWatch;
import dev.penstock.egress.Socks;

/**
 * The connection to a host for one client, on the client's event loop, to which this is confined. It is closed when the
 * client's is.
 */
final class Outbound {
    private static final Logger log = LoggerFactory.getLogger(Outbound.class);

    /** Hears what came of it, once, on the event loop. */
    @FunctionalInterface
    interface Answer {
        /**
         * @param code of a SOCKS5 reply
         * @param from the local address; null unless granted
         */
        void of(int code, @Nullable InetSocketAddress from);
    }

    private final Channel client;
    private final Class<? extends Channel> type;
    private final Settings settings;
    private final Counters counters;
    private @Nullable Channel host;

    /** @param type of channels on the client's event loop */
    Outbound(Channel client, Class<? extends Channel> type, Settings settings, Counters counters) {
        this.client = client;
        this.type = type;
        this.settings = settings;
        this.counters = counters;
    }

    /** Takes an address of this machine. */
    void bind(InetSocketAddress address, Answer answer) {
        Channel channel = register();
        var _ = channel.bind(address).addListener((ChannelFuture future) -> {
            if (future.isSuccess()) {
                answer.of(Socks.GRANTED, (InetSocketAddress) channel.localAddress());
            } else if (AddressWatch.isPlumbed(address.getAddress())) {
                answer.of(Socks.FAILURE, null);
            } else {
                counters.notPlumbed.increment();
                answer.of(Socks.NOT_PLUMBED, null);
            }
        });
    }

    /** From the address taken before, or any. */
    void connect(InetSocketAddress address, Answer answer) {
        Channel channel = host == null ? register() : host;
        var _ = channel.connect(address).addListener((ChannelFuture future) -> {
            if (future.isSuccess()) {
                counters.connected.increment();
                answer.of(Socks.GRANTED, (InetSocketAddress) channel.localAddress());
            } else {
                counters.connectFailures.increment();
                Throwable why = future.cause();
                log.debug("event=proxy-connect-failed host={} why={}", address, why.getMessage());
                answer.of(code(why), null);
            }
        });
    }

    private Channel register() {
        Duration timeout = settings.config().connectTimeout();
        ChannelFuture registered = new Bootstrap().group(client.eventLoop()).channel(type)
                .option(ChannelOption.AUTO_READ, false).option(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .option(ChannelOption.TCP_NODELAY, true)
                .option(ChannelOption.CONNECT_TIMEOUT_MILLIS, Math.toIntExact(timeout.toMillis()))
                .handler(new ChannelInboundHandlerAdapter()).register();
        Channel channel = registered.channel();
        host = channel;
        var _ = client.closeFuture().addListener(_ -> {
            if (!isCarrying(channel)) { // else what was said is sent before
                var _ = channel.close();
            }
        });
        return channel;
    }

    private static boolean isCarrying(Channel channel) {
        return channel.pipeline().get(Relay.class) != null;
    }

    private static int code(Throwable why) {
        return switch (why) {
            case ConnectTimeoutException _ -> Socks.TIMED_OUT;
            case ConnectException _ -> Socks.CONNECTION_REFUSED;
            case NoRouteToHostException _ -> Socks.HOST_UNREACHABLE;
            default -> Socks.FAILURE;
        };
    }

    /** From now on each hears what the other says. What the client has said before is to come to the client's relay first. */
    void carry() {
        Channel channel = requireNonNull(host);
        long idleNanos = settings.config().idleTimeout().toNanos();
        client.pipeline().addLast(new IdleStateHandler(0, 0, idleNanos, TimeUnit.NANOSECONDS),
                new Relay(channel, counters.octetsOut, counters.idle));
        channel.pipeline().addLast(new Relay(client, counters.octetsIn, counters.idle));
        client.config().setAutoRead(true);
        channel.config().setAutoRead(true);
    }
}
