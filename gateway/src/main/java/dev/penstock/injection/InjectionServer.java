package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Base64;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.GZIPInputStream;
import java.util.zip.InflaterInputStream;
import javax.net.ssl.SSLSession;

import io.netty.channel.Channel;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.netty.DisposableServer;
import reactor.netty.http.server.HttpServer;
import reactor.netty.http.server.HttpServerRequest;
import reactor.netty.http.server.HttpServerResponse;
import reactor.netty.resources.LoopResources;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.Exchange;
import dev.penstock.auth.FailedLogins;
import dev.penstock.auth.Identity;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.InjectionConfig;
import dev.penstock.http.ConnectionGate;
import dev.penstock.http.FirstOctet;
import dev.penstock.http.RequestPath;
import dev.penstock.message.MessageEvent;
import dev.penstock.policy.Client;
import dev.penstock.policy.Policy;
import dev.penstock.reception.Reception;
import dev.penstock.spool.Spool;
import dev.penstock.tls.ServerTls;
import dev.penstock.tls.TlsSession;
import dev.penstock.units.ClientKey;
import dev.penstock.units.Networks;

/**
 * Takes mail over HTTP: {@code POST /api/inject/v1}, described by {@code GET /api/openapi.json}. Thread-safe. Requests
 * come in on one event loop of its own; each is worked on by a virtual thread.
 *
 * <p>Credentials are looked at before a body is asked for. Over a connection without TLS, Basic is taken only from this
 * machine itself, where a proxy in front ends TLS.
 */
