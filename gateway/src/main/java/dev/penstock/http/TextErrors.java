package dev.penstock.http;

import java.util.List;

import io.netty.handler.codec.http.HttpHeaderNames;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says it in a line of text, to people and probes. Stateless. */
public final class TextErrors implements ErrorAnswers {
    private static final Logger log = LoggerFactory.getLogger(TextErrors.class);

    private static final String PLAIN_TEXT = "text/plain; charset=utf-8";

    @Override
    public Publisher<Void> notFound(HttpExchange exchange, List<String> paths) {
        return exchange.send(Answer.text(404, PLAIN_TEXT, "Try " + list(paths, " or ") + ".\n"));
    }

    @Override
    public Publisher<Void> notAllowed(HttpExchange exchange, String allowed) {
        return exchange.send(Answer.text(405, PLAIN_TEXT,
                "Only " + list(List.of(allowed.split(", ")), " and ") + ".\n")
                .with(HttpHeaderNames.ALLOW.toString(), allowed));
    }

    @Override
    public Publisher<Void> failed(HttpExchange exchange, Throwable cause) {
        log.error("event=http-request-failed path={}", exchange.path(), cause);
        return exchange.send(Answer.text(500, PLAIN_TEXT, "Failed; see the log.\n"));
    }

    private static String list(List<String> words, String beforeLast) {
        return words.size() == 1
                ? words.getFirst()
                : String.join(", ", words.subList(0, words.size() - 1)) + beforeLast + words.getLast();
    }
}
