package dev.penstock.tls;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpVersion;

/**
 * One request over HTTPS to a host of somebody else's choice, at an address that was looked up and judged before: no client
 * that finds addresses by itself. The certificate is good for the host's name, redirects aren't followed, size and time are
 * bounded. Netty's codec over a blocking socket; confined to the thread that asks.
 */
public final class HttpsExchange {
    private static final Duration CONNECT_TIME = Duration.ofSeconds(10);
    private static final int BUFFER = 8 << 10;
    private static final int PORT = 443; // that goes without saying (RFC 9110 4.2.2)

    private final ClientTls tls;
    private final Duration time;
    private final int maxOctets;

    /** What came back; {@code type} is its media type without parameters, lower case, empty when it has none. */
    public record Answer(int status, String type, String body) {}

    /**
     * @param time      for the whole of it
     * @param maxOctets of the answer's body
     */
    public HttpsExchange(ClientTls tls, Duration time, int maxOctets) {
        this.tls = tls;
        this.time = time;
        this.maxOctets = maxOctets;
    }

    /**
     * Asks at the addresses one after the other until one has answered, at each for its share of the time that is left.
     *
     * @param addresses of the host; one at least
     * @throws IOException when there is no answer, or one that is too long: what was wrong with the first address, with
     *                     the others' troubles suppressed; its causes tell of the certificate
     */
    public Answer get(String host, List<InetAddress> addresses, int port, String path) throws IOException {
        return ask(host, addresses, port,
                () -> new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, path));
    }

    /** As {@link #get}, with a body to be taken. */
    public Answer post(String host, List<InetAddress> addresses, int port, String path, String type, byte[] body)
            throws IOException {
        return ask(host, addresses, port, () -> {
            DefaultFullHttpRequest request = new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.POST, path,
                    Unpooled.wrappedBuffer(body));
            request.headers().set(HttpHeaderNames.CONTENT_TYPE, type).set(HttpHeaderNames.CONTENT_LENGTH,
                    body.length);
            return request;
        });
    }

    private Answer ask(String host, List<InetAddress> addresses, int port, Supplier<DefaultFullHttpRequest> request)
            throws IOException {
        long end = System.nanoTime() + time.toNanos();
        IOException first = null;
        for (int i = 0; i < addresses.size(); i++) {
            // none takes the time of those behind it
            Duration share = Duration.ofNanos(Math.max(1, (end - System.nanoTime()) / (addresses.size() - i)));
            try {
                return ask(host, addresses.get(i), port, request.get(), share);
            } catch (IOException e) {
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
            }
        }
        throw first == null ? new IOException(host + " has no address") : first;
    }

    private Answer ask(String host, InetAddress address, int port, DefaultFullHttpRequest request, Duration left)
            throws IOException {
        request.headers().set(HttpHeaderNames.HOST, port == PORT ? host : host + ":" + port)
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE)
                .set(HttpHeaderNames.ACCEPT, "*/*");
        EmbeddedChannel codec = new EmbeddedChannel(new HttpClientCodec(), new HttpObjectAggregator(maxOctets));
        try (Socket plain = new Socket()) {
            CompletableFuture.delayedExecutor(left.toNanos(), TimeUnit.NANOSECONDS, Thread::startVirtualThread)
                    .execute(() -> close(plain));
            plain.connect(new InetSocketAddress(address, port), connectMillis(left));
            try (Socket secured = tls.handshake(plain, host, port, CertificateDemand.NAMED).socket()) {
                codec.writeOutbound(request);
                send(codec, secured.getOutputStream());
                return receive(codec, secured.getInputStream());
            }
        } catch (DecoderException e) {
            throw new IOException("no answer that is HTTP, or a longer one than " + maxOctets + " octets: "
                    + e.getMessage(), e);
        } finally {
            codec.finishAndReleaseAll();
        }
    }

    private static void send(EmbeddedChannel codec, OutputStream out) throws IOException {
        ByteBuf part;
        while ((part = codec.readOutbound()) != null) {
            out.write(ByteBufUtil.getBytes(part));
            part.release();
        }
    }

    private static Answer receive(EmbeddedChannel codec, InputStream in) throws IOException {
        byte[] buffer = new byte[BUFFER];
        while (true) {
            int count = in.read(buffer);
            if (count < 0) {
                codec.finish(); // ends a body that has no length
            } else {
                codec.writeInbound(Unpooled.copiedBuffer(buffer, 0, count));
            }
            FullHttpResponse response = codec.readInbound();
            if (response != null) {
                try {
                    if (response.decoderResult().isFailure()) {
                        throw new IOException("no answer that is HTTP", response.decoderResult().cause());
                    }
                    String type = response.headers().get(HttpHeaderNames.CONTENT_TYPE, "");
                    return new Answer(response.status().code(),
                            type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT),
                            response.content().toString(StandardCharsets.ISO_8859_1));
                } finally {
                    response.release();
                }
            }
            if (count < 0) {
                throw new IOException("closed before its answer was there");
            }
        }
    }

    /** Not 0, which stands for no bound. */
    private static int connectMillis(Duration left) {
        return Math.toIntExact(Math.clamp(left.toMillis(), 1, CONNECT_TIME.toMillis()));
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
