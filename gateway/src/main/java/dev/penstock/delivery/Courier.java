package dev.penstock.delivery;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.MaildirConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.delivery.FailurePolicy.Situation;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.ReadyQueue;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.shaping.OpeningLimiter.Place;
import dev.penstock.shaping.Permit;

/**
 * Opens one session for a ready queue and delivers its mail over it, until the session has served its time or broke.
 * Confined to its own virtual thread, but for {@link #finish}, {@link #breakOff} and {@link #view}.
 *
 * <p>It connects first and takes mail when it is up. What the failure policy calls a blast radius is acted upon here: the
 * transaction goes on without the recipient, the session goes on, ends, the next host is tried, or the queue is told that
 * the receiver takes no more sessions, or none.
 */
final class Courier implements Runnable {
    private static final Logger log = LoggerFactory.getLogger(Courier.class);
    /** Hosts tried for one message in one attempt (Postfix's smtp_mx_address_limit). */
    private static final int MAX_HOSTS = 5;

    /** RFC 5321 4.2.2, as a store that spoke LMTP would say it. */
    private static final int STORED = 250;
    /** Messages over one session while other queues have to wait for theirs. */
    private static final int CROWDED_TRANSACTIONS = 20;
    /** Expired mail looked at in one go when a queue is suspended. */
    private static final int EXPIRY_BATCH = 100;

    private final Dispatcher dispatcher;
    private final ReadyQueue queue;
    private final ReadyQueue.Session handle;
    private final Permit permit;
    private final String sessionId;
    private final long startedNanos;
    private final Thread thread;
    private final OpeningPatience patience;

    private volatile @Nullable SmtpClientSession session;
    private volatile SessionView.State state = SessionView.State.CONNECTING;
    private volatile long stateMillis;
    private volatile boolean finishing;
    /** Guarded by this: whether an interrupt only ends a wait of ours and does no harm to the socket. */
    private boolean interruptible;

    private Contact contact;
    /** Spoken to, or tried last. */
    private @Nullable MailHost host;
    /** Whether the host spoken to has answered for no message yet. */
    private boolean unproved = true;
    /** Whether the queue has been told that the session failed. */
    private boolean failed;
    /** The slot of the message under way, until something is sent in it. */
    private final MessageSlot slot;
    /** Of the message whose envelope goes behind it. */
    private final MessageSlot nextSlot;
    /** Whether the session was opened for mail that requires TLS. */
    private boolean insisting;
    /** The host takes no more over this session, or the mail needs a better one, and is to be asked over another. */
    private boolean reopen;
    private int transactions;
    /** What it holds for as long as it lives. */
    private final DeliveryMemory.Share memory;
    /** Whether that is enough for a session under TLS. */
    private boolean heldForTls;
    /** Of messages that nobody else will settle, what they hold. */
    private final List<DeliveryMemory.Share> messages = new ArrayList<>(2);
    /** Items taken that nobody else will give back. */
    private @Nullable QueueItem inHand;
    private @Nullable QueueItem inHandNext;

    Courier(Dispatcher dispatcher, ReadyQueue.Session handle, String sessionId) {
        this.dispatcher = dispatcher;
        this.handle = handle;
        this.queue = handle.queue();
        this.permit = handle.permit();
        this.slot = new MessageSlot(permit, dispatcher::nanoTime);
        this.nextSlot = new MessageSlot(permit, dispatcher::nanoTime);
        this.memory = dispatcher.memory.share();
        this.sessionId = sessionId;
        Place place = permit.place();
        this.patience = new OpeningPatience(place == null ? () -> 0 : place::crowding, dispatcher.mostComingUp());
        this.startedNanos = dispatcher.nanoTime();
        this.stateMillis = dispatcher.millis();
        this.contact = Contact.none(queue.key().toString());
        this.thread = Thread.ofVirtual().name("courier-" + sessionId).unstarted(this);
    }

    void start() {
        thread.start();
    }

