package dev.penstock.admin;

import java.net.InetAddress;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;

import io.netty.util.NetUtil;
import org.jspecify.annotations.Nullable;

import dev.penstock.delivery.Phase;
import dev.penstock.delivery.SessionView;
import dev.penstock.http.Problem;
import dev.penstock.inbound.ClientSessionView;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.shaping.LimitReached;
import dev.penstock.trace.Direction;
import dev.penstock.units.Networks;

/** {@code /sessions}: those of clients with us and ours with hosts, and the end of one. Thread-safe. */
public final class SessionRoutes {
    /** What one answer has at most. */
    private static final int MOST = 10_000;
    private static final int USUAL = 1_000;
    /** Of a reason, as it goes into logs. */
    private static final int LONGEST_REASON = 500;
    private static final double NANOS_OF_A_SECOND = 1e9;

    private final Supplier<List<ClientSessionView>> clients;
    private final Supplier<List<SessionView>> deliveries;
    private final BiPredicate<String, String> abort;
    private final InstantSource clock;

    /** @param abort ends the session with that id, for that reason; whether there is one */
    public SessionRoutes(Supplier<List<ClientSessionView>> clients, Supplier<List<SessionView>> deliveries,
            BiPredicate<String, String> abort, InstantSource clock) {
        this.clients = clients;
        this.deliveries = deliveries;
        this.abort = abort;
        this.clock = clock;
    }

    /**
     * A session as it was a moment ago. What sessions of its direction don't have is left out.
     *
     * @param id         as in the log, in the delivery log and in traces
     * @param direction  {@code in} or {@code out}
     * @param peer       the client, or the host with its port
     * @param host       the host's name
     * @param helo       what the client calls itself
     * @param login      who the client has proved to be
     * @param site       that is sent to
     * @param provider   whose hosts these are
     * @param protocol   as RFC 3848 names it
     * @param tls        version and cipher
     * @param state      what it does: {@code command}, {@code data}, {@code commit}, …; {@code connecting}, {@code busy},
     *                   {@code waiting}, {@code idle}, {@code closing}
     * @param phase      to what an answer of the host is awaited
     * @param stateSeconds since it came into that state, or into that phase while it comes up or is busy
     * @param waitingFor the limiter whose slot is awaited, with its value and its place
     * @param since      its begin
     * @param messages   accepted of a client; answered for by a host
     * @param octets     read of a client
     * @param delivered  recipients; so are deferred and bounced
     * @param perSecond  messages, since its begin
     * @param message    in hand
     */
    public record SessionInfo(String id, String direction, @Nullable String peer, @Nullable String host,
            @Nullable String helo, @Nullable String login, @Nullable String listener, @Nullable String source,
            @Nullable String site, @Nullable String provider, @Nullable String protocol, @Nullable String tls,
            String state, @Nullable String phase, double stateSeconds, @Nullable String waitingFor, Instant since,
            int messages, @Nullable Long octets, @Nullable Integer delivered, @Nullable Integer deferred,
            @Nullable Integer bounced, double perSecond, @Nullable String message) {}

    /**
     * The oldest first.
     *
     * @param matching how many there are, shown or not
     */
    public record SessionList(List<SessionInfo> sessions, int matching) {}

    /** Which was ended. */
    public record Aborted(String session) {}

    public List<AdminRoute> routes() {
        return List.of(
                AdminRoute.get("/sessions", Role.READ,
                        "The sessions that are open, of clients with us and of ours with hosts, the oldest first.")
                        .query("direction", String.class, "in or out; left out: both")
                        .query("id", String.class, "of one session")
                        .query("address", String.class, "of the client or the host, or their network: 192.0.2.0/24")
                        .query("listener", String.class, "that the client has come to")
                        .query("login", String.class, "who the client has proved to be")
                        .query("source", String.class, "that is sent from")
                        .query("site", String.class, "that is sent to")
                        .query("provider", String.class, "whose hosts these are")
                        .query("state", String.class, "what it does")
                        .query("limit", Integer.class, "how many at most, 1000 unless told otherwise, 10000 at most")
                        .answers(SessionList.class, this::list),
                AdminRoute.delete("/sessions/{id}", Role.OPERATE,
                        "Ends a session: a client's with 421, ours as if the connection were lost.")
                        .query("reason", String.class, "why, for the log and the audit log")
                        .answers(Aborted.class, this::abort));
    }

