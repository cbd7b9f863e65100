package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.InputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.core.json.JsonFactory;

import dev.penstock.http.Problem;
import dev.penstock.injection.InjectionRequest.Attachment;
import dev.penstock.injection.InjectionRequest.Octets;
import dev.penstock.injection.InjectionRequest.Parts;
import dev.penstock.injection.InjectionRequest.Person;
import dev.penstock.injection.InjectionRequest.Raw;
import dev.penstock.injection.InjectionRequest.Rcpt;
import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.MailboxParser;
import dev.penstock.units.MailClass;

/**
 * Reads one request from JSON while it arrives. Confined to the thread that reads. Everything that is wrong is found in
 * one reading, but for what follows an error of JSON itself.
 */
final class RequestReader {
    /** Levels of objects and arrays. */
    static final int MAX_DEPTH = 32;
    private static final int MAX_NAME = 1000;
    private static final int MAX_EMAIL = 1000;
    private static final int MAX_NUMBER = 100;
    private static final int MAX_WRONGS = 100;
    private static final int MAX_HEADERS = 200;
    private static final int MAX_ATTACHMENTS = 1000;
    private static final int MAX_KEY = 255;
    private static final Pattern FIELD_NAME = Pattern.compile("[!-9;-~]{1,76}"); // RFC 5322 3.6.8, a line's length
    private static final Pattern MEDIA_TYPE = Pattern
            .compile("[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}( *;[ -~]{1,200})?");
    private static final Pattern CONTENT_ID = Pattern.compile("[!-;=?-~]{1,200}");
    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH)
                    .maxStringLength(Integer.MAX_VALUE).maxNameLength(MAX_NAME).maxNumberLength(MAX_NUMBER).build())
            .build();

    // What is kept of a request beside its texts, in octets, on the side of too much
    /** A name in an object: the entry of a map, the name, and its place in the parser's search for repeats. */
    private static final int MEMBER = 160;
    private static final int VALUE = 48;
    private static final int OBJECT = 192;
    private static final int LIST = 96;
    /** As it was read, what becomes of it, and its part of the answer. */
    private static final int RECIPIENT = 1000;
    private static final int ATTACHMENT = 200;
    private static final int SLICE = 16 << 10; // that is charged at a time

    private final int maxRecipients;
    private final RequestMemory.Share memory;
    private final List<Problem.Wrong> wrongs = new ArrayList<>();
    private long uncharged;

    private RequestReader(int maxRecipients, RequestMemory.Share memory) {
        this.maxRecipients = maxRecipients;
        this.memory = memory;
    }

    /** @throws Problem when there is no memory for it */
    private void charge(long octets) {
        uncharged += octets;
        if (uncharged >= SLICE) {
            memory.need(uncharged);
            uncharged = 0;
        }
    }

    /**
     * Reads a body to its end.
     *
     * @param memory that is charged with what is made of the body; the reader of {@code body} charges for its octets
     * @throws Problem when it isn't a request, or there is no memory for it, or thrown by {@code body}
     */
    static InjectionRequest read(InputStream body, int maxRecipients, RequestMemory.Share memory) {
        RequestReader reader = new RequestReader(maxRecipients, memory);
        InjectionRequest request = null;
        try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), body)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                reader.wrong("", "expected an object");
                throw Problem.invalid(reader.wrongs);
            }
            request = reader.request(json);
            if (json.nextToken() != null) {
                reader.wrong("", "something follows the request");
            }
        } catch (JacksonException e) {
            for (Throwable cause = e; cause != null; cause = cause.getCause()) {
                if (cause instanceof Problem problem) {
                    throw problem;
                }
            }
            reader.malformed(e);
        }
        if (request == null || !reader.wrongs.isEmpty()) {
            throw Problem.invalid(reader.wrongs);
        }
        return request;
    }

    private void malformed(JacksonException e) {
        TokenStreamLocation at = e.getLocation();
        String place = at == null ? "" : "line " + at.getLineNr() + ", column " + at.getColumnNr() + ": ";
        String pointer = "";
        if (e instanceof StreamReadException read && read.processor() != null) {
            pointer = read.processor().streamReadContext().pathAsPointer().toString();
        }
        String message = e.getOriginalMessage();
        int line = message.indexOf('\n');
        wrong(pointer, place + (line < 0 ? message : message.substring(0, line)));
    }

    private void wrong(String pointer, String detail) {
        if (wrongs.size() < MAX_WRONGS) {
            wrongs.add(new Problem.Wrong(pointer, detail));
        }
    }

    private @Nullable InjectionRequest request(JsonParser json) {
        String sender = null;
        List<Rcpt> recipients = null;
        InjectionRequest.Content content = null;
        Map<String, @Nullable Object> substitutions = Map.of();
        boolean templated = true;
        boolean receivedHeader = true;
        String key = null;
        String pool = null;
        MailClass mailClass = null;
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String name = json.currentName();
            String at = "/" + escaped(name);
            json.nextToken();
            switch (name) {
                case "envelope_sender" -> sender = text(json, at);
                case "recipients" -> recipients = recipients(json, at);
                case "content" -> content = content(json, at);
                case "substitutions" -> substitutions = values(json, at);
                case "template_dialect" -> templated = dialect(json, at);
                case "trace_headers" -> receivedHeader = traceHeaders(json, at);
                case "idempotency_key" -> key = key(json, at);
                case "pool" -> pool = line(json, at);
                case "mail_class" -> mailClass = mailClass(json, at);
                case "deferred_spool", "deferred_generation" -> flag(json, at); // mail is always made and kept first
                default -> unknown(json, at, "envelope_sender, recipients, content, substitutions, template_dialect, "
                        + "trace_headers, idempotency_key, pool, mail_class, deferred_spool, deferred_generation");
            }
        }
        if (recipients == null) {
            wrong("/recipients", "is missing");
        }
        if (content == null) {
            wrong("/content", "is missing");
        }
        Mailbox from = sender(sender);
        if (recipients == null || content == null || !wrongs.isEmpty()) {
            return null;
        }
        return new InjectionRequest(from, recipients, content, substitutions, templated, receivedHeader, key,
                pool == null || pool.isEmpty() ? null : pool, mailClass);
    }

    private @Nullable MailClass mailClass(JsonParser json, String at) {
        String text = line(json, at);
        MailClass mailClass = MailClass.of(text);
        if (mailClass == null && !text.isEmpty()) {
            wrong(at, "is \"" + text + "\"; allowed: \"transactional\", \"bulk\"");
        }
        return mailClass;
    }

    private @Nullable Mailbox sender(@Nullable String sender) {
        if (sender == null) {
            wrong("/envelope_sender", "is missing; \"\" is the null sender");
        } else if (!sender.isEmpty()) {
            try {
                return MailboxParser.parse(sender, true);
            } catch (AddressSyntaxException e) {
                wrong("/envelope_sender", "not an address: " + e.getMessage());
            }
        }
        return null;
    }

    private @Nullable List<Rcpt> recipients(JsonParser json, String at) {
        if (!json.isExpectedStartArrayToken()) {
            mismatch(json, at, "an array");
            return null;
        }
        List<Rcpt> recipients = new ArrayList<>();
        int count = 0;
        while (json.nextToken() != JsonToken.END_ARRAY) {
            if (count == maxRecipients) {
                wrong(at, "more than " + maxRecipients + " recipients");
            }
            if (count >= maxRecipients) {
                skip(json);
            } else {
                charge(RECIPIENT);
                Rcpt recipient = recipient(json, at + "/" + count);
                if (recipient != null) {
                    recipients.add(recipient);
                }
            }
            count++;
        }
        if (count == 0) {
            wrong(at, "at least one recipient is needed");
        }
        return recipients;
    }

    private @Nullable Rcpt recipient(JsonParser json, String at) {
        if (!json.isExpectedStartObjectToken()) {
            mismatch(json, at, "an object");
            return null;
        }
        String email = null;
        String name = "";
        Map<String, @Nullable Object> substitutions = Map.of();
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String field = json.currentName();
            String inner = at + "/" + escaped(field);
            json.nextToken();
            switch (field) {
                case "email" -> email = text(json, inner);
                case "name" -> name = line(json, inner);
                case "substitutions" -> substitutions = values(json, inner);
                case "metadata" -> skip(json); // for policies of KumoMTA
                default -> unknown(json, inner, "email, name, substitutions, metadata");
            }
        }
        if (email == null) {
            wrong(at + "/email", "is missing");
            return null;
        }
        if (hasControls(email)) {
            wrong(at + "/email", "has a control character");
            return null;
        }
        if (email.length() > MAX_EMAIL) { // the answer says it three times
            wrong(at + "/email", "is longer than " + MAX_EMAIL + " characters");
            return null;
        }
        try {
            return new Rcpt(email, MailboxParser.parse(email, true), "", name, substitutions);
        } catch (AddressSyntaxException e) {
            return new Rcpt(email, null, String.valueOf(e.getMessage()), name, substitutions);
        }
    }

    private InjectionRequest.@Nullable Content content(JsonParser json, String at) {
        if (json.currentToken() == JsonToken.VALUE_STRING) {
            return new Raw(json.getString());
        }
        if (!json.isExpectedStartObjectToken()) {
            mismatch(json, at, "a text, the whole message, or an object, its parts");
            return null;
        }
        Person from = null;
        Person replyTo = null;
        String subject = null;
        String text = null;
        String html = null;
        String amp = null;
        Map<String, String> headers = Map.of();
        List<Attachment> attachments = List.of();
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String field = json.currentName();
            String inner = at + "/" + escaped(field);
            json.nextToken();
            boolean absent = json.currentToken() == JsonToken.VALUE_NULL;
            switch (field) {
                case "from" -> from = absent ? null : person(json, inner);
                case "reply_to" -> replyTo = absent ? null : person(json, inner);
                case "subject" -> subject = absent ? null : line(json, inner);
                case "text_body" -> text = absent ? null : text(json, inner);
                case "html_body" -> html = absent ? null : text(json, inner);
                case "amp_html_body" -> amp = absent ? null : text(json, inner);
                case "headers" -> headers = headers(json, inner);
                case "attachments" -> attachments = attachments(json, inner);
                default -> unknown(json, inner,
                        "from, reply_to, subject, text_body, html_body, amp_html_body, headers, attachments");
            }
        }
        if (text == null && html == null) {
            wrong(at, "text_body or html_body is needed");
        }
        return parts(at, new Parts(from, replyTo, subject, text, html, amp, headers, attachments));
    }

    private Parts parts(String at, Parts parts) {
        boolean hasFrom = false;
        Map<String, String> singles = new HashMap<>();
        for (String name : parts.headers().keySet()) {
            String inner = at + "/headers/" + escaped(name);
            String before = FieldKind.isGivenOnce(name)
                    ? singles.putIfAbsent(name.toLowerCase(Locale.ROOT), name)
                    : null;
            if (before != null) {
                wrong(inner, "may be there once, and is given as " + before + " already");
            }
            switch (name.toLowerCase(Locale.ROOT)) {
                case "mime-version", "content-type", "content-transfer-encoding", "content-disposition", "received",
                        "return-path", "bcc", "resent-bcc" ->
                    wrong(inner, "is made here or never sent; leave it out");
                case "from" -> {
                    hasFrom = true;
                    twice(parts.from() != null, inner, "from");
                }
                case "subject" -> twice(parts.subject() != null, inner, "subject");
                case "reply-to" -> twice(parts.replyTo() != null, inner, "reply_to");
                default -> {
                    // the client's own
                }
            }
        }
        if (parts.from() == null && !hasFrom) {
            wrong(at + "/from", "is missing");
        }
        return parts;
    }

    private void twice(boolean given, String at, String field) {
        if (given) {
            wrong(at, "is given by " + field + " already");
        }
    }

    private @Nullable Person person(JsonParser json, String at) {
        if (!json.isExpectedStartObjectToken()) {
            mismatch(json, at, "an object with email and name");
            return null;
        }
        String email = null;
        String name = "";
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String field = json.currentName();
            String inner = at + "/" + escaped(field);
            json.nextToken();
            switch (field) {
                case "email" -> email = line(json, inner);
                case "name" -> name = line(json, inner);
                default -> unknown(json, inner, "email, name");
            }
        }
        if (email == null) {
            wrong(at + "/email", "is missing");
            return null;
        }
        try {
            MailboxParser.parse(email, true);
        } catch (AddressSyntaxException e) {
            wrong(at + "/email", "not an address: " + e.getMessage());
        }
        return new Person(email, name);
    }

    private Map<String, String> headers(JsonParser json, String at) {
        Map<String, String> headers = new LinkedHashMap<>();
        if (!json.isExpectedStartObjectToken()) {
            mismatch(json, at, "an object of texts");
            return headers;
        }
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String name = json.currentName();
            String inner = at + "/" + escaped(name);
            json.nextToken();
            if (!FIELD_NAME.matcher(name).matches()) {
                wrong(inner, "not a name of a header field");
                skip(json);
            } else {
                charge(MEMBER + OBJECT);
                headers.put(name, line(json, inner));
            }
        }
        if (headers.size() > MAX_HEADERS) {
            wrong(at, "more than " + MAX_HEADERS + " header fields");
        }
        return headers;
    }

    private List<Attachment> attachments(JsonParser json, String at) {
        List<Attachment> attachments = new ArrayList<>();
        if (!json.isExpectedStartArrayToken()) {
            mismatch(json, at, "an array");
            return attachments;
        }
        for (int i = 0; json.nextToken() != JsonToken.END_ARRAY; i++) {
            if (i == MAX_ATTACHMENTS) {
                wrong(at, "more than " + MAX_ATTACHMENTS + " attachments");
            }
            charge(ATTACHMENT);
            Attachment attachment = attachment(json, at + "/" + i);
            if (attachment != null && i < MAX_ATTACHMENTS) {
                attachments.add(attachment);
            }
        }
        return attachments;
    }

    private @Nullable Attachment attachment(JsonParser json, String at) {
        if (!json.isExpectedStartObjectToken()) {
            mismatch(json, at, "an object");
            return null;
        }
        String type = null;
        String fileName = "";
        String contentId = "";
        boolean base64 = false;
        String data = null;
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String field = json.currentName();
            String inner = at + "/" + escaped(field);
            json.nextToken();
            boolean absent = json.currentToken() == JsonToken.VALUE_NULL;
            switch (field) {
                case "content_type" -> type = matching(line(json, inner), MEDIA_TYPE, inner, "a media type");
                case "file_name" -> fileName = absent ? "" : line(json, inner);
                case "content_id" -> contentId = absent
                        ? ""
                        : matching(line(json, inner), CONTENT_ID, inner, "a content id without angle brackets");
                case "base64" -> base64 = flag(json, inner);
                case "data" -> data = text(json, inner);
                default -> unknown(json, inner, "content_type, file_name, content_id, base64, data");
            }
        }
        if (type == null) {
            wrong(at + "/content_type", "is missing");
        }
        if (data == null) {
            wrong(at + "/data", "is missing");
        }
        if (type == null || data == null) {
            return null;
        }
        try {
            byte[] octets = base64 ? StrictBase64.decode(data) : data.getBytes(UTF_8);
            return new Attachment(type, fileName, contentId, new Octets(octets));
        } catch (IllegalArgumentException e) {
            wrong(at + "/data", "not in base64: " + e.getMessage());
            return null;
        }
    }

    private String matching(String text, Pattern pattern, String at, String expected) {
        if (!pattern.matcher(text).matches()) {
            wrong(at, "expected " + expected);
        }
        return text;
    }

    private boolean dialect(JsonParser json, String at) {
        String dialect = text(json, at);
        if (!dialect.equals("Jinja") && !dialect.equals("Static")) {
            wrong(at, "there is no dialect of this name here; allowed: \"Jinja\", \"Static\"");
        }
        return !dialect.equals("Static");
    }

    private boolean traceHeaders(JsonParser json, String at) {
        if (!json.isExpectedStartObjectToken()) {
            mismatch(json, at, "an object");
            return true;
        }
        boolean received = true;
        while (json.nextToken() != JsonToken.END_OBJECT) {
            String field = json.currentName();
            String inner = at + "/" + escaped(field);
            json.nextToken();
            switch (field) {
                case "received_header" -> received = flag(json, inner);
                // the trace of KumoMTA's own, which isn't made here
                case "supplemental_header", "header_name", "include_meta_names" -> skip(json);
                default ->
                    unknown(json, inner, "received_header, supplemental_header, header_name, include_meta_names");
            }
        }
        return received;
    }

    private @Nullable String key(JsonParser json, String at) {
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return null;
        }
        String key = text(json, at);
        if (!isKey(key)) {
            wrong(at, "an idempotency key is 1 to " + MAX_KEY + " printable characters");
        }
        return key;
    }

    /** Whether it can be an idempotency key. */
    static boolean isKey(String key) {
        return !key.isEmpty() && key.length() <= MAX_KEY && key.chars().allMatch(c -> c >= ' ' && c <= '~');
    }

    private boolean flag(JsonParser json, String at) {
        if (json.currentToken() == JsonToken.VALUE_TRUE || json.currentToken() == JsonToken.VALUE_FALSE) {
            return json.currentToken() == JsonToken.VALUE_TRUE;
        }
        mismatch(json, at, "true or false");
        return false;
    }

    private String text(JsonParser json, String at) {
        if (json.currentToken() == JsonToken.VALUE_STRING) {
            return json.getString();
        }
        mismatch(json, at, "a text");
        return "";
    }

    /** A text of one line, as header fields need it. */
    private String line(JsonParser json, String at) {
        String text = json.currentToken() == JsonToken.VALUE_NULL ? "" : text(json, at);
        if (hasControls(text)) {
            wrong(at, "has a line break or another control character");
        }
        return text;
    }

    static boolean hasControls(String text) {
        return text.chars().anyMatch(c -> c < ' ' && c != '\t' || c == 127);
    }

    private Map<String, @Nullable Object> values(JsonParser json, String at) {
        if (json.currentToken() == JsonToken.VALUE_NULL) {
            return Map.of();
        }
        if (!json.isExpectedStartObjectToken()) {
            mismatch(json, at, "an object");
            return Map.of();
        }
        return map(json, at);
    }

    private Map<String, @Nullable Object> map(JsonParser json, String at) {
        charge(VALUE);
        if (json.nextToken() == JsonToken.END_OBJECT) {
            return Collections.emptyMap(); // templates may ask it for null, which Map.of() minds
        }
        charge(OBJECT);
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        do {
            String name = json.currentName();
            charge(MEMBER + (long) name.length());
            json.nextToken();
            map.put(name, value(json, at, name));
        } while (json.nextToken() != JsonToken.END_OBJECT);
        return Collections.unmodifiableMap(map);
    }

    private @Nullable Object value(JsonParser json, String parent, String name) {
        charge(VALUE);
        return switch (json.currentToken()) {
            case VALUE_STRING -> json.getString();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            case VALUE_NUMBER_INT -> whole(json, parent, name);
            case VALUE_NUMBER_FLOAT -> fraction(json, parent, name);
            case START_OBJECT -> map(json, parent + "/" + escaped(name));
            case START_ARRAY -> {
                if (json.nextToken() == JsonToken.END_ARRAY) {
                    yield Collections.emptyList();
                }
                charge(LIST);
                String at = parent + "/" + escaped(name);
                List<@Nullable Object> list = new ArrayList<>();
                do {
                    list.add(value(json, at, String.valueOf(list.size())));
                } while (json.nextToken() != JsonToken.END_ARRAY);
                yield Collections.unmodifiableList(list);
            }
            default -> throw new IllegalStateException("a value can't begin with " + json.currentToken());
        };
    }

    private Object whole(JsonParser json, String parent, String name) {
        JsonParser.NumberType type = json.getNumberType();
        if (type == JsonParser.NumberType.INT || type == JsonParser.NumberType.LONG) {
            return json.getLongValue();
        }
        wrong(parent + "/" + escaped(name), "the number is too large; send it as a text");
        return 0L;
    }

    private Object fraction(JsonParser json, String parent, String name) {
        double number = Double.parseDouble(json.getString());
        if (Double.isInfinite(number)) {
            wrong(parent + "/" + escaped(name), "the number is too large; send it as a text");
        }
        return number;
    }

    /** Reads to the end of a value that isn't kept; names are, by the parser, while their object is read. */
    private void skip(JsonParser json) {
        int depth = 0;
        JsonToken token = json.currentToken();
        while (true) {
            if (token.isStructStart()) {
                depth++;
                charge(LIST);
            } else if (token.isStructEnd()) {
                depth--;
            } else if (token == JsonToken.PROPERTY_NAME) {
                charge(MEMBER + (long) json.currentName().length());
            }
            if (depth == 0) {
                return;
            }
            token = json.nextToken();
        }
    }

    private void unknown(JsonParser json, String at, String allowed) {
        wrong(at, "unknown field; allowed here: " + allowed);
        skip(json);
    }

    private void mismatch(JsonParser json, String at, String expected) {
        wrong(at, "expected " + expected + ", found " + switch (json.currentToken()) {
            case START_OBJECT -> "an object";
            case START_ARRAY -> "an array";
            case VALUE_STRING -> "a text";
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
            case VALUE_TRUE, VALUE_FALSE -> "true or false";
            case VALUE_NULL -> "null";
            default -> "something else";
        });
        skip(json);
    }

    /** RFC 6901 3. */
    static String escaped(String name) {
        return name.indexOf('~') < 0 && name.indexOf('/') < 0 ? name : name.replace("~", "~0").replace("/", "~1");
    }
}
