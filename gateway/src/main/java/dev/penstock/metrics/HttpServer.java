package dev.penstock.metrics;

import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;

import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServerRequest;
import reactor.netty.http.server.HttpServerResponse;
import reactor.netty.resources.LoopResources;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

import dev.penstock.config.HttpConfig;
import dev.penstock.http.ConnectionGate;
import dev.penstock.http.FirstOctet;
import dev.penstock.http.RequestPath;
import dev.penstock.units.Networks;

/**
 * Serves {@code /metrics}, {@code /health/live} and {@code /health/ready}. Thread-safe; requests are answered on one
 * event loop of its own, "http", so that a scrape never takes time from SMTP sessions.
 */
public final class HttpServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(HttpServer.class);

    private static final String PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";
    private static final String JSON = "application/json";
    private static final String PLAIN_TEXT = "text/plain; charset=utf-8";
    private static final Duration IDLE_TIMEOUT = Duration.ofMinutes(2); // above the usual scrape interval of 1 min
    private static final Duration REQUEST_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration STOP_TIME = Duration.ofSeconds(2);
    /** A few scrapers and probes. One client's don't shut out the others, all together leave SMTP its descriptors. */
    private static final ConnectionGate.Limits LIMITS = new ConnectionGate.Limits(100, 25, Networks.parse(List.of()));
    private static final int MAX_LINE = 4 * 1024;
    private static final int MAX_HEADERS = 16 * 1024;

    private final GatewayMetrics metrics;
    private final Health health;
    private final JsonFactory json = new JsonFactory();
    private final ConnectionGate gate = ConnectionGate.forOperators("http");
    private final LoopResources loops = LoopResources.create("http", 1, true);
    private final DisposableServer server;

    /**
     * Binds.
     *
     * @throws RuntimeException when the address can't be bound, with the reason as cause
     */
    public HttpServer(HttpConfig config, GatewayMetrics metrics, Health health) {
        this.metrics = metrics;
        this.health = health;
        try {
            server = reactor.netty.http.server.HttpServer.create()
                    .host(config.address())
                    .port(config.port())
                    .runOn(loops)
                    .idleTimeout(IDLE_TIMEOUT)
                    .requestTimeout(REQUEST_TIMEOUT)
                    .httpRequestDecoder(spec -> spec.maxInitialLineLength(MAX_LINE).maxHeaderSize(MAX_HEADERS))
                    .doOnChannelInit((_, channel, _) -> connected(channel))
                    .handle(this::answer)
                    .bindNow();
        } catch (RuntimeException e) {
            loops.dispose();
            throw e;
        }
        metrics.connections(gate);
    }

    /** Where it listens, port as bound. */
    public InetSocketAddress address() {
        return (InetSocketAddress) server.address();
    }

    @Override
    public void close() {
        server.disposeNow(STOP_TIME);
        loops.disposeLater(Duration.ZERO, STOP_TIME).block(STOP_TIME);
    }

    private void connected(Channel channel) {
        if (gate.enter(channel, LIMITS)) {
            channel.pipeline().addFirst(new FirstOctet());
        }
    }

    private Publisher<Void> answer(HttpServerRequest request, HttpServerResponse response) {
        String path = RequestPath.of(request.uri());
        if (!path.equals("/metrics") && !path.equals("/health/live") && !path.equals("/health/ready")) {
            return send(response, HttpResponseStatus.NOT_FOUND, PLAIN_TEXT,
                    "Try /metrics, /health/live or /health/ready.\n");
        }
        if (!request.method().equals(HttpMethod.GET) && !request.method().equals(HttpMethod.HEAD)) {
            response.header(HttpHeaderNames.ALLOW, "GET, HEAD");
            return send(response, HttpResponseStatus.METHOD_NOT_ALLOWED, PLAIN_TEXT, "Only GET and HEAD.\n");
        }
        try {
            return switch (path) {
                case "/metrics" -> send(response, HttpResponseStatus.OK, PROMETHEUS_TEXT, metrics.scrape());
                case "/health/live" -> send(response, HttpResponseStatus.OK, JSON, "{\"status\":\"live\"}\n");
                default -> ready(response);
            };
        } catch (RuntimeException e) {
            log.error("event=http-request-failed path={}", path, e);
            return send(response, HttpResponseStatus.INTERNAL_SERVER_ERROR, PLAIN_TEXT, "Failed; see the log.\n");
        }
    }

    private Publisher<Void> ready(HttpServerResponse response) {
        List<Health.Check> checks = health.checks();
        boolean ready = checks.stream().allMatch(Health.Check::ready);
        StringWriter text = new StringWriter();
        try (JsonGenerator out = json.createGenerator(ObjectWriteContext.empty(), text)) {
            out.writeStartObject();
            out.writeStringProperty("status", ready ? "ready" : "not-ready");
            out.writeName("checks");
            out.writeStartArray();
            for (Health.Check check : checks) {
                out.writeStartObject();
                out.writeStringProperty("name", check.name());
                out.writeBooleanProperty("ready", check.ready());
                out.writeStringProperty("detail", check.detail());
                out.writeEndObject();
            }
            out.writeEndArray();
            out.writeEndObject();
        }
        return send(response, ready ? HttpResponseStatus.OK : HttpResponseStatus.SERVICE_UNAVAILABLE, JSON,
                text.append('\n').toString());
    }

    private static Publisher<Void> send(HttpServerResponse response, HttpResponseStatus status, String type,
            String text) {
        return response.status(status).header(HttpHeaderNames.CONTENT_TYPE, type)
                .header(HttpHeaderNames.CACHE_CONTROL, "no-store").sendString(Mono.just(text));
    }
}