    private SessionList list(AdminRequest request) {
        Direction only = direction(request);
        Networks networks = networks(request);
        Predicate<SessionInfo> wanted = is(request, "id", SessionInfo::id)
                .and(is(request, "listener", SessionInfo::listener))
                .and(is(request, "login", SessionInfo::login))
                .and(is(request, "source", SessionInfo::source))
                .and(is(request, "site", SessionInfo::site))
                .and(is(request, "provider", SessionInfo::provider))
                .and(is(request, "state", SessionInfo::state));
        int limit = request.integer("limit", USUAL, 1, MOST);
        Instant now = clock.instant();
        Stream<SessionInfo> in = only == Direction.OUT
                ? Stream.of()
                : clients.get().stream().filter(view -> contains(networks, view.client().getAddress()))
                        .map(view -> info(view, now));
        Stream<SessionInfo> out = only == Direction.IN
                ? Stream.of()
                : deliveries.get().stream().filter(view -> networks.isEmpty() || isIn(networks, view.peer()))
                        .map(view -> info(view, now));
        List<SessionInfo> matching = Stream.concat(in, out).filter(wanted)
                .sorted(Comparator.comparing(SessionInfo::since).thenComparing(SessionInfo::id)).toList();
        return new SessionList(matching.subList(0, Math.min(limit, matching.size())), matching.size());
    }

    /** @throws Problem when the query has another word than there are */
    static @Nullable Direction direction(AdminRequest request) {
        Optional<String> word = request.query("direction");
        Direction direction = word.map(Direction::of).orElse(null);
        if (word.isPresent() && direction == null) {
            throw Problem.of(Problem.Kind.INVALID, "direction must be in or out, not \"" + word.get() + "\"");
        }
        return direction;
    }

    /** @throws Problem when one is written wrongly */
    static Networks networks(AdminRequest request) {
        try {
            return Networks.parse(request.queries("address"));
        } catch (IllegalArgumentException e) {
            throw Problem.of(Problem.Kind.INVALID, "address must be an IP address or a network in CIDR form: "
                    + e.getMessage());
        }
    }

    private static boolean contains(Networks networks, @Nullable InetAddress address) {
        return networks.isEmpty() || address != null && networks.contains(address);
    }

    private static boolean isIn(Networks networks, MessageEvent.@Nullable Peer peer) {
        try {
            return peer != null && networks.contains(InetAddress.ofLiteral(peer.address()));
        } catch (IllegalArgumentException _) { // a Unix socket
            return false;
        }
    }

    private static Predicate<SessionInfo> is(AdminRequest request, String name,
            Function<SessionInfo, @Nullable String> value) {
        Optional<String> wanted = request.query(name);
        return info -> wanted.isEmpty() || wanted.get().equals(value.apply(info));
    }

    private Aborted abort(AdminRequest request) {
        String id = request.path("id");
        String reason = request.query("reason").orElse("").strip();
        if (reason.isEmpty() || reason.length() > LONGEST_REASON) {
            throw Problem.of(Problem.Kind.INVALID,
                    "reason must say why in 1 to " + LONGEST_REASON + " characters");
        }
        if (!abort.test(id, reason)) {
            throw Problem.of(Problem.Kind.NOT_FOUND, "there is no session " + id);
        }
        return new Aborted(id);
    }

    private static SessionInfo info(ClientSessionView view, Instant now) {
        return new SessionInfo(view.id(), Direction.IN.word(), NetUtil.toSocketAddressString(view.client()), null,
                orNull(view.helo()), orNull(view.login()), view.listener(), null, null, null, view.protocol(),
                tls(view.tls()), word(view.state()), null, seconds(view.since().toNanos()), null,
                now.minus(view.age()), view.messages(), view.octets(), null, null, null,
                rate(view.messages(), view.age().toNanos()), null);
    }

    private static SessionInfo info(SessionView view, Instant now) {
        MessageEvent.Peer peer = view.peer();
        boolean inPhase = view.state() == SessionView.State.CONNECTING || view.state() == SessionView.State.BUSY;
        LimitReached limit = view.waitingFor();
        MessageId message = view.message();
        long stateNanos = inPhase
                ? view.phaseTime().toNanos()
                : Math.max(0, now.toEpochMilli() - view.sinceMillis()) * 1_000_000;
        return new SessionInfo(view.id(), Direction.OUT.word(), peer == null ? null : peer.address(),
                peer == null ? null : peer.name(), null, null, null, view.queue().source(),
                view.queue().site().name(), orNull(view.provider()), null, tls(view.tls()), word(view.state()),
                inPhase ? word(view.phase()) : null, seconds(stateNanos), limit == null ? null : limit.toString(),
                now.minus(view.age()), view.transactions(), null, view.delivered(), view.deferred(), view.bounced(),
                view.rate(), message == null ? null : message.toString());
    }

    private static String word(Enum<?> value) {
        return value == Phase.HELLO || value == Phase.HELO || value == Phase.LHLO
                ? ((Phase) value).command().toLowerCase(Locale.ROOT)
                : value.name().toLowerCase(Locale.ROOT);
    }

    private static @Nullable String tls(MessageEvent.@Nullable Tls tls) {
        return tls == null ? null : tls.version() + " " + tls.cipher();
    }

    private static @Nullable String orNull(String text) {
        return text.isEmpty() ? null : text;
    }

    private static double seconds(long nanos) {
        return nanos / NANOS_OF_A_SECOND;
    }

    private static double rate(int messages, long nanos) {
        return nanos == 0 ? 0 : messages / seconds(nanos);
    }
}
