package dev.penstock.delivery;

import java.time.Duration;
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
import dev.penstock.queue.QueueItem;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.shaping.Permit;

/**
 * Takes mail from a lane and delivers it over one session, until the session has served its time or broke. Confined to
 * its own virtual thread, but for {@link #finish}, {@link #breakOff} and {@link #view}.
 *
 * <p>What the failure policy calls a blast radius is acted upon here: the transaction goes on without the recipient, the
 * session goes on, ends, the next host is tried, or the lane is parked.
 */
final class Courier implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Courier.class);
    /** Hosts tried for one message in one attempt (Postfix's smtp_mx_address_limit). */
    private static final int MAX_HOSTS = 5;

    /** RFC 5321 4.2.2, as a store that spoke LMTP would say it. */
    private static final int STORED = 250;
    /** Messages over one session while other lanes have to wait for theirs. */
    private static final int CROWDED_TRANSACTIONS = 20;

    private final Dispatcher dispatcher;
    private final Desk desk;
    private final Permit permit;
    private final String sessionId;
    private final long startedNanos;
    private final Thread thread;

    private volatile @Nullable SmtpClientSession session;
    private volatile SessionView.State state = SessionView.State.CONNECTING;
    private volatile long stateMillis;
    private volatile boolean finishing;
    /** Guarded by this: whether an interrupt only ends a wait of ours and does no harm to the socket. */
    private boolean interruptible;

    private Contact contact;
    private boolean established;
    private boolean useful;
    private boolean foundMail;
    /** Whether the session was opened for mail that requires TLS. */
    private boolean insisting;
    /** The host takes no more over this session, or the mail needs a better one, and is to be asked over another. */
    private boolean reopen;
    private int transactions;
    /** Items taken that nobody else will give back. */
    private @Nullable QueueItem inHand;
    private @Nullable QueueItem inHandNext;

    Courier(Dispatcher dispatcher, Desk desk, Permit permit, String sessionId) {
        this.dispatcher = dispatcher;
        this.desk = desk;
        this.permit = permit;
        this.sessionId = sessionId;
        this.startedNanos = dispatcher.nanoTime();
        this.stateMillis = dispatcher.millis();
        this.contact = Contact.none(desk.lane.key().toString());
        this.thread = Thread.ofVirtual().name("courier-" + sessionId).unstarted(this);
    }

    void start() {
        thread.start();
    }

    @Override
    public void run() {
        try {
            Work work = take();
            if (work != null) {
                foundMail = true;
                deliver(work);
            }
        } catch (RuntimeException | Error e) {
            LOG.error("courier-failed session={} lane={}", sessionId, desk.lane.key(), e);
        } finally {
            SmtpClientSession open = session;
            if (open != null) {
                open.close();
            }
            postpone(inHand);
            postpone(inHandNext);
            permit.close();
            dispatcher.ended(this, desk, established, foundMail);
        }
    }

    private void postpone(@Nullable QueueItem item) {
        if (item != null) {
            try {
                dispatcher.settlement.postpone(item);
            } catch (RuntimeException e) {
                LOG.error("item-lost-until-restart item={}", item, e);
            }
        }
    }

    private void deliver(Work first) {
        switch (desk.lane.route()) {
            case Route.Hosts route -> deliver(first, route.hosts());
            case Route.Store route -> store(first, route.maildir());
        }
    }

    /** Tries the hosts of the lane's route until one has taken the mail, or there is none left. */
    private void deliver(Work first, List<MailHost> routeHosts) {
        Work work = first;
        List<MailHost> hosts = dispatcher.badHosts.withoutBad(routeHosts);
        int tries = Math.min(hosts.size(), MAX_HOSTS);
        for (int i = 0; i < tries; i = reopen ? i : i + 1) {
            reopen = false;
            MailHost host = hosts.get(i);
            boolean lastHost = i == tries - 1;
            if (!enter(SessionView.State.CONNECTING)) {
                giveBack(work);
                return;
            }
            insisting = work.envelope.options().requireTls() && !desk.lane.key().lmtp();
            Work unfinished;
            try {
                SmtpClientSession open = open(host);
                contact = contact(host, open);
                unfinished = converse(open, work, lastHost);
            } catch (SessionException e) {
                dispatcher.stats.connectFailures.increment();
                contact = contact(host, null);
                unfinished = broken(work, null, e, false, lastHost);
            }
            if (unfinished == null) {
                return;
            }
            work = unfinished;
        }
    }

    /** Writes into Maildirs as long as there is mail. */
    private void store(Work first, MaildirConfig maildir) {
        established = true;
        dispatcher.established(desk);
        contact = new Contact(contact.site(), null, "", Route.Protocol.MAILDIR.name(), sessionId, null, Set.of());
        Work work = first;
        while (work != null) {
            if (!awaitSlot(null)) {
                giveBack(work);
                return;
            }
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
            return decide(work, Phase.CONTENT, e.failure(), false, false, true, false);
        }
    }

    /** When {@link #insisting}, TLS is tried though it failed lately, and not gone without when it fails. */
    private SmtpClientSession open(MailHost host) throws SessionException {
        SmtpClientSession open;
        TlsPolicy policy = desk.lane.key().tls() == null ? dispatcher.config.tls() : desk.lane.key().tls();
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
                    LOG.info("tls-failed-going-on-in-clear lane={} host={} why={}", desk.lane.key(), host.name(),
                            e.getMessage());
                    open = connect(host, TlsPolicy.NONE);
                }
            }
        } catch (SessionException e) {
            if (!finishing) {
                dispatcher.badHosts.add(host);
            }
            throw e;
        } finally {
            leave();
        }
        session = open;
        dispatcher.stats.sessionsOpened.increment();
        if (!established) {
            established = true;
            dispatcher.established(desk);
        }
        return open;
    }

    private SmtpClientSession connect(MailHost host, TlsPolicy policy) throws SessionException {
        return SmtpClientSession.open(host, desk.lane.key().lmtp(),
                new SmtpClientSession.Security(policy, dispatcher.tls, desk.lane.key().configured(), insisting),
                dispatcher.hostname, dispatcher.config, dispatcher.source, dispatcher.guard);
    }

    private static boolean isTlsFailure(SessionException e) {
        return e.reason() instanceof Failure(Failure.Kind kind, _) && kind == Failure.Kind.TLS_FAILED;
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
                if (dispatcher.isOverdue(work)) { // while the session was opened or a slot was waited for
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
                boolean usable = judge(work, transaction, reused);
                answered();
                if (!usable) {
                    if (next != null && next != work) {
                        giveBack(next);
                    }
                    dispatcher.stats.sessionsBroken.increment();
                    work.decideRest(unanswered(open), contact);
                    settle(work);
                    open.close();
                    return null;
                }
                transaction = null;
                if (follow != null && next != null) { // its envelope is under way already
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
        work.decideRest(decide(work, Phase.MAIL, unfit, false, false, true, false), contact);
        settle(work);
    }

    /** Nothing is wrong with the host, but for this message another may do better. */
    private Work toNextHost(SmtpClientSession open, Work work, Failure unfit) {
        work.decideRest(decide(work, Phase.MAIL, unfit, false, false, false, false), contact);
        work.nextHost();
        open.quit();
        session = null;
        return work;
    }

    /**
     * The transaction whose envelope can go behind the end of data: more recipients of the same message, or the lane's
     * next message when no other courier waits for it and its slot is now.
     */
    private @Nullable Work followUp(SmtpClientSession open, Work work, Transaction transaction, boolean lastHost) {
        if (!open.pipelines() || finishing || isWorn(transactions + 1) || open.isUsedUp(1)
                || transaction.accepted < transaction.recipients.size()) { // refused ones may want another transaction
            return null;
        }
        if (!work.hasMore() && desk.hasIdle()) {
            return null;
        }
        long slot = dispatcher.nanoTime();
        if (permit.reserveMessage(slot, 0) != 0) {
            return null;
        }
        if (work.hasMore()) {
            if (dispatcher.isOverdue(work)) {
                permit.refundMessage(slot);
                return null;
            }
            return work;
        }
        while (true) {
            Work next = takeNext();
            if (next == null) {
                permit.refundMessage(slot);
                return null;
            }
            Failure unfit = unfit(open, next);
            if (unfit == null) {
                return next;
            }
            if (unfit.isOfHost() && (!lastHost || mayDoBetterAnew(open, unfit))) { // it has its turn when this session has ended
                permit.refundMessage(slot);
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
        if (work != null || dispatcher.isCrowded()) {
            return work;
        }
        open.idle();
        if (!enter(SessionView.State.IDLE)) {
            return null;
        }
        QueueItem item;
        desk.idle(true);
        try {
            TrafficLimits limits = permit.limits();
            Duration age = Duration.ofNanos(dispatcher.nanoTime() - startedNanos);
            Duration left = limits.maxConnectionAge().minus(age);
            item = desk.lane.poll(left.compareTo(limits.idleTimeout()) < 0 ? left : limits.idleTimeout());
        } catch (InterruptedException _) {
            return null; // finish() was called
        } finally {
            desk.idle(false);
            leave();
        }
        while (item != null) {
            inHand = item;
            Work next = prepare(item);
            if (next != null) {
                return next;
            }
            inHand = null;
            item = desk.lane.poll();
        }
        return null;
    }

    private boolean isWorn(int transactionsDone) {
        TrafficLimits limits = permit.limits();
        return transactionsDone >= limits.maxDeliveriesPerConnection()
                || transactionsDone >= CROWDED_TRANSACTIONS && dispatcher.isCrowded()
                || dispatcher.nanoTime() - startedNanos >= limits.maxConnectionAge().toNanos();
    }

    /** @return whether it has come; false when it is further away than the session may idle, or the courier is to finish */
    private boolean awaitSlot(@Nullable SmtpClientSession open) {
        long now = dispatcher.nanoTime();
        long wait = permit.reserveMessage(now, permit.limits().idleTimeout().toNanos());
        if (wait == 0) {
            enterBusy();
            return true;
        }
        if (wait > permit.limits().idleTimeout().toNanos()) {
            desk.hold(now, wait);
            desk.lane.askAgainAfter(Duration.ofNanos(wait));
            return false;
        }
        long slot = now + wait;
        if (open != null) {
            open.idle();
        }
        if (!enter(SessionView.State.WAITING)) {
            permit.refundMessage(slot);
            return false;
        }
        desk.waiting(true);
        try {
            TimeUnit.NANOSECONDS.sleep(wait);
        } catch (InterruptedException _) {
            permit.refundMessage(slot);
            return false; // finish() was called
        } finally {
            desk.waiting(false);
            leave();
        }
        enterBusy();
        return true;
    }

    private @Nullable Work take() {
        QueueItem item;
        while ((item = desk.lane.poll()) != null) {
            inHand = item;
            Work work = prepare(item);
            if (work != null) {
                return work;
            }
            inHand = null;
        }
        return null;
    }

    private @Nullable Work takeNext() {
        QueueItem item;
        while ((item = desk.lane.poll()) != null) {
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
        return dispatcher.prepare(item, contact);
    }

    /** Decides for every recipient that was in the transaction. @return whether the session can go on */
    private boolean judge(Work work, Transaction transaction, boolean reused) {
        boolean usable = true;
        boolean othersAccepted = false;
        for (int i = 0; i < transaction.recipients.size(); i++) {
            Transaction.Answer answer = transaction.answer(i);
            Outcome outcome = answer == null
                    ? unanswered(null)
                    : decide(work, answer.phase(), new Cause.Replied(answer.reply()), reused, othersAccepted, true,
                            false);
            othersAccepted |= transaction.isAccepted(i);
            usable &= outcome.radius().compareTo(BlastRadius.SESSION) < 0;
            work.decide(transaction.places[i], outcome, contact);
        }
        return usable;
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
        if (!useful) {
            useful = true;
            permit.connected();
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
            open.close();
            session = null;
            dispatcher.stats.sessionsBroken.increment();
        }
        if (e.reason() instanceof Failure(Failure.Kind kind, String text) && kind == Failure.Kind.CONTENT_UNREADABLE) {
            dispatcher.settlement.unreadable(work.item, text);
            inHand = null;
            return null;
        }
        if (finishing && e.phase().compareTo(Phase.STARTTLS) <= 0) { // our own interrupt
            giveBack(work);
            return null;
        }
        if (e.phase() == Phase.END_OF_DATA) {
            dispatcher.stats.lostAfterEndOfData.increment();
        }
        Outcome rest = decide(work, e.phase(), e.reason(), reused, false, lastHost, false);
        boolean reachesHost = rest.radius().compareTo(BlastRadius.HOST) >= 0;
        if (reachesHost && open != null) {
            dispatcher.badHosts.add(open.host());
        }
        boolean asksNoMore = lastHost || rest.radius() == BlastRadius.SITE;
        boolean siteFailing = reachesHost && asksNoMore && permit.connectionFailed();
        if (transaction != null) {
            boolean othersAccepted = false;
            for (int i = 0; i < transaction.recipients.size(); i++) {
                Transaction.Answer answer = transaction.answer(i);
                if (answer != null) {
                    work.decide(transaction.places[i], decide(work, answer.phase(), new Cause.Replied(answer.reply()),
                            reused, othersAccepted, lastHost, false), contact);
                }
                othersAccepted |= transaction.isAccepted(i);
            }
        }
        work.decideRest(rest, contact);
        if (reachesHost && !asksNoMore) {
            work.nextHost();
            return work;
        }
        settle(work);
        if (siteFailing) {
            park(rest.reason());
        }
        return null;
    }

    /** Leaves all mail of the lane alone for a while; what has expired meanwhile is told to its sender first. */
    private void park(Reason why) {
        QueueItem item;
        while ((item = desk.lane.poll()) != null) {
            FailurePolicy policy = dispatcher.policy();
            if (policy.beforeAttempt(item.attempts(), dispatcher.millis() - item.receivedMillis()) == null) {
                dispatcher.settlement.giveBack(item);
                break;
            }
            inHandNext = item;
            prepare(item);
            inHandNext = null;
        }
        Duration wait = dispatcher.nextRetry(desk.parked());
        int limit = permit.limits().consecutiveConnectionFailuresBeforeDelay();
        if (desk.lane.park(dispatcher.millis() + wait.toMillis(), limit + " connection failures in a row, the last: "
                + why.oneLine())) {
            LOG.warn("lane-parked lane={} seconds={} why={}", desk.lane.key(), wait.toSeconds(), why.oneLine());
        }
    }

    private Outcome decide(Work work, Phase phase, Cause cause, boolean reused, boolean othersAccepted,
            boolean lastHost, boolean othersOpen) {
        return dispatcher.policy().decide(new Situation(phase, cause, reused, othersAccepted, lastHost, othersOpen,
                work.item.attempts(), dispatcher.millis() - work.item.receivedMillis()));
    }

    private void settle(Work work) {
        dispatcher.settlement.settle(work, dispatcher.policy().maxAge().toMillis());
        letGo(work);
    }

    private void letGo(Work work) {
        if (inHand == work.item) {
            inHand = null;
        } else {
            inHandNext = null;
        }
    }

    private void giveBack(Work work) {
        if (!work.isUntried()) { // what was decided must be recorded, or it would be done again
            work.decideRest(unanswered(session), contact);
            settle(work);
            return;
        }
        letGo(work);
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
        return new SessionView(sessionId, desk.lane.key(),
                open == null
                        ? null
                        : new MessageEvent.Peer(open.host().name(), open.host().addressText()),
                state, stateMillis, transactions);
    }
}