public final class InjectionServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(InjectionServer.class);

    private static final String INJECT = "/api/inject/v1";
    private static final String OPENAPI = "/api/openapi.json";
    private static final Duration IDLE_TIMEOUT = Duration.ofMinutes(1);
    private static final Duration STOP_TIME = Duration.ofSeconds(20); // for what has come in to become durable
    private static final Duration LOOPS_TIME = Duration.ofSeconds(2);
    /** Connections accepted at the last moment are registered and closed in it, else nobody would close them. */
    private static final Duration LOOPS_QUIET = Duration.ofMillis(100);
    /** What a client that isn't listening yet may go on sending before the connection is closed on it. */
    private static final Duration DISCARD_TIME = Duration.ofSeconds(2);
    private static final int MAX_LINE = 4 * 1024;
    private static final int MAX_HEADERS = 16 * 1024;
    private static final int MAX_NAME = 1024; // octets of user name and password together
    private static final int SHARE = 3;
    private static final int IPV6_PREFIX = 64; // what one site is given: RFC 6177
    private static final String CHALLENGE = "Basic realm=\"penstock\", charset=\"UTF-8\"";

    private final Authenticator authenticator;
    private final Injector injector;
    private final Spool spool;
    private final OldJournal oldJournal;
    private final byte[] openapi;
    private final Counters counters = new Counters();
    private final AtomicInteger open = new AtomicInteger();
    private final RequestMemory memory;
    private final ConnectionGate gate = new ConnectionGate("injection");
    /** Places that are taken, by whom. */
    private final ConcurrentHashMap<String, Integer> places = new ConcurrentHashMap<>();
    private final FailedLogins failedLogins = new FailedLogins();
    private final AtomicLong requestNumber;
    /** Requests under way, once for the work and once for the answer, which must be written before a stop. */
    private final Map<Long, CompletableFuture<?>> underWay = new ConcurrentHashMap<>();
    private final AtomicLong begun = new AtomicLong();
    private final ExecutorService renderers;
    private final LoopResources loops = LoopResources.create("inject", 1, true);
    private final DisposableServer server;
    private volatile Settings settings;
    private volatile @Nullable ServerTls tls;
    private volatile boolean closing;

    private record Settings(InjectionConfig config, InboundConfig limits, Networks relayNetworks) {
        static Settings of(InjectionConfig config, InboundConfig limits) {
            return new Settings(config, limits, Networks.parse(config.relayNetworks()));
        }

        ConnectionGate.Limits connections() {
            return new ConnectionGate.Limits(config.maxConnections(), config.maxConnectionsPerAddress(), relayNetworks);
        }
    }

    /** @param identity null when nobody logged in */
    private record Allowed(@Nullable Identity identity, boolean relayNetwork, String tls) {}

    /**
     * Binds.
     *
     * @param oldJournal whose keys are in the spool, or nothing with a key is taken
     * @param tls        from the first octet of each connection; null for none
     * @throws RuntimeException when the address can't be bound, with the reason as cause
     */
    public InjectionServer(String hostname, InjectionConfig config, InboundConfig limits, OldJournal oldJournal,
            Spool spool, Reception reception, Authenticator authenticator, Policy policy,
            MessageEvent.Listener events, InstantSource clock, @Nullable ServerTls tls) {
        this.authenticator = authenticator;
        this.tls = tls;
        this.spool = spool;
        this.oldJournal = oldJournal;
        this.settings = Settings.of(config, limits);
        this.memory = new RequestMemory(config.memoryLimit().bytes());
        this.requestNumber = new AtomicLong(clock.millis() << 20); // unlike those of an earlier run
        AtomicInteger number = new AtomicInteger();
        int processors = Runtime.getRuntime().availableProcessors();
        ThreadPoolExecutor pool = new ThreadPoolExecutor(processors, processors, 0, TimeUnit.SECONDS,
                new LinkedBlockingQueue<>(),
                task -> Thread.ofPlatform().name("inject-render-" + number.incrementAndGet()).daemon().unstarted(task));
        pool.prestartAllCoreThreads(); // at the start, and not when the system has none to give
        this.renderers = pool;
        this.injector = new Injector(hostname, spool, reception, policy, events, clock, counters, renderers,
                memory);
        this.openapi = document();
        try {
            server = HttpServer.create().host(config.address()).port(config.port()).runOn(loops)
                    .idleTimeout(IDLE_TIMEOUT)
                    .httpRequestDecoder(spec -> spec.maxInitialLineLength(MAX_LINE).maxHeaderSize(MAX_HEADERS))
                    .doOnChannelInit((_, channel, _) -> connected(channel)).handle(this::timed).bindNow();
        } catch (RuntimeException e) {
            renderers.shutdownNow();
            loops.dispose();
            throw e;
        }
        log.info("event=injection-listening address={} tls={}", address(), tls != null);
    }

    private static byte[] document() {
        try (InputStream in = InjectionServer.class.getResourceAsStream("openapi.json")) {
            if (in == null) {
                throw new IllegalStateException("openapi.json isn't in the jar");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Where it listens, port as bound. */
    public InetSocketAddress address() {
        return (InetSocketAddress) server.address();
    }

    /**
     * New limits, for the requests that begin from now on, and other certificates for new connections. Address, port,
     * directory and whether there is TLS stay.
     */
    public void reconfigure(InjectionConfig config, InboundConfig limits, @Nullable ServerTls tls) {
        this.tls = tls;
        settings = Settings.of(config, limits);
        memory.limit(config.memoryLimit().bytes());
    }

    /** What was done since the start, and is going on now. */
    public InjectionStats stats() {
        return new InjectionStats(open.get(), counters.requests.sum(), counters.requestsAccepted.sum(),
                counters.requestsRefused.sum(), counters.unauthorized.sum(), counters.throttled.sum(),
                counters.unavailable.sum(), counters.replayed.sum(), counters.messages.sum(), counters.octets.sum(),
                counters.recipients.sum(), counters.recipientsRefused.sum(), spool.keys().size(), memory.used(),
                gate.open(), gate.refused(), gate.refusedToClient(), gate.refusedForDescriptors());
    }

    /** Once for each connection, whereas {@code doOnConnection} is called for each of its requests. */
    private void connected(Channel channel) {
        if (!gate.enter(channel, settings.connections())) {
            return;
        }
        channel.pipeline().addFirst(new FirstOctet(), new HeaderDeadline());
        ServerTls current = tls;
        if (current != null) {
            channel.pipeline().addAfter(channel.pipeline().context(HeaderDeadline.class).name(), null,
                    current.newHandler());
        }
    }

    // ---- on the event loop -------------------------------------------------------------------------------------

    private Publisher<Void> timed(HttpServerRequest request, HttpServerResponse response) {
        Channel[] found = new Channel[1];
        request.withConnection(connection -> found[0] = connection.channel());
        Channel channel = found[0];
        HeaderDeadline deadline = channel.pipeline().get(HeaderDeadline.class);
        if (deadline == null) { // beyond a limit, and being closed
            return response.status(HttpResponseStatus.SERVICE_UNAVAILABLE).send();
        }
        int number = deadline.received();
        return Mono.from(answer(request, response))
                .doFinally(_ -> channel.eventLoop().execute(() -> deadline.answered(number)));
    }

    private Publisher<Void> answer(HttpServerRequest request, HttpServerResponse response) {
        String path = RequestPath.of(request.uri());
        try {
            if (path.equals(OPENAPI)) {
                allow(request, HttpMethod.GET, HttpMethod.HEAD);
                return send(response, Answer.json(openapi));
            }
            if (path.equals(INJECT)) {
                allow(request, HttpMethod.POST, HttpMethod.POST);
                return inject(request, response);
            }
            throw Problem.of(Problem.Kind.NOT_FOUND, "there is " + INJECT + " and " + OPENAPI);
        } catch (Problem e) {
            return refuse(request, response, e);
        } catch (Throwable e) {
            return refuse(request, response, failed("from " + request.remoteAddress(), e));
        }
    }

    /** @return what the client hears of a fault of ours, or a plug-in's; the log has the rest */
    private static Problem failed(String which, Throwable fault) {
        log.error("event=injection-request-failed request={}", which, fault);
        return Problem.of(Problem.Kind.INTERNAL, "the log has more about request " + which);
    }

    private static void allow(HttpServerRequest request, HttpMethod one, HttpMethod other) {
        if (!request.method().equals(one) && !request.method().equals(other)) {
            String allowed = one.equals(other) ? one.name() : one.name() + ", " + other.name();
            throw Problem.of(Problem.Kind.METHOD_NOT_ALLOWED, "allowed here: " + allowed).with("Allow", allowed);
        }
    }

    private Publisher<Void> inject(HttpServerRequest request, HttpServerResponse response) {
        Settings current = settings;
        String encoding = encoding(request);
        long declared = declared(request);
        if (encoding.isEmpty() && declared > current.config.maxBody().bytes()) {
            throw tooLarge(current);
        }
        CompletableFuture<@Nullable Void> answered = new CompletableFuture<>();
        begin(answered);
        if (closing) { // after it is known to whoever closes: one of the two sees the other
            answered.complete(null);
            throw Problem.of(Problem.Kind.UNAVAILABLE, "the gateway is stopping").with("Retry-After", "5");
        }
        return Mono.fromFuture(() -> authenticate(request, current))
                .onErrorMap(e -> e instanceof Problem ? e : failed("from " + request.remoteAddress(), e))
                .flatMap(allowed -> Mono.from(work(request, response, current, allowed, encoding)))
                .onErrorResume(Problem.class, e -> Mono.from(refuse(request, response, e)))
                .doFinally(_ -> answered.complete(null));
    }

    private void begin(CompletableFuture<?> one) {
        Long own = begun.incrementAndGet();
        underWay.put(own, one);
        var _ = one.whenComplete((_, _) -> underWay.remove(own));
    }

    private Publisher<Void> work(HttpServerRequest request, HttpServerResponse response, Settings current,
            Allowed allowed, String encoding) {
        String who = owner(request, allowed);
        Problem none = enter(who, current.config.maxConcurrent());
        if (none != null) {
            return refuse(request, response, none);
        }
        long deadline = System.nanoTime() + current.config.deadline().toNanos();
        BodyStream body = new BodyStream(deadline);
        Call call = new Call(current, body, encoding, who, request.requestHeaders().get("Idempotency-Key"),
                client(request, allowed), local(request), deadline);
        CompletableFuture<Answer> future = new CompletableFuture<>();
        begin(future);
        try {
            request.receive().subscribe(body);
            Thread.ofVirtual().name("inject-" + call.client.sessionId()).start(() -> finish(call, future));
        } catch (Throwable e) {
            leave(who);
            future.complete(failed(call.client.sessionId(), e).answer());
        }
        return Mono.fromFuture(future, true)
                .flatMap(
                        answer -> Mono.from(body.isComplete() ? send(response, answer) : last(response, answer, body)));
    }

    /** Whom a request's place is counted for: its tenant, else its user, else its address. */
    private static String owner(HttpServerRequest request, Allowed allowed) {
        Identity identity = allowed.identity;
        if (identity == null) {
            return "address " + ClientKey.of(remote(request).getAddress(), Integer.SIZE, IPV6_PREFIX);
        }
        return identity.tenant().isEmpty() ? "user " + identity.name() : "tenant " + identity.tenant();
    }

    /**
     * Takes a place, of which nobody has more than {@value #SHARE} times as many as are left for others: one alone gets
     * three quarters of them, and whoever comes next finds some. @return why there is none, else null
     */
    private @Nullable Problem enter(String who, int most) {
        int all = open.incrementAndGet();
        int own = places.merge(who, 1, Integer::sum);
        if (all <= most && own - 1 <= SHARE * (most - all + 1)) {
            return null;
        }
        leave(who);
        return Problem.of(Problem.Kind.TOO_MANY, all > most
                ? "more than " + most + " requests at one time"
                : "more than a fair part of " + most + " requests at one time").with("Retry-After", "1");
    }

    private void leave(String who) {
        open.decrementAndGet();
        places.computeIfPresent(who, (_, count) -> count == 1 ? null : count - 1);
    }

    /** On the request's virtual thread. The request is answered, whatever happens: nobody else would. */
    private void finish(Call call, CompletableFuture<Answer> future) {
        Answer answer;
        try {
            answer = call.run();
            counters.answered(answer);
        } catch (Throwable e) {
            answer = failed(call.client.sessionId(), e).answer();
        }
        leave(call.who);
        future.complete(answer);
    }

    /** Before the body was asked for. */
    private Publisher<Void> refuse(HttpServerRequest request, HttpServerResponse response, Problem problem) {
        Answer answer = problem.answer();
        counters.answered(answer);
        if (!hasBody(request)) {
            return send(response, answer);
        }
        BodyStream body = new BodyStream(0);
        if (request.requestHeaders().contains(HttpHeaderNames.EXPECT)) { // it waits, and will not send
            return send(response.keepAlive(false), answer);
        }
        request.receive().subscribe(body);
        return last(response, answer, body);
    }

    private static boolean hasBody(HttpServerRequest request) {
        return request.requestHeaders().contains(HttpHeaderNames.TRANSFER_ENCODING) || declared(request) > 0;
    }

    /** The client may still be sending: it is listened to for a while, so that it gets to reading. */
    private static Publisher<Void> last(HttpServerResponse response, Answer answer, BodyStream body) {
        body.discard();
        return Mono.firstWithSignal(body.ended(), Mono.delay(DISCARD_TIME).then())
                .then(Mono.defer(() -> Mono.from(send(response.keepAlive(false), answer))));
    }

    private static Publisher<Void> send(HttpServerResponse response, Answer answer) {
        answer.headers().forEach(response::header);
        return response.status(HttpResponseStatus.valueOf(answer.status()))
                .header(HttpHeaderNames.CONTENT_TYPE, answer.contentType())
                .header(HttpHeaderNames.CONTENT_LENGTH, String.valueOf(answer.body().octets.length))
                .header(HttpHeaderNames.CACHE_CONTROL, "no-store")
                .sendByteArray(Mono.just(answer.body().octets));
    }

    private static String encoding(HttpServerRequest request) {
        String type = request.requestHeaders().get(HttpHeaderNames.CONTENT_TYPE, "").toLowerCase(Locale.ROOT)
                .replace(" ", "").replace("\"", "");
        if (!type.equals("application/json") && !type.equals("application/json;charset=utf-8")) {
            throw Problem.of(Problem.Kind.MEDIA_TYPE, "Content-Type must be application/json, in UTF-8");
        }
        String encoding = request.requestHeaders().get(HttpHeaderNames.CONTENT_ENCODING, "").toLowerCase(Locale.ROOT)
                .strip();
        return switch (encoding) {
            case "", "identity" -> "";
            case "gzip", "x-gzip" -> "gzip";
            case "deflate" -> "deflate";
            default -> throw Problem.of(Problem.Kind.MEDIA_TYPE, "Content-Encoding must be gzip, deflate or none")
                    .with("Accept-Encoding", "gzip, deflate"); // RFC 9110 15.5.16
        };
    }

    private static long declared(HttpServerRequest request) {
        try {
            return Long.parseLong(request.requestHeaders().get(HttpHeaderNames.CONTENT_LENGTH, "0").strip());
        } catch (NumberFormatException e) {
            return 0; // Netty has refused it
        }
    }

    private static Problem tooLarge(Settings current) {
        return Problem.of(Problem.Kind.TOO_LARGE, "a body has at most " + current.config.maxBody().bytes()
                + " octets, decompressed");
    }

    // ---- who it is ---------------------------------------------------------------------------------------------

    private CompletableFuture<Allowed> authenticate(HttpServerRequest request, Settings current) {
        InetSocketAddress remote = remote(request);
        boolean relay = current.relayNetworks.contains(remote.getAddress());
        SSLSession session = session(request);
        String tls = session == null ? "" : session.getProtocol() + " " + session.getCipherSuite();
        String authorization = request.requestHeaders().get(HttpHeaderNames.AUTHORIZATION, "");
        int space = authorization.indexOf(' ');
        String scheme = space < 0 ? authorization : authorization.substring(0, space);
        String credentials = space < 0 ? "" : authorization.substring(space + 1).strip();
        if (authorization.isEmpty()) {
            return relay || !current.config.requireAuth()
                    ? CompletableFuture.completedFuture(new Allowed(null, relay, tls))
                    : CompletableFuture.failedFuture(unauthorized("credentials are needed"));
        }
        if (session == null && !remote.getAddress().isLoopbackAddress()) {
            return CompletableFuture.failedFuture(
                    Problem.of(Problem.Kind.FORBIDDEN, "credentials are taken over TLS only"));
        }
        CompletableFuture<Exchange.Step> step = switch (scheme.toLowerCase(Locale.ROOT)) {
            case "basic" -> basic(credentials, NetUtil.toAddressString(remote.getAddress()));
            case "bearer" -> bearer(credentials, session, NetUtil.toAddressString(remote.getAddress()));
            default -> null;
        };
        if (step == null) {
            return CompletableFuture.failedFuture(unauthorized("no credentials that can be read"));
        }
        return step.thenCompose(result -> switch (result) {
            case Exchange.Step.Success(Identity identity) ->
                CompletableFuture.completedFuture(new Allowed(identity, relay, tls));
            case Exchange.Step.Failure(Exchange.Reason reason, String detail) -> {
                long notLogged = failedLogins.turn(remote.getAddress());
                if (notLogged != FailedLogins.NOT_NOW) {
                    log.info("event=injection-login-failed client={} reason={} detail={} not-logged={}", remote,
                            reason, detail, notLogged);
                }
                yield CompletableFuture.failedFuture(reason == Exchange.Reason.TEMPORARY
                        ? Problem.of(Problem.Kind.UNAVAILABLE, "credentials can't be checked now")
                                .with("Retry-After", "5")
                        : unauthorized("the credentials are wrong"));
            }
            case Exchange.Step.Challenge _ -> CompletableFuture.failedFuture(unauthorized("the token is wrong"));
        });
    }

    private static Problem unauthorized(String detail) {
        return Problem.of(Problem.Kind.UNAUTHORIZED, detail).with("WWW-Authenticate", CHALLENGE);
    }

    /** RFC 7617. */
    private @Nullable CompletableFuture<Exchange.Step> basic(String credentials, String address) {
        byte[] decoded;
        try {
            decoded = Base64.getDecoder().decode(credentials);
        } catch (IllegalArgumentException e) {
            return null;
        }
        int colon = 0;
        while (colon < decoded.length && decoded[colon] != ':') {
            colon++;
        }
        if (colon == decoded.length || decoded.length > MAX_NAME) {
            return null;
        }
        byte[] password = java.util.Arrays.copyOfRange(decoded, colon + 1, decoded.length);
        return authenticator.password(new String(decoded, 0, colon, UTF_8), password, address);
    }

    /** RFC 6750, asked as OAUTHBEARER asks (RFC 7628 3.1); null where that isn't offered. */
    private @Nullable CompletableFuture<Exchange.Step> bearer(String token, @Nullable SSLSession session,
            String address) {
        if (!token.chars().allMatch(c -> c > ' ' && c <= '~')) {
            return null;
        }
        TlsSession tls = session == null
                ? null
                : new TlsSession(session.getProtocol(), session.getCipherSuite(), "", null, session);
        Exchange exchange = authenticator.start("OAUTHBEARER", tls, address);
        return exchange == null
                ? null
                : exchange.respond(("n,,\u0001auth=Bearer " + token + "\u0001\u0001").getBytes(UTF_8));
    }

    private @Nullable SSLSession session(HttpServerRequest request) {
        SSLSession[] found = new SSLSession[1];
        request.withConnection(connection -> {
            SslHandler handler = connection.channel().pipeline().get(SslHandler.class);
            if (handler == null && connection.channel().parent() != null) {
                handler = connection.channel().parent().pipeline().get(SslHandler.class);
            }
            found[0] = handler == null ? null : handler.engine().getSession();
        });
        return found[0];
    }

    private static InetSocketAddress remote(HttpServerRequest request) {
        InetSocketAddress remote = request.remoteAddress();
        if (remote == null) {
            throw Problem.of(Problem.Kind.INTERNAL, "the client is gone");
        }
        return remote;
    }

    private static String local(HttpServerRequest request) {
        InetSocketAddress address = request.hostAddress();
        return address == null ? "" : NetUtil.toSocketAddressString(address);
    }

    private Client client(HttpServerRequest request, Allowed allowed) {
        Identity identity = allowed.identity;
        return new Client(Long.toHexString(requestNumber.incrementAndGet()), "injection", remote(request), "", "HTTP",
                allowed.tls, identity, allowed.relayNetwork, identity == null ? "" : identity.tenant(), "");
    }

    // ---- on the request's virtual thread -----------------------------------------------------------------------

    /** One request and its body. Confined to its virtual thread. */
    private final class Call {
        private final Settings current;
        private final InputStream body;
        private final String encoding;
        private final String who;
        private final @Nullable String headerKey;
        private final Client client;
        private final String local;
        private final long deadlineNanos;

        Call(Settings current, InputStream body, String encoding, String who, @Nullable String headerKey,
                Client client, String local, long deadlineNanos) {
            this.who = who;
            this.current = current;
            this.body = body;
            this.encoding = encoding;
            this.headerKey = headerKey;
            this.client = client;
            this.local = local;
            this.deadlineNanos = deadlineNanos;
        }

        Answer run() {
            try (RequestMemory.Share share = memory.share()) {
                Metered metered = new Metered(decompressed(), share);
                InjectionRequest request = RequestReader.read(metered, current.config.maxRecipients(), share);
                String key = key(request.idempotencyKey());
                return injector.inject(request, client, local, key, metered.hash(), current.limits,
                        current.config, deadlineNanos, share);
            } catch (Problem e) {
                return e.answer();
            } catch (IOException e) {
                return Problem.of(Problem.Kind.INVALID, "the body can't be decompressed").answer();
            } catch (RuntimeException | Error e) {
                return failed(client.sessionId(), e).answer();
            }
        }

        private InputStream decompressed() throws IOException {
            return switch (encoding) {
                case "gzip" -> new GZIPInputStream(body, 8192);
                case "deflate" -> new InflaterInputStream(body);
                default -> body;
            };
        }

        private @Nullable String key(@Nullable String inBody) {
            if (headerKey != null && !RequestReader.isKey(headerKey)) {
                throw Problem.of(Problem.Kind.INVALID, "an idempotency key is 1 to 255 printable characters");
            }
            if (headerKey != null && inBody != null && !headerKey.equals(inBody)) {
                throw Problem.of(Problem.Kind.INVALID, "the Idempotency-Key field and the body name different keys");
            }
            String key = headerKey == null ? inBody : headerKey;
            if (key != null && !oldJournal.isTakenOver()) {
                throw Problem.of(Problem.Kind.UNAVAILABLE, "the idempotency keys of before are not taken over yet")
                        .with("Retry-After", "5");
            }
            return key;
        }

        /** Counts and digests what is read, after decompression, and stops at the limits. */
        private final class Metered extends FilterInputStream {
            private final MessageDigest digest = Digests.sha256();
            private final Utf8Check utf8 = new Utf8Check();
            private final RequestMemory.Share share;
            private long octets;

            Metered(InputStream in, RequestMemory.Share share) {
                super(in);
                this.share = share;
            }

            @Override
            public int read() throws IOException {
                byte[] one = new byte[1];
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] into, int offset, int length) throws IOException {
                int count = super.read(into, offset, length);
                if (count > 0) {
                    octets += count;
                    if (octets > current.config.maxBody().bytes()) {
                        throw tooLarge(current);
                    }
                    share.need((long) count * RequestMemory.BODY);
                    if (!utf8.accepts(into, offset, count)) {
                        throw Problem.of(Problem.Kind.INVALID, "the body isn't in UTF-8");
                    }
                    digest.update(into, offset, count);
                }
                return count;
            }

            /** Of all that was read; the reader has read to the end. */
            byte[] hash() {
                return digest.digest();
            }
        }
    }

    /**
     * Stops: nothing new is taken, requests that have come in are answered, for up to 20 seconds, then the connections
     * are closed. Idempotent.
     */
    @Override
    public synchronized void close() {
        if (closing) {
            return;
        }
        // 1. no new requests
        closing = true;
        // 2. those under way come to their end, answers included
        try {
            CompletableFuture.allOf(underWay.values().toArray(CompletableFuture[]::new)).get(STOP_TIME.toMillis(),
                    TimeUnit.MILLISECONDS);
        } catch (java.util.concurrent.TimeoutException e) {
            log.warn("event=injection-requests-cut-off requests={} after={}", open.get(), STOP_TIME);
        } catch (java.util.concurrent.ExecutionException e) {
            log.error("event=injection-stop-failed", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        // 3. connections, threads
        server.disposeNow(LOOPS_TIME);
        loops.disposeLater(LOOPS_QUIET, LOOPS_TIME).block(LOOPS_TIME.multipliedBy(2));
        renderers.shutdown();
    }
}