    @Override
    public void run() {
        try {
            if (!memory.take(DeliveryMemory.SESSION)) {
                lacksMemory();
                return;
            }
            Route.Open open = queue.route();
            // As routing names it, and not the domain that stands for it in the key.
            contact = Contact.none(queue.key().source() + "->" + open.site().name());
            switch (open) {
                case Route.Hosts route -> deliver(route.hosts());
                case Route.Store route -> store(route.maildir());
            }
        } catch (RuntimeException | Error e) {
            log.error("event=courier-failed session={} queue={}", sessionId, queue.key(), e);
            if (!failed) { // so that it can't spin
                dispatcher.failed(handle, ReadyQueue.Trouble.UNREACHABLE, false, e.toString());
            }
        } finally {
            SmtpClientSession open = session;
            if (open != null) {
                open.close();
            }
            memory.close();
            messages.forEach(DeliveryMemory.Share::close);
            slot.giveBack();
            nextSlot.giveBack();
            postpone(inHand);
            postpone(inHandNext);
            dispatcher.ended(this, handle);
        }
    }

    private void postpone(@Nullable QueueItem item) {
        if (item != null) {
            try {
                dispatcher.settlement.postpone(item);
            } catch (RuntimeException e) {
                log.error("event=item-lost-until-restart id={} domain={}", new MessageId(item.entry().messageId()),
                        item.domain(), e);
            }
        }
    }

    /** Tries the hosts of the queue's route until one has taken the mail, or there is none left. */
    private void deliver(List<MailHost> routeHosts) {
        Work work = null;
        List<MailHost> hosts = new ArrayList<>(dispatcher.tried(routeHosts));
        int tries = Math.min(hosts.size(), MAX_HOSTS);
        for (int i = 0; i < tries; i = reopen ? i : i + 1) {
            reopen = false;
            boolean lastHost = i == tries - 1;
            unproved = true;
            if (!hasRoomForTls()) {
                if (work != null) {
                    giveBack(work);
                }
                lacksMemory();
                return;
            }
            MailHost tried = withRoom(hosts, i);
            if (tried == null) {
                if (work != null) {
                    giveBack(work);
                }
                return;
            }
            host = tried;
            if (!enter(SessionView.State.CONNECTING)) {
                if (work != null) {
                    giveBack(work);
                }
                return;
            }
            insisting = work != null && work.envelope.options().requireTls() && !queue.key().lmtp();
            try {
                SmtpClientSession open = open(tried);
                contact = contact(tried, open);
                if (work == null) {
                    work = firstWork(open);
                    if (work == null) {
                        enter(SessionView.State.CLOSING);
                        leave();
                        open.quit();
                        return;
                    }
                }
                work = converse(open, work, lastHost);
            } catch (SessionException e) {
                contact = contact(tried, null);
                if (isForWantOfMemory(e)) {
                    if (work != null) {
                        giveBack(work);
                    }
                    lacksMemory();
                    return;
                }
                dispatcher.stats.connectFailures.increment();
                if (work != null) {
                    work = broken(work, null, e, false, lastHost);
                } else if (notOpened(tried, e, lastHost || patience.isShort())) {
                    return;
                } else {
                    continue;
                }
            }
            if (work == null) {
                return;
            }
        }
    }

    /** What a session under TLS takes, before it is known whether the host offers it: no host hears of a session in vain. */
    private boolean hasRoomForTls() {
        if (!heldForTls && policy() != TlsPolicy.NONE) {
            heldForTls = memory.take(DeliveryMemory.TLS);
            return heldForTls;
        }
        return true;
    }

    private void inClear() {
        if (heldForTls) {
            heldForTls = false;
            memory.give(DeliveryMemory.TLS);
        }
    }

    /** Nothing is wrong with the receiver, and no message is charged; what has become too old in the queue doesn't wait. */
    private void lacksMemory() {
        dispatcher.lacksMemory(handle);
        expireOld();
    }

