package dev.penstock.inbound;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelOption;
import io.netty.util.concurrent.FastThreadLocal;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.netty.Connection;
import reactor.netty.DisposableServer;
import reactor.netty.resources.LoopResources;
import reactor.netty.tcp.TcpServer;

import dev.penstock.auth.Authenticator;
import dev.penstock.auth.FailedLogins;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.ListenAddress;
import dev.penstock.config.ListenerConfig;
import dev.penstock.message.MessageEvent;
import dev.penstock.meters.HistogramSnapshot;
import dev.penstock.policy.Policy;
import dev.penstock.reception.Reception;
import dev.penstock.tls.ServerTls;
import dev.penstock.trace.TraceHub;

/**
 * The SMTP server: listeners, limits over all sessions, and the sessions themselves on their event loops. Thread-safe.
 * What they receive goes in by {@link Reception}.
 */
public final class SmtpServer implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(SmtpServer.class);

    /** For sessions to end at a command boundary, messages under way and their commits included. */
    private static final Duration GRACE = Duration.ofSeconds(10);
    private static final Duration LOOPS_QUIET = Duration.ofMillis(0);
    private static final Duration LOOPS_TIMEOUT = Duration.ofSeconds(10);
    private static final int BACKLOG = 1024; // capped by net.core.somaxconn
    /**
     * The fatal alert internal_error (80) as a TLS record (RFC 8446 5.1, 6.2): the answer to a ClientHello from who may
     * not come in. A reply would be no TLS, and a handshake only to say it costs more than the limits are there to save.
     */
    private static final byte[] INTERNAL_ERROR = {21, 3, 3, 0, 2, 2, 80};

    private final String hostname;
    private final Reception reception;
    private final MessageEvent.Listener events;
    private final InstantSource clock;
    private final Replies replies;
    private final Counters counters = new Counters();
    /** By the listener's name. */
    private final Map<String, ListenerCounters> byListener = new ConcurrentHashMap<>();
    private final FailedLogins failedLogins = new FailedLogins();
    private final Stress stress = new Stress(counters);
    private final ClientAccounts clients;
    private final ReceptionMemory memory;
    private final Set<Session> sessions = ConcurrentHashMap.newKeySet();
    private final AtomicLong sessionNumber;
    private final List<DisposableServer> bound = new ArrayList<>();
    private final CompletableFuture<@Nullable Void> empty = new CompletableFuture<>();
    private final FastThreadLocal<LoopScratch> scratch = new FastThreadLocal<>() {
        @Override
        protected LoopScratch initialValue() {
            return new LoopScratch();
        }
    };
    private @Nullable LoopResources loops;
    private final Policy policy;
    private final Authenticator authenticator;
    private final TraceHub trace;
    private volatile List<Settings> settings;
    private volatile List<ListenerConfig> listeners;
    private volatile InboundConfig config;
    private volatile boolean shuttingDown;

    /**
     * @param tls           by listener's name, for those that speak TLS
     * @param policy        is asked before anything is taken
     * @param authenticator says who a client is
     * @param events        are told of refused receptions
     * @throws IllegalArgumentException when a network is written wrongly
     */
    public SmtpServer(String hostname, List<ListenerConfig> listeners, InboundConfig config,
            Map<String, ServerTls> tls, Policy policy, Authenticator authenticator, Reception reception,
            MessageEvent.Listener events, InstantSource clock) {
        this(hostname, listeners, config, tls, policy, authenticator, reception, events, clock,
                new TraceHub(System::nanoTime));
    }

    /**
     * Likewise, with sessions that can be watched.
     *
     * @param trace is told what sessions say
     */
    public SmtpServer(String hostname, List<ListenerConfig> listeners, InboundConfig config,
            Map<String, ServerTls> tls, Policy policy, Authenticator authenticator, Reception reception,
            MessageEvent.Listener events, InstantSource clock, TraceHub trace) {
        this.trace = trace;
        this.hostname = hostname;
        this.listeners = List.copyOf(listeners);
        this.policy = policy;
        this.authenticator = authenticator;
        this.config = config;
        this.clients = new ClientAccounts(config, counters, System::nanoTime);
        this.reception = reception;
        this.events = events;
        this.clock = clock;
        this.replies = new Replies(hostname);
        this.settings = settings(listeners, config, tls);
        this.memory = new ReceptionMemory(config.memoryLimit().bytes());
        this.sessionNumber = new AtomicLong(clock.millis() << 20); // unlike those of an earlier run
    }

    /**
     * Binds every listener.
     *
     * @throws RuntimeException when one can't be bound; none is then
     */
    public synchronized void start() {
        if (loops != null || shuttingDown) {
            throw new IllegalStateException("started before");
        }
        int configured = config.eventLoops();
        int count = configured > 0 ? configured : Runtime.getRuntime().availableProcessors();
        LoopResources newLoops = LoopResources.create("smtp-in", 1, count, true);
        loops = newLoops;
        try {
            for (int i = 0; i < listeners.size(); i++) {
                int listener = i;
                for (ListenAddress at : listeners.get(i).addresses()) {
                    bound.add(TcpServer.create().runOn(newLoops).host(at.address()).port(at.port())
                            .option(ChannelOption.SO_BACKLOG, BACKLOG).option(ChannelOption.SO_REUSEADDR, true)
                            .childOption(ChannelOption.TCP_NODELAY, true)
                            .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                            .doOnConnection(connection -> connected(connection, listener))
                            .bindNow());
                }
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
        log.info("event=smtp-listening addresses={} event-loops={}", addresses(), count);
    }

    /** Where it listens, in the order of the listeners. */
    public synchronized List<InetSocketAddress> addresses() {
        return bound.stream().map(server -> (InetSocketAddress) server.address()).toList();
    }

    /**
     * New limits and listeners, for sessions that are open too. The number of event loops and the listeners' addresses
     * stay what they were at the start.
     */
    public void reconfigure(List<ListenerConfig> newListeners, InboundConfig newConfig,
            Map<String, ServerTls> newTls) {
        if (newListeners.size() != listeners.size()) {
            throw new IllegalArgumentException("listeners can't be added or removed while they listen");
        }
        settings = settings(newListeners, newConfig, newTls);
        listeners = List.copyOf(newListeners);
        config = newConfig;
        clients.reconfigure(newConfig);
        updateStress();
        memory.limit(newConfig.memoryLimit().bytes());
    }

    private List<Settings> settings(List<ListenerConfig> of, InboundConfig inbound, Map<String, ServerTls> tls) {
        return of.stream().map(listener -> new Settings(hostname, listener, inbound, tls.get(listener.name()),
                authenticator, byListener.computeIfAbsent(listener.name(), _ -> new ListenerCounters()))).toList();
    }

    /** From the end of each accepted message's content to its 250. */
    public HistogramSnapshot acceptTimes() {
        return counters.acceptTimes.snapshot();
    }

    /** What was done since the start, and is open now. */
    public InboundStats stats() {
        return counters.snapshot(clients.sessions(), memory.used());
    }

    /** The sessions that are open, and what each does; in no order. Waits for none of them. */
    public List<ClientSessionView> sessions() {
        return sessions.stream().map(Session::view).toList();
    }

    /**
     * Ends a session: with 421, or without a word where none can be said.
     *
     * @param why for the log
     * @return whether there is one with that id; it ends soon after
     */
    public boolean abort(String id, String why) {
        for (Session session : sessions) {
            if (session.id().equals(id)) {
                session.abort(why);
                return true;
            }
        }
        return false;
    }

    /** What came by each listener, by its name; one that is configured no more keeps its figures. */
    public Map<String, ListenerStats> listenerStats() {
        Map<String, ListenerStats> all = new TreeMap<>();
        byListener.forEach((name, of) -> all.put(name, of.snapshot()));
        return all;
    }

    private void connected(Connection connection, int listener) {
        try {
            begin(connection, listener);
        } catch (Throwable e) {
            failed(connection.channel(), e);
        }
    }

    private static void failed(Channel channel, Throwable fault) {
        log.error("event=connection-failed client={}", channel.remoteAddress(), fault);
        var _ = channel.close();
    }

    private void begin(Connection connection, int listener) {
        Channel channel = connection.channel();
        if (!(channel.remoteAddress() instanceof InetSocketAddress remote)) { // gone already
            var _ = channel.close();
            return;
        }
        InetSocketAddress local = channel.localAddress() instanceof InetSocketAddress address ? address : null;
        Settings current = settings.get(listener);
        if (!current.proxyNetworks().contains(remote.getAddress())) {
            admit(connection, listener, clients.enter(remote.getAddress(), current.listener()), remote, local,
                    false);
            return;
        }
        ClientAccount account = clients.enter(current.listener());
        if (account.refusal() != null) {
            admit(connection, listener, account, remote, local, false);
            return;
        }
        ProxyHeader.await(channel, current.listener().proxyTimeout(), counters, new ProxyHeader.Listener() {
            @Override
            public void arrived(@Nullable InetSocketAddress source, @Nullable InetSocketAddress destination,
                    boolean more) {
                InetSocketAddress client = source == null ? remote : source;
                try {
                    account.move(client.getAddress());
                    admit(connection, listener, account, client, destination == null ? local : destination,
                            more && !current.isImplicitTls());
                } catch (Throwable e) { // the header's handler is out of the pipeline: it would not hear of it
                    account.leave();
                    SmtpServer.failed(channel, e);
                }
            }

            @Override
            public void failed(ProxyHeader.Failure why) {
                account.leave();
            }
        });
    }

    /** @param early whether the client has spoken already, behind the PROXY header */
    private void admit(Connection connection, int listener, ClientAccount account, InetSocketAddress remote,
            @Nullable InetSocketAddress local, boolean early) {
        try {
            enter(connection, listener, account, remote, local, early);
        } catch (Throwable e) { // perhaps no session is there to do so
            account.leave();
            failed(connection.channel(), e);
        }
    }

    private void enter(Connection connection, int listener, ClientAccount account, InetSocketAddress remote,
            @Nullable InetSocketAddress local, boolean early) {
        Channel channel = connection.channel();
        SessionRefusal refusal = account.refusal();
        ListenerCounters ofListener = settings.get(listener).counters();
        if (shuttingDown || refusal != null) {
            ofListener.sessionsRefused.increment();
            if (refusal == null) {
                account.leave();
                counters.sessionsRefused.increment();
            }
            byte[] reply = settings.get(listener).isImplicitTls()
                    ? INTERNAL_ERROR
                    : refusal == null ? replies.shuttingDown : refusal.reply(hostname);
            channel.writeAndFlush(Unpooled.wrappedBuffer(reply)).addListener(ChannelFutureListener.CLOSE);
            return;
        }
        counters.sessionsTotal.increment();
        updateStress();
        LoopScratch shared = scratch.get();
        NettyConnection client = new NettyConnection(channel, shared);
        Session session = new Session(this, client, shared, account, remote, local, early, listener,
                settings.get(listener), sessionNumber.incrementAndGet());
        sessions.add(session);
        ofListener.began();
        channel.closeFuture().addListener(_ -> {
            ofListener.ended();
            ended(session);
        });
        client.attach(session);
        connection.addHandlerLast("smtp-session", client);
        connection.inbound().receiveObject().subscribe(client);
    }

    private void ended(Session session) {
        sessions.remove(session);
        session.closed();
        updateStress();
        if (shuttingDown && sessions.isEmpty()) {
            empty.complete(null);
        }
    }

    private void updateStress() {
        stress.update(clients.sessions(), config);
    }

    /** A reception was refused. Called by sessions. */
    void rejected(MessageEvent rejection) {
        events.on(rejection);
    }

    /**
     * Stops: no new sessions at once, then 421 for each session at its next command boundary, messages under way and
     * commits answered; what isn't over after ten seconds is cut off. Idempotent.
     */
    @Override
    public synchronized void close() {
        LoopResources running = loops;
        if (shuttingDown || running == null) {
            shuttingDown = true;
            return;
        }
        // 1. no new sessions
        shuttingDown = true;
        bound.forEach(DisposableServer::dispose);
        Mono.when(bound.stream().map(DisposableServer::onDispose).toList()).timeout(LOOPS_TIMEOUT, Mono.empty())
                .block();
        // 2. sessions end where they can
        sessions.forEach(Session::shutDown);
        if (sessions.isEmpty()) {
            empty.complete(null);
        }
        if (!awaitEmpty(GRACE)) {
            // 3. or are cut off
            log.warn("event=smtp-sessions-cut-off sessions={} after={}", sessions.size(), GRACE);
            sessions.forEach(Session::closeNow);
            awaitEmpty(LOOPS_TIMEOUT);
        }
        // 4. threads
        running.disposeLater(LOOPS_QUIET, LOOPS_TIMEOUT).onErrorComplete().block(); // what takes longer ends by itself
    }

    private boolean awaitEmpty(Duration limit) {
        try {
            empty.get(limit.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException e) {
            return false;
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    // ---- for sessions ------------------------------------------------------------------------------------------

    String hostname() {
        return hostname;
    }

    Replies replies() {
        return replies;
    }

    Settings settings(int listener) {
        return settings.get(listener);
    }

    Policy policy() {
        return policy;
    }

    Authenticator authenticator() {
        return authenticator;
    }

    TraceHub trace() {
        return trace;
    }

    Stress stress() {
        return stress;
    }

    Reception reception() {
        return reception;
    }

    ReceptionMemory memory() {
        return memory;
    }

    FailedLogins failedLogins() {
        return failedLogins;
    }

    Counters counters() {
        return counters;
    }

    InstantSource clock() {
        return clock;
    }

    boolean isShuttingDown() {
        return shuttingDown;
    }
}
