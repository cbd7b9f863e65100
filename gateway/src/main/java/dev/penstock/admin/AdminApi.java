package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.URLDecoder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.QueryStringDecoder;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Signal;
import reactor.netty.channel.AbortedException;

import dev.penstock.http.Answer;
import dev.penstock.http.BodyStream;
import dev.penstock.http.HttpExchange;
import dev.penstock.http.HttpRoute;
import dev.penstock.http.Problem;
import dev.penstock.metrics.BuildInfo;

/**
 * Gives requests below {@link #ROOT} to their routes, when who sends them may. Thread-safe: requests come on the event
 * loops of their ports, each is worked on by a virtual thread.
 */
public final class AdminApi implements HttpRoute.Handler {
    public static final String ROOT = "/api/admin/v1";
    private static final Logger log = LoggerFactory.getLogger(AdminApi.class);
    /** For a body: an operator's request, or a configuration file. */
    private static final Duration BODY_TIME = Duration.ofSeconds(10);
    private static final int MAX_BODY = 8 * 1024 * 1024;
    /** Of who may only look: octets. */
    private static final int MAX_BODY_OF_READERS = 1024 * 1024;
    private static final String REQUEST_ID = "Request-Id";
    private static final String EVENT_STREAM = "text/event-stream; charset=utf-8";
    /** Well below the port's idle time, and what balancers in front usually allow. */
    private static final Duration HEARTBEAT = Duration.ofSeconds(15);

    private final Access access;
    private final Audit audit;
    private final List<AdminRoute> routes;

    /** Without an audit log: for tests of routes. */
    public AdminApi(Access access, List<AdminRoute> routes) {
        this(access, routes, Audit.NONE);
    }

    /**
     * Of these routes, and {@code GET /openapi.json}, which describes them.
     *
     * @throws IllegalArgumentException when two answer the same
     */
    public AdminApi(Access access, List<AdminRoute> routes, Audit audit) {
        this.access = access;
        this.audit = audit;
        List<AdminRoute> all = new ArrayList<>(routes);
        all.add(AdminRoute.get("/openapi.json", Role.READ, "This document.")
                .answers(Object.class, _ -> OpenApi.document(BuildInfo.version(), routes())));
        this.routes = List.copyOf(all);
        TreeSet<String> seen = new TreeSet<>();
        for (AdminRoute route : this.routes) {
            if (!seen.add(route.method() + " " + route.template().replaceAll("\\{[^}]*}", "{}"))) {
                throw new IllegalArgumentException("two routes for " + route.method() + " " + route.template());
            }
        }
    }

    /** All there are, in the order of their registration. */
    public List<AdminRoute> routes() {
        return routes;
    }

    @Override
    public Publisher<Void> handle(HttpExchange exchange) {
        return Mono.fromFuture(() -> access.operator(exchange))
                .flatMap(operator -> Mono.from(find(exchange, operator)))
                .onErrorResume(e -> Mono.from(exchange.refuse(safe(problem(exchange, e).answer()))));
    }