    /**
     * The host at that place of the list, or if there is no room in its network the next that MX prefers as much: they
     * change places. A host that is preferred less isn't asked for want of room of ours (RFC 5321 5.1).
     *
     * @return null when there is room for none
     */
    private @Nullable MailHost withRoom(List<MailHost> hosts, int place) {
        int preference = hosts.get(place).preference();
        for (int i = place; i < hosts.size() && hosts.get(i).preference() == preference; i++) {
            if (dispatcher.comesUp(handle, hosts.get(i).network())) {
                Collections.swap(hosts, place, i);
                return hosts.get(place);
            }
        }
        return null;
    }

    /**
     * No session came up, and nothing was taken for it.
     *
     * @return whether that is the end, else the next host is to be tried
     */
    private boolean notOpened(MailHost tried, SessionException e, boolean lastHost) {
        if (finishing) { // our own interrupt
            return true;
        }
        Outcome outcome = decide(e.phase(), e.reason(), lastHost);
        if (outcome.radius() == BlastRadius.HOST) {
            dispatcher.badHosts.add(tried);
            if (!lastHost) {
                return false;
            }
        }
        failed(e, outcome, true);
        return true;
    }

    /**
     * The receiver can't be spoken to, takes no more sessions, or refuses us: the queue decides what that means for it.
     *
     * @param mayCharge whether a message is to be charged with the attempt if nothing else of the queue stands
     */
    private void failed(SessionException e, Outcome outcome, boolean mayCharge) {
        failed(trouble(e, outcome), outcome.reason(), mayCharge ? e : null);
    }

    private void failed(ReadyQueue.Trouble trouble, Reason reason, @Nullable SessionException toCharge) {
        failed = true;
        ReadyQueue.Failed consequence = dispatcher.failed(handle, trouble, toCharge != null, reason.oneLine());
        QueueItem charged = consequence.charged();
        if (charged != null && toCharge != null) {
            inHand = charged;
            Work work = prepare(charged);
            if (work == null) {
                inHand = null;
            } else {
                work.decideRest(decide(work, toCharge.phase(), toCharge.reason(), false, false, true), contact);
                settle(work);
            }
        }
        if (consequence.suspension() != null) {
            expireOld();
        }
    }

    private static ReadyQueue.Trouble trouble(SessionException e, Outcome outcome) {
        return switch (outcome.radius()) {
            case CROWDED -> ReadyQueue.Trouble.CROWDED;
            case SITE -> ReadyQueue.Trouble.REFUSED;
            case RECIPIENT, MESSAGE, SESSION, HOST -> isAboutTls(e)
                    ? ReadyQueue.Trouble.INSECURE
                    : ReadyQueue.Trouble.UNREACHABLE;
        };
    }

    private static boolean isAboutTls(SessionException e) {
        return e.phase() == Phase.STARTTLS || e.reason() instanceof Failure failure
                && (failure.isOfHandshake() || failure.kind() == Failure.Kind.TLS_NOT_OFFERED);
    }

    private static boolean isForWantOfMemory(SessionException e) {
        return e.reason() instanceof Failure(Failure.Kind kind, _) && kind == Failure.Kind.NO_MEMORY;
    }

    /** What has expired in a queue that is suspended is told to its sender without an attempt. */
    private void expireOld() {
        long age = dispatcher.policy().maxAge().toMillis();
        List<QueueItem> old;
        do {
            old = queue.takeReceivedBefore(dispatcher.millis() - age, EXPIRY_BATCH);
            for (QueueItem item : old) {
                expire(item);
            }
        } while (old.size() == EXPIRY_BATCH);
    }

    private void expire(QueueItem item) {
        try {
            Work work = prepare(item);
            if (work != null) { // the clock was set back just now
                discard(work);
                dispatcher.settlement.giveBack(item);
            }
        } catch (RuntimeException e) {
            log.error("event=courier-failed session={} queue={}", sessionId, queue.key(), e);
            postpone(item);
        }
    }

