package dev.penstock.delivery;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongPredicate;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.classification.Classification;
import dev.penstock.classification.ReplyBook;
import dev.penstock.classification.ReplyCounts;
import dev.penstock.config.AddressPreference;
import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.delivery.FailurePolicy.Situation;
import dev.penstock.egress.Source;
import dev.penstock.egress.SourceListener;
import dev.penstock.egress.Sources;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.queue.Admission;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.QueueKey;
import dev.penstock.queue.ReadyQueue;
import dev.penstock.queue.ReadyQueueListener;
import dev.penstock.queue.RouteFailureHandler;
import dev.penstock.reception.Reception;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.shaping.Limiter;
import dev.penstock.shaping.OpeningLimiter;
import dev.penstock.shaping.SessionLimiter;
import dev.penstock.shaping.control.AdaptiveControl;
import dev.penstock.smtp.DeliverBy;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.AttemptState;
import dev.penstock.spool.Orders;
import dev.penstock.spool.Spool;
import dev.penstock.spool.StoredMessage;
import dev.penstock.spool.UnreadableMessageException;
import dev.penstock.tls.ClientIdentities;
import dev.penstock.tls.ClientTls;
import dev.penstock.trace.TraceHub;

/**
 * Opens sessions for ready queues that want one, as soon as the limiters grant it, and holds what all sessions share.
 * Thread-safe.
 *
 * <p>A part of the sessions is kept for queues that have none, so that many sessions stuck at a few sites never leave the
 * others without one (P7). Not all of them may be coming up, and of those each tenant, each network of hosts and the reports
 * have shares, so that hosts which stall before they have taken a message leave the others to those that don't; and local
 * stores have some of their own.
 */
