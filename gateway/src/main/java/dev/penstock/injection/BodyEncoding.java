package dev.penstock.injection;

import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.InflaterInputStream;

import io.netty.handler.codec.http.HttpHeaderNames;

import dev.penstock.http.HttpExchange;
import dev.penstock.http.Problem;

/** How a request's JSON is compressed (RFC 9110 8.4.1). */
enum BodyEncoding {
    NONE, GZIP, DEFLATE;

    private static final int BUFFER = 8192; // octets

    /** @throws Problem when a body comes in no form that is taken */
    static BodyEncoding of(HttpExchange exchange) {
        String type = exchange.field(HttpHeaderNames.CONTENT_TYPE).toLowerCase(Locale.ROOT)
                .replace(" ", "").replace("\"", "");
        if (!type.equals("application/json") && !type.equals("application/json;charset=utf-8")) {
            throw Problem.of(Problem.Kind.MEDIA_TYPE, "Content-Type must be application/json, in UTF-8");
        }
        return switch (exchange.field(HttpHeaderNames.CONTENT_ENCODING).toLowerCase(Locale.ROOT).strip()) {
            case "", "identity" -> NONE;
            case "gzip", "x-gzip" -> GZIP;
            case "deflate" -> DEFLATE;
            default -> throw Problem.of(Problem.Kind.MEDIA_TYPE, "Content-Encoding must be gzip, deflate or none")
                    .with("Accept-Encoding", "gzip, deflate"); // RFC 9110 15.5.16
        };
    }

    InputStream decompressed(InputStream body) throws IOException {
        return switch (this) {
            case NONE -> body;
            case GZIP -> new GZIPInputStream(body, BUFFER);
            case DEFLATE -> new InflaterInputStream(body);
        };
    }
}