    /** The session is up. @return its first message; null to end it */
    private @Nullable Work firstWork(SmtpClientSession open) {
        Work work = prepared(dispatcher.up(handle));
        return work != null ? work : nextWork(open);
    }

    /** Writes into Maildirs as long as there is mail. */
    private void store(MaildirConfig maildir) {
        contact = new Contact(contact.site(), null, "", Route.Protocol.MAILDIR.name(), sessionId, null, Set.of());
        Work work = prepared(dispatcher.up(handle));
        while (work != null) {
            if (!awaitSlot(null) || !dispatcher.mayHandOut()) {
                giveBack(work);
                return;
            }
            slot.used();
            Transaction transaction = work.transaction(Integer.MAX_VALUE, dispatcher.millis());
            for (int place : transaction.places) {
                work.decide(place, stored(work, place, maildir), contact);
            }
            answered();
            settle(work);
            work = finishing || isWorn(transactions) ? null : take();
        }
    }

    private Outcome stored(Work work, int place, MaildirConfig maildir) {
        try {
            String file = dispatcher.maildirs.deliver(maildir,
                    new MaildirStore.Copy(work.envelope.id(), work.recipientIndex(place), work.envelope.sender(),
                            work.recipient(place), dispatcher.mayHaveBeenTried(work)),
                    work.content);
            return new Outcome.Delivered(new Reason(Phase.END_OF_DATA, STORED, "2.0.0", "stored as " + file, false));
        } catch (MaildirStore.StoreException e) {
            return decide(work, Phase.CONTENT, e.failure(), false, false, true);
        }
    }

    /** When {@link #insisting}, TLS is tried though it failed lately, and not gone without when it fails. */
    private SmtpClientSession open(MailHost host) throws SessionException {
        SmtpClientSession open;
        TlsPolicy policy = policy();
        boolean mayFallBack = policy == TlsPolicy.OPPORTUNISTIC && !insisting;
        try {
            if (mayFallBack && dispatcher.brokenTls.has(host)) {
                open = connect(host, TlsPolicy.NONE);
            } else {
                try {
                    open = connect(host, policy);
                } catch (SessionException e) {
                    if (!mayFallBack || finishing || !isTlsFailure(e)) {
                        throw e;
                    }
                    dispatcher.brokenTls.add(host);
                    dispatcher.stats.tlsFallbacks.increment();
                    log.info("event=tls-failed-going-on-in-clear queue={} host={} why={}", queue.key(), host.name(),
                            e.getMessage());
                    open = connect(host, TlsPolicy.NONE);
                }
            }
        } finally {
            leave();
        }
        session = open;
        if (!open.isEncrypted()) {
            inClear();
        }
        dispatcher.stats.sessionsOpened.increment();
        return open;
    }

    private TlsPolicy policy() {
        TlsPolicy own = queue.key().tls();
        return own == null ? dispatcher.config.tls() : own;
    }

    private SmtpClientSession connect(MailHost host, TlsPolicy policy) throws SessionException {
        return SmtpClientSession.open(host, queue.key().lmtp(),
                new SmtpClientSession.Security(policy, dispatcher.tls, queue.key().configured(), insisting),
                dispatcher.hostname, dispatcher.config, dispatcher.source,
                breakOff -> dispatcher.guard.watch(breakOff, patience), dispatcher.memory.share());
    }

    /** It isn't known which replies were the transaction's. */
    private static boolean isOutOfStep(SessionException e) {
        return e.reason() instanceof Failure(Failure.Kind kind, _) && kind == Failure.Kind.OUT_OF_STEP;
    }

    private static boolean isTlsFailure(SessionException e) {
        return e.reason() instanceof Failure failure && failure.isOfHandshake();
    }