public final class Dispatcher implements ReadyQueueListener, RouteFailureHandler, AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Dispatcher.class);
    private static final AttemptState NEVER_ATTEMPTED = new AttemptState(0, 0, List.of());
    /** One in so many sessions is for queues without any. */
    private static final int RESERVE_SHARE = 10;
    /**
     * Of the sessions may be coming up, the others are for those that are up. A tenant that is alone gets four fifths of
     * these: three in five of all sessions.
     */
    private static final int OPENING_PERCENT = 75;
    /** Local stores have one for so many others, which nobody else gets. */
    private static final int LOCAL_SHARE = 10;
    /** Of the time for a stop, the part kept for putting back what had to be broken off. */
    private static final int GRACE_SHARE = 5;
    private static final Duration MAX_GRACE = Duration.ofSeconds(1);
    /**
     * For how long a host is spoken to in clear after a failed handshake, unless the shaping file's remember_broken_tls
     * says otherwise; long against the cost of failing again.
     */
    static final Duration BROKEN_TLS_TIME = Duration.ofHours(1);
    /** What a message takes besides content, with some recipients: part of what a session takes. */
    private static final int USUAL_ENVELOPE = 4 << 10;
    private static final long STOP_POLL_MILLIS = 10;
    private static final int BASE_36 = 36;

    final String hostname;
    final DeliveryConfig config;
    final Sources sources;
    final HostConnector connector;
    final DeadlineGuard guard;
    final ReturningHosts badHosts;
    final PeerKnowledge peers;
    final DeliveryMemory memory;
    final ClientTls tls;
    final ClientIdentities identities;
    /** Hosts whose handshakes fail: with the policy opportunistic they get their mail in clear. */
    final BadHosts brokenTls;
    final TlsFailures tlsFailures;
    final TlsOut tlsOut;
    /** Told what sessions say. */
    final TraceHub trace;
    private final Reports reports;
    final Settlement settlement;
    final MaildirStore maildirs;
    final DeliveryStats stats = new DeliveryStats();
    private final Spool spool;
    private final MailQueue queue;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private volatile FailurePolicy policy;
    private volatile AddressPreference addressPreference;
    private final ReplyBook replies;
    /** Of a gateway that holds mail; set before the queue starts. */
    final Consequences consequences;
    private volatile @Nullable HeldMail heldMail;
    /** Of a gateway whose limits follow what receivers answer; set before the queue starts. */
    private volatile @Nullable Control control;
    /** All messages with ids before this one have come before this start. */
    private final MessageId firstId;

    private final Set<DeliverySession> deliverySessions = ConcurrentHashMap.newKeySet();
    private final AtomicLong sessionIds;
    private final SessionLimiter total;
    private final SessionLimiter local;
    private final OpeningLimiter opening;
    private final Admission admission;
    private volatile boolean closing;

    /**
     * @param hostname   for EHLO and reports
     * @param queue      to be started with this dispatcher as its listener and failure handler
     * @param reception  by which reports to senders go
     * @param events     told of every outcome
     * @param clock      the wall clock
     * @param nanoTime   {@link System#nanoTime()}, or a test's
     */
    public Dispatcher(String hostname, DeliveryConfig config, QueueConfig queueConfig, Spool spool, MailQueue queue,
            Reception reception, MessageEvent.Listener events, InstantSource clock, LongSupplier nanoTime) {
        this(hostname, config, queueConfig, Sources.ofDefault(config.sourceAddress(), hostname), SourceListener.NONE,
                spool, queue, reception, events, clock, nanoTime, TlsOut.NONE);
    }

    /**
     * Likewise, with further sources.
     *
     * @param sourceListener told how they are
     * @param tlsOut         what TLS needs of others
     */
    public Dispatcher(String hostname, DeliveryConfig config, QueueConfig queueConfig, Sources sources,
            SourceListener sourceListener, Spool spool, MailQueue queue, Reception reception,
            MessageEvent.Listener events, InstantSource clock, LongSupplier nanoTime, TlsOut tlsOut) {
        this(hostname, config, queueConfig, sources, sourceListener, spool, queue, reception, events, clock, nanoTime,
                tlsOut, new TraceHub(nanoTime));
    }

    /**
     * Likewise, with sessions that can be watched.
     *
     * @param trace is told what sessions say
     */
    public Dispatcher(String hostname, DeliveryConfig config, QueueConfig queueConfig, Sources sources,
            SourceListener sourceListener, Spool spool, MailQueue queue, Reception reception,
            MessageEvent.Listener events, InstantSource clock, LongSupplier nanoTime, TlsOut tlsOut, TraceHub trace) {
        this.trace = trace;
        this.hostname = hostname;
        this.config = config;
        this.sources = sources;
        this.connector = new HostConnector(sourceListener);
        this.addressPreference = config.addressPreference();
        this.spool = spool;
        this.firstId = spool.nextId();
        this.queue = queue;
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.consequences = new Consequences(queue, clock, nanoTime, this::forEachOfReceiver, this::tell);
        this.policy = new FailurePolicy(queueConfig.maxAge());
        this.badHosts = new ReturningHosts(config.badHostTime(), nanoTime);
        this.peers = new PeerKnowledge(nanoTime::getAsLong);
        this.replies = new ReplyBook(config.classificationFiles());
        this.memory = new DeliveryMemory(config.memoryLimit().bytes(), stats.memoryRefused);
        this.tls = new ClientTls(config.tlsCa());
        this.identities = new ClientIdentities(tls);
        this.brokenTls = new BadHosts(nanoTime::getAsLong);
        this.tlsFailures = new TlsFailures(config.badHostTime(), nanoTime::getAsLong);
        this.tlsOut = tlsOut;
        this.reports = new Reports(hostname, reception, events, clock, nanoTime);
        reports.reconfigure(queueConfig);
        this.settlement = new Settlement(spool, queue, reports, events,
                stats, clock);
        this.maildirs = new MaildirStore(hostname, clock);
        settlement.delayWarning(queueConfig.delayWarning());
        this.sessionIds = new AtomicLong(clock.millis() << 20);
        this.total = new SessionLimiter("max-sessions", config.maxSessions(),
                Math.max(1, config.maxSessions() / RESERVE_SHARE));
        this.local = new SessionLimiter("max-sessions of local stores",
                Math.max(1, config.maxSessions() / LOCAL_SHARE), 0);
        int mostComingUp = Math.ceilDiv(config.maxSessions() * OPENING_PERCENT, 100);
        this.opening = new OpeningLimiter("max-sessions that come up", mostComingUp, mostComingUp / RESERVE_SHARE);
        this.admission = new Admission(total, local, opening, this::tried, nanoTime, this::open);
        this.guard = new DeadlineGuard(nanoTime);
        queue.handsOutOnlyWhile(spool::canRecord);
        spool.onRecording(() -> Thread.startVirtualThread(queue::recordingChanged)); // not on the spool's own thread
        guard.start();
    }

    /**
     * Follows a changed configuration; mail already queued expires by the new age, and a queue whose limits are others
     * than before is suspended no more.
     */
    public void reconfigure(QueueConfig queueConfig, DeliveryConfig deliveryConfig) {
        replies.reconfigure(deliveryConfig.classificationFiles());
        reconfigure(queueConfig);
    }

    private void reconfigure(QueueConfig queueConfig) {
        policy = new FailurePolicy(queueConfig.maxAge());
        settlement.delayWarning(queueConfig.delayWarning());
        reports.reconfigure(queueConfig);
        queue.forEachReadyQueue(ready -> {
            if (admission.reconfigured(ready)) {
                log.info("event=suspension-ended queue={} why=\"its limits were changed\"", ready.key());
            }
        });
    }

    /** Follows a changed preference among the addresses of a host. */
    public void prefer(AddressPreference preference) {
        addressPreference = preference;
    }

    @Override
    public void wantsSession(ReadyQueue ready) {
        admission.seek(ready);
    }

    @Override
    public void mayGrant(ReadyQueue ready, Limiter limiter) {
        admission.mayGrant(ready, limiter);
    }

    private void open(ReadyQueue.Session session) {
        DeliverySession deliverySession = new DeliverySession(this, session,
                Long.toString(sessionIds.incrementAndGet(), BASE_36));
        deliverySessions.add(deliverySession);
        stats.sessionsTried.increment();
        deliverySession.start();
        if (closing) { // close() may have asked all others already
            deliverySession.finish();
        }
    }

    /** The session is up. @return its first message; null when no mail is ready */
    @Nullable
    QueueItem up(ReadyQueue.Session session) {
        return admission.up(session);
    }

    /** Connects from a source to a host, for {@link dev.penstock.egress.SourceWarden}. */
    public void probe(Source source, InetSocketAddress host) throws IOException {
        connector.probe(source, host, config.connectTimeout(), guard::watch);
    }

    /** Which of a route's hosts are tried from the queue's source, in order; all of them where none may be. */
    List<MailHost> tried(QueueKey key, List<MailHost> hosts, TrafficLimits limits) {
        PathHosts.Choice allowed = PathHosts.of(hosts, key.configured(), limits);
        return badHosts.withoutBad(key.source(), AddressOrder.of(reachable(sources.find(key.source()),
                allowed.refusal() == null ? allowed.hosts() : hosts), addressPreference));
    }

    /**
     * As {@link #tried}, for a session that begins: one session at a time tries a host that was out.
     *
     * @param hosts that it may connect to by the keys of its path
     */
    ReturningHosts.Choice forSession(QueueKey key, List<MailHost> hosts) {
        return badHosts.forSession(key.source(),
                AddressOrder.of(reachable(sources.find(key.source()), hosts), addressPreference));
    }

    /** The hosts that one can connect to from the source; all of them when there is none, to say so. */
    private static List<MailHost> reachable(@Nullable Source from, List<MailHost> hosts) {
        if (from == null || from.four() == null == (from.six() == null)) {
            return hosts;
        }
        List<MailHost> reachable = hosts.stream().filter(host -> host.isReachableFrom(from::reaches)).toList();
        return reachable.isEmpty() ? hosts : reachable;
    }

    /** See {@link Admission#comesUp}. */
    boolean comesUp(ReadyQueue.Session session, String network) {
        return admission.comesUp(session, network);
    }

    /** See {@link Admission#lacksMemory}. */
    void lacksMemory(ReadyQueue.Session session) {
        admission.lacksMemory(session);
    }

    /** See {@link Admission#cameUp}. */
    void cameUp(ReadyQueue.Session session) {
        admission.cameUp(session);
    }

    /** Sessions that may be coming up at one time. */
    int mostComingUp() {
        return opening.limit();
    }

    /** The session has delivered. */
    void proved(ReadyQueue.Session session) {
        if (admission.proved(session)) {
            log.info("event=suspension-ended queue={} why=\"it takes mail again\"", session.queue().key());
        }
    }

    /** The session couldn't be opened, or the receiver wants it no more; see {@link Admission#failed}. */
    ReadyQueue.Failed failed(ReadyQueue.Session session, ReadyQueue.Trouble trouble, boolean mayCharge, String reason) {
        return failed(session, trouble, mayCharge, reason, Duration.ZERO);
    }

    /** @param told for how long the receiver, or a rule about what it says, wants no mail; zero for not said */
    ReadyQueue.Failed failed(ReadyQueue.Session session, ReadyQueue.Trouble trouble, boolean mayCharge, String reason,
            Duration told) {
        ReadyQueue.Failed failed = admission.failed(session, trouble, mayCharge, reason, told);
        if (failed.narrows()) {
            stats.sessionsRefused.increment();
        }
        tell(session.queue(), failed.suspension());
        return failed;
    }

    /**
     * What the rules in force say.
     *
     * @param provider empty when it isn't known
     */
    Classification classify(Phase phase, Reply reply, String provider) {
        return replies.classify(phase.ofReply(), reply, provider);
    }

    /** Whose hosts the queue's mail goes to; empty when that isn't known. */
    String provider(ReadyQueue ready) {
        return queue.provider(ready);
    }

    /** Those whose hosts are the same provider's; where nobody knows whose they are, of the same site. */
    private void forEachOfReceiver(ReadyQueue ready, Consumer<ReadyQueue> action) {
        String provider = queue.provider(ready);
        Site site = ready.key().site();
        queue.forEachReadyQueue(other -> {
            if (provider.isEmpty() ? other.key().site().equals(site) : queue.provider(other).equals(provider)) {
                action.accept(other);
            }
        });
    }

    /** Something of the item's message is being sent, and so many recipients asked for. */
    void sent(QueueItem item, int recipients) {
        queue.sent(item, recipients);
    }

    /** What waits for that source, which isn't configured any more, goes by others. */
    void sourceIsGone(ReadyQueue ready) {
        queue.sourceIsGone(ready.key().source());
    }

    /** Of an item's message; null when it can't be read. Blocks for the spool. */
    @Nullable
    Envelope envelope(QueueItem item) {
        try {
            return spool.read(item.entry(), _ -> false).envelope();
        } catch (IOException _) {
            return spool.envelope(item.entry());
        }
    }

    /** What operators' verbs do to single destinations. */
    public Verbs verbs() {
        return new Verbs(this, queue);
    }

    /** Which replies came how often. */
    public ReplyCounts replyCounts() {
        return stats.replies;
    }

    void ended(DeliverySession deliverySession, ReadyQueue.Session session) {
        deliverySessions.remove(deliverySession);
        tell(session.queue(), admission.ended(session));
    }

    void tell(ReadyQueue ready, ReadyQueue.@Nullable Suspension suspension) {
        if (suspension != null) {
            stats.suspensions.increment();
            log.warn("event=suspension queue={} until={} seconds={} tries={} why={}", ready.key(),
                    Instant.ofEpochMilli(suspension.untilMillis()), suspension.length().toSeconds(), suspension.tries(),
                    suspension.why());
        }
    }

    /** Whether what becomes of mail can be recorded; what can't be isn't sent (P11). */
    boolean mayHandOut() {
        return spool.canRecord();
    }

    @Override
    public void failed(QueueItem item, Route.Failure failure) {
        SessionDetails contact = SessionDetails.none("");
        DeliveryAttempt attempt = prepare(item, contact);
        if (attempt != null) {
            FailurePolicy now = policy;
            try {
                attempt.decideRest(
                        now.decide(new Situation(Phase.ROUTE, new Cause.Unroutable(failure), false, false, true,
                                false, item.attempts(), millis() - item.receivedMillis())),
                        contact);
                settlement.settle(attempt, now.maxAge().toMillis());
            } catch (RuntimeException | Error e) {
                attempt.memory.close();
                throw e;
            }
        }
    }

    @Override
    public void reportDue(QueueItem item) {
        DeliveryAttempt attempt = prepare(item, SessionDetails.none(""));
        if (attempt != null) { // something is left to deliver after all
            attempt.memory.close();
            settlement.giveBack(item);
        }
    }

    /** Who hears of outcomes and decides about the pace of mail. Before the queue starts. */
    public void controlledBy(AdaptiveControl decider) {
        control = new Control(decider, this);
    }

    @Nullable
    Control control() {
        return control;
    }

    /** Sessions of the queue's source with its provider; where nobody knows whose hosts they are, with its site. */
    int sessionsOf(ReadyQueue ready) {
        AtomicInteger sessions = new AtomicInteger();
        forEachOfReceiver(ready, other -> {
            if (other.key().source().equals(ready.key().source())) {
                sessions.addAndGet(other.sessions());
            }
        });
        return sessions.get();
    }

    /** Who decides about mail that is held. Before the queue starts. */
    public void decidesAboutHeld(HeldMail decider) {
        heldMail = decider;
    }

    @Override
    public void holdDue(QueueItem item) {
        Orders ordered = queue.orders(item);
        if (ordered.isHeld()) {
            boolean over = ordered.heldUntilMillis() > 0 && millis() >= ordered.heldUntilMillis();
            queue.order(item, over ? ordered.release() : ordered, millis(), false);
            return;
        }
        HeldMail decider = heldMail;
        DeliveryAttempt attempt = prepare(item, SessionDetails.none(""));
        if (attempt == null) { // it has expired, or can't be read
            return;
        }
        if (decider == null) {
            attempt.memory.close();
            queue.release(item, attempt.envelope.options().holdUntilMillis());
            return;
        }
        decider.decide(item, attempt, millis(), item.receivedMillis() + policy.maxAge().toMillis(), () -> closing);
    }

    /** As {@link #prepare(QueueItem, SessionDetails, boolean)}, where no host is to be asked. */
    private @Nullable DeliveryAttempt prepare(QueueItem item, SessionDetails contact) {
        return prepare(item, contact, false);
    }

    /**
     * Reads the message of an item that has come up.
     *
     * @param tries whether a host is to be asked, and so what a curfew held until it was too old is attempted
     * @return null when there is nothing to attempt: the item is settled then
     */
    @Nullable
    DeliveryAttempt prepare(QueueItem item, SessionDetails contact, boolean tries) {
        DeliveryMemory.Share held = memory.share();
        try {
            return prepare(item, contact, tries, held);
        } catch (RuntimeException | Error e) {
            held.close();
            throw e;
        }
    }

    /** @param held taken over by the work, or closed, unless this throws */
    private @Nullable DeliveryAttempt prepare(QueueItem item, SessionDetails contact, boolean tries,
            DeliveryMemory.Share held) {
        DeliveryAttempt attempt = read(item, held, held::takeForContent);
        if (attempt == null) {
            return null;
        }
        FailurePolicy now = policy;
        long nowMillis = millis();
        String heldFor = queue.heldFor(item);
        Outcome.Expired expired = now.beforeAttempt(item.attempts(), nowMillis - item.receivedMillis(), false);
        if (expired != null && tries && heldFor == null) {
            expired = queue.orders(item).released()
                    ? null // whatever time it was held for: it has its attempt
                    : now.beforeAttempt(item.attempts(), nowMillis - item.receivedMillis(), queue.isOutlasted(item));
        }
        if (expired != null && heldFor != null) {
            expired = now.heldTooLong(heldFor);
        }
        if (expired == null && isOverdue(attempt)) {
            expired = now.pastDeadline(item.attempts());
        }
        if (expired != null) {
            attempt.decideRest(expired, SessionDetails.none(contact.site()));
        }
        long octets = attempt.heapOctets();
        if (!attempt.hasMore()) { // it has expired, or has been delivered and only the report is owed
            held.hold(octets > USUAL_ENVELOPE ? octets : 0);
            settlement.settle(attempt, now.maxAge().toMillis());
            return null;
        }
        if (octets > USUAL_ENVELOPE && !held.takeOrGoFirst(octets)) {
            held.close();
            stats.postponed.increment();
            log.info("event=message-waits-for-memory id={} domain={} recipients={} octets={}", attempt.envelope.id(),
                    item.domain(), attempt.size(), octets);
            settlement.awaitMemory(attempt, now.maxAge().toMillis());
            return null;
        }
        attempt.taken(nowMillis);
        return attempt;
    }

    /**
     * The message behind an item, and what is owed of it.
     *
     * @param room whether its content may be held
     * @return null when nothing is owed, or it can't be read: the item is settled then, and {@code held} closed
     */
    @Nullable
    DeliveryAttempt read(QueueItem item, DeliveryMemory.Share held, LongPredicate room) {
        DeliveryAttempt attempt;
        StoredMessage stored = null;
        try {
            stored = spool.read(item.entry(), room);
            AttemptState last = item.attempts() == 0
                    || stored.envelope().recipients().size() == 1 && !settlement.mayTell(stored.envelope())
                            ? NEVER_ATTEMPTED
                            : settlement.lastAttempt(item);
            attempt = new DeliveryAttempt(item, settlement.bound(item, stored.envelope()), stored.content(), last,
                    held);
        } catch (UnreadableMessageException e) {
            held.close();
            settlement.unreadable(item, stored, String.valueOf(e.getMessage()), policy.maxAge().toMillis());
            return null;
        } catch (IOException e) {
            held.close();
            log.warn("event=message-not-read id={} domain={} why={} effect=\"it waits\"",
                    new MessageId(item.entry().messageId()),
                    item.domain(), e.getMessage());
            settlement.postpone(item);
            return null;
        }
        if (attempt.nothingOwed()) {
            held.close();
            settlement.alreadyDone(item);
            return null;
        }
        return attempt;
    }

    /** Whether there may have been an attempt; of one that a crash ended nothing is known. */
    boolean mayHaveBeenTried(DeliveryAttempt attempt) {
        return attempt.item.attempts() > 0 || attempt.envelope.id().compareTo(firstId) < 0;
    }

    /** Whether the time is over after which its sender wants it back (RFC 2852 4.1.3, mode R). */
    boolean isOverdue(DeliveryAttempt attempt) {
        Options options = attempt.envelope.options();
        return options.deliverByMode() == DeliverBy.Mode.RETURN && millis() >= options.deliverByMillis();
    }

    FailurePolicy policy() {
        return policy;
    }

    long millis() {
        return clock.millis();
    }

    long nanoTime() {
        return nanoTime.getAsLong();
    }

    Duration nextRetry(int attempts) {
        return queue.nextRetry(attempts);
    }

    public DeliveryStats stats() {
        return stats;
    }

    /** Sessions open or opening now. */
    public int sessionCount() {
        return total.open() + local.open();
    }

    /** Octets that deliveries hold now. */
    public long heldOctets() {
        return memory.used();
    }

    /** Hosts remembered as bad. */
    public long badHostCount() {
        return badHosts.size();
    }

    /** Every session and what it does; in no order. */
    public List<SessionView> sessions() {
        return deliverySessions.stream().map(DeliverySession::view).toList();
    }

    /**
     * Ends a session whatever it is doing. The message in hand comes out as after a connection that was lost.
     *
     * @param why for the log, and for the outcome of that message
     * @return whether there is one with that id; it ends soon after
     */
    public boolean abort(String id, String why) {
        for (DeliverySession session : deliverySessions) {
            if (session.id().equals(id)) {
                session.abort(why);
                return true;
            }
        }
        return false;
    }

    /** As {@link #close(Duration)} with the configured time. */
    @Override
    public void close() {
        close(config.stopTimeout());
    }

    /** Ends within about {@code time}: what is in flight is finished, or broken off and put back. */
    public void close(Duration time) {
        long end = nanoTime() + time.toNanos();
        Duration share = time.dividedBy(GRACE_SHARE);
        long grace = (share.compareTo(MAX_GRACE) < 0 ? share : MAX_GRACE).toNanos();
        // 1. No new sessions.
        closing = true;
        admission.close();
        // 2. Idle sessions say QUIT, busy ones after their transaction.
        deliverySessions.forEach(DeliverySession::finish);
        await(end - grace);
        // 3. What is still in a transaction is broken off; its mail goes back to the queue, and the spool has it anyway.
        if (!deliverySessions.isEmpty()) {
            log.warn("event=stop-broke-off sessions={}", deliverySessions.size());
            deliverySessions.forEach(DeliverySession::breakOff);
        }
        // 4. Reports on their way reach the spool.
        await(end);
        // 5. No files go into Maildirs any more.
        maildirs.close();
        // 6. No deadlines are left to keep.
        guard.close();
    }

    private void await(long endNanos) {
        try {
            while ((!deliverySessions.isEmpty() || settlement.pending() > 0) && nanoTime() - endNanos < 0) {
                Thread.sleep(STOP_POLL_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
