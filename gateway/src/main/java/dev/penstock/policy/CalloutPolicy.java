package dev.penstock.policy;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

import dev.penstock.auth.Identity;
import dev.penstock.callout.HttpCallout;
import dev.penstock.config.PolicyConfig.Callout;
import dev.penstock.config.PolicyConfig.Event;
import dev.penstock.config.PolicyConfig.OnFailure;
import dev.penstock.message.Recipient;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.smtp.EnhancedStatus;
import dev.penstock.smtp.Reply;
import dev.penstock.units.MailClass;

/**
 * Asks an HTTP server, one JSON object for each question, and reads its decision. Thread-safe. The shapes are in
 * {@code docs/policy.md}; what isn't of that shape is no answer.
 */
final class CalloutPolicy implements Adviser {
    private static final int OK = 200;
    private static final int INITIAL_BODY = 512; // octets, enough for most
    private static final Reply REJECTED = Reply.of(550, "5.7.1", "Rejected by policy");
    private static final Reply DEFERRED = Reply.of(451, "4.7.1", "Deferred by policy, please try again later");
    private static final int MAX_TEXT = 400; // characters, so that the reply's line stays below RFC 5321 4.5.3.1.5's 512

    private final Callout config;
    private final HttpCallout http;
    private final JsonFactory json = new JsonFactory();

    CalloutPolicy(Callout config) {
        this.config = config;
        this.http = new HttpCallout(config.http());
    }

    Callout config() {
        return config;
    }

    int inFlight() {
        return http.inFlight();
    }

    @Override
    public String name() {
        return "callout";
    }

    @Override
    public boolean wants(Event event) {
        return config.events().contains(event);
    }

    @Override
    public OnFailure onFailure() {
        return config.onFailure();
    }

    @Override
    public CompletableFuture<Decision> ask(Question question) {
        return http.post(encode(question)).thenApply(answer -> {
            if (answer.status() != OK) {
                throw new NoAnswerException("HTTP status " + answer.status());
            }
            return decode(answer.body());
        });
    }

    void retire() {
        http.retire();
    }

    void close() {
        http.close();
    }

    byte[] encode(Question question) {
        ByteArrayOutputStream body = new ByteArrayOutputStream(INITIAL_BODY);
        try (JsonGenerator out = json.createGenerator(ObjectWriteContext.empty(), body)) {
            out.writeStartObject();
            out.writeStringProperty("event", question.event().name().toLowerCase(Locale.ROOT));
            client(out, question.client());
            switch (question) {
                case Question.Connect _ -> names(out, question.client().tenant(), question.client().campaign());
                case Question.Mail(var client, var sender, _, long size) -> {
                    names(out, client.tenant(), client.campaign());
                    out.writeStringProperty("sender", sender);
                    out.writeNumberProperty("size", size);
                }
                case Question.Rcpt(var client, var sender, _, Recipient recipient) -> {
                    names(out, client.tenant(), client.campaign());
                    out.writeStringProperty("sender", sender);
                    out.writeStringProperty("recipient", recipient.address());
                }
                case Question.Message message -> {
                    names(out, message.tenant(), message.campaign());
                    message(out, message);
                }
            }
            out.writeEndObject();
        }
        return body.toByteArray();
    }

    private static void names(JsonGenerator out, String tenant, String campaign) {
        out.writeStringProperty("tenant", tenant);
        out.writeStringProperty("campaign", campaign);
    }

    private static void client(JsonGenerator out, Client client) {
        out.writeObjectPropertyStart("client");
        out.writeStringProperty("session", client.sessionId());
        out.writeStringProperty("listener", client.listener());
        out.writeStringProperty("address", client.address().getAddress().getHostAddress());
        out.writeNumberProperty("port", client.address().getPort());
        out.writeStringProperty("helo", client.helo());
        out.writeStringProperty("protocol", client.protocol());
        out.writeStringProperty("tls", client.tls());
        Identity identity = client.identity();
        out.writeStringProperty("identity", identity == null ? "" : identity.name());
        out.writeBooleanProperty("relay_network", client.relayNetwork());
        out.writeEndObject();
    }

    private void message(JsonGenerator out, Question.Message message) {
        out.writeStringProperty("sender", message.sender());
        out.writeNumberProperty("size", message.size());
        out.writeArrayPropertyStart("recipients");
        message.recipients().forEach(recipient -> out.writeString(recipient.address()));
        out.writeEndArray();
        out.writeArrayPropertyStart("headers");
        for (HeaderField field : message.header()) {
            if (config.headers().contains(field.name().toLowerCase(Locale.ROOT))) {
                out.writeStartArray();
                out.writeString(field.name());
                out.writeString(field.value());
                out.writeEndArray();
            }
        }
        out.writeEndArray();
    }

    /** @throws NoAnswerException when it isn't of the shape that is expected */
    Decision decode(String body) {
        try (JsonParser in = json.createParser(ObjectReadContext.empty(), body)) {
            Fields fields = new Fields();
            expect(in.nextToken(), JsonToken.START_OBJECT, "an object");
            while (in.nextToken() != JsonToken.END_OBJECT) {
                String name = in.currentName();
                in.nextToken();
                fields.read(name, in);
            }
            if (in.nextToken() != null) {
                throw new NoAnswerException("something follows the object");
            }
            return fields.decision();
        } catch (JacksonException e) {
            throw new NoAnswerException("no JSON: " + e.getOriginalMessage());
        }
    }

