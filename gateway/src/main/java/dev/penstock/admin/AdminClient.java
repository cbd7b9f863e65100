package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.InetAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import org.jspecify.annotations.Nullable;
import reactor.core.Exceptions;
import reactor.core.publisher.Mono;
import reactor.netty.http.client.HttpClient;
import reactor.netty.resources.ConnectionProvider;
import reactor.netty.resources.LoopResources;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

import dev.penstock.http.UnixSockets;

/**
 * Asks a running gateway, as the command line does: over its Unix socket, or over HTTP. Confined to the thread that made
 * it; each method returns when the answer is there.
 */
public final class AdminClient implements AutoCloseable {
    /** Without an octet of an answer; streams have a heartbeat more often. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Duration CLOSE_TIME = Duration.ofSeconds(1);

    private final String gateway;
    private final HttpClient http;
    private final LoopResources loops;

    private AdminClient(String gateway, HttpClient http, LoopResources loops) {
        this.gateway = gateway;
        this.http = http;
        this.loops = loops;
    }

    /** By the Unix socket of a gateway on this machine. */
    public static AdminClient over(Path socket) {
        LoopResources loops = loops();
        return new AdminClient(socket.toString(),
                client(loops).remoteAddress(() -> UnixSockets.address(socket)), loops);
    }

    /**
     * By the operators' port.
     *
     * @param url   like {@code https://mx1.example.net:8025}
     * @param token null for none
     * @throws IOException when the token would go over the network in clear
     */
    public static AdminClient over(URI url, @Nullable String token) throws IOException {
        if (token != null && !"https".equalsIgnoreCase(url.getScheme()) && !isHere(url.getHost())) {
            throw new IOException("a token goes over https only, or to this machine: " + url);
        }
        LoopResources loops = loops();
        HttpClient client = client(loops).baseUrl(url.toString().replaceFirst("/$", ""));
        return new AdminClient(url.toString(), token == null
                ? client
                : client.headers(fields -> fields.set(HttpHeaderNames.AUTHORIZATION, "Bearer " + token)), loops);
    }

    /** By its address or as {@code localhost}: what other names lead to isn't known before they are asked for. */
    private static boolean isHere(@Nullable String host) {
        if (host == null || host.equalsIgnoreCase("localhost")) {
            return host != null;
        }
        try {
            return InetAddress.ofLiteral(host).isLoopbackAddress();
        } catch (IllegalArgumentException _) {
            return false;
        }
    }

    private static LoopResources loops() {
        return LoopResources.create("admin-client", 1, true);
    }

    private static HttpClient client(LoopResources loops) {
        return HttpClient.create(ConnectionProvider.newConnection()).runOn(loops).responseTimeout(PATIENCE);
    }

    /** Query parameters for a path, percent-encoded: {@code ?a=b&c=d}; empty for none. */
    public static String query(List<String[]> parameters) {
        StringBuilder query = new StringBuilder();
        for (String[] parameter : parameters) {
            query.append(query.isEmpty() ? '?' : '&').append(URLEncoder.encode(parameter[0], UTF_8)).append('=')
                    .append(URLEncoder.encode(parameter[1], UTF_8));
        }
        return query.toString();
    }

    /** One segment of a path. */
    public static String segment(String text) {
        return URLEncoder.encode(text, UTF_8).replace("+", "%20");
    }

    /**
     * @param path below {@link AdminApi#ROOT}, with its query
     * @throws AdminProblem when the gateway answers with one
     * @throws IOException  when there is no gateway to ask, or it answers otherwise
     */
    public JsonNode get(String path) throws AdminProblem, IOException {
        return ask(HttpMethod.GET, path, null);
    }

    /** As {@link #get(String)}. */
    public <T> T get(String path, Class<T> type) throws AdminProblem, IOException {
        return as(get(path), type);
    }

    /** As {@link #get(String)}. */
    public JsonNode post(String path, Object body) throws AdminProblem, IOException {
        return ask(HttpMethod.POST, path, body);
    }

    /** As {@link #get(String)}. */
    public <T> T post(String path, Object body, Class<T> type) throws AdminProblem, IOException {
        return as(post(path, body), type);
    }

    /** As {@link #get(String)}. */
    public JsonNode put(String path, Object body) throws AdminProblem, IOException {
        return ask(HttpMethod.PUT, path, body);
    }

