package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

import dev.penstock.http.HttpExchange;
import dev.penstock.http.Problem;
import dev.penstock.verbs.JobRequest;
import dev.penstock.verbs.JobView;

/** What the audit log remembers of a request and its answer. Pure functions. */
final class AuditedRequest {
    private static final String REASON = "reason";
    private static final String SELECTION = "selection";
    /** Of a body: files, which are in their history. */
    private static final String CONTENT = "content";
    /** Characters of JSON: far more than an order has. */
    private static final int MOST_WHAT = 64 * 1024;
    /** Characters. */
    private static final int MOST_REASON = 500;
    private static final int OK = 200;
    /** Of an answer's members, by pointer (RFC 6901): how many it concerned. */
    private static final List<String> COUNTS = List.of("/job/counted", "/count/destinations", "/counted");
    private static final List<String> IDS = List.of("/id", "/job/id");

    private AuditedRequest() {}

    static Audit.Request of(HttpExchange exchange, AdminRoute route, AdminRequest request) {
        byte[] octets = request.octets();
        ObjectNode body = tree(octets);
        Operator operator = request.operator();
        String query = exchange.query();
        String reason = body.path(REASON).isString()
                ? body.path(REASON).asString()
                : request.query(REASON).orElse(null);
        JsonNode selection = body.get(SELECTION);
        body.remove(List.of(REASON, SELECTION, CONTENT));
        return new Audit.Request(operator.name(), operator.role(), operator.via(),
                exchange.isOverUnixSocket() ? "socket" : NetUtil.toSocketAddressString(exchange.client()),
                route.method() + " " + route.template(),
                exchange.path().substring(AdminApi.ROOT.length()) + (query.isEmpty() ? "" : "?" + query),
                cut(reason), kept(selection), body.isEmpty() ? null : kept(body),
                octets.length == 0 ? null : digest(octets));
    }

    /** Of a job that is over: he who ordered it, and what it has come to. */
    static Audit.Request ofJob(JobView job) {
        JobRequest order = job.request();
        ObjectNode what = AdminJson.MAPPER.createObjectNode().put("verb", order.verb().word())
                .put("state", job.state().word()).put("counted", job.counted()).put("done", job.done())
                .put("skipped", job.skipped()).put("failed", job.failed());
        return new Audit.Request(order.who(), Role.OPERATE, "job", "job", "job-over", "/jobs/" + job.id(),
                cut(order.why()), kept(AdminJson.MAPPER.valueToTree(order.mail().parameters())), what, null);
    }

    static Audit.Result result(JobView job) {
        boolean failed = job.state() == JobView.State.FAILED || job.failed() > 0;
        return new Audit.Result((failed ? Problem.Kind.INTERNAL.status() : OK),
                job.error().isEmpty() ? null : job.error(), job.done(), job.id());
    }

    private static @Nullable String cut(@Nullable String reason) {
        return reason == null || reason.length() <= MOST_REASON ? reason : reason.substring(0, MOST_REASON) + "…";
    }

    private static @Nullable JsonNode kept(@Nullable JsonNode json) {
        return json == null || AdminJson.writeText(json).length() > MOST_WHAT ? null : json;
    }

    static Audit.Result result(int status, @Nullable Object answer) {
        JsonNode tree = answer == null ? AdminJson.MAPPER.createObjectNode() : AdminJson.MAPPER.valueToTree(answer);
        Long count = COUNTS.stream().map(tree::at).filter(JsonNode::isIntegralNumber).map(JsonNode::asLong)
                .findFirst().orElse(null);
        return new Audit.Result(status, null, count,
                IDS.stream().map(tree::at).filter(JsonNode::isString).map(JsonNode::asString).findFirst()
                        .orElse(null));
    }

    /** An empty object for what isn't JSON: the route says what is wrong with it. */
    private static ObjectNode tree(byte[] octets) {
        try {
            JsonNode tree = octets.length == 0 ? null : AdminJson.MAPPER.readTree(new String(octets, UTF_8));
            return tree instanceof ObjectNode object ? object : AdminJson.MAPPER.createObjectNode();
        } catch (JacksonException _) {
            return AdminJson.MAPPER.createObjectNode();
        }
    }

    private static String digest(byte[] octets) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(octets));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java has no SHA-256", e);
        }
    }
}
