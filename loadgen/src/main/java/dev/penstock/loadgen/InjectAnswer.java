package dev.penstock.loadgen;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * The answer to one request. Immutable.
 *
 * @param status     of HTTP
 * @param persistent whether the connection may be used again
 * @param recipients in the order of the request; empty when the request was refused as a whole
 * @param text       of an answer that isn't 200
 */
record InjectAnswer(int status, boolean persistent, List<Recipient> recipients, String text) {
    private static final JsonFactory JSON = new JsonFactory();
    private static final int LONGEST_LINE = 8 << 10;
    private static final int LONGEST_BODY = 64 << 20;
    private static final int SHOWN = 200;

    /**
     * What became of one.
     *
     * @param code 0 when accepted, else the SMTP reply that refused
     */
    record Recipient(int code, String text) {}

    private static final int NO_CODE = 1; // refused, and not told by which reply
    private static final Recipient ACCEPTED = new Recipient(0, "");

    InjectAnswer {
        recipients = List.copyOf(recipients);
    }

    /** Reads one answer with a Content-Length from a buffered stream. */
    static InjectAnswer read(InputStream in) throws IOException {
        String line = line(in);
        String[] words = line.split(" ", 3);
        if (words.length < 2 || !words[0].startsWith("HTTP/1.1")) {
            throw new IOException("not an answer: " + line);
        }
        int length = 0;
        boolean persistent = true;
        for (String field = line(in); !field.isEmpty(); field = line(in)) {
            String lower = field.toLowerCase(Locale.ROOT);
            if (lower.startsWith("content-length:")) {
                length = number(lower.substring("content-length:".length()));
            } else if (lower.startsWith("connection:") && lower.contains("close")) {
                persistent = false;
            }
        }
        byte[] body = in.readNBytes(length);
        if (body.length < length) {
            throw new EOFException("the answer is cut off");
        }
        int status = number(words[1]);
        String text = new String(body, 0, Math.min(body.length, SHOWN), ISO_8859_1);
        return new InjectAnswer(status, persistent, status == 200 ? recipients(body) : List.of(),
                status + " " + text);
    }

    private static int number(String text) throws IOException {
        try {
            int number = Integer.parseInt(text.strip());
            if (number >= 0 && number <= LONGEST_BODY) {
                return number;
            }
        } catch (NumberFormatException _) {
            // said below
        }
        throw new IOException("not a number that can be: " + text);
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder(64);
        for (int b = in.read(); b != '\n'; b = in.read()) {
            if (b < 0 || line.length() > LONGEST_LINE) {
                throw new EOFException("the connection ended");
            }
            if (b != '\r') {
                line.append((char) b);
            }
        }
        return line.toString();
    }

    private static List<Recipient> recipients(byte[] body) throws IOException {
        List<Recipient> recipients = new ArrayList<>();
        try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), body)) {
            while (json.nextToken() != null) {
                if (json.currentToken() == JsonToken.START_ARRAY && "recipients".equals(json.currentName())) {
                    while (json.nextToken() == JsonToken.START_OBJECT) {
                        recipients.add(recipient(json));
                    }
                }
            }
        } catch (JacksonException e) {
            throw new IOException("the answer isn't JSON", e);
        }
        return recipients;
    }

    private static Recipient recipient(JsonParser json) {
        boolean accepted = false;
        int code = 0;
        String text = "";
        for (int depth = 1; depth > 0;) {
            switch (json.nextToken()) {
                case START_OBJECT -> depth++;
                case END_OBJECT -> depth--;
                case VALUE_STRING -> {
                    accepted |= "status".equals(json.currentName()) && "accepted".equals(json.getString());
                    text = "text".equals(json.currentName()) ? json.getString() : text;
                }
                case VALUE_NUMBER_INT -> code = json.getIntValue();
                case null, default -> {
                    if (json.currentToken() == null) {
                        depth = 0;
                    }
                }
            }
        }
        return accepted ? ACCEPTED : new Recipient(code == 0 ? NO_CODE : code, code + " " + text);
    }
}
