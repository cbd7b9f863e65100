package dev.penstock.delivery;

import java.io.StringWriter;
import java.util.List;

import io.netty.handler.codec.http.HttpMethod;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

import dev.penstock.classification.ReplyCounts;
import dev.penstock.http.Answer;
import dev.penstock.http.HttpRoute;

/** {@code /replies} of the operator's port: what receivers have said most often since the start. Stateless. */
public final class ReplyRoutes {
    /** What one looks at. */
    private static final int MOST = 100;
    private static final JsonFactory JSON = new JsonFactory();

    private ReplyRoutes() {}

    public static List<HttpRoute> of(ReplyCounts counts) {
        return List.of(new HttpRoute(HttpMethod.GET, "/replies",
                exchange -> exchange.send(Answer.text(Answer.OK, Answer.JSON, json(counts.top(MOST))))));
    }

    private static String json(List<ReplyCounts.Count> top) {
        StringWriter text = new StringWriter();
        try (JsonGenerator out = JSON.createGenerator(ObjectWriteContext.empty(), text)) {
            out.writeStartArray();
            for (ReplyCounts.Count count : top) {
                out.writeStartObject();
                out.writeStringProperty("provider", count.key().provider());
                out.writeStringProperty("class", count.key().bounceClass());
                out.writeStringProperty("reply", count.key().reply());
                out.writeName("times");
                out.writeNumber(count.times());
                out.writeEndObject();
            }
            out.writeEndArray();
        }
        return text.append('\n').toString();
    }
}
