package dev.penstock.http;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.function.Supplier;

import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpResponseStatus;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServerRequest;
import reactor.netty.http.server.HttpServerResponse;
import reactor.netty.resources.LoopResources;

import dev.penstock.tls.ServerTls;

/**
 * A port for HTTP: lets connections in by its {@link ConnectionGate}, with TLS from the first octet where it has that, and
 * gives each request to its route. Thread-safe. Everything of a port is done on one event loop of its own, so that ports
 * take no time from each other, nor from SMTP sessions.
 *
 * <p>Whoever connects has {@value FirstOctet#SECONDS} s to say something, over a Unix socket
 * {@value FirstOctet#LOCAL_SECONDS}. A header section has
 * {@value HeaderDeadline#SECONDS} s from its first octet, or the whole request has {@link Times#request}.
 */
public final class HttpServer implements AutoCloseable {
    private static final int MAX_LINE = 4 * 1024;
    private static final int MAX_HEADERS = 16 * 1024;
    /** Takes milliseconds, unless the machine stalls. */
    private static final Duration STOP_TIME = Duration.ofSeconds(5);
    /** Connections accepted at the last moment are registered and closed in it, else nobody would close them. */
    private static final Duration STOP_QUIET = Duration.ofMillis(100);

    private final Port port;
    private final Routes routes;
    private final LoopResources loops;
    private final DisposableServer server;

    /**
     * Where it listens, and whom it lets in.
     *
     * @param loop   name of its event loop
     * @param at     an address with its port, 0 for any that is free; or the path of a Unix socket
     * @param limits asked for each connection
     * @param tls    asked for each connection; null for none
     */
    public record Port(String loop, SocketAddress at, Times times, ConnectionGate gate,
            Supplier<ConnectionGate.Limits> limits, Supplier<@Nullable ServerTls> tls) {
        /** Without TLS. */
        public static Port inClear(String loop, String address, int number, Times times, ConnectionGate gate,
                Supplier<ConnectionGate.Limits> limits) {
            return new Port(loop, new InetSocketAddress(address, number), times, gate, limits, () -> null);
        }
    }

    /**
     * How long clients may take.
     *
     * @param idle    without an octet in either direction
     * @param request from the first octet of a request to the last of its body; null where whoever reads bodies has a
     *                deadline for them, and only header sections need one
     */
    public record Times(Duration idle, @Nullable Duration request) {}

    /**
     * Binds.
     *
     * @throws RuntimeException when the address can't be bound, with the reason as cause
     */
    public HttpServer(Port port, Routes routes) {
        this.port = port;
        this.routes = routes;
        this.loops = LoopResources.create(port.loop, 1, true);
        try {
            reactor.netty.http.server.HttpServer http = reactor.netty.http.server.HttpServer.create()
                    .bindAddress(port::at)
                    .runOn(loops)
                    .idleTimeout(port.times.idle)
                    .httpRequestDecoder(spec -> spec.maxInitialLineLength(MAX_LINE).maxHeaderSize(MAX_HEADERS))
                    .doOnChannelInit((_, channel, _) -> connected(channel));
            server = (port.times.request == null
                    ? http.handle(this::timed)
                    : http.requestTimeout(port.times.request).handle(this::answer)).bindNow();
        } catch (RuntimeException e) {
            loops.dispose();
            throw e;
        }
    }

    /** Where it listens, port as bound. Not for a Unix socket. */
    public InetSocketAddress address() {
        return (InetSocketAddress) server.address();
    }

    /** Who counts its connections. */
    public ConnectionGate gate() {
        return port.gate;
    }

    /** Once for each connection, whereas {@code doOnConnection} is called for each of its requests. */
    private void connected(Channel channel) {
        if (!port.gate.enter(channel, port.limits.get())) {
            return;
        }
        ServerTls tls = port.tls.get();
        if (tls != null) {
            channel.pipeline().addFirst(tls.newHandler());
        }
        if (port.times.request == null) {
            channel.pipeline().addFirst(new HeaderDeadline());
        }
        channel.pipeline().addFirst(new FirstOctet(
                port.at instanceof InetSocketAddress ? FirstOctet.SECONDS : FirstOctet.LOCAL_SECONDS));
    }

    private Publisher<Void> timed(HttpServerRequest request, HttpServerResponse response) {
        HttpExchange exchange = new HttpExchange(request, response);
        Channel channel = exchange.channel();
        HeaderDeadline deadline = channel.pipeline().get(HeaderDeadline.class);
        if (deadline == null) { // beyond a limit, and being closed
            return response.status(HttpResponseStatus.SERVICE_UNAVAILABLE).send();
        }
        int number = deadline.received();
        return Mono.from(routes.answer(exchange))
                .doFinally(_ -> channel.eventLoop().execute(() -> deadline.answered(number)));
    }

    private Publisher<Void> answer(HttpServerRequest request, HttpServerResponse response) {
        return routes.answer(new HttpExchange(request, response));
    }

    /**
     * Closes the port and the connections, whatever they are at: those who answer requests are asked to end before. What
     * takes longer than some seconds ends by itself.
     */
    @Override
    public void close() {
        server.dispose();
        server.onDispose().timeout(STOP_TIME, Mono.empty()).block();
        loops.disposeLater(STOP_QUIET, STOP_TIME).onErrorComplete().block();
    }
}