    private Contact contact(MailHost host, @Nullable SmtpClientSession open) {
        return new Contact(contact.site(), new MessageEvent.Peer(host.name(), host.addressText()),
                open == null ? "" : open.sourceAddress(), open == null ? "" : open.protocol(), sessionId,
                open == null ? null : open.security(), open == null ? Set.of() : open.offers());
    }

    /**
     * Sends mail as long as the session lasts.
     *
     * @return what the next host should be asked for, null when everything is settled
     */
    private @Nullable Work converse(SmtpClientSession open, Work first, boolean lastHost) {
        Work work = first;
        Transaction transaction = null;
        while (true) {
            if (transaction == null) {
                Failure unfit = unfit(open, work);
                if (unfit == null) {
                    if (!awaitSlot(open)) {
                        giveBack(work);
                        open.quit();
                        return null;
                    }
                }
                if (!dispatcher.mayHandOut()) { // the spool has failed meanwhile: what is sent now could not be recorded
                    giveBack(work);
                    open.quit();
                    return null;
                }
                if (dispatcher.isOverdue(work)) { // while the session was opened or a slot was waited for
                    slot.giveBack();
                    work.decideRest(dispatcher.policy().pastDeadline(work.item.attempts()), contact);
                    settle(work);
                } else if (unfit != null) {
                    if (mayDoBetterAnew(open, unfit)) {
                        reopen = true;
                        open.quit();
                        session = null;
                        return work;
                    }
                    if (!lastHost && unfit.isOfHost()) {
                        return toNextHost(open, work, unfit);
                    }
                    settle(work, unfit);
                } else {
                    transaction = transaction(open, work);
                    try {
                        open.begin(transaction);
                        slot.used();
                    } catch (SessionException e) {
                        return broken(work, transaction, e, open.reused(), lastHost);
                    }
                }
            }
            Work next = work;
            Transaction follow = null;
            if (transaction != null) {
                boolean reused = open.reused();
                try {
                    if (open.awaitGo(transaction)) {
                        next = followUp(open, work, transaction, lastHost);
                        follow = next == null
                                ? null
                                : transaction(open, next);
                        open.send(transaction, follow);
                        open.awaitEnd(transaction);
                    }
                } catch (SessionException e) {
                    if (next != null && next != work) {
                        giveBack(next);
                    }
                    return broken(work, transaction, e, reused, lastHost);
                }
                Outcome worst = judge(work, transaction, reused);
                transactions++;
                dispatcher.stats.transactions.increment();
                if (worst != null && worst.radius().compareTo(BlastRadius.SESSION) >= 0) {
                    if (worst.radius() == BlastRadius.CROWDED || worst.radius() == BlastRadius.SITE) {
                        failed(worst.radius() == BlastRadius.SITE
                                ? ReadyQueue.Trouble.REFUSED
                                : ReadyQueue.Trouble.CROWDED, worst.reason(), null);
                    }
                    if (next != null && next != work) {
                        giveBack(next);
                    }
                    dispatcher.stats.sessionsBroken.increment();
                    work.decideRest(unanswered(open), contact);
                    settle(work);
                    open.part();
                    return null;
                }
                proved();
                transaction = null;
                if (follow != null && next != null) { // its envelope is under way already
                    nextSlot.used();
                    if (next != work) {
                        settle(work);
                        inHand = inHandNext;
                        inHandNext = null;
                        work = next;
                    }
                    transaction = follow;
                    continue;
                }
                if (work.hasMore()) {
                    if (open.isUsedUp(0)) {
                        reopen = true;
                        leave();
                        open.quit();
                        return work;
                    }
                    continue;
                }
                settle(work);
            }
            work = nextWork(open);
            if (work == null) {
                enter(SessionView.State.CLOSING);
                leave();
                open.quit();
                return null;
            }
        }
    }

    private Transaction transaction(SmtpClientSession open, Work work) {
        return work.transaction(open.maxRecipients(dispatcher.config.maxRecipientsPerTransaction()),
                dispatcher.millis());
    }

