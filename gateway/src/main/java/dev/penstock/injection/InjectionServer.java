package dev.penstock.injection;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

import io.netty.handler.codec.http.HttpMethod;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Publisher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.Exchange;
import dev.penstock.auth.Identity;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.InjectionConfig;
import dev.penstock.http.Answer;
import dev.penstock.http.BodyStream;
import dev.penstock.http.ConnectionGate;
import dev.penstock.http.ErrorAnswers;
import dev.penstock.http.HttpAuthentication;
import dev.penstock.http.HttpExchange;
import dev.penstock.http.HttpRoute;
import dev.penstock.http.HttpServer;
import dev.penstock.http.Problem;
import dev.penstock.http.Routes;
import dev.penstock.message.MessageEvent;
import dev.penstock.policy.Client;
import dev.penstock.policy.Policy;
import dev.penstock.reception.Reception;
import dev.penstock.spool.Spool;
import dev.penstock.tls.ServerTls;
import dev.penstock.units.ClientKey;
import dev.penstock.units.Networks;

/**
 * Takes mail over HTTP: {@code POST /api/inject/v1}, described by {@code GET /api/openapi.json}. Thread-safe. Requests
 * come in on one event loop of its own; each is worked on by a virtual thread.
 *
 * <p>Credentials are looked at before a body is asked for ({@link HttpAuthentication}).
 */
