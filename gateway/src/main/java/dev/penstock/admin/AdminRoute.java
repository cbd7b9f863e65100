package dev.penstock.admin;

import java.util.ArrayList;
import java.util.List;

import io.netty.handler.codec.http.HttpMethod;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;

/**
 * One operation of the API, with all that its document says of it. Immutable. Made by {@link #get}, {@link #post},
 * {@link #put}, {@link #delete} and {@link #events}, and completed by the methods that return another one:
 *
 * <pre>
 * AdminRoute.get("/queues/{domain}", Role.READ, "One domain's mail")
 *         .query("limit", Integer.class, "how many at most")
 *         .answers(QueueView.class, request -&gt; views.queue(request.path("domain"), request.integer("limit", 100)))
 * </pre>
 *
 * @param template   below {@link AdminApi#ROOT}; a segment in braces is a parameter, which takes one segment, decoded
 * @param summary    one sentence
 * @param parameters of the query
 * @param body       record that the JSON body is read into; null for none
 * @param answer     record that is written as JSON; of a stream, of each event
 * @param handler    null for a stream
 * @param stream     null unless it is a stream
 */
public record AdminRoute(HttpMethod method, String template, Role role, String summary, List<Parameter> parameters,
        @Nullable Class<?> body, Class<?> answer, @Nullable Handler handler, @Nullable Stream stream) {
    public AdminRoute {
        parameters = List.copyOf(parameters);
    }

    /** A parameter of the query; one whose type is a list may be repeated. */
    public record Parameter(String name, Class<?> type, String description) {}

    /** Does the work, on a virtual thread of its own: may block. */
    @FunctionalInterface
    public interface Handler {
        /**
         * @return what becomes the JSON of the answer
         * @throws dev.penstock.http.Problem when the request can't be done
         */
        Object answer(AdminRequest request) throws Exception;
    }

    /** Opens a stream of server-sent events, on a virtual thread of its own. */
    @FunctionalInterface
    public interface Stream {
        /** @throws dev.penstock.http.Problem when the request can't be done */
        Opened open(AdminRequest request) throws Exception;
    }

    /**
     * A stream that is open.
     *
     * @param events each written as JSON; not asked for at all when the client has gone meanwhile
     * @param close  gives back what the stream has, when it is over or the client has gone
     */
    public record Opened(Publisher<Event> events, Runnable close) {}

    /** One server-sent event: its name and what becomes the JSON of its data. */
    public record Event(String name, Object data) {}

    public static AdminRoute get(String template, Role role, String summary) {
        return of(HttpMethod.GET, template, role, summary);
    }

    public static AdminRoute post(String template, Role role, String summary) {
        return of(HttpMethod.POST, template, role, summary);
    }

    public static AdminRoute put(String template, Role role, String summary) {
        return of(HttpMethod.PUT, template, role, summary);
    }

    public static AdminRoute delete(String template, Role role, String summary) {
        return of(HttpMethod.DELETE, template, role, summary);
    }

    private static AdminRoute of(HttpMethod method, String template, Role role, String summary) {
        return new AdminRoute(method, template, role, summary, List.of(), null, Void.class, null, null);
    }

    /** With one parameter more. */
    public AdminRoute query(String name, Class<?> type, String description) {
        List<Parameter> more = new ArrayList<>(parameters);
        more.add(new Parameter(name, type, description));
        return new AdminRoute(method, template, role, summary, more, body, answer, handler, stream);
    }

    /** Read from the request's JSON by {@link AdminRequest#body}. */
    public AdminRoute takes(Class<? extends Record> bodyType) {
        return new AdminRoute(method, template, role, summary, parameters, bodyType, answer, handler, stream);
    }

    public AdminRoute answers(Class<?> answerType, Handler how) {
        return new AdminRoute(method, template, role, summary, parameters, body, answerType, how, null);
    }

    /** Server-sent events instead of one answer. */
    public AdminRoute events(Class<?> eventType, Stream how) {
        return new AdminRoute(method, template, role, summary, parameters, body, eventType, null, how);
    }
}