    private static void expect(@Nullable JsonToken found, JsonToken expected, String what) {
        if (found != expected) {
            throw new NoAnswerException("expected " + what);
        }
    }

    /** The answer's fields as they come. Confined to one answer. */
    private static final class Fields {
        private String action = "";
        private int code;
        private @Nullable EnhancedStatus enhanced;
        private String text = "";
        private @Nullable String tenant;
        private @Nullable String campaign;
        private @Nullable String pool;
        private @Nullable MailClass mailClass;
        private List<HeaderField> addHeaders = List.of();
        private List<String> removeHeaders = List.of();

        void read(String name, JsonParser in) {
            if (in.currentToken() == JsonToken.VALUE_NULL) {
                return; // as good as left out
            }
            switch (name) {
                case "action" -> action = string(name, in);
                case "code" -> {
                    expect(in.currentToken(), JsonToken.VALUE_NUMBER_INT, "a whole number as code");
                    code = in.getIntValue();
                }
                case "enhanced" -> {
                    enhanced = EnhancedStatus.parse(string(name, in));
                    if (enhanced == null) {
                        throw new NoAnswerException("enhanced is no enhanced status code");
                    }
                }
                case "text" -> text = string(name, in);
                case "tenant" -> tenant = string(name, in);
                case "campaign" -> campaign = string(name, in);
                case "pool" -> pool = string(name, in);
                case "mail_class" -> {
                    mailClass = MailClass.of(string(name, in));
                    if (mailClass == null) {
                        throw new NoAnswerException("mail_class isn't transactional or bulk");
                    }
                }
                case "add_headers" -> addHeaders = headers(in);
                case "remove_headers" -> removeHeaders = names(in);
                default -> throw new NoAnswerException("unknown field " + name);
            }
        }

        private static String string(String name, JsonParser in) {
            expect(in.currentToken(), JsonToken.VALUE_STRING, "a text as " + name);
            return in.getString();
        }

        /** Pairs of name and value, as they are told to the server. */
        private static List<HeaderField> headers(JsonParser in) {
            String what = "add_headers to be an array of [name, value]";
            List<HeaderField> headers = new ArrayList<>();
            expect(in.currentToken(), JsonToken.START_ARRAY, what);
            while (in.nextToken() != JsonToken.END_ARRAY) {
                expect(in.currentToken(), JsonToken.START_ARRAY, what);
                expect(in.nextToken(), JsonToken.VALUE_STRING, what);
                String name = in.getString();
                expect(in.nextToken(), JsonToken.VALUE_STRING, what);
                headers.add(new HeaderField(name, in.getString()));
                expect(in.nextToken(), JsonToken.END_ARRAY, what);
            }
            return headers;
        }

        private static List<String> names(JsonParser in) {
            String what = "remove_headers to be an array of names";
            List<String> names = new ArrayList<>();
            expect(in.currentToken(), JsonToken.START_ARRAY, what);
            while (in.nextToken() != JsonToken.END_ARRAY) {
                expect(in.currentToken(), JsonToken.VALUE_STRING, what);
                names.add(in.getString());
            }
            return names;
        }

        Decision decision() {
            return switch (action) {
                case "accept" -> {
                    if (code != 0 || enhanced != null || !text.isEmpty()) {
                        throw new NoAnswerException("a reply doesn't go with accept");
                    }
                    yield tenant == null && campaign == null && pool == null && mailClass == null
                            && addHeaders.isEmpty() && removeHeaders.isEmpty()
                                    ? Decision.ACCEPT
                                    : new Decision.Accept(tenant, campaign, addHeaders, removeHeaders, pool)
                                            .of(mailClass);
                }
                case "reject" -> refuse(REJECTED);
                case "defer" -> refuse(DEFERRED);
                default -> throw new NoAnswerException("action isn't accept, reject or defer");
            };
        }

        /** @param usual for what wasn't told */
        private Decision refuse(Reply usual) {
            int klass = usual.code() / 100;
            EnhancedStatus status = enhanced == null ? usual.status() : enhanced;
            if (code != 0 && code / 100 != klass || status != null && status.klass() != klass) {
                throw new NoAnswerException("code or enhanced isn't " + klass + "xx with " + action);
            }
            return new Decision.Refuse(new Reply(code == 0 ? usual.code() : code, status,
                    List.of(text.isEmpty() ? usual.text() : line(text))));
        }

        /** RFC 6531 3.7.4.2: only clients that use SMTPUTF8 may be told more than ASCII. */
        private static String line(String text) {
            return text.codePoints().limit(MAX_TEXT).map(c -> c >= ' ' && c < 127 ? c : '?')
                    .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
        }
    }

    /** What came is no answer. Has no stack trace: what it tells is about the server. */
    static final class NoAnswerException extends RuntimeException {
        NoAnswerException(String message) {
            super(message, null, false, false);
        }
    }
}
