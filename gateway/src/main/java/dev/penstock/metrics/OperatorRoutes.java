package dev.penstock.metrics;

import java.io.StringWriter;
import java.util.List;

import io.netty.handler.codec.http.HttpMethod;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

import dev.penstock.http.Answer;
import dev.penstock.http.HttpRoute;

/** {@code /metrics}, {@code /health/live} and {@code /health/ready}. Stateless; answers are made on the port's event loop. */
public final class OperatorRoutes {
    private static final String PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";
    private static final Answer LIVE = Answer.text(Answer.OK, Answer.JSON, "{\"status\":\"live\"}\n");
    private static final int NOT_READY = 503;
    private static final JsonFactory JSON = new JsonFactory();

    private OperatorRoutes() {}

    public static List<HttpRoute> of(MetricsRegistry metrics, Health health) {
        return List.of(
                new HttpRoute(HttpMethod.GET, "/metrics",
                        exchange -> exchange.send(Answer.text(Answer.OK, PROMETHEUS_TEXT, metrics.scrape()))),
                new HttpRoute(HttpMethod.GET, "/health/live", exchange -> exchange.send(LIVE)),
                new HttpRoute(HttpMethod.GET, "/health/ready", exchange -> exchange.send(ready(health.checks()))));
    }

    private static Answer ready(List<Health.Check> checks) {
        boolean ready = checks.stream().allMatch(Health.Check::ready);
        StringWriter text = new StringWriter();
        try (JsonGenerator out = JSON.createGenerator(ObjectWriteContext.empty(), text)) {
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
        return Answer.text(ready ? Answer.OK : NOT_READY, Answer.JSON, text.append('\n').toString());
    }
}
