package dev.penstock.http;

import java.net.InetSocketAddress;
import java.time.Duration;
import javax.net.ssl.SSLSession;

import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import reactor.core.publisher.Mono;
import reactor.netty.http.server.HttpServerRequest;
import reactor.netty.http.server.HttpServerResponse;

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
        Channel channel = channel();
        SslHandler handler = channel.pipeline().get(SslHandler.class);
        if (handler == null && channel.parent() != null) {
            handler = channel.parent().pipeline().get(SslHandler.class);
        }
        return handler == null ? null : handler.engine().getSession();
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

    private boolean hasBody() {
        return request.requestHeaders().contains(HttpHeaderNames.TRANSFER_ENCODING) || declaredOctets() > 0;
    }

    /** Asks the client for the body. Once for each exchange. */
    public void receive(BodyStream body) {
        request.receive().subscribe(body);
    }

    /** To a request whose body nobody asks for. The connection stays. */
    public Publisher<Void> send(Answer answer) {
        answer.headers().forEach(response::header);
        return response.status(HttpResponseStatus.valueOf(answer.status()))
                .header(HttpHeaderNames.CONTENT_TYPE, answer.contentType())
                .header(HttpHeaderNames.CONTENT_LENGTH, String.valueOf(answer.body().octets().length))
                .header(HttpHeaderNames.CACHE_CONTROL, "no-store")
                .sendByteArray(Mono.just(answer.body().octets()));
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