    /** No browser takes it for something else, shows it in another's page, or runs what is in it. */
    private static Answer safe(Answer answer) {
        return answer.with("X-Content-Type-Options", "nosniff")
                .with("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
    }

    private Publisher<Void> find(HttpExchange exchange, Operator operator) {
        List<String> segments = segments(exchange.path().substring(ROOT.length()));
        HttpMethod method = exchange.method().equals(HttpMethod.HEAD) ? HttpMethod.GET : exchange.method();
        TreeSet<String> allowed = new TreeSet<>();
        Found best = null;
        for (AdminRoute route : routes) {
            Map<String, String> path = match(segments(route.template()), segments);
            if (path == null) {
                continue;
            }
            allowed.add(route.method().name());
            // What is written out goes before a parameter.
            if (route.method().equals(method) && (best == null || path.size() < best.path.size())) {
                best = new Found(route, path);
            }
        }
        if (best != null) {
            return answer(exchange, operator, best);
        }
        throw allowed.isEmpty()
                ? Problem.of(Problem.Kind.NOT_FOUND, "there is no " + exchange.path() + "; " + ROOT
                        + "/openapi.json says what there is")
                : Problem.of(Problem.Kind.METHOD_NOT_ALLOWED, "allowed here: " + String.join(", ", allowed))
                        .with(HttpHeaderNames.ALLOW.toString(), String.join(", ", allowed));
    }

    private record Found(AdminRoute route, Map<String, String> path) {}

    private static List<String> segments(String path) {
        List<String> segments = new ArrayList<>();
        for (String segment : path.split("/", -1)) {
            segments.add(segment);
        }
        return segments.subList(1, segments.size());
    }

    private static @Nullable Map<String, String> match(List<String> template, List<String> path) {
        if (template.size() != path.size()) {
            return null;
        }
        Map<String, String> parameters = new HashMap<>();
        for (int i = 0; i < template.size(); i++) {
            String wanted = template.get(i);
            if (wanted.startsWith("{")) {
                if (path.get(i).isEmpty()) {
                    return null;
                }
                parameters.put(wanted.substring(1, wanted.length() - 1), decoded(path.get(i)));
            } else if (!wanted.equals(path.get(i))) {
                return null;
            }
        }
        return parameters;
    }

    private static String decoded(String segment) {
        try {
            return URLDecoder.decode(segment.replace("+", "%2B"), UTF_8);
        } catch (IllegalArgumentException _) {
            throw Problem.of(Problem.Kind.INVALID, "\"" + segment + "\" isn't percent-encoded right");
        }
    }

    private Publisher<Void> answer(HttpExchange exchange, Operator operator, Found found) {
        AdminRoute route = found.route;
        if (!operator.role().includes(route.role())) {
            throw Problem.of(Problem.Kind.FORBIDDEN, "this needs the role " + name(route.role()) + ", and "
                    + operator.name() + " (" + operator.via() + ") has " + name(operator.role()));
        }
        Map<String, List<String>> query = query(exchange);
        checkNames(route, query);
        AdminRoute.Stream stream = route.stream();
        if (stream != null) {
            AdminRequest request = new AdminRequest(operator, found.path, query, new byte[0]);
            CompletableFuture<AdminRoute.Opened> opening = startVirtualThread(exchange, () -> stream.open(request));
            return Mono.fromFuture(opening, true)
                    .flatMap(opened -> Mono.from(exchange.stream(EVENT_STREAM, text(opened.events()))))
                    .doFinally(_ -> closed(opening));
        }
        AdminRoute.Handler handler = route.handler();
        if (handler == null) {
            throw new IllegalStateException("nothing answers " + route.template());
        }
        if (route.body() == null) {
            AdminRequest request = new AdminRequest(operator, found.path, query, new byte[0]);
            return onVirtualThread(exchange, () -> answer(exchange, found, handler, request))
                    .flatMap(answer -> Mono.from(exchange.refuse(answer)));
        }
        BodyStream body = new BodyStream(System.nanoTime() + BODY_TIME.toNanos());
        exchange.receive(body);
        return onVirtualThread(exchange,
                () -> answer(exchange, found, handler,
                        new AdminRequest(operator, found.path, query, whole(body, route.role()))))
                .onErrorResume(e -> Mono.just(safe(problem(exchange, e).answer())))
                .flatMap(answer -> Mono.from(exchange.answer(answer, body)));
    }

    /** What may change something is recorded before it is done, and its result before the answer. */
    private Answer answer(HttpExchange exchange, Found found, AdminRoute.Handler handler, AdminRequest request)
            throws Exception {
        if (found.route.method().equals(HttpMethod.GET) || found.route.role() == Role.READ) {
            return answer(handler.answer(request));
        }
        Audit.Pending pending;
        try {
            pending = audit.begin(AuditedRequest.of(exchange, found.route, request));
        } catch (IOException e) {
            throw Problem.of(Problem.Kind.UNRECORDED, "the audit log can't be written (" + e.getMessage()
                    + "), so nothing was done");
        }
        try {
            Object value = handler.answer(request);
            Answer answer = answer(value);
            pending.end(AuditedRequest.result(answer.status(), value));
            return answer.with(REQUEST_ID, pending.id());
        } catch (Problem e) {
            pending.end(new Audit.Result(e.kind().status(), e.getMessage(), null, null));
            throw e.with(REQUEST_ID, pending.id());
        } catch (Throwable e) {
            pending.end(new Audit.Result(Problem.Kind.INTERNAL.status(), e.toString(), null, null));
            throw e;
        }
    }

    private static String name(Role role) {
        return role.name().toLowerCase(Locale.ROOT);
    }

    private static Map<String, List<String>> query(HttpExchange exchange) {
        try {
            return new QueryStringDecoder(exchange.query(), UTF_8, false).parameters();
        } catch (IllegalArgumentException _) {
            throw Problem.of(Problem.Kind.INVALID, "the query isn't percent-encoded right");
        }
    }

    /** A filter that is spelt wrong would show everything, or bounce it. */
    private static void checkNames(AdminRoute route, Map<String, List<String>> query) {
        for (String name : query.keySet()) {
            if (route.parameters().stream().noneMatch(parameter -> parameter.name().equals(name))) {
                throw Problem.of(Problem.Kind.INVALID, "\"" + name + "\" isn't a parameter of " + route.method() + " "
                        + ROOT + route.template() + (route.parameters().isEmpty()
                                ? ""
                                : "; there are "
                                        + String.join(", ", route.parameters().stream().map(AdminRoute.Parameter::name)
                                                .toList())));
            }
        }
    }

    private static byte[] whole(BodyStream body, Role role) throws IOException {
        int most = role == Role.READ ? MAX_BODY_OF_READERS : MAX_BODY;
        byte[] octets = body.readNBytes(most + 1);
        if (octets.length > most) {
            throw Problem.of(Problem.Kind.TOO_LARGE, "a body has at most " + most + " octets here");
        }
        return octets;
    }

    private static Answer answer(Object value) {
        return safe(value instanceof Answer answer ? answer : Answer.json(AdminJson.write(value)));
    }

    private static <T> Mono<T> onVirtualThread(HttpExchange exchange, Callable<T> work) {
        return Mono.fromFuture(startVirtualThread(exchange, work), true);
    }

    private static <T> CompletableFuture<T> startVirtualThread(HttpExchange exchange, Callable<T> work) {
        CompletableFuture<T> result = new CompletableFuture<>();
        Thread.ofVirtual().name("admin " + exchange.path()).start(() -> {
            try {
                result.complete(work.call());
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        });
        return result;
    }

    /** At once, or when it opens after its client has gone. */
    private static void closed(CompletableFuture<AdminRoute.Opened> opening) {
        var _ = opening.thenAccept(opened -> opened.close().run());
    }

    private static Flux<String> text(Publisher<AdminRoute.Event> events) {
        Flux<String> told = Flux.from(events)
                .map(event -> "event: " + event.name() + "\ndata: " + AdminJson.writeText(event.data()) + "\n\n");
        // The first comment lets the client know that it is connected.
        return told.materialize()
                .mergeWith(Flux.interval(Duration.ZERO, HEARTBEAT).onBackpressureDrop()
                        .map(_ -> Signal.next(": \n\n")))
                .dematerialize();
    }

    private static Problem problem(HttpExchange exchange, Throwable e) {
        if (e instanceof Problem problem) {
            return problem;
        }
        if (!(e instanceof AbortedException)) { // of a client that has gone, as a browser does with each page that is left
            log.error("event=admin-request-failed path={}", exchange.path(), e);
        }
        return Problem.of(Problem.Kind.INTERNAL, "the log has more about it");
    }
}
