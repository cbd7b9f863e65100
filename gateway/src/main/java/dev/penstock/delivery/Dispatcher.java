package dev.penstock.delivery;

import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.delivery.FailurePolicy.Situation;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.message.Options;
import dev.penstock.queue.ReadyQueue;
import dev.penstock.queue.ReadyQueueListener;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.RouteFailureHandler;
import dev.penstock.routing.Route;
import dev.penstock.shaping.Opening;
import dev.penstock.shaping.Permit;
import dev.penstock.shaping.Refusal;
import dev.penstock.shaping.Shaper;
import dev.penstock.smtp.DeliverBy;
import dev.penstock.spool.AttemptState;
import dev.penstock.spool.Spool;
import dev.penstock.spool.StoredMessage;
import dev.penstock.spool.UnreadableMessageException;
import dev.penstock.tls.ClientTls;

/**
 * Sends couriers to lanes that have mail: as many as their shaping permits and their backlog is worth. Thread-safe;
 * {@link #ready} returns at once.
 *
 * <p>A part of the sessions is kept for lanes that have none, so that many sessions stuck at a few sites never leave the
 * others without one (P7).
 */
public final class Dispatcher implements ReadyQueueListener, RouteFailureHandler, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Dispatcher.class);
    private static final AttemptState NEVER_ATTEMPTED = new AttemptState(0, 0, List.of());
    /** One in so many sessions is for lanes without any. */
    private static final int RESERVE_SHARE = 10;
    /** Of the time for a stop, the part kept for putting back what had to be broken off. */
    private static final int GRACE_SHARE = 5;
    private static final Duration MAX_GRACE = Duration.ofSeconds(1);
    /** For how long a host is spoken to in clear after a failed handshake; long against the cost of failing again. */
    private static final Duration BROKEN_TLS_TIME = Duration.ofHours(1);
    private static final long STOP_POLL_MILLIS = 10;
    private static final int BASE_36 = 36;

    final String hostname;
    final DeliveryConfig config;
    final @Nullable InetAddress source;
    final DeadlineGuard guard;
    final BadHosts badHosts;
    final ClientTls tls;
    /** Hosts whose handshakes fail: with the policy opportunistic they get their mail in clear. */
    final BadHosts brokenTls;
    final Settlement settlement;
    final MaildirStore maildirs;
    final DeliveryStats stats = new DeliveryStats();
    private final Spool spool;
    private final MailQueue queue;
    private final Shaper shaper;
    private final InstantSource clock;
    private final LongSupplier nanoTime;
    private volatile FailurePolicy policy;
    /** All messages with ids before this one have come before this start. */
    private final MessageId firstId;

    private final ConcurrentHashMap<ReadyQueue, Desk> desks = new ConcurrentHashMap<>();
    private final Set<Courier> couriers = ConcurrentHashMap.newKeySet();
    private final AtomicInteger sessions = new AtomicInteger();
    private final AtomicLong sessionIds;
    /** Lanes that would have a session but for {@code max-sessions}; guarded by itself. */
    private final LinkedHashSet<Desk> crowdedOut = new LinkedHashSet<>();
    private volatile boolean hasCrowdedOut;
    private volatile boolean closing;

    /**
     * @param hostname   for EHLO and reports
     * @param queue      to be started with this dispatcher as its listener and failure handler
     * @param events     told of every outcome
     * @param clock      the wall clock
     * @param nanoTime   {@link System#nanoTime()}, or a test's
     */
    public Dispatcher(String hostname, DeliveryConfig config, QueueConfig queueConfig, Spool spool, MailQueue queue,
            Shaper shaper, MessageEvent.Listener events, InstantSource clock, LongSupplier nanoTime) {
        this.hostname = hostname;
        this.config = config;
        this.source = address(config.sourceAddress());
        this.spool = spool;
        this.firstId = spool.nextId();
        this.queue = queue;
        this.shaper = shaper;
        this.clock = clock;
        this.nanoTime = nanoTime;
        this.policy = new FailurePolicy(queueConfig.maxAge());
        this.guard = new DeadlineGuard(nanoTime);
        this.badHosts = new BadHosts(config.badHostTime(), nanoTime::getAsLong);
        this.tls = new ClientTls(config.tlsCa());
        this.brokenTls = new BadHosts(BROKEN_TLS_TIME, nanoTime::getAsLong);
        this.settlement = new Settlement(spool, queue, new Reports(hostname, spool, queue, events, clock), events,
                stats, clock);
        this.maildirs = new MaildirStore(hostname, clock);
        settlement.delayWarning(queueConfig.delayWarning());
        this.sessionIds = new AtomicLong(clock.millis() << 20);
        guard.start();
    }

    private static @Nullable InetAddress address(String source) {
        if (source.isEmpty()) {
            return null;
        }
        try {
            return InetAddress.ofLiteral(source);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("delivery source address: expected an IP address, not " + source, e);
        }
    }

    /** Follows a changed configuration; mail already queued expires by the new age. */
    public void reconfigure(QueueConfig queueConfig) {
        policy = new FailurePolicy(queueConfig.maxAge());
        settlement.delayWarning(queueConfig.delayWarning());
        desks.values().forEach(desk -> {
            desk.hold(nanoTime(), 0); // the slot it waits for may be another one now
            consider(desk);
        });
    }

    @Override
    public void ready(ReadyQueue lane) {
        if (!closing) {
            Desk desk = desks.computeIfAbsent(lane, Desk::new);
            desk.called();
            consider(desk);
        }
    }

    @Override
    public void removed(ReadyQueue lane) {
        desks.remove(lane);
    }

    /** Sends couriers until the lane needs no more or may have no more. */
    private void consider(Desk desk) {
        while (!closing) {
            long held = desk.heldNanos(nanoTime());
            if (held > 0) {
                desk.lane.askAgainAfter(Duration.ofNanos(held));
                return;
            }
            Desk.Answer answer = desk.mayOpen(desk.lane.ready(), nanoTime());
            if (answer == Desk.Answer.LATER) {
                desk.lane.askAgainAfter(Desk.PATIENCE);
            }
            if (answer != Desk.Answer.OPEN || !send(desk)) {
                return;
            }
        }
    }

    /** @return whether a courier is under way */
    private boolean send(Desk desk) {
        if (!takeSession(desk)) {
            desk.left(false);
            return false;
        }
        Opening opening = shaper.tryOpen(desk.lane.key().site());
        if (opening instanceof Refusal refusal) {
            sessions.decrementAndGet();
            desk.left(false);
            if (refusal.retryNanos() > 0) {
                desk.lane.askAgainAfter(Duration.ofNanos(refusal.retryNanos()));
            }
            return false;
        }
        Courier courier = new Courier(this, desk, (Permit) opening,
                Long.toString(sessionIds.incrementAndGet(), BASE_36));
        couriers.add(courier);
        stats.sessionsTried.increment();
        courier.start();
        if (closing) { // close() may have asked all others already
            courier.finish();
        }
        return true;
    }

    /** Takes one of the {@code max-sessions}; a lane that has one already must leave the reserve to the others. */
    private boolean takeSession(Desk desk) {
        int reserve = Math.max(1, config.maxSessions() / RESERVE_SHARE);
        int limit = desk.open() > 1 ? config.maxSessions() - reserve : config.maxSessions(); // this one is counted
        while (true) {
            int now = sessions.get();
            if (now >= limit) {
                synchronized (crowdedOut) {
                    crowdedOut.add(desk);
                    hasCrowdedOut = true;
                }
                if (sessions.get() >= limit) { // else one ended meanwhile, perhaps before it could know of this desk
                    return false;
                }
                synchronized (crowdedOut) {
                    crowdedOut.remove(desk);
                    hasCrowdedOut = !crowdedOut.isEmpty();
                }
                continue;
            }
            if (sessions.compareAndSet(now, now + 1)) {
                return true;
            }
        }
    }

    /** Whether lanes wait for a session, so that others shouldn't be kept for long. */
    boolean isCrowded() {
        return hasCrowdedOut;
    }

    void established(Desk desk) {
        desk.established();
        consider(desk);
    }

    void ended(Courier courier, Desk desk, boolean wasEstablished, boolean foundMail) {
        couriers.remove(courier);
        sessions.decrementAndGet();
        desk.left(wasEstablished);
        if (closing) {
            return;
        }
        if (hasCrowdedOut) {
            letIn();
        }
        if (foundMail) {
            consider(desk);
        } else if (desk.lane.ready() > 0) {
            desk.lane.askAgainAfter(Desk.RECHECK);
        }
    }

    /** A session has become free: each lane that waits for one may try, in their order. */
    private void letIn() {
        List<Desk> waiting;
        synchronized (crowdedOut) {
            waiting = List.copyOf(crowdedOut);
            crowdedOut.clear();
            hasCrowdedOut = false;
        }
        waiting.forEach(this::consider);
    }

    @Override
    public void failed(QueueItem item, Route.Failure failure) {
        Contact contact = Contact.none("");
        Work work = prepare(item, contact);
        if (work != null) {
            FailurePolicy now = policy;
            work.decideRest(now.decide(new Situation(Phase.ROUTE, new Cause.Unroutable(failure), false, false, true,
                    false, item.attempts(), millis() - item.receivedMillis())), contact);
            settlement.settle(work, now.maxAge().toMillis());
        }
    }

    /**
     * Reads the message of an item that has come up.
     *
     * @return null when there is nothing to attempt: the item is settled then
     */
    @Nullable
    Work prepare(QueueItem item, Contact contact) {
        Work work;
        try {
            StoredMessage stored = spool.read(item.entry());
            AttemptState last = item.attempts() == 0
                    || stored.envelope().recipients().size() == 1 && !settlement.mayTell(stored.envelope())
                            ? NEVER_ATTEMPTED
                            : spool.lastAttempt(item.entry());
            work = new Work(item, stored.envelope(), stored.content(), last);
        } catch (UnreadableMessageException e) {
            settlement.unreadable(item, String.valueOf(e.getMessage()));
            return null;
        } catch (IOException e) {
            LOG.warn("message-not-read id={} domain={}, it waits: {}", new MessageId(item.entry().messageId()),
                    item.domain(), e.getMessage());
            settlement.postpone(item);
            return null;
        }
        if (work.nothingOwed()) {
            settlement.alreadyDone(item);
            return null;
        }
        FailurePolicy now = policy;
        Outcome.Expired expired = now.beforeAttempt(item.attempts(), millis() - item.receivedMillis());
        if (expired == null && isOverdue(work)) {
            expired = now.pastDeadline(item.attempts());
        }
        if (expired != null) {
            work.decideRest(expired, Contact.none(contact.site()));
        }
        if (!work.hasMore()) { // it has expired, or has been delivered and only the report is owed
            settlement.settle(work, now.maxAge().toMillis());
            return null;
        }
        return work;
    }

    /** Whether there may have been an attempt; of one that a crash ended nothing is known. */
    boolean mayHaveBeenTried(Work work) {
        return work.item.attempts() > 0 || work.envelope.id().compareTo(firstId) < 0;
    }

    /** Whether the time is over after which its sender wants it back (RFC 2852 4.1.3, mode R). */
    boolean isOverdue(Work work) {
        Options options = work.envelope.options();
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
        return sessions.get();
    }

    /** Hosts remembered as bad. */
    public long badHostCount() {
        return badHosts.size();
    }

    /** Every session and what it does; in no order. */
    public List<SessionView> sessions() {
        return couriers.stream().map(Courier::view).toList();
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
        // 2. Idle sessions say QUIT, busy ones after their transaction.
        couriers.forEach(Courier::finish);
        await(end - grace);
        // 3. What is still in a transaction is broken off; its mail goes back to the queue, and the spool has it anyway.
        if (!couriers.isEmpty()) {
            LOG.warn("stop-broke-off sessions={}", couriers.size());
            couriers.forEach(Courier::breakOff);
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
            while ((!couriers.isEmpty() || settlement.pending() > 0) && nanoTime() - endNanos < 0) {
                Thread.sleep(STOP_POLL_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
