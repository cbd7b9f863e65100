package dev.penstock.http;

import java.util.List;

import org.reactivestreams.Publisher;

/** How a port says that a request has no answer. Called on its event loop. */
public interface ErrorAnswers {
    /** @param paths there are, in the order of their registration: 404 */
    Publisher<Void> notFound(HttpExchange exchange, List<String> paths);

    /** @param allowed methods, as the Allow field names them (RFC 9110 10.2.1): 405 */
    Publisher<Void> notAllowed(HttpExchange exchange, String allowed);

    /** The route's handler has thrown this. */
    Publisher<Void> failed(HttpExchange exchange, Throwable cause);
}
