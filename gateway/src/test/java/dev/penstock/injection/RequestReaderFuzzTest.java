package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import dev.penstock.http.Problem;
import dev.penstock.injection.InjectionRequest.Attachment;
import dev.penstock.injection.InjectionRequest.Parts;
import dev.penstock.injection.InjectionRequest.Person;
import dev.penstock.injection.InjectionRequest.Raw;
import dev.penstock.injection.InjectionRequest.Rcpt;
import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.MailboxParser;
import dev.penstock.testing.HeapGrowth;

/**
 * Requests, right and wrong, in whatever pieces: what is taken is what a tree of the same JSON says, what isn't is
 * answered with a status below 500, what is kept is charged for, and nothing stays on the account.
 */
class RequestReaderFuzzTest {
    private static final long MEMORY = 4 << 20;
    private static final int MAX_RECIPIENTS = 4;
    private static final int UNCHARGED = 16 << 10; // RequestReader charges by slices
    private static final int MOST_MEMBERS = 8;
    private static final int DEEPEST = 5;
    private static final String[] NAMES = {"envelope_sender", "recipients", "content", "substitutions",
        "template_dialect", "trace_headers", "idempotency_key", "deferred_spool", "deferred_generation", "email",
        "name", "metadata", "from", "reply_to", "subject", "text_body", "html_body", "amp_html_body", "headers",
        "attachments", "content_type", "file_name", "content_id", "base64", "data", "received_header",
        "supplemental_header", "To", "to", "Bcc", "X-A", "Subject", "", "a/b~c", "\\u0000", "\\ud83d", "é"};
    private static final String[] VALUES = {"\"a@example.com\"", "\"\"", "\"b@example.org\"", "\"text\"", "\"Jinja\"",
        "\"Static\"", "true", "false", "null", "0", "-1", "9223372036854775807", "9223372036854775808", "1e400",
        "1.5", "1E-400", "[]", "{}", "\"text/plain\"", "\"QUJD\"", "\"QU_D\"", "\"A\\r\\nB\"", "\"\\u0000\"",
        "\"\\ud83d\"", "\"é€😀\"", "\"k\"", "01", "NaN", "\"a\\u007f\"", "1." + "0".repeat(120), "\"Q U J D\""};
    private static final String[] BROKEN = {"{", "}", "[", "]", ",", ":", "\"", "\\", "//", "\0", "\uFEFF", "'", "\n"};
    private static final JsonMapper TREES = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).build();
    private static final Set<String> OF_REQUEST = Set.of("envelope_sender", "recipients", "content", "substitutions",
            "template_dialect", "trace_headers", "idempotency_key", "deferred_spool", "deferred_generation");
    private static final Set<String> MADE_HERE = Set.of("mime-version", "content-type", "content-transfer-encoding",
            "content-disposition", "received", "return-path", "bcc", "resent-bcc");

    private static final HeapGrowth growth = new HeapGrowth("JSON requests");

    @AfterAll
    static void check() {
        growth.check();
    }

    @FuzzTest(maxDuration = "10m")
    void whatIsTakenIsWhatATreeOfItSays(FuzzedDataProvider data) {
        byte[] body = body(data);
        RequestMemory memory = new RequestMemory(MEMORY);
        @Nullable
        InjectionRequest request = null;
        @Nullable
        Problem problem = null;
        try (RequestMemory.Share share = memory.share()) {
            try {
                request = RequestReader.read(new Pieces(body, data, share), MAX_RECIPIENTS, share);
                check(kept(request) <= memory.used() + UNCHARGED,
                        "keeps " + kept(request) + " octets, charged for " + memory.used());
            } catch (Problem e) {
                problem = e;
            }
        }
        check(memory.used() == 0, "something stays on the account");
        @Nullable
        JsonNode tree;
        try {
            tree = tree(body);
        } catch (NumberFormatException _) { // an exponent that trees have no place for
            growth.ran();
            return;
        }
        if (request != null) {
            check(tree != null, "it isn't JSON");
            new Comparison(Objects.requireNonNull(tree)).compare(request);
        } else {
            Problem refusal = Objects.requireNonNull(problem);
            int status = refusal.answer().status();
            check(status == 422 || status == 413, "answered with " + status);
            check(status == 413 || tree == null || !isPlain(tree), "refused: " + refusal.getMessage());
        }
        growth.ran();
    }

    private static void check(boolean holds, String problem) {
        if (!holds) {
            throw new AssertionError(problem);
        }
    }

    private static byte[] body(FuzzedDataProvider data) {
        return switch (data.consumeInt(0, 3)) {
            case 0 -> data.consumeBytes(4000);
            case 1 -> {
                StringBuilder out = new StringBuilder();
                value(data, out, 0);
                yield out.toString().getBytes(UTF_8);
            }
            default -> {
                StringBuilder out = new StringBuilder();
                request(data, out);
                byte[] octets = out.toString().getBytes(UTF_8);
                for (int i = data.consumeInt(0, 7) - 4; i > 0; i--) {
                    octets[data.consumeInt(0, octets.length - 1)] = data.consumeByte();
                }
                yield octets;
            }
        };
    }

    private static void request(FuzzedDataProvider data, StringBuilder out) {
        out.append("{\"envelope_sender\":").append(data.pickValue(VALUES)).append(",\"recipients\":[");
        for (int i = data.consumeInt(0, MAX_RECIPIENTS); i >= 0; i--) {
            out.append("{\"email\":").append(data.consumeBoolean() ? "\"r@example.com\"" : data.pickValue(VALUES));
            members(data, out, 1);
            out.append(i > 0 ? "}," : "}");
        }
        out.append("],\"content\":");
        if (data.consumeBoolean()) {
            out.append("\"Subject: x\\r\\n\\r\\nx\"");
        } else {
            out.append("{\"from\":{\"email\":\"f@example.com\"},\"text_body\":\"x\"");
            if (data.consumeBoolean()) {
                out.append(",\"headers\":{\"X-B\":\"y\"");
                members(data, out, 2);
                out.append('}');
            }
            if (data.consumeBoolean()) {
                out.append(",\"attachments\":[{\"content_type\":\"text/plain\",\"data\":")
                        .append(data.pickValue(VALUES))
                        .append(",\"base64\":").append(data.consumeBoolean());
                members(data, out, 2);
                out.append("}]");
            }
            members(data, out, 1);
            out.append('}');
        }
        if (data.consumeBoolean()) {
            out.append(",\"substitutions\":");
            value(data, out, 0);
        }
        members(data, out, 0);
        out.append('}');
    }

    private static void members(FuzzedDataProvider data, StringBuilder out, int depth) {
        for (int i = data.consumeInt(0, MOST_MEMBERS) - MOST_MEMBERS / 2; i > 0; i--) {
            out.append(",\"").append(data.pickValue(NAMES)).append("\":");
            value(data, out, depth + 1);
        }
    }

    private static void value(FuzzedDataProvider data, StringBuilder out, int depth) {
        int kind = depth > DEEPEST ? 0 : data.consumeInt(0, 6);
        if (kind == 5) {
            out.append('{');
            for (int i = data.consumeInt(0, MOST_MEMBERS); i > 0; i--) {
                out.append('"').append(data.pickValue(NAMES)).append(i).append("\":");
                value(data, out, depth + 1);
                out.append(i > 1 ? "," : "");
            }
            out.append('}');
        } else if (kind == 6) {
            int deep = data.consumeInt(0, 3) == 3 ? data.consumeInt(0, 40) : 1;
            out.repeat("[", deep);
            for (int i = data.consumeInt(0, MOST_MEMBERS); i > 0; i--) {
                value(data, out, depth + 1);
                out.append(i > 1 ? "," : "");
            }
            out.repeat("]", deep);
        } else if (kind == 4) {
            out.append('"').append("x".repeat(data.consumeInt(0, 2000))).append('"');
        } else if (kind == 3 && data.consumeInt(0, 7) == 7) {
            out.append(data.pickValue(BROKEN));
        } else {
            out.append(data.pickValue(VALUES));
        }
    }

    private static @Nullable JsonNode tree(byte[] body) {
        try {
            UTF_8.newDecoder().decode(ByteBuffer.wrap(body));
            return TREES.readTree(body);
        } catch (CharacterCodingException | JacksonException _) {
            return null;
        }
    }

    /** The body as the network brings it; its octets are checked and charged for as by the server. */
    private static final class Pieces extends InputStream {
        private final ByteArrayInputStream body;
        private final RequestMemory.Share share;
        private final Utf8Check utf8 = new Utf8Check();
        private final int most;

        Pieces(byte[] body, FuzzedDataProvider data, RequestMemory.Share share) {
            this.body = new ByteArrayInputStream(body);
            this.share = share;
            this.most = data.consumeBoolean() ? body.length + 1 : data.consumeInt(1, 100);
        }

        @Override
        public int read() {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            int count = body.read(into, offset, Math.min(length, most));
            if (count > 0) {
                share.need((long) count * RequestMemory.BODY);
                if (!utf8.accepts(into, offset, count)) {
                    throw Problem.of(Problem.Kind.INVALID, "the body isn't in UTF-8");
                }
            }
            return count;
        }
    }

    /** Octets that the request keeps alive, on the side of too little. */
    private static long kept(InjectionRequest request) {
        long octets = size(request.substitutions()) + text(request.idempotencyKey());
        for (Rcpt recipient : request.recipients()) {
            octets += 100 + text(recipient.email()) + text(recipient.name()) + size(recipient.substitutions());
        }
        return octets + switch (request.content()) {
            case Raw(String whole) -> text(whole);
            case Parts parts -> text(parts.subject()) + text(parts.text()) + text(parts.html()) + text(parts.amp())
                    + parts.headers().entrySet().stream().mapToLong(each -> 40 + text(each.getKey())
                            + text(each.getValue())).sum()
                    + parts.attachments().stream().mapToLong(each -> 60 + each.data().bytes.length
                            + text(each.fileName())).sum();
        };
    }

    private static long text(@Nullable String text) {
        if (text == null) {
            return 0;
        }
        return 40 + text.length() * (text.chars().allMatch(c -> c < 256) ? 1L : 2L);
    }

    private static long size(@Nullable Object value) {
        return switch (value) {
            case null -> 0;
            case String text -> text(text);
            case Map<?, ?> map -> 56 + map.entrySet().stream()
                    .mapToLong(each -> 48 + size(each.getKey()) + size(each.getValue())).sum();
            case List<?> list -> 24 + list.stream().mapToLong(each -> 4 + size(each)).sum();
            case Object _ -> 16;
        };
    }

    /** Whether a request that is nothing but right must be taken: what is looked at is less than what is allowed. */
    private static boolean isPlain(JsonNode tree) {
        JsonNode recipients = tree.get("recipients");
        if (!tree.isObject() || !OF_REQUEST.containsAll(names(tree)) || !isAddress(tree.get("envelope_sender"), true)
                || recipients == null || !recipients.isArray()
                || recipients.isEmpty() || recipients.size() > MAX_RECIPIENTS || depth(tree) > 30
                || hasOddNumber(tree) || names(tree).size() > 4) {
            return false;
        }
        for (JsonNode recipient : recipients) {
            if (!recipient.isObject() || !Set.of("email", "substitutions").containsAll(names(recipient))
                    || !isAddress(recipient.get("email"), false)
                    || recipient.has("substitutions") && !recipient.get("substitutions").isObject()) {
                return false;
            }
        }
        return Set.of("envelope_sender", "recipients", "content", "substitutions").containsAll(names(tree))
                && (!tree.has("substitutions") || tree.get("substitutions").isObject())
                && isContent(tree.get("content"));
    }

    private static boolean isContent(@Nullable JsonNode content) {
        if (content == null || content.isString()) {
            return content != null;
        }
        if (!content.isObject() || !Set.of("from", "text_body", "headers").containsAll(names(content))
                || !content.has("from") || !content.has("text_body") || !content.get("text_body").isString()) {
            return false;
        }
        JsonNode from = content.get("from");
        if (!from.isObject() || !Set.of("email").equals(names(from)) || !isAddress(from.get("email"), true)
                || from.get("email").stringValue().isEmpty()) {
            return false;
        }
        Set<String> seen = new HashSet<>(Set.of("from"));
        if (content.has("headers")) {
            JsonNode headers = content.get("headers");
            if (!headers.isObject()) {
                return false;
            }
            for (String name : names(headers)) {
                JsonNode value = headers.get(name);
                if (!name.matches("[!-9;-~]{1,76}") || MADE_HERE.contains(name.toLowerCase(Locale.ROOT))
                        || !value.isString() || RequestReader.hasControls(value.stringValue())
                        || !seen.add(name.toLowerCase(Locale.ROOT))) {
                    return false;
                }
            }
        }
        return true;
    }

    private static Set<String> names(JsonNode object) {
        return new HashSet<>(object.propertyNames());
    }

    /** @param strict whether it is empty, or an address; of recipients one that is none gets an answer of its own */
    private static boolean isAddress(@Nullable JsonNode node, boolean strict) {
        if (node == null || !node.isString() || RequestReader.hasControls(node.stringValue())
                || node.stringValue().length() > 1000) {
            return false;
        }
        try {
            return strict && node.stringValue().isEmpty() || MailboxParser.parse(node.stringValue(), true) != null;
        } catch (AddressSyntaxException _) {
            return !strict;
        }
    }

    private static int depth(JsonNode node) {
        int deepest = 0;
        for (JsonNode inner : node) {
            deepest = Math.max(deepest, depth(inner));
        }
        return deepest + 1;
    }

    private static boolean hasOddNumber(JsonNode node) {
        if (node.isNumber()) {
            return !node.isIntegralNumber() && Double.isInfinite(node.decimalValue().doubleValue())
                    || node.isIntegralNumber() && !node.canConvertToLong() || node.asString().length() > 100;
        }
        for (JsonNode inner : node) {
            if (hasOddNumber(inner)) {
                return true;
            }
        }
        return false;
    }

    /** Of a request that was taken with the tree of its JSON. */
    private static final class Comparison {
        private final JsonNode tree;

        Comparison(JsonNode tree) {
            this.tree = tree;
        }

        void compare(InjectionRequest request) {
            String sender = tree.get("envelope_sender").stringValue();
            same(request.sender() == null, sender.isEmpty(), "envelope_sender");
            JsonNode recipients = tree.get("recipients");
            same(request.recipients().size(), recipients.size(), "number of recipients");
            for (int i = 0; i < recipients.size(); i++) {
                Rcpt recipient = request.recipients().get(i);
                same(recipient.email(), text(recipients.get(i), "email"), "email");
                same(recipient.name(), orEmpty(text(recipients.get(i), "name")), "name");
                same(recipient.substitutions(), values(recipients.get(i)), "substitutions of a recipient");
                check((recipient.mailbox() == null) != recipient.wrong().isEmpty(), "neither right nor wrong");
            }
            same(request.substitutions(), values(tree), "substitutions");
            same(request.templated(), !"Static".equals(text(tree, "template_dialect")), "template_dialect");
            same(request.idempotencyKey(), text(tree, "idempotency_key"), "idempotency_key");
            content(request.content(), tree.get("content"));
        }

        private static void content(InjectionRequest.Content content, JsonNode node) {
            switch (content) {
                case Raw(String whole) -> same(whole, node.stringValue(), "content");
                case Parts parts -> {
                    same(parts.subject(), text(node, "subject"), "subject");
                    same(parts.text(), text(node, "text_body"), "text_body");
                    same(parts.html(), text(node, "html_body"), "html_body");
                    same(parts.amp(), text(node, "amp_html_body"), "amp_html_body");
                    person(parts.from(), node.get("from"));
                    person(parts.replyTo(), node.get("reply_to"));
                    Map<String, String> headers = new LinkedHashMap<>();
                    if (node.has("headers")) {
                        node.get("headers").properties()
                                .forEach(each -> headers.put(each.getKey(), each.getValue().asString("")));
                    }
                    same(parts.headers(), headers, "headers");
                    JsonNode attachments = node.get("attachments");
                    same(parts.attachments().size(), attachments == null ? 0 : attachments.size(), "attachments");
                    for (int i = 0; i < parts.attachments().size(); i++) {
                        attachment(parts.attachments().get(i), attachments.get(i));
                    }
                }
            }
        }

        private static void attachment(Attachment attachment, JsonNode node) {
            same(attachment.contentType(), text(node, "content_type"), "content_type");
            same(attachment.fileName(), orEmpty(text(node, "file_name")), "file_name");
            same(attachment.contentId(), orEmpty(text(node, "content_id")), "content_id");
            String data = node.get("data").stringValue();
            byte[] octets = node.has("base64") && node.get("base64").booleanValue()
                    ? Base64.getDecoder().decode(data.replaceAll("[ \t\r\n]", ""))
                    : data.getBytes(UTF_8);
            check(Arrays.equals(attachment.data().bytes, octets), "data differs");
        }

        private static void person(@Nullable Person person, @Nullable JsonNode node) {
            boolean absent = node == null || node.isNull();
            same(person == null, absent, "person");
            if (person != null && node != null) {
                same(person.email(), text(node, "email"), "email of a person");
                same(person.name(), orEmpty(text(node, "name")), "name of a person");
            }
        }

        private static Map<String, @Nullable Object> values(JsonNode node) {
            JsonNode values = node.get("substitutions");
            @Nullable
            Object found = values == null ? null : plain(values);
            Map<String, @Nullable Object> map = new HashMap<>();
            if (found instanceof Map<?, ?> named) {
                named.forEach((name, value) -> map.put((String) name, value));
            }
            return map;
        }

        private static @Nullable Object plain(JsonNode node) {
            if (node.isObject()) {
                Map<String, @Nullable Object> map = new HashMap<>();
                node.properties().forEach(each -> map.put(each.getKey(), plain(each.getValue())));
                return map;
            }
            if (node.isArray()) {
                @Nullable
                Object[] list = new @Nullable Object[node.size()];
                for (int i = 0; i < list.length; i++) {
                    list[i] = plain(node.get(i));
                }
                return Arrays.asList(list);
            }
            if (node.isNumber()) {
                return node.isIntegralNumber()
                        ? (Object) node.longValue()
                        : (Object) node.decimalValue().doubleValue();
            }
            return node.isNull() ? null : node.isBoolean() ? (Object) node.booleanValue() : node.stringValue();
        }

        private static @Nullable String text(JsonNode node, String name) {
            JsonNode value = node.get(name);
            return value == null || value.isNull() ? null : value.stringValue();
        }

        private static String orEmpty(@Nullable String text) {
            return text == null ? "" : text;
        }

        /** Zero has no sign here: the tree doesn't keep it. */
        private static boolean equal(@Nullable Object a, @Nullable Object b) {
            if (a instanceof Map<?, ?> one && b instanceof Map<?, ?> other) {
                return one.keySet().equals(other.keySet())
                        && one.keySet().stream().allMatch(name -> equal(one.get(name), other.get(name)));
            }
            if (a instanceof List<?> one && b instanceof List<?> other) {
                return one.size() == other.size()
                        && IntStream.range(0, one.size()).allMatch(i -> equal(one.get(i), other.get(i)));
            }
            return a instanceof Double one && b instanceof Double other && one + 0.0 == other + 0.0
                    || Objects.equals(a, b);
        }

        private static void same(@Nullable Object read, @Nullable Object expected, String what) {
            check(equal(read, expected), what + ": read as " + read + " in place of " + expected);
        }
    }
}