    /** Why the host can't take this, as it announced; null when it may be asked. */
    private @Nullable Failure unfit(SmtpClientSession open, Work work) {
        return open.unfit(work, dispatcher.millis());
    }

    /** A session that other mail has opened may be in clear only because it could be, or because TLS failed lately. */
    private boolean mayDoBetterAnew(SmtpClientSession open, Failure unfit) {
        return unfit.kind() == Failure.Kind.NEEDS_TLS && !insisting && !open.isEncrypted();
    }

    private void settle(Work work, Failure unfit) {
        work.decideRest(decide(work, Phase.MAIL, unfit, false, false, true), contact);
        settle(work);
    }

    /** Nothing is wrong with the host, but for this message another may do better. */
    private Work toNextHost(SmtpClientSession open, Work work, Failure unfit) {
        work.decideRest(decide(work, Phase.MAIL, unfit, false, false, false), contact);
        work.nextHost();
        open.quit();
        session = null;
        return work;
    }

    /**
     * The transaction whose envelope can go behind the end of data: more recipients of the same message, or the queue's
     * next message when its slot is now.
     */
    private @Nullable Work followUp(SmtpClientSession open, Work work, Transaction transaction, boolean lastHost) {
        if (!open.mayRide(transaction) || finishing || isWorn(transactions + 1) || open.isUsedUp(1)
                || transaction.accepted < transaction.recipients.size()) { // refused ones may want another transaction
            return null;
        }
        if (!nextSlot.takeNow()) {
            return null;
        }
        if (work.hasMore()) {
            if (dispatcher.isOverdue(work)) {
                nextSlot.giveBack();
                return null;
            }
            return work;
        }
        while (true) {
            Work next = takeNext();
            if (next == null) {
                nextSlot.giveBack();
                return null;
            }
            Failure unfit = unfit(open, next);
            if (unfit == null) {
                return next;
            }
            if (unfit.isOfHost() && (!lastHost || mayDoBetterAnew(open, unfit))) { // it has its turn when this session has ended
                nextSlot.giveBack();
                giveBack(next);
                return null;
            }
            settle(next, unfit);
        }
    }

    /** The next message over this session, waited for while the session may idle; null to end it. */
    private @Nullable Work nextWork(SmtpClientSession open) {
        if (finishing || isWorn(transactions) || open.isUsedUp(0)) {
            return null;
        }
        Work work = take();
        if (work != null || permit.isWanted(queue.waitingAt())) {
            return work;
        }
        open.idle();
        if (unproved) { // what it idles for isn't its host's fault
            dispatcher.cameUp(handle);
        }
        if (!enter(SessionView.State.IDLE)) {
            return null;
        }
        QueueItem item;
        try {
            TrafficLimits limits = permit.limits();
            Duration age = Duration.ofNanos(dispatcher.nanoTime() - startedNanos);
            Duration left = limits.maxConnectionAge().minus(age);
            item = queue.await(handle,
                    (left.compareTo(limits.idleTimeout()) < 0 ? left : limits.idleTimeout()).toNanos());
        } catch (InterruptedException _) {
            return null; // finish() was called
        } finally {
            leave();
        }
        work = prepared(item);
        if (work != null && unproved && !dispatcher.comesUp(handle, open.host().network())) {
            giveBack(work);
            return null;
        }
        return work;
    }

    private boolean isWorn(int transactionsDone) {
        TrafficLimits limits = permit.limits();
        return transactionsDone >= limits.maxDeliveriesPerConnection()
                || transactionsDone >= CROWDED_TRANSACTIONS && permit.isWanted(queue.waitingAt())
                || dispatcher.nanoTime() - startedNanos >= limits.maxConnectionAge().toNanos();
    }