public final class InjectionServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(InjectionServer.class);

    private static final String INJECT = "/api/inject/v1";
    private static final String OPENAPI = "/api/openapi.json";
    private static final HttpServer.Times TIMES = new HttpServer.Times(Duration.ofMinutes(1), null);
    private static final Duration STOP_TIME = Duration.ofSeconds(20); // for what has come in to become durable
    private static final int IPV6_PREFIX = 64; // what one site is given: RFC 6177

    private final HttpAuthentication authentication;
    private final Injector injector;
    private final Spool spool;
    private final OldJournal oldJournal;
    private final byte[] openapi;
    private final Counters counters = new Counters();
    private final RequestPlaces places = new RequestPlaces();
    private final RequestMemory memory;
    private final ConnectionGate gate = new ConnectionGate("injection");
    private final AtomicLong requestNumber;
    /** Requests under way, once for the work and once for the answer, which must be written before a stop. */
    private final Map<Long, CompletableFuture<?>> underWay = new ConcurrentHashMap<>();
    private final AtomicLong begun = new AtomicLong();
    private final ExecutorService renderers;
    private final HttpServer server;
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
        this.authentication = new HttpAuthentication(authenticator, InjectionServer::loginFailed);
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
            server = new HttpServer(new HttpServer.Port("inject",
                    new InetSocketAddress(config.address(), config.port()), TIMES, gate,
                    () -> settings.connections(), () -> this.tls),
                    Routes.of(new Errors(), List.of(
                            new HttpRoute(HttpMethod.POST, INJECT, this::inject),
                            new HttpRoute(HttpMethod.GET, OPENAPI, exchange -> exchange.send(Answer.json(openapi))))));
        } catch (RuntimeException e) {
            renderers.shutdownNow();
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
        return server.address();
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
        return new InjectionStats(places.taken(), counters.requests.sum(), counters.requestsAccepted.sum(),
                counters.requestsRefused.sum(), counters.unauthorized.sum(), counters.throttled.sum(),
                counters.unavailable.sum(), counters.replayed.sum(), counters.messages.sum(), counters.octets.sum(),
                counters.recipients.sum(), counters.recipientsRefused.sum(), spool.keys().size(), memory.used(),
                gate.open(), gate.refused(), gate.refusedToClient(), gate.refusedForDescriptors());
    }

    // ---- on the event loop -------------------------------------------------------------------------------------

    /** @return what the client hears of a fault of ours, or a plug-in's; the log has the rest */
    private static Problem failed(String which, Throwable fault) {
        log.error("event=injection-request-failed request={}", which, fault);
        return Problem.of(Problem.Kind.INTERNAL, "the log has more about request " + which);
    }

    /** Each refusal counts. */
    private final class Errors implements ErrorAnswers {
        @Override
        public Publisher<Void> notFound(HttpExchange exchange, List<String> paths) {
            return refuse(exchange, Problem.of(Problem.Kind.NOT_FOUND, "there is " + String.join(" and ", paths)));
        }

        @Override
        public Publisher<Void> notAllowed(HttpExchange exchange, String allowed) {
            return refuse(exchange, Problem.of(Problem.Kind.METHOD_NOT_ALLOWED, "allowed here: " + allowed)
                    .with("Allow", allowed));
        }

        @Override
        public Publisher<Void> failed(HttpExchange exchange, Throwable cause) {
            return refuse(exchange, cause instanceof Problem problem
                    ? problem
                    : InjectionServer.failed(exchange.from(), cause));
        }
    }

    private Publisher<Void> inject(HttpExchange exchange) {
        Settings current = settings;
        BodyEncoding encoding = BodyEncoding.of(exchange);
        long most = current.config.maxBody().bytes();
        if (encoding == BodyEncoding.NONE && exchange.declaredOctets() > most) {
            throw MeteredBody.tooLarge(most);
        }
        CompletableFuture<@Nullable Void> answered = new CompletableFuture<>();
        begin(answered);
        if (closing) { // after it is known to whoever closes: one of the two sees the other
            answered.complete(null);
            throw Problem.of(Problem.Kind.UNAVAILABLE, "the gateway is stopping").with("Retry-After", "5");
        }
        return Mono.fromFuture(
                () -> authentication.caller(exchange, current.config.requireAuth(), current.relayNetworks))
                .onErrorMap(e -> e instanceof Problem ? e : failed(exchange.from(), e))
                .flatMap(caller -> Mono.from(work(exchange, current, caller, encoding)))
                .onErrorResume(Problem.class, e -> Mono.from(refuse(exchange, e)))
                .doFinally(_ -> answered.complete(null));
    }

    private void begin(CompletableFuture<?> one) {
        Long own = begun.incrementAndGet();
        underWay.put(own, one);
        var _ = one.whenComplete((_, _) -> underWay.remove(own));
    }

    private Publisher<Void> work(HttpExchange exchange, Settings current, HttpAuthentication.Caller caller,
            BodyEncoding encoding) {
        String owner = owner(exchange, caller);
        Problem none = places.enter(owner, current.config.maxConcurrent());
        if (none != null) {
            return refuse(exchange, none);
        }
        long deadline = System.nanoTime() + current.config.deadline().toNanos();
        BodyStream body = new BodyStream(deadline);
        Call call = new Call(current, body, encoding, owner, exchange.fieldOrNull("Idempotency-Key"),
                client(exchange, caller), exchange.local(), deadline);
        CompletableFuture<Answer> future = new CompletableFuture<>();
        begin(future);
        try {
            exchange.receive(body);
            Thread.ofVirtual().name("inject-" + call.client.sessionId()).start(() -> finish(call, future));
        } catch (Throwable e) {
            places.leave(owner);
            future.complete(failed(call.client.sessionId(), e).answer());
        }
        return Mono.fromFuture(future, true).flatMap(answer -> Mono.from(exchange.answer(answer, body)));
    }

    /** Whom a request's place is counted for: its tenant, else its user, else its address. */
    private static String owner(HttpExchange exchange, HttpAuthentication.Caller caller) {
        Identity identity = caller.identity();
        if (identity == null) {
            return "address " + ClientKey.of(exchange.client().getAddress(), Integer.SIZE, IPV6_PREFIX);
        }
        return identity.tenant().isEmpty() ? "user " + identity.name() : "tenant " + identity.tenant();
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
        places.leave(call.owner);
        future.complete(answer);
    }

    /** Before the body was asked for. */
    private Publisher<Void> refuse(HttpExchange exchange, Problem problem) {
        Answer answer = problem.answer();
        counters.answered(answer);
        return exchange.refuse(answer);
    }

    private static void loginFailed(InetSocketAddress client, Exchange.Reason reason, String detail, long notLogged) {
        log.info("event=injection-login-failed client={} reason={} detail={} not-logged={}", client, reason, detail,
                notLogged);
    }

    private Client client(HttpExchange exchange, HttpAuthentication.Caller caller) {
        Identity identity = caller.identity();
        return new Client(Long.toHexString(requestNumber.incrementAndGet()), "injection", exchange.client(), "", "HTTP",
                caller.tls(), identity, caller.trusted(), identity == null ? "" : identity.tenant(), "");
    }

    // ---- on the request's virtual thread -----------------------------------------------------------------------

    /** One request and its body. Confined to its virtual thread. */
    private final class Call {
        private final Settings current;
        private final InputStream body;
        private final BodyEncoding encoding;
        private final String owner;
        private final @Nullable String headerKey;
        private final Client client;
        private final String local;
        private final long deadlineNanos;

        Call(Settings current, InputStream body, BodyEncoding encoding, String owner, @Nullable String headerKey,
                Client client, String local, long deadlineNanos) {
            this.owner = owner;
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
                MeteredBody metered = new MeteredBody(encoding.decompressed(body), current.config.maxBody().bytes(),
                        share);
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
            log.warn("event=injection-requests-cut-off requests={} after={}", places.taken(), STOP_TIME);
        } catch (java.util.concurrent.ExecutionException e) {
            log.error("event=injection-stop-failed", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        // 3. connections, threads
        server.close();
        renderers.shutdown();
    }
}
