package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;

import dev.penstock.http.Answer;
import dev.penstock.http.HttpExchange;
import dev.penstock.http.HttpRoute;
import dev.penstock.http.Problem;

/**
 * The web console as it lies in the jar, below {@link #ROOT}: its sources are in {@code gateway/console}, what they use of
 * others comes from Maven. They say nothing of this gateway, so anybody who reaches the port may have them. Thread-safe.
 */
public final class ConsoleFiles implements HttpRoute.Handler {
    public static final String ROOT = "/console/";
    private static final String RESOURCES = "/console/";
    private static final String FRAME = "index.html";
    /** No name is of dots alone, so no way out of the directory; none of these is a page's path. */
    private static final Pattern FILE = Pattern
            .compile("((lib|pages)/([\\w-]+/)*)?[\\w-]+(\\.[\\w-]+)*\\.(html|js|css|svg)");
    /** A page, and perhaps what it is about: a domain, a message. */
    private static final Pattern PAGE = Pattern.compile("(?!(lib|pages)/)([a-z]+(/[^/]*)?)?");
    /** Only what came with this page is run, shown and asked; no other page frames it; text never becomes a script. */
    private static final String POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            + "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
            + "require-trusted-types-for 'script'; trusted-types lit-html";
    private static final int NOT_MODIFIED = 304; // RFC 9110 15.4.5
    private static final int PERMANENT_REDIRECT = 308; // RFC 9110 15.4.9
    private static final int TAG_OCTETS = 12;

    private static final Map<String, String> GUARDS = Map.of("Content-Security-Policy", POLICY,
            "X-Content-Type-Options", "nosniff", "Referrer-Policy", "same-origin", "Cross-Origin-Opener-Policy",
            "same-origin");

    /** As long as the process: there are a few dozen. */
    private final Map<String, File> files = new ConcurrentHashMap<>();

    private record File(Answer answer, String tag) {}

    /** Where who leaves the slash out is sent. */
    public static HttpRoute withoutSlash() {
        return new HttpRoute(HttpMethod.GET, "/console", exchange -> exchange.refuse(
                Answer.text(PERMANENT_REDIRECT, "text/plain; charset=utf-8", "")
                        .with(HttpHeaderNames.LOCATION.toString(), ROOT)));
    }

    @Override
    public Publisher<Void> handle(HttpExchange exchange) {
        if (!exchange.method().equals(HttpMethod.GET) && !exchange.method().equals(HttpMethod.HEAD)) {
            return exchange.refuse(Problem.of(Problem.Kind.METHOD_NOT_ALLOWED, "allowed here: GET, HEAD")
                    .with(HttpHeaderNames.ALLOW.toString(), "GET, HEAD").answer());
        }
        String path = exchange.path().substring(ROOT.length());
        String name = PAGE.matcher(path).matches() ? FRAME : path; // which page it is the frame knows
        File known = files.get(name);
        return known == null
                ? Mono.fromFuture(read(name)).flatMap(file -> Mono.from(answer(exchange, file)))
                        .onErrorResume(Problem.class, problem -> Mono.from(exchange.refuse(problem.answer())))
                : answer(exchange, known);
    }

    private static Publisher<Void> answer(HttpExchange exchange, File file) {
        return exchange.refuse(exchange.field(HttpHeaderNames.IF_NONE_MATCH).equals(file.tag)
                ? new Answer(NOT_MODIFIED, file.answer.contentType(), file.answer.headers(),
                        new Answer.Body(new byte[0]))
                : file.answer);
    }

    private CompletableFuture<File> read(String name) {
        CompletableFuture<File> result = new CompletableFuture<>();
        Thread.ofVirtual().name("console-file").start(() -> {
            try {
                result.complete(files.computeIfAbsent(name, ConsoleFiles::file));
            } catch (Throwable e) {
                result.completeExceptionally(e);
            }
        });
        return result;
    }

    private static File file(String name) {
        byte[] octets = FILE.matcher(name).matches() ? octets(name) : null;
        if (octets == null) {
            throw Problem.of(Problem.Kind.NOT_FOUND, "there is no " + ROOT + name);
        }
        String tag = "\"" + hash(octets) + "\"";
        Answer answer = new Answer(Answer.OK, type(name), GUARDS, new Answer.Body(octets))
                .with(HttpHeaderNames.ETAG.toString(), tag)
                .with(HttpHeaderNames.CACHE_CONTROL.toString(), "no-cache"); // asked each time whether it is still so
        return new File(answer, tag);
    }

    /** A page that a browser shows without the frame, guarded as the frame is. */
    static Answer page(int status, String html) {
        return new Answer(status, type(FRAME), GUARDS, new Answer.Body(html.getBytes(UTF_8)));
    }

    private static byte @Nullable [] octets(String name) {
        try (InputStream in = ConsoleFiles.class.getResourceAsStream(RESOURCES + name)) {
            return in == null ? null : in.readAllBytes();
        } catch (IOException e) {
            throw Problem.of(Problem.Kind.INTERNAL, name + " can't be read: " + e.getMessage());
        }
    }

    private static String hash(byte[] octets) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(octets), 0, TAG_OCTETS);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    private static String type(String name) {
        return switch (name.substring(name.lastIndexOf('.') + 1)) {
            case "js" -> "text/javascript; charset=utf-8";
            case "css" -> "text/css; charset=utf-8";
            case "svg" -> "image/svg+xml";
            default -> "text/html; charset=utf-8";
        };
    }
}