    /** @return whether it has come; false when it is further away than the session may idle, or the courier is to finish */
    private boolean awaitSlot(@Nullable SmtpClientSession open) {
        long now = dispatcher.nanoTime();
        long wait = slot.take(now, permit.limits().idleTimeout().toNanos());
        if (wait == 0) {
            enterBusy();
            return true;
        }
        if (!slot.isTaken()) {
            queue.hold();
            return false;
        }
        if (open != null) {
            open.idle();
        }
        if (!enter(SessionView.State.WAITING)) {
            slot.giveBack();
            return false;
        }
        queue.pacing(true);
        try {
            TimeUnit.NANOSECONDS.sleep(wait);
        } catch (InterruptedException _) {
            slot.giveBack();
            return false; // finish() was called
        } finally {
            queue.pacing(false);
            leave();
        }
        enterBusy();
        return true;
    }

    private @Nullable Work take() {
        return prepared(queue.next(handle));
    }

    /** The first, from {@code item} on, that there is something to attempt for; null when there is none. */
    private @Nullable Work prepared(@Nullable QueueItem item) {
        for (QueueItem taken = item; taken != null; taken = queue.next(handle)) {
            inHand = taken;
            Work work = prepare(taken);
            if (work != null) {
                return work;
            }
            inHand = null;
        }
        return null;
    }

    private @Nullable Work takeNext() {
        QueueItem item;
        while ((item = queue.next(handle)) != null) {
            inHandNext = item;
            Work work = prepare(item);
            if (work != null) {
                return work;
            }
            inHandNext = null;
        }
        return null;
    }

    /** Reads the message. @return null when there is nothing to attempt: the item is settled then */
    private @Nullable Work prepare(QueueItem item) {
        Work work = dispatcher.prepare(item, contact);
        if (work != null) {
            messages.add(work.memory);
        }
        return work;
    }

    private void discard(Work work) {
        messages.remove(work.memory);
        work.memory.close();
    }

    /** Decides for every recipient that was in the transaction. @return the outcome that reaches furthest */
    private @Nullable Outcome judge(Work work, Transaction transaction, boolean reused) {
        Outcome worst = null;
        boolean othersAccepted = false;
        for (int i = 0; i < transaction.recipients.size(); i++) {
            Transaction.Answer answer = transaction.answer(i);
            Outcome outcome = answer == null
                    ? unanswered(null)
                    : decide(work, answer.phase(), new Cause.Replied(answer.reply()), reused, othersAccepted, true);
            othersAccepted |= transaction.isAccepted(i);
            if (worst == null || outcome.radius().compareTo(worst.radius()) > 0) {
                worst = outcome;
            }
            work.decide(transaction.places[i], outcome, contact);
        }
        return worst;
    }

    /** For recipients that no reply told about, on a session that is given up. */
    private static Outcome unanswered(@Nullable SmtpClientSession open) {
        return new Outcome.Untried(new Reason(Phase.RCPT, 400, "4.4.2",
                "session with " + (open == null ? "the host" : open.host().name()) + " ended before this recipient",
                false), BlastRadius.SESSION);
    }

    private void answered() {
        transactions++;
        dispatcher.stats.transactions.increment();
        proved();
    }

    private void proved() {
        if (unproved) {
            unproved = false;
            dispatcher.proved(handle);
        }
    }

