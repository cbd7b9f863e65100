package dev.penstock.mime;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

import org.apache.james.mime4j.MimeException;
import org.apache.james.mime4j.stream.NameValuePair;
import org.apache.james.mime4j.stream.RawBody;
import org.apache.james.mime4j.stream.RawField;
import org.apache.james.mime4j.stream.RawFieldParser;
import org.apache.james.mime4j.util.ByteArrayBuffer;
import org.apache.james.mime4j.util.MimeParameterMapping;
import org.jspecify.annotations.Nullable;

/** The header fields of one entity that say what its body is, as they come in. Confined to its walk. */
final class MimeHeader {
    /** More than any Content-Type with sense; Postfix's header_size_limit is for all of it. */
    static final int MAX_FIELD = 16 << 10;
    /** RFC 2046 5.1.1 allows 70. */
    static final int MAX_BOUNDARY = 200;
    /** As Postfix's mime_nesting_limit. */
    static final int MAX_DEPTH = 100;

    /** What a field is of. */
    enum Field {
        OTHER,
        TYPE,
        ENCODING,
        VERSION,
        SIGNATURE;

        private static Field of(String name) {
            return switch (name) {
                case "content-type" -> TYPE;
                case "content-transfer-encoding" -> ENCODING;
                case "mime-version" -> VERSION;
                case "dkim-signature", "domainkey-signature", "arc-seal", "arc-message-signature" -> SIGNATURE;
                default -> OTHER;
            };
        }
    }

    private final Entity entity;
    /** The body of the type's field, or of the encoding's; the first of several counts. */
    private final ByteArrayOutputStream text = new ByteArrayOutputStream(128);
    private Field field = Field.OTHER;
    private boolean begun;
    private boolean keeps;
    private boolean overlong;
    private @Nullable String type;
    private @Nullable String encoding;

    MimeHeader(Entity entity) {
        this.entity = entity;
    }

    /**
     * The first piece of a line.
     *
     * @return null when this is no line of a header
     */
    @Nullable
    Field line(byte[] bytes, int length) {
        if (length > 0 && (bytes[0] == ' ' || bytes[0] == '\t')) {
            return begun ? more(bytes, length) : null;
        }
        String name = name(bytes, length);
        if (name == null) {
            return null;
        }
        end();
        begun = true;
        field = Field.of(name);
        keeps = false;
        switch (field) {
            case TYPE -> {
                keeps = !entity.hasType;
                entity.hasType = true;
            }
            case ENCODING -> {
                keeps = !entity.hasEncoding;
                entity.hasEncoding = true;
            }
            case VERSION -> entity.hasVersion = true;
            case SIGNATURE -> {
                if (entity.isMessage) {
                    entity.signature = name.startsWith("arc") ? "ARC seal" : "DKIM signature";
                }
            }
            case OTHER -> {
            }
        }
        return more(bytes, length);
    }

    /** More of a line, or a further line of the field. */
    Field more(byte[] bytes, int length) {
        if (keeps) {
            if (text.size() + length > MAX_FIELD) {
                overlong = true;
            } else {
                text.write(bytes, 0, length);
            }
        }
        return field;
    }

    private static @Nullable String name(byte[] bytes, int length) {
        int end = 0;
        while (end < length && bytes[end] > ' ' && bytes[end] < 127 && bytes[end] != ':') {
            end++;
        }
        int colon = end;
        while (colon < length && (bytes[colon] == ' ' || bytes[colon] == '\t')) { // RFC 5322 4.5.8
            colon++;
        }
        return end > 0 && colon < length && bytes[colon] == ':'
                ? new String(bytes, 0, end, StandardCharsets.US_ASCII).toLowerCase(Locale.ROOT)
                : null;
    }

    private void end() {
        if (keeps) {
            String whole = text.toString(StandardCharsets.ISO_8859_1);
            if (field == Field.TYPE) {
                type = whole;
            } else {
                encoding = whole;
            }
            text.reset();
            keeps = false;
        }
    }

    /**
     * The header has ended: says what the body is.
     *
     * @param separated whether by an empty line
     */
    void close(boolean separated) {
        end();
        entity.body = body(separated);
    }

    private Entity.Body body(boolean separated) {
        if (overlong || !separated) {
            return new Entity.Body.Fixed("a header is broken");
        }
        if (entity.depth > MAX_DEPTH) {
            return new Entity.Body.Fixed("its parts are nested too deep");
        }
        String coding = encoding == null ? "" : token(encoding);
        boolean identity = coding.isEmpty() || coding.equals("7bit") || coding.equals("8bit")
                || coding.equals("binary");
        RawBody parsed = type == null ? null : parse(type);
        String media = media(parsed);
        if (!identity) {
            return new Entity.Body.Fixed("a part with 8-bit octets is encoded as " + coding.replaceAll("[^ -~]", "?"));
        }
        if (media.startsWith("multipart/")) {
            if (media.equals("multipart/signed")) {
                entity.signature = "signature";
            }
            String boundary = parsed == null ? null : parameter(parsed, "boundary");
            return boundary == null || boundary.isEmpty() || boundary.length() > MAX_BOUNDARY || !isAscii(boundary)
                    ? new Entity.Body.Fixed("a multipart has no boundary")
                    : new Entity.Body.Multipart(boundary.stripTrailing(), media.equals("multipart/digest"));
        }
        if (media.equals("message/rfc822")) {
            return new Entity.Body.Message();
        }
        if (media.startsWith("message/") && !media.startsWith("message/global")) { // RFC 2045 6.4, RFC 6532 3.7
            return new Entity.Body.Fixed("a part of type " + media.replaceAll("[^ -~]", "?") + " may not be encoded");
        }
        return media.startsWith("text/") ? new Entity.Body.Text() : new Entity.Body.Other();
    }

    private String media(@Nullable RawBody parsed) {
        String value = parsed == null ? "" : parsed.getValue();
        int slash = value == null ? -1 : value.indexOf('/');
        if (value == null || slash <= 0 || slash == value.length() - 1) { // RFC 2045 5.2, RFC 2046 5.1.5
            Entity parent = entity.parent;
            return type == null && parent != null && parent.body instanceof Entity.Body.Multipart(_, boolean digest)
                    && digest ? "message/rfc822" : "text/plain";
        }
        return value.strip().toLowerCase(Locale.ROOT);
    }

    private static @Nullable RawBody parse(String field) {
        try {
            byte[] octets = field.getBytes(StandardCharsets.ISO_8859_1);
            RawField raw = RawFieldParser.DEFAULT.parseField(new ByteArrayBuffer(octets, octets.length, true));
            return RawFieldParser.DEFAULT.parseRawBody(raw);
        } catch (MimeException _) {
            return null;
        }
    }

    private static String token(String field) {
        RawBody parsed = parse(field);
        String value = parsed == null ? null : parsed.getValue();
        return value == null ? "" : value.strip().toLowerCase(Locale.ROOT);
    }

    /** With the forms of RFC 2231. */
    private static @Nullable String parameter(RawBody body, String name) {
        MimeParameterMapping parameters = new MimeParameterMapping();
        for (NameValuePair each : body.getParams()) {
            parameters.addParameter(each.getName(), each.getValue());
        }
        return parameters.get(name);
    }

    private static boolean isAscii(String text) {
        return text.chars().allMatch(c -> c >= ' ' && c < 127);
    }
}
