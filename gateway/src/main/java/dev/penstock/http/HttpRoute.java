package dev.penstock.http;

import io.netty.handler.codec.http.HttpMethod;
import org.reactivestreams.Publisher;

/**
 * What one method means at one path.
 *
 * @param method GET stands for HEAD too
 * @param path   as written ({@link RequestPath}), compared octet by octet
 */
public record HttpRoute(HttpMethod method, String path, Handler handler) {
    /** Answers requests, on the event loop of the port: must not block. */
    @FunctionalInterface
    public interface Handler {
        /**
         * @return what {@link HttpExchange}'s answering methods return
         * @throws Problem for the port's {@link ErrorAnswers}, as any other exception
         */
        Publisher<Void> handle(HttpExchange exchange);
    }
}
