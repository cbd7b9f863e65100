package dev.penstock.http;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import io.netty.handler.codec.http.HttpMethod;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;

/** What a port answers, and how it says that it doesn't. Immutable. */
public final class Routes {
    private final ErrorAnswers errors;
    private final Map<String, Map<HttpMethod, HttpRoute.Handler>> paths;
    private final Map<String, String> allowed;
    private final List<String> names;
    private final Map<String, HttpRoute.Handler> below;

    private Routes(ErrorAnswers errors, Map<String, Map<HttpMethod, HttpRoute.Handler>> paths,
            Map<String, HttpRoute.Handler> below) {
        this.errors = errors;
        this.below = Map.copyOf(below);
        this.names = List.copyOf(paths.keySet());
        Map<String, String> allow = new LinkedHashMap<>();
        paths.forEach((path, methods) -> allow.put(path, String.join(", ", methods.keySet().stream()
                .map(HttpMethod::name).toList())));
        this.allowed = Map.copyOf(allow);
        this.paths = Map.copyOf(paths);
    }

    /** @throws IllegalArgumentException when two answer the same */
    public static Routes of(ErrorAnswers errors, List<HttpRoute> routes) {
        return of(errors, routes, Map.of());
    }

    /**
     * @param below who answers all requests whose path begins so and isn't a route, by what it begins with
     * @throws IllegalArgumentException when two answer the same
     */
    public static Routes of(ErrorAnswers errors, List<HttpRoute> routes, Map<String, HttpRoute.Handler> below) {
        Map<String, Map<HttpMethod, HttpRoute.Handler>> paths = new LinkedHashMap<>();
        for (HttpRoute route : routes) {
            Map<HttpMethod, HttpRoute.Handler> methods = paths.computeIfAbsent(route.path(),
                    _ -> new LinkedHashMap<>());
            for (HttpMethod method : methods(route)) {
                if (methods.put(method, route.handler()) != null) {
                    throw new IllegalArgumentException("two routes for " + method + " " + route.path());
                }
            }
        }
        return new Routes(errors, paths, below);
    }

    private static List<HttpMethod> methods(HttpRoute route) {
        List<HttpMethod> methods = new ArrayList<>(List.of(route.method()));
        if (route.method().equals(HttpMethod.GET)) {
            methods.add(HttpMethod.HEAD); // RFC 9110 9.3.2: Netty leaves the body out
        }
        return methods;
    }

    /** On the port's event loop. */
    Publisher<Void> answer(HttpExchange exchange) {
        try {
            Map<HttpMethod, HttpRoute.Handler> methods = paths.get(exchange.path());
            String allow = allowed.get(exchange.path());
            if (methods == null || allow == null) {
                HttpRoute.Handler other = below(exchange.path());
                return other == null ? errors.notFound(exchange, names) : other.handle(exchange);
            }
            HttpRoute.Handler handler = methods.get(exchange.method());
            return handler == null ? errors.notAllowed(exchange, allow) : handler.handle(exchange);
        } catch (Throwable e) {
            return errors.failed(exchange, e);
        }
    }

    private HttpRoute.@Nullable Handler below(String path) {
        for (Map.Entry<String, HttpRoute.Handler> entry : below.entrySet()) {
            if (path.startsWith(entry.getKey())) {
                return entry.getValue();
            }
        }
        return null;
    }
}