    /** As {@link #get(String)}. */
    public JsonNode delete(String path, @Nullable Object body) throws AdminProblem, IOException {
        return ask(HttpMethod.DELETE, path, body);
    }

    private JsonNode ask(HttpMethod method, String path, @Nullable Object body) throws AdminProblem, IOException {
        byte @Nullable [] octets = body == null ? null : AdminJson.write(body); // before it connects: who says nothing is closed
        HttpClient.RequestSender request = http.headers(fields -> {
            if (octets != null) {
                fields.set(HttpHeaderNames.CONTENT_TYPE, "application/json");
            }
        }).request(method).uri(AdminApi.ROOT + path);
        HttpClient.ResponseReceiver<?> sent = octets == null
                ? request
                : request.send(Mono.fromSupplier(() -> Unpooled.wrappedBuffer(octets)));
        Reply reply = await(sent.responseSingle((response, content) -> content.asString(UTF_8)
                .defaultIfEmpty("")
                .map(text -> new Reply(response.status().code(), text))));
        return json(reply);
    }

    /** @param text JSON, as a rule */
    private record Reply(int status, String text) {}

    private JsonNode json(Reply reply) throws AdminProblem, IOException {
        JsonNode json;
        try {
            json = AdminJson.MAPPER.readTree(reply.text);
        } catch (JacksonException e) {
            throw new IOException(gateway + " answers " + reply.status + ", and not in JSON", e);
        }
        if (reply.status >= 200 && reply.status < 300) {
            return json;
        }
        List<String> errors = new ArrayList<>();
        for (JsonNode error : json.path("errors")) {
            errors.add((error.path("pointer").asString("") + " " + error.path("detail").asString("")).strip());
        }
        throw new AdminProblem(reply.status, json.path("detail").asString("answered " + reply.status), errors);
    }

    private static <T> T as(JsonNode json, Class<T> type) throws IOException {
        try {
            return AdminJson.MAPPER.treeToValue(json, type);
        } catch (JacksonException e) {
            throw new IOException("the gateway's answer can't be read: " + e.getOriginalMessage(), e);
        }
    }

    /**
     * Server-sent events, until there are no more, or {@code more} returns false.
     *
     * @throws AdminProblem when the gateway answers with one
     * @throws IOException  when there is no gateway to ask, or the connection breaks
     */
    public void events(String path, Predicate<Event> more) throws AdminProblem, IOException {
        StringBuilder pending = new StringBuilder();
        Reply refused = await(http.headers(fields -> fields.set(HttpHeaderNames.ACCEPT, "text/event-stream"))
                .get().uri(AdminApi.ROOT + path)
                .response((response, content) -> response.status().code() == 200
                        ? content.asString(UTF_8).takeWhile(text -> each(pending.append(text), more))
                                .then(Mono.<Reply>empty())
                        : content.aggregate().asString(UTF_8).defaultIfEmpty("")
                                .map(text -> new Reply(response.status().code(), text)))
                .next().defaultIfEmpty(new Reply(200, "{}")));
        json(refused);
    }

    /** One of a stream. */
    public record Event(String name, JsonNode data) {}

    /** Takes whole events off the beginning. @return false when no more are wanted */
    private static boolean each(StringBuilder pending, Predicate<Event> more) {
        int end = pending.indexOf("\n\n");
        while (end >= 0) {
            String name = "";
            String data = "";
            for (String line : pending.substring(0, end).split("\n", -1)) {
                if (line.startsWith("event: ")) {
                    name = line.substring("event: ".length());
                } else if (line.startsWith("data: ")) {
                    data = line.substring("data: ".length());
                }
            }
            pending.delete(0, end + 2);
            if (!data.isEmpty() && !more.test(new Event(name, AdminJson.MAPPER.readTree(data)))) {
                return false;
            }
            end = pending.indexOf("\n\n");
        }
        return true;
    }

    private <T> T await(Mono<T> answer) throws IOException {
        try {
            T got = answer.block();
            if (got == null) {
                throw new IOException(gateway + " answers nothing");
            }
            return got;
        } catch (RuntimeException e) {
            Throwable cause = Exceptions.unwrap(e);
            throw new IOException("no gateway answers at " + gateway + ": " + cause.getMessage(), cause);
        }
    }

    /** What was asked is answered: a thread that doesn't end in time is a daemon, and no trouble of whoever asked. */
    @Override
    public void close() {
        loops.disposeLater(Duration.ZERO, CLOSE_TIME).onErrorComplete().block();
    }
}
