package dev.penstock.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLSession;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.netty.http.server.HttpServerRequest;
import reactor.netty.http.server.HttpServerResponse;

import dev.penstock.tls.ServerTls;

/**
 * A request and its one answer, given by exactly one of {@link #send}, {@link #refuse} and {@link #answer}; nothing is
 * sent before what these return is subscribed to. What it tells of the request may be read on any thread.
 */
public final class HttpExchange {
    /** What a client that isn't listening yet may go on sending before the connection is closed on it. */
    private static final Duration DISCARD_TIME = Duration.ofSeconds(2);

    private final HttpServerRequest request;
    private final HttpServerResponse response;
    private final String path;

    HttpExchange(HttpServerRequest request, HttpServerResponse response) {
        this.request = request;
        this.response = response;
        this.path = RequestPath.of(request.uri());
    }

    public HttpMethod method() {
        return request.method();
    }

    /** As {@link RequestPath} has it. */
    public String path() {
        return path;
    }

    /** What stands behind the question mark of the request's target, as it was written; empty for nothing. */
    public String query() {
        String target = request.uri();
        int from = target.indexOf('?');
        int to = target.indexOf('#');
        return from < 0 || to >= 0 && to < from ? "" : target.substring(from + 1, to < 0 ? target.length() : to);
    }

    /** Whether it came over a Unix socket: who connects to one has the right to. */
    public boolean isOverUnixSocket() {
        return UnixSockets.isOne(channel().localAddress());
    }

    /** The user at the other end of a Unix socket; empty when the system doesn't say, and over TCP. */
    public Optional<String> peer() {
        return UnixPeer.of(channel());
    }

    /** The certificate that the client has shown and that is good by the authorities of {@code server}; null for none. */
    public @Nullable X509Certificate clientCertificate(ServerTls server) {
        SslHandler handler = sslHandler();
        return handler == null ? null : server.session(handler).client();
    }

    /** The first header field of that name, in any letter case; empty when there is none. */
    public String field(CharSequence name) {
        return request.requestHeaders().get(name, "");
    }

    /** As {@link #field}, but null when there is none. */
    public @Nullable String fieldOrNull(CharSequence name) {
        return request.requestHeaders().get(name);
    }

    /** @throws Problem when the client has gone */
    public InetSocketAddress client() {
        InetSocketAddress remote = request.remoteAddress();
        if (remote == null) {
            throw Problem.of(Problem.Kind.INTERNAL, "the client is gone");
        }
        return remote;
    }

    /** The client, as lines of the log have it; also when it has gone. */
    public String from() {
        return "from " + request.remoteAddress();
    }

    /** Our address and port; empty when the client has gone. */
    public String local() {
        InetSocketAddress address = request.hostAddress();
        return address == null ? "" : NetUtil.toSocketAddressString(address);
    }

    /** Null in clear. */
    public @Nullable SSLSession tls() {
        SslHandler handler = sslHandler();
        return handler == null ? null : handler.engine().getSession();
    }

    private @Nullable SslHandler sslHandler() {
        Channel channel = channel();
        SslHandler handler = channel.pipeline().get(SslHandler.class);
        if (handler == null && channel.parent() != null) {
            handler = channel.parent().pipeline().get(SslHandler.class);
        }
        return handler;
    }

    Channel channel() {
        Channel[] found = new Channel[1];
        request.withConnection(connection -> found[0] = connection.channel());
        return found[0];
    }

    /** Octets that the body has by its header section; 0 when that doesn't say. */
    public long declaredOctets() {
        try {
            return Long.parseLong(request.requestHeaders().get(HttpHeaderNames.CONTENT_LENGTH, "0").strip());
        } catch (NumberFormatException _) {
            return 0; // Netty has refused it
        }
    }

    /** Whether a body comes with it, by its header section. */
    public boolean hasBody() {
        return request.requestHeaders().contains(HttpHeaderNames.TRANSFER_ENCODING) || declaredOctets() > 0;
    }

    /** Asks the client for the body. Once for each exchange. */
    public void receive(BodyStream body) {
        request.receive().subscribe(body);
    }

    /** To a request whose body nobody asks for. The connection stays. */
    public Publisher<Void> send(Answer answer) {
        answer.headers().forEach(response::header);
        if (!answer.headers().containsKey(HttpHeaderNames.CACHE_CONTROL.toString())) {
            response.header(HttpHeaderNames.CACHE_CONTROL, "no-store");
        }
        response.status(HttpResponseStatus.valueOf(answer.status()));
        if (answer.status() == HttpResponseStatus.NOT_MODIFIED.code()) {
            return response.send(); // its length would be that of what the client has (RFC 9110 8.6)
        }
        return response.header(HttpHeaderNames.CONTENT_TYPE, answer.contentType())
                .header(HttpHeaderNames.CONTENT_LENGTH, String.valueOf(answer.body().octets().length))
                .sendByteArray(Mono.just(answer.body().octets()));
    }

    /**
     * To a request whose body nobody asks for: 200 and each part as it comes, until there are no more or the client is
     * gone, which cancels.
     */
    public Publisher<Void> stream(String contentType, Publisher<String> parts) {
        return response.status(HttpResponseStatus.OK)
                .header(HttpHeaderNames.CONTENT_TYPE, contentType)
                .header(HttpHeaderNames.CACHE_CONTROL, "no-store")
                .send(Flux.from(parts).map(part -> Unpooled.wrappedBuffer(part.getBytes(UTF_8))), _ -> true);
    }

    /** To a request whose body was not asked for, and will not be. A client that sends one all the same gets to reading. */
    public Publisher<Void> refuse(Answer answer) {
        if (!hasBody()) {
            return send(answer);
        }
        if (request.requestHeaders().contains(HttpHeaderNames.EXPECT)) { // it waits, and will not send
            return sendLast(answer);
        }
        BodyStream body = new BodyStream(0);
        receive(body);
        return discard(answer, body);
    }

    /** To a request whose body was asked for and may not have come to its end: then the connection ends with this. */
    public Publisher<Void> answer(Answer answer, BodyStream body) {
        return body.isComplete() ? send(answer) : discard(answer, body);
    }

    /** The client may still be sending: it is listened to for a while, so that it gets to reading. */
    private Publisher<Void> discard(Answer answer, BodyStream body) {
        body.discard();
        return Mono.firstWithSignal(body.ended(), Mono.delay(DISCARD_TIME).then())
                .then(Mono.defer(() -> Mono.from(sendLast(answer))));
    }

    private Publisher<Void> sendLast(Answer answer) {
        response.keepAlive(false);
        return send(answer);
    }
}