    /**
     * The session, or the attempt to open one, has failed under this work.
     *
     * @return what the next host should be asked for, null when everything is settled
     */
    private @Nullable Work broken(Work work, @Nullable Transaction transaction, SessionException e, boolean reused,
            boolean lastHost) {
        SmtpClientSession open = session;
        if (open != null) {
            open.end(e);
            session = null;
            dispatcher.stats.sessionsBroken.increment();
        }
        if (e.reason() instanceof Failure(Failure.Kind kind, String text) && kind == Failure.Kind.CONTENT_LOST) {
            dispatcher.settlement.lost(work.item, text);
        }
        if (finishing && e.phase().compareTo(Phase.STARTTLS) <= 0) { // our own interrupt
            giveBack(work);
            return null;
        }
        if (e.phase() == Phase.END_OF_DATA) {
            dispatcher.stats.lostAfterEndOfData.increment();
        }
        Outcome rest = decide(work, e.phase(), e.reason(), reused, false, lastHost);
        boolean reachesHost = rest.radius() == BlastRadius.HOST;
        boolean ofMessage = insisting && isAboutTls(e); // other mail needs no TLS
        if (reachesHost && !ofMessage) {
            dispatcher.badHosts.add(requireNonNull(host));
        }
        if (transaction != null && !transaction.isDoubtful() && !isOutOfStep(e)) {
            boolean othersAccepted = false;
            for (int i = 0; i < transaction.recipients.size(); i++) {
                Transaction.Answer answer = transaction.answer(i);
                if (answer != null) {
                    work.decide(transaction.places[i], decide(work, answer.phase(), new Cause.Replied(answer.reply()),
                            reused, othersAccepted, lastHost), contact);
                }
                othersAccepted |= transaction.isAccepted(i);
            }
        }
        if (rest instanceof Outcome.Untried) {
            slot.giveBack();
        }
        work.decideRest(rest, contact);
        if (reachesHost && !lastHost) {
            work.nextHost();
            return work;
        }
        if (rest.radius().compareTo(BlastRadius.CROWDED) >= 0 && !ofMessage) {
            failed(e, rest, false); // before its mail comes back to the queue
        }
        settle(work);
        return null;
    }

    private Outcome decide(Work work, Phase phase, Cause cause, boolean reused, boolean othersAccepted,
            boolean lastHost) {
        return dispatcher.policy().decide(new Situation(phase, cause, reused, othersAccepted, lastHost,
                permit.othersOpen(), work.item.attempts(), dispatcher.millis() - work.item.receivedMillis()));
    }

    /** Before any message was taken. */
    private Outcome decide(Phase phase, Cause cause, boolean lastHost) {
        return dispatcher.policy()
                .decide(new Situation(phase, cause, false, false, lastHost, permit.othersOpen(), 0, 0));
    }

    private void settle(Work work) {
        dispatcher.settlement.settle(work, dispatcher.policy().maxAge().toMillis());
        letGo(work);
    }

    private void letGo(Work work) {
        messages.remove(work.memory);
        if (inHand == work.item) {
            inHand = null;
        } else {
            inHandNext = null;
        }
    }

    private void giveBack(Work work) {
        if (inHandNext == work.item) {
            nextSlot.giveBack();
        } else {
            slot.giveBack();
        }
        if (!work.isUntried()) { // what was decided must be recorded, or it would be done again
            work.decideRest(unanswered(session), contact);
            settle(work);
            return;
        }
        letGo(work);
        work.memory.close();
        dispatcher.settlement.giveBack(work.item);
    }

    private void enterBusy() {
        if (state != SessionView.State.BUSY) {
            state = SessionView.State.BUSY;
            stateMillis = dispatcher.millis();
        }
    }

    /** From here an interrupt may come. @return false when it has been decided already that the courier is to finish */
    private synchronized boolean enter(SessionView.State next) {
        state = next;
        stateMillis = dispatcher.millis();
        interruptible = !finishing;
        return interruptible;
    }

    /** From here an interrupt would close the socket under a transaction: none comes any more. */
    private synchronized void leave() {
        interruptible = false;
        Thread.interrupted();
    }

    /** Ends the session when the transaction under way is through; at once when there is none. For other threads. */
    synchronized void finish() {
        finishing = true;
        if (interruptible) {
            thread.interrupt();
        }
    }

    /** Ends the session whatever it is doing. For other threads. */
    void breakOff() {
        finish();
        SmtpClientSession open = session;
        if (open != null) {
            open.breakOff();
        }
    }

    SessionView view() {
        SmtpClientSession open = session;
        return new SessionView(sessionId, queue.key(),
                open == null
                        ? null
                        : new MessageEvent.Peer(open.host().name(), open.host().addressText()),
                state, stateMillis, transactions);
    }
}
