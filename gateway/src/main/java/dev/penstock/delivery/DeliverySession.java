package dev.penstock.delivery;

import static java.util.Objects.requireNonNull;

import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ExecutionException;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.classification.Classification;
import dev.penstock.config.MaildirConfig;
import dev.penstock.config.ReconnectStrategy;
import dev.penstock.config.RouteLogin;
import dev.penstock.config.SourceConfig;
import dev.penstock.config.TlsPolicy;
import dev.penstock.config.TrafficLimits;
import dev.penstock.delivery.Consequences.Sender;
import dev.penstock.delivery.FailurePolicy.Situation;
import dev.penstock.egress.Source;
import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageId;
import dev.penstock.queue.OldMail;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.QueueKey;
import dev.penstock.queue.ReadyQueue;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.TlsaAnswer;
import dev.penstock.shaping.LimitReached;
import dev.penstock.shaping.OpeningLimiter.Place;
import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Permit;
import dev.penstock.smtp.Reply;
import dev.penstock.trace.Direction;
import dev.penstock.trace.SessionFacts;
import dev.penstock.units.MailClass;

/**
 * Opens one session for a ready queue and delivers its mail over it, until the session has served its time or broke.
 * Confined to its own virtual thread, but for {@link #finish}, {@link #breakOff}, {@link #abort} and {@link #view}.
 *
 * <p>It connects first and takes mail when it is up. What the failure policy calls a blast radius is acted upon here: the
 * transaction goes on without the recipient, the session goes on, ends, the next host is tried, or the queue is told that
 * the receiver takes no more sessions, or none.
 */
final class DeliverySession implements Runnable {
    private static final Logger log = LoggerFactory.getLogger(DeliverySession.class);
    /** Hosts tried for one message in one attempt (Postfix's smtp_mx_address_limit). */
    private static final int MAX_HOSTS = 5;

    /** RFC 5321 4.2.2, as a store that spoke LMTP would say it. */
    private static final int STORED = 250;
    /** Messages over one session while other queues have to wait for theirs. */
    private static final int CROWDED_TRANSACTIONS = 20;
    /** RFC 4954 6. */
    private static final int LOGIN_REQUIRED = 530;

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
    private final Dialogue dialogue;
    /** Of the rate whose slot it waits for. */
    private volatile @Nullable LimitReached waitingFor;
    /** Guarded by this: whether an interrupt only ends a wait of ours and does no harm to the socket. */
    private boolean interruptible;

    private SessionDetails contact;
    /** Spoken to, or tried last. */
    private volatile @Nullable MailHost host;
    /** Whether the host spoken to has answered for no message yet. */
    private boolean unproved = true;
    /** Whether the queue has been told that the session failed. */
    private boolean failed;
    /** The slot of the message under way, until something is sent in it. */
    private final MessageSlot slot;
    /** Of the message whose envelope goes behind it. */
    private final MessageSlot nextSlot;
    private final SessionTlsResults tlsResults;
    /** Whether the session was opened for mail that requires TLS. */
    private boolean insisting;
    /** The host takes no more over this session, or the mail needs a better one, and is to be asked over another. */
    private boolean reopen;
    private int transactions;
    /** A host that it alone is to try, and that it hasn't connected to yet. */
    private ReturningHosts.@Nullable Returning returning;
    /** What is sent from. */
    private final Source source;
    /** It isn't configured any more, and nothing is sent from another instead. */
    private final boolean sourceIsGone;
    /** Where in the list of hosts it is; what was tried stands before it. */
    private int at;
    /** What it holds for as long as it lives. */
    private final DeliveryMemory.Share memory;
    /** Whether that is enough for a session under TLS. */
    private boolean heldForTls;
    /** Of messages that nobody else will settle, what they hold. */
    private final List<DeliveryMemory.Share> messages = new ArrayList<>(2);
    /** Items taken that nobody else will give back. */
    private @Nullable QueueItem inHand;
    private @Nullable QueueItem inHandNext;
    /** Taken last, until it and all before it are settled. */
    private volatile @Nullable QueueItem current;
    /** Given back last since a rule makes it wait. */
    private @Nullable QueueItem madeToWait;
    /** Sent whole, oldest first, and not answered for yet. */
    private final Deque<Aloft> aloft = new ArrayDeque<>(0);
    /** Taken, and to be sent over this session when what is aloft has landed. */
    private final Deque<DeliveryAttempt> afterFlight = new ArrayDeque<>(0);

    private record Aloft(DeliveryAttempt attempt, Transaction transaction) {}

    DeliverySession(Dispatcher dispatcher, ReadyQueue.Session handle, String sessionId) {
        this.dispatcher = dispatcher;
        this.handle = handle;
        this.queue = handle.queue();
        this.permit = handle.permit();
        Source found = dispatcher.sources.find(queue.key().source());
        this.sourceIsGone = found == null;
        this.source = found == null ? requireNonNull(dispatcher.sources.find(SourceConfig.DEFAULT_NAME)) : found;
        this.slot = new MessageSlot(queue.messages(), dispatcher::nanoTime);
        this.nextSlot = new MessageSlot(queue.messages(), dispatcher::nanoTime);
        this.memory = dispatcher.memory.share();
        this.tlsResults = new SessionTlsResults(dispatcher.tlsOut.results(), queue.key(), dispatcher.stats);
        this.sessionId = sessionId;
        this.dialogue = new Dialogue(dispatcher.trace, sessionId, this::traced, dispatcher::nanoTime);
        Place place = permit.place();
        this.patience = new OpeningPatience(place == null ? () -> 0 : place::crowding, dispatcher.mostComingUp());
        this.startedNanos = dispatcher.nanoTime();
        this.stateMillis = dispatcher.millis();
        this.contact = SessionDetails.none(queue.key().toString());
        this.thread = Thread.ofVirtual().name("delivery-session-" + sessionId).unstarted(this);
    }

    void start() {
        thread.start();
    }

    @Override
    public void run() {
        try {
            dialogue.trace().isOn();
            if (sourceIsGone) {
                SessionException e = new SessionException(Phase.CONNECT, new Failure(Failure.Kind.SOURCE_ADDRESS,
                        "source " + queue.key().source() + " isn't configured any more"));
                failed(e, decide(e.phase(), e.reason(), true), false);
                dispatcher.sourceIsGone(queue);
                return;
            }
            if (!memory.take(DeliveryMemory.SESSION + (source.isBehindTls() ? DeliveryMemory.TLS : 0))) {
                lacksMemory();
                return;
            }
            Route.Open open = queue.route();
            // As routing names it, and not the domain that stands for it in the key.
            contact = SessionDetails.none(queue.key().source() + "->" + open.site().name());
            switch (open) {
                case Route.Hosts route -> deliver(route.hosts());
                case Route.Store route -> store(route.maildir());
            }
        } catch (RuntimeException | Error e) {
            log.error("event=delivery-session-failed session={} queue={}", sessionId, queue.key(), e);
            if (!failed) { // so that it can't spin
                dispatcher.failed(handle, ReadyQueue.Trouble.UNREACHABLE, false, e.toString());
            }
        } finally {
            SmtpClientSession open = session;
            if (open != null) {
                open.close();
            }
            dialogue.trace().note("closed");
            noLongerReturning();
            memory.close();
            messages.forEach(DeliveryMemory.Share::close);
            postpone(inHand);
            postpone(inHandNext);
            aloft.forEach(one -> postpone(one.attempt.item));
            afterFlight.forEach(attempt -> postpone(attempt.item));
            try {
                slot.giveBack();
                nextSlot.giveBack();
            } finally {
                dispatcher.ended(this, handle);
            }
        }
    }

    /** Another session may try it. */
    private void noLongerReturning() {
        if (returning != null) {
            dispatcher.badHosts.untried(returning);
            returning = null;
        }
    }

    private void tries(MailHost now) {
        if (returning != null && returning.host().equals(now)) {
            returning = null;
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
        PathHosts.Choice allowed = PathHosts.of(routeHosts, queue.key().configured(), permit.limits());
        Failure refusal = allowed.refusal();
        if (refusal != null) {
            refuse(refusal);
            return;
        }
        DeliveryAttempt attempt = null;
        ReturningHosts.Choice choice = dispatcher.forSession(queue.key(), allowed.hosts());
        returning = choice.returning();
        List<MailHost> hosts = new ArrayList<>(dispatcher.tlsFailures.without(choice.hosts(), queue.key()));
        int tries = Math.min(hosts.size(), MAX_HOSTS);
        for (at = 0; at < tries; at = reopen ? at : at + 1) {
            MailHost first = hosts.get(at);
            boolean again = reopen;
            reopen = false;
            unproved = true;
            if (!hasRoomForTls()) {
                if (attempt != null) {
                    giveBack(attempt);
                }
                lacksMemory();
                return;
            }
            MailHost tried = withRoom(hosts, at);
            if (tried == null) {
                if (attempt != null) {
                    giveBack(attempt);
                }
                return;
            }
            host = tried;
            if (dialogue.trace().tells()) {
                dialogue.trace().learned();
                dialogue.trace().note("connecting to " + tried.text() + " from " + source.text());
            }
            if (!enter(SessionView.State.CONNECTING)) {
                if (attempt != null) {
                    giveBack(attempt);
                }
                return;
            }
            insisting = attempt != null && attempt.envelope.options().requireTls() && !lmtp();
            try {
                // another address than the first was chosen for its room
                int addresses = again || !tried.equals(first) ? 1 : AddressOrder.endOfHost(hosts, at, tries) - at;
                SmtpClientSession open = open(hosts.subList(at, at + addresses));
                if (open == null) {
                    if (attempt != null) {
                        giveBack(attempt);
                    }
                    return;
                }
                contact = contact(open.host(), open);
                if (attempt == null) {
                    attempt = firstWork(open);
                    if (attempt == null) {
                        enter(SessionView.State.CLOSING);
                        leave();
                        open.quit();
                        return;
                    }
                }
                attempt = converse(open, attempt, at == tries - 1);
            } catch (SessionException e) {
                note(e);
                MailHost failed = hosts.get(at);
                boolean lastHost = at == tries - 1;
                contact = contact(failed, null);
                if (isForWantOfMemory(e)) {
                    if (attempt != null) {
                        giveBack(attempt);
                    }
                    lacksMemory();
                    return;
                }
                dispatcher.stats.connectFailures.increment();
                if (attempt != null) {
                    attempt = broken(attempt, null, e, false, lastHost);
                } else if (notOpened(failed, e, lastHost || patience.isShort())) {
                    return;
                } else {
                    continue;
                }
            }
            if (attempt == null) {
                return;
            }
        }
    }

    /** Nothing is connected to, and the mail has that for an answer. */
    private void refuse(Failure why) {
        DeliveryAttempt attempt = prepared(dispatcher.up(handle));
        while (attempt != null) {
            attempt.decideRest(decide(attempt, Phase.ROUTE, why, false, false, true), contact);
            settle(attempt);
            attempt = finishing || isWorn(++transactions) ? null : take();
        }
    }

    /** What a session under TLS takes, before it is known whether the host offers it: no host hears of a session in vain. */
    private boolean hasRoomForTls() {
        if (!heldForTls && (policy() != TlsPolicy.NONE || queue.key().proof().sts() != null || wantsDane())) {
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
            remember(tried, e);
            if (!lastHost) {
                return false;
            }
        }
        act(null, outcome);
        dispatcher.stats.replied(provider(), queue.key().site().name(), outcome.reason());
        failed(e, outcome, outcome.radius() != BlastRadius.SOURCE);
        return true;
    }

    /**
     * The receiver can't be spoken to, takes no more sessions, or refuses us: the queue decides what that means for it.
     *
     * @param mayCharge whether a message is to be charged with the attempt if nothing else of the queue stands
     */
    private void failed(SessionException e, Outcome outcome, boolean mayCharge) {
        failed(trouble(e, outcome), outcome.reason(), mayCharge ? e : null, told(outcome));
    }

    private void failed(ReadyQueue.Trouble trouble, Reason reason, @Nullable SessionException toCharge, Duration told) {
        failed = true;
        ReadyQueue.Failed consequence = dispatcher.failed(handle, trouble, toCharge != null, reason.oneLine(), told);
        QueueItem charged = consequence.charged();
        if (charged != null && toCharge != null) {
            inHand = charged;
            DeliveryAttempt attempt = prepare(charged);
            if (attempt == null) {
                inHand = null;
            } else {
                var _ = attempt.isFirstRefusal(); // it was the session's, and has been told of
                attempt.decideRest(decide(attempt, toCharge.phase(), toCharge.reason(), false, false, true), contact);
                settle(attempt);
            }
        }
        if (consequence.suspension() != null) {
            expireOld();
        }
    }

    /** For how long nothing is to be sent there, as a rule about the reply says. */
    private static Duration told(Outcome outcome) {
        Classification meaning = outcome.reason().meaning();
        return outcome.radius() == BlastRadius.SITE && meaning.scope().isOfSite() ? meaning.suspend() : Duration.ZERO;
    }

    /** What a reply says of more than the message that it answers; what it says of the session is acted on elsewhere. */
    private void act(@Nullable DeliveryAttempt attempt, Outcome outcome) {
        Sender sender = attempt == null || attempt.envelope.isReport()
                ? null
                : new Sender(attempt.item.tenant(), attempt.item.campaign());
        if (dispatcher.consequences.act(queue, sender, outcome.reason().meaning(), outcome.reason().oneLine())) {
            expireOld();
        }
    }

    /** As watchers look for it. */
    private SessionFacts traced() {
        MailHost now = host;
        QueueItem item = current;
        return new SessionFacts(sessionId, Direction.OUT,
                now != null && now.address() instanceof InetSocketAddress address ? address.getAddress() : null,
                now == null ? "" : now.name(), "", source.name(), queue.key().site().name(), provider(),
                item == null ? "" : item.tenant());
    }

    /** Why the session is over. */
    private void note(SessionException e) {
        if (dialogue.trace().tells() && e.reason() instanceof Failure(Failure.Kind kind, String text)) {
            dialogue.trace().note(kind.name().toLowerCase(Locale.ROOT).replace('_', '-') + ": " + text);
        }
    }

    /** What is decided about each recipient. */
    private void tellDecisions(DeliveryAttempt attempt) {
        boolean watched = dialogue.trace().tells();
        for (int place = attempt.firstUndelivered(); place < attempt.size(); place++) {
            Outcome outcome = attempt.outcome(place);
            if (outcome == null) {
                continue;
            }
            dialogue.settled(outcome);
            if (watched) {
                Reason reason = outcome.reason();
                String rule = reason.meaning().rule();
                dialogue.trace().note("decision message=" + attempt.envelope.id() + " recipient="
                        + attempt.recipient(place).address() + " outcome="
                        + outcome.getClass().getSimpleName().toLowerCase(Locale.ROOT) + " concerns="
                        + outcome.radius().name().toLowerCase(Locale.ROOT) + (rule.isEmpty() ? "" : " rule=" + rule)
                        + " why=" + reason.oneLine());
            }
        }
    }

    /** Whose hosts these are; empty when that isn't known. */
    private String provider() {
        return dispatcher.provider(queue);
    }

    private static ReadyQueue.Trouble trouble(SessionException e, Outcome outcome) {
        return switch (outcome.radius()) {
            case CROWDED -> ReadyQueue.Trouble.CROWDED;
            case SITE -> ReadyQueue.Trouble.REFUSED;
            case RECIPIENT, MESSAGE, SESSION, HOST, SOURCE -> isAboutTls(e)
                    ? ReadyQueue.Trouble.INSECURE
                    : isAboutLogin(e) ? ReadyQueue.Trouble.REFUSED : ReadyQueue.Trouble.UNREACHABLE;
        };
    }

    /** What is wrong with a host's TLS is so for those only who demand as much. */
    private void remember(MailHost bad, SessionException e) {
        if (isAboutTls(e)) {
            dispatcher.tlsFailures.add(bad, queue.key());
        } else {
            dispatcher.badHosts.add(source.name(), bad);
        }
    }

    private static boolean isAboutTls(SessionException e) {
        if (isOwnCertificate(e)) {
            return false;
        }
        return e.phase() == Phase.STARTTLS || e.reason() instanceof Failure failure
                && (failure.isOfHandshake() || failure.kind() == Failure.Kind.TLS_NOT_OFFERED);
    }

    private static boolean isOwnCertificate(SessionException e) {
        return e.reason() instanceof Failure(Failure.Kind kind, _) && kind == Failure.Kind.OWN_CERTIFICATE;
    }

    /** What is wrong with a route's login, or with what we show, is so at each try: its queue waits at once. */
    private static boolean isAboutLogin(SessionException e) {
        return e.phase() == Phase.AUTH || isOwnCertificate(e) || e.reason() instanceof Failure(Failure.Kind kind, _)
                && kind == Failure.Kind.ROUTE_LOGIN;
    }

    private static boolean isForWantOfMemory(SessionException e) {
        return e.reason() instanceof Failure(Failure.Kind kind, _) && kind == Failure.Kind.NO_MEMORY;
    }

    /** What has expired in a queue that is suspended is told to its sender without an attempt. */
    private void expireOld() {
        long age = dispatcher.policy().maxAge().toMillis();
        OldMail old = queue.oldMail(dispatcher.millis() - age);
        for (List<QueueItem> some = old.next(); some != null; some = old.next()) {
            some.forEach(this::expire);
        }
    }

    private void expire(QueueItem item) {
        try {
            DeliveryAttempt attempt = prepare(item, false);
            if (attempt != null) { // the clock was set back just now
                discard(attempt);
                dispatcher.settlement.giveBack(item);
            }
        } catch (RuntimeException e) {
            log.error("event=delivery-session-failed session={} queue={}", sessionId, queue.key(), e);
            postpone(item);
        }
    }

    /** The session is up. @return its first message; null to end it */
    private @Nullable DeliveryAttempt firstWork(SmtpClientSession open) {
        DeliveryAttempt attempt = prepared(dispatcher.up(handle));
        return attempt != null ? attempt : nextWork(open);
    }

    /** Writes into Maildirs as long as there is mail. */
    private void store(MaildirConfig maildir) {
        contact = new SessionDetails(contact.site(), null, "", Route.Protocol.MAILDIR.name(), sessionId, null,
                Set.of());
        DeliveryAttempt attempt = prepared(dispatcher.up(handle));
        while (attempt != null) {
            Cost cost = new Cost(attempt.size(), attempt.content.size());
            if (!awaitSlot(null, cost, attempt.item.mailClass()) || !dispatcher.mayHandOut()) {
                giveBack(attempt);
                return;
            }
            slot.used();
            Transaction transaction = attempt.transaction(Integer.MAX_VALUE, dispatcher.millis(), attempt.content);
            dispatcher.sent(attempt.item, transaction.places.length);
            for (int place : transaction.places) {
                attempt.decide(place, stored(attempt, place, maildir), contact);
            }
            answered();
            settle(attempt);
            attempt = finishing || isWorn(transactions) ? null : take();
        }
    }

    private Outcome stored(DeliveryAttempt attempt, int place, MaildirConfig maildir) {
        try {
            String file = dispatcher.maildirs.deliver(maildir,
                    new MaildirStore.Copy(attempt.envelope.id(), attempt.recipientIndex(place),
                            attempt.envelope.sender(),
                            attempt.recipient(place), dispatcher.mayHaveBeenTried(attempt)),
                    attempt.content);
            return new Outcome.Delivered(new Reason(Phase.END_OF_DATA, STORED, "2.0.0", "stored as " + file, false));
        } catch (MaildirStore.StoreException e) {
            return decide(attempt, Phase.CONTENT, e.failure(), false, false, true);
        }
    }

    /**
     * Opens a session with the first of these addresses of a host that answers; {@link #at} is where that stands then, or
     * the one that failed last. When {@link #insisting}, TLS is tried though it failed lately, and not gone without when
     * it fails.
     *
     * @return null when there is no room in the network of that address
     */
    private @Nullable SmtpClientSession open(List<MailHost> addresses) throws SessionException {
        long begun = dispatcher.nanoTime();
        SmtpClientSession open;
        TlsDecision decision;
        MailHost reached;
        try {
            decision = decideTls(addresses.getFirst());
            HostConnection connection = addresses.size() == 1 ? connect(addresses.getFirst()) : connectToAny(addresses);
            if (connection == null) {
                return null;
            }
            reached = connection.host();
            if (decision.inClear() && dispatcher.brokenTls.has(source.name(), reached)) {
                open = speak(connection, decision.withoutTls());
            } else {
                try {
                    open = speak(connection, decision);
                } catch (SessionException e) {
                    tlsResults.failed(reached, decision, e);
                    if (!decision.inClear() || finishing || !isTlsFailure(e)) {
                        throw e;
                    }
                    dispatcher.brokenTls.add(source.name(), reached, brokenTlsTime());
                    dispatcher.stats.tlsFallbacks.increment();
                    log.info("event=tls-failed-going-on-in-clear queue={} host={} why={}", queue.key(), reached.name(),
                            e.getMessage());
                    open = speak(connect(reached), decision.withoutTls());
                }
            }
        } finally {
            leave();
        }
        session = open;
        noLongerReturning();
        open.mayChunk(dispatcher.peers, dispatcher.config.messagesInFlight());
        tlsResults.opened(reached, decision, open);
        if (!open.isEncrypted()) {
            inClear();
        }
        dispatcher.stats.sessionsOpened.increment();
        dispatcher.stats.sessionSetUps.record(dispatcher.nanoTime() - begun);
        return open;
    }

    /** Asks what the host's zone says of it, where that is wanted. */
    private TlsDecision decideTls(MailHost host) throws SessionException {
        QueueKey key = queue.key();
        boolean asks = wantsDane() && (key.configured() || key.proof().signed()) && !host.isUnixSocket();
        TlsDecision decision = TlsDecision.of(policy(), new TlsDecision.Host(host.name(), host.text(), key.configured(),
                key.proof().signed(), key.proof().sts(), asks ? tlsa(host) : null), insisting);
        Failure refusal = decision.refusal();
        if (refusal != null) {
            dispatcher.stats.tlsRefusals.increment();
            SessionException refused = new SessionException(Phase.STARTTLS, refusal);
            tlsResults.failed(host, decision, refused);
            throw refused;
        }
        return decision;
    }

    private TlsaAnswer tlsa(MailHost host) throws SessionException {
        try {
            return dispatcher.tlsOut.lookups().tlsa(host.name(), host.port()).get();
        } catch (InterruptedException _) { // finish() was called
            throw new SessionException(Phase.STARTTLS, new Failure(Failure.Kind.STOPPED,
                    "ended by a stop before a session with " + host.text()));
        } catch (ExecutionException e) {
            return new TlsaAnswer.Trouble(String.valueOf(e.getCause()));
        }
    }

    private boolean wantsDane() {
        return !lmtp() && (policy() == TlsPolicy.DANE || permit.limits().enableDane());
    }

    private TlsPolicy policy() {
        TlsPolicy own = queue.key().tls();
        return own == null ? dispatcher.config.tls() : own;
    }

    private Duration brokenTlsTime() {
        Duration time = permit.limits().rememberBrokenTls();
        return time == null ? Dispatcher.BROKEN_TLS_TIME : time;
    }

    private boolean lmtp() {
        return queue.key().lmtp() || permit.limits().useLmtp();
    }

    /** As the route says, else as the path does; null for not at all. */
    private @Nullable RouteLogin login() {
        RouteLogin ofRoute = queue.key().login();
        return ofRoute == null ? permit.limits().login() : ofRoute;
    }

    private String ehloName() {
        String ofPath = permit.limits().ehloDomain();
        return ofPath.isEmpty() ? source.ehloName() : ofPath;
    }

    /** What holds for a session that is opened now. */
    private SessionRules rules() {
        return SessionRules.of(dispatcher.config, permit.limits());
    }

    /** Recipients of one transaction. */
    private int maxRecipients() {
        int ofPath = permit.limits().maxRecipientsPerBatch();
        return ofPath == 0 ? dispatcher.config.maxRecipientsPerTransaction() : ofPath;
    }

    private HostConnection connect(MailHost to) throws SessionException {
        tries(to);
        return dispatcher.connector.connect(source, to, rules().times().connect(), this::watch);
    }

    /** Those that failed come to stand before the one that was reached, and count as tried. */
    private @Nullable HostConnection connectToAny(List<MailHost> addresses) throws SessionException {
        MailHost first = addresses.getFirst();
        HostConnector.Tried tried = dispatcher.connector.connect(source, addresses, rules().times().connect(),
                this::watch);
        tried.failed().forEach(each -> tries(each.host()));
        List<MailHost> order = tried.order(addresses);
        Collections.copy(addresses, order);
        HostConnection connection = tried.connection();
        List<HostConnector.Failed> passed = connection == null
                ? tried.failed().subList(0, tried.failed().size() - 1)
                : tried.failed();
        for (HostConnector.Failed each : passed) {
            dispatcher.stats.connectFailures.increment();
            if (decide(each.why().phase(), each.why().reason(), false).radius() == BlastRadius.HOST) {
                dispatcher.badHosts.add(source.name(), each.host());
            }
        }
        at += passed.size();
        host = addresses.get(passed.size());
        dialogue.trace().learned();
        tries(host);
        if (connection == null) {
            throw tried.failed().getLast().why();
        }
        if (!host.network().equals(first.network()) && !dispatcher.comesUp(handle, host.network())) {
            connection.close();
            return null;
        }
        return connection;
    }

    private DeadlineGuard.Watch watch(Runnable breakOff) {
        return dispatcher.guard.watch(breakOff, patience);
    }

    private SmtpClientSession speak(HostConnection connection, TlsDecision decision) throws SessionException {
        TrafficLimits path = permit.limits();
        return SmtpClientSession.open(connection, lmtp(),
                new SmtpClientSession.Security(decision,
                        () -> dispatcher.identities.of(path.tlsCertificate(), path.tlsPrivateKey()), insisting),
                login(), ehloName(), rules(), dispatcher.memory.share(), dialogue);
    }

    /** It isn't known which replies were the transaction's. */
    private static boolean isOutOfStep(SessionException e) {
        return e.reason() instanceof Failure(Failure.Kind kind, _) && kind == Failure.Kind.OUT_OF_STEP;
    }

    private static boolean isTlsFailure(SessionException e) {
        return e.reason() instanceof Failure failure && failure.isOfHandshake();
    }

    private SessionDetails contact(MailHost host, @Nullable SmtpClientSession open) {
        return new SessionDetails(contact.site(), new MessageEvent.Peer(host.name(), host.addressText()),
                open == null ? "" : open.sourceAddress(), open == null ? "" : open.protocol(), sessionId,
                open == null ? null : open.security(), open == null ? Set.of() : open.offers());
    }

    /**
     * Sends mail as long as the session lasts.
     *
     * @return what the next host should be asked for, null when everything is settled
     */
    private @Nullable DeliveryAttempt converse(SmtpClientSession open, DeliveryAttempt first, boolean lastHost) {
        try {
            return exchange(open, first, lastHost);
        } finally {
            for (DeliveryAttempt left; (left = afterFlight.peek()) != null;) {
                giveBack(left);
                afterFlight.remove();
            }
        }
    }

    private @Nullable DeliveryAttempt exchange(SmtpClientSession open, DeliveryAttempt first, boolean lastHost) {
        DeliveryAttempt attempt = first;
        Transaction transaction = null;
        while (true) {
            if (transaction == null) {
                Failure unfit = unfit(open, attempt);
                if (unfit == null) {
                    Cost cost = cost(open, attempt);
                    if (waitsInItsQueue(attempt, cost)) {
                        putBack(attempt);
                        if (!awaitSlot(open, cost, MailClass.BULK)) {
                            return closed(open);
                        }
                        attempt = nextInSlot(open);
                        if (attempt == null) {
                            return closed(open);
                        }
                        continue;
                    }
                    if (!awaitSlot(open, cost, attempt.item.mailClass())) {
                        giveBack(attempt);
                        open.quit();
                        return null;
                    }
                    if (queue.isOvertaken(attempt.item) && attempt.isUntried()) { // while its slot was waited for
                        putBack(attempt);
                        if (slot.weighs()) { // another message weighs otherwise
                            slot.giveBack();
                        }
                        attempt = nextInSlot(open);
                        if (attempt == null) {
                            return closed(open);
                        }
                        continue;
                    }
                }
                if (!dispatcher.mayHandOut()) { // the spool has failed meanwhile: what is sent now could not be recorded
                    giveBack(attempt);
                    open.quit();
                    return null;
                }
                if (dispatcher.isOverdue(attempt)) { // while the session was opened or a slot was waited for
                    slot.giveBack();
                    attempt.decideRest(dispatcher.policy().pastDeadline(attempt.item.attempts()), contact);
                    settle(attempt);
                } else if (unfit != null) {
                    if (mayDoBetterAnew(open, unfit)) {
                        reopen = true;
                        open.quit();
                        session = null;
                        return attempt;
                    }
                    if (!lastHost && unfit.isOfHost()) {
                        return toNextHost(open, attempt, unfit);
                    }
                    settle(attempt, unfit);
                } else {
                    Chunking chunking = launcher(open, attempt);
                    if (chunking != null) {
                        if (fly(open, chunking, attempt, lastHost) instanceof Flown.Ended(var left)) {
                            return left;
                        }
                    } else {
                        transaction = transaction(open, attempt);
                        try {
                            open.begin(transaction);
                            slot.used();
                            dispatcher.sent(attempt.item, transaction.places.length);
                        } catch (SessionException e) {
                            return broken(attempt, transaction, e, open.reused(), lastHost);
                        }
                    }
                }
            }
            DeliveryAttempt next = attempt;
            Transaction follow = null;
            if (transaction != null) {
                boolean reused = open.reused();
                try {
                    if (open.awaitGo(transaction)) {
                        next = followUp(open, attempt, transaction, lastHost);
                        follow = next == null
                                ? null
                                : transaction(open, next);
                        open.send(transaction, follow);
                        open.awaitEnd(transaction);
                    }
                } catch (SessionException e) {
                    if (next != null && next != attempt) {
                        giveBack(next);
                    }
                    return broken(attempt, transaction, e, reused, lastHost);
                }
                Outcome worst = judge(attempt, transaction, reused);
                transactions++;
                dispatcher.stats.transactions.increment();
                if (worst != null && worst.radius().compareTo(BlastRadius.SESSION) >= 0) {
                    if (worst.radius() != BlastRadius.SESSION && worst.radius() != BlastRadius.HOST) {
                        failed(worst);
                    }
                    if (next != null && next != attempt) {
                        giveBack(next);
                    }
                    dispatcher.stats.sessionsBroken.increment();
                    attempt.decideRest(unanswered(open), contact);
                    settle(attempt);
                    open.part();
                    return null;
                }
                proved();
                transaction = null;
                if (follow != null && next != null) { // its envelope is under way already
                    nextSlot.used();
                    dispatcher.sent(next.item, follow.places.length);
                    if (next != attempt) {
                        settle(attempt);
                        inHand = inHandNext;
                        inHandNext = null;
                        attempt = next;
                    }
                    transaction = follow;
                    continue;
                }
                if (attempt.hasMore()) {
                    if (open.isUsedUp(0)) {
                        reopen = true;
                        leave();
                        open.quit();
                        return attempt;
                    }
                    continue;
                }
                settle(attempt);
            }
            attempt = afterFlight.poll();
            if (attempt != null) {
                inHand = attempt.item;
                if (!isWorn(transactions) && !open.isUsedUp(0) && !finishing) {
                    continue;
                }
                giveBack(attempt);
            }
            attempt = nextWork(open);
            if (attempt == null) {
                return closed(open);
            }
        }
    }

    /** The session has nothing to do any more. */
    private @Nullable DeliveryAttempt closed(SmtpClientSession open) {
        enter(SessionView.State.CLOSING);
        leave();
        open.quit();
        return null;
    }

    /**
     * Whether it is transactional and its slot is to come: it waits in its queue then, and goes in the first slot that comes,
     * whichever session has that; and whoever shares out slots among queues sees that it is there. Where sessions idle, which
     * would be handed it, nothing waits that it could overtake.
     */
    private boolean waitsInItsQueue(DeliveryAttempt attempt, Cost cost) {
        if (attempt.item.mailClass() != MailClass.TRANSACTIONAL || !attempt.isUntried() || slot.weighs()) {
            return false;
        }
        return slot.take(cost, MailClass.TRANSACTIONAL, permit.limits().idleTimeout().toNanos()) && !slot.isTaken()
                && !queue.hasIdle();
    }

    /** Untried, and the slot stays taken. */
    private void putBack(DeliveryAttempt attempt) {
        letGo(attempt);
        attempt.memory.close();
        dispatcher.settlement.giveBack(attempt.item);
    }

    /** What goes in the slot that has come, or later when there is nothing; null to end. */
    private @Nullable DeliveryAttempt nextInSlot(SmtpClientSession open) {
        DeliveryAttempt next = take();
        if (next != null) {
            return next;
        }
        slot.giveBack();
        return nextWork(open);
    }

    /** How a flight went. */
    private sealed interface Flown {
        /** All have landed, and the session is as good as before. */
        record Landed() implements Flown {}

        /**
         * The session is over.
         *
         * @param left what the next host should be asked for, null when everything is settled
         */
        record Ended(@Nullable DeliveryAttempt left) implements Flown {}
    }

    private @Nullable Chunking launcher(SmtpClientSession open, DeliveryAttempt attempt) {
        return open.launcher(
                Math.min(attempt.size(), open.maxRecipients(maxRecipients())),
                open.content(attempt).size());
    }

    /** Sends that message whole, and others behind it as long as there are some that may go at once. */
    private Flown fly(SmtpClientSession open, Chunking chunking, DeliveryAttempt first, boolean lastHost) {
        Transaction t = transaction(open, first);
        try {
            chunking.launch(t);
        } catch (SessionException e) {
            return new Flown.Ended(broken(first, t, e, open.reused(), lastHost));
        }
        slot.used();
        dispatcher.sent(first.item, t.places.length);
        aloft.add(new Aloft(first, t));
        inHand = null;
        boolean landing = false;
        boolean broken = false; // no more can be written
        Outcome end = null;
        while (!aloft.isEmpty()) {
            while (!landing) {
                DeliveryAttempt next = nextToLaunch(open, lastHost);
                if (next == null) {
                    landing = !afterFlight.isEmpty();
                    break;
                }
                Transaction following = transaction(open, next);
                try {
                    chunking.launch(following);
                } catch (SessionException e) {
                    notLaunched(next, e);
                    landing = true;
                    broken = true;
                    break;
                }
                nextSlot.used();
                dispatcher.sent(next.item, following.places.length);
                aloft.add(new Aloft(next, following));
                inHandNext = null;
            }
            Aloft oldest = aloft.getFirst();
            boolean reused = open.reused();
            try {
                chunking.land();
            } catch (SessionException e) {
                return new Flown.Ended(crashed(chunking, e, reused, lastHost));
            }
            Outcome worst = judge(oldest.attempt, oldest.transaction, reused);
            transactions++;
            dispatcher.stats.transactions.increment();
            if (worst != null && worst.radius().compareTo(BlastRadius.SESSION) >= 0) {
                landing = true;
                if (!failed && worst.radius() != BlastRadius.SESSION && worst.radius() != BlastRadius.HOST) {
                    failed(worst);
                }
                end = worst;
                oldest.attempt.decideRest(unanswered(open), contact);
            } else {
                proved();
            }
            if (oldest.attempt.hasMore()) {
                afterFlight.add(oldest.attempt);
                landing = true;
            } else {
                settle(oldest.attempt);
            }
            aloft.removeFirst(); // now that it can't be lost any more
        }
        if (broken) {
            dispatcher.stats.sessionsBroken.increment();
            open.close();
            return new Flown.Ended(null);
        }
        if (end != null) {
            dispatcher.stats.sessionsBroken.increment();
            open.part();
            return new Flown.Ended(null);
        }
        return new Flown.Landed();
    }

    private void failed(Outcome worst) {
        failed(worst.radius() == BlastRadius.CROWDED ? ReadyQueue.Trouble.CROWDED : ReadyQueue.Trouble.REFUSED,
                worst.reason(), null, told(worst));
    }

    /** The queue's next message if its slot is now and it may be launched; one that must wait stands in {@link #afterFlight}. */
    private @Nullable DeliveryAttempt nextToLaunch(SmtpClientSession open, boolean lastHost) {
        if (finishing || isWorn(transactions + aloft.size()) || open.isUsedUp(aloft.size())
                || open.launcher(1, 0) == null || !dispatcher.mayHandOut() || !nextSlot.takeNow()) {
            return null;
        }
        DeliveryAttempt next = takeFit(open, lastHost);
        if (next == null || launcher(open, next) != null) {
            return next;
        }
        nextSlot.giveBack();
        inHandNext = null;
        afterFlight.add(next);
        return null;
    }

    /** Only what was appended for it has failed: what is aloft may land yet. */
    private void notLaunched(DeliveryAttempt next, SessionException e) {
        nextSlot.giveBack();
        if (e.reason() instanceof Failure(Failure.Kind kind, String text)
                && (kind == Failure.Kind.CONTENT_LOST || kind == Failure.Kind.CONTENT_UNREADABLE)) {
            if (kind == Failure.Kind.CONTENT_LOST) {
                dispatcher.settlement.lost(next.item, text);
            }
            next.decideRest(decide(next, e.phase(), e.reason(), true, false, true), contact);
            settle(next);
            return;
        }
        giveBack(next);
    }

    /** The session has ended under what is aloft. @return what the next host should be asked for */
    private @Nullable DeliveryAttempt crashed(Chunking chunking, SessionException e, boolean reused,
            boolean lastHost) {
        List<Flight.Fate<Transaction>> fates = chunking.lost(e);
        Aloft oldest = aloft.removeFirst();
        inHand = oldest.attempt.item;
        for (Flight.Fate<Transaction> fate : fates) {
            Aloft other = aloft.getFirst();
            if (fate.inDoubt()) {
                dispatcher.stats.lostAfterEndOfData.increment();
                other.attempt.decideRest(
                        decide(other.attempt, Phase.END_OF_DATA, e.reason(), true, false, lastHost), contact);
                settle(other.attempt);
            } else {
                giveBack(other.attempt);
            }
            aloft.removeFirst();
        }
        return broken(oldest.attempt, oldest.transaction, e, reused, lastHost);
    }

    /** What the next transaction of that message takes up of the rates. */
    private Cost cost(SmtpClientSession open, DeliveryAttempt attempt) {
        return new Cost(attempt.nextSize(open.maxRecipients(maxRecipients())), open.content(attempt).size());
    }

    private Transaction transaction(SmtpClientSession open, DeliveryAttempt attempt) {
        return attempt.transaction(open.maxRecipients(maxRecipients()), dispatcher.millis(), open.content(attempt));
    }

    /** Why the host can't take this, as it announced; null when it may be asked. */
    private @Nullable Failure unfit(SmtpClientSession open, DeliveryAttempt attempt) {
        return open.unfit(attempt, dispatcher.millis());
    }

    /** A session that other mail has opened may be in clear only because it could be, or because TLS failed lately. */
    private boolean mayDoBetterAnew(SmtpClientSession open, Failure unfit) {
        return unfit.kind() == Failure.Kind.NEEDS_TLS && !insisting && !open.isEncrypted();
    }

    private void settle(DeliveryAttempt attempt, Failure unfit) {
        if (unfit.kind() == Failure.Kind.CONTENT_LOST) {
            dispatcher.settlement.lost(attempt.item, unfit.text());
        }
        attempt.decideRest(decide(attempt, Phase.MAIL, unfit, false, false, true), contact);
        settle(attempt);
    }

    /** Nothing is wrong with the host, but for this message another may do better. */
    private DeliveryAttempt toNextHost(SmtpClientSession open, DeliveryAttempt attempt, Failure unfit) {
        attempt.decideRest(decide(attempt, Phase.MAIL, unfit, false, false, false), contact);
        attempt.nextHost();
        open.quit();
        session = null;
        return attempt;
    }

    /**
     * The transaction whose envelope can go behind the end of data: more recipients of the same message, or the queue's
     * next message when its slot is now.
     */
    private @Nullable DeliveryAttempt followUp(SmtpClientSession open, DeliveryAttempt attempt, Transaction transaction,
            boolean lastHost) {
        if (!open.mayRide(transaction) || finishing || isWorn(transactions + 1) || open.isUsedUp(1)
                || transaction.accepted < transaction.recipients.size()) { // refused ones may want another transaction
            return null;
        }
        if (!nextSlot.takeNow()) {
            return null;
        }
        if (attempt.hasMore()) {
            if (dispatcher.isOverdue(attempt)) {
                nextSlot.giveBack();
                return null;
            }
            return attempt;
        }
        return takeFit(open, lastHost);
    }

    /** The queue's next message that this host can have; the next slot is given back when there is none. */
    private @Nullable DeliveryAttempt takeFit(SmtpClientSession open, boolean lastHost) {
        while (true) {
            DeliveryAttempt next = takeNext();
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
    private @Nullable DeliveryAttempt nextWork(SmtpClientSession open) {
        if (finishing || isWorn(transactions) || open.isUsedUp(0)) {
            return null;
        }
        DeliveryAttempt attempt = take();
        if (attempt != null || permit.isWanted(queue.waitingAt())) {
            return attempt;
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
        attempt = prepared(item);
        if (attempt != null && unproved && !dispatcher.comesUp(handle, open.host().network())) {
            giveBack(attempt);
            return null;
        }
        return attempt;
    }

    private boolean isWorn(int transactionsDone) {
        TrafficLimits limits = permit.limits();
        return transactionsDone >= limits.maxDeliveriesPerConnection()
                || transactionsDone >= CROWDED_TRANSACTIONS && permit.isWanted(queue.waitingAt())
                || dispatcher.nanoTime() - startedNanos >= limits.maxConnectionAge().toNanos();
    }

    /** @return whether it has come; false when it is further away than the session may idle, or the delivery session is to finish */
    private boolean awaitSlot(@Nullable SmtpClientSession open, Cost cost, MailClass of) {
        long longest = permit.limits().idleTimeout().toNanos();
        if (!slot.take(cost, of, longest)) {
            queue.hold();
            return false;
        }
        if (slot.isTaken()) {
            enterBusy();
            return true;
        }
        if (open != null) {
            open.idle();
        }
        waitingFor = queue.messages().waitingFor(dispatcher.nanoTime());
        if (!enter(SessionView.State.WAITING)) {
            slot.giveBack();
            return false;
        }
        boolean came;
        queue.pacing(true);
        try {
            came = slot.await(longest);
        } catch (InterruptedException _) {
            return false; // finish() was called
        } finally {
            waitingFor = null;
            queue.pacing(false);
            leave();
        }
        if (!came) {
            queue.hold();
            return false;
        }
        enterBusy();
        return true;
    }

    private @Nullable DeliveryAttempt take() {
        return prepared(queue.next(handle));
    }

    /** The first, from {@code item} on, that there is something to attempt for; null when there is none. */
    private @Nullable DeliveryAttempt prepared(@Nullable QueueItem item) {
        for (QueueItem taken = item; taken != null; taken = queue.next(handle)) {
            inHand = taken;
            DeliveryAttempt attempt = prepare(taken);
            if (attempt != null) {
                return attempt;
            }
            inHand = null;
        }
        return null;
    }

    private @Nullable DeliveryAttempt takeNext() {
        QueueItem item;
        while ((item = queue.next(handle)) != null) {
            inHandNext = item;
            DeliveryAttempt attempt = prepare(item);
            if (attempt != null) {
                return attempt;
            }
            inHandNext = null;
        }
        return null;
    }

    private @Nullable DeliveryAttempt prepare(QueueItem item) {
        return prepare(item, true);
    }

    /** Reads the message. @return null when there is nothing to attempt: the item is settled then */
    private @Nullable DeliveryAttempt prepare(QueueItem item, boolean tries) {
        tlsResults.of(item.domain());
        DeliveryAttempt attempt = dispatcher.prepare(item, contact, tries);
        if (attempt == null || isHandled(attempt)) {
            return null;
        }
        messages.add(attempt.memory);
        current = item;
        dialogue.trace().learned();
        return attempt;
    }

    /** Whether an automation rule returns the message, or makes it wait. */
    private boolean isHandled(DeliveryAttempt attempt) {
        Control control = dispatcher.control();
        if (control == null) {
            return false;
        }
        Outcome returned = control.returned(queue, attempt);
        if (returned != null) {
            attempt.decideRest(returned, contact);
            dispatcher.settlement.settle(attempt, dispatcher.policy().maxAge().toMillis());
            return true;
        }
        if (!control.waits(queue, attempt)) {
            return false;
        }
        attempt.memory.close();
        if (attempt.item == madeToWait) { // the queue didn't withhold it: it would come at once again, and again
            dispatcher.settlement.postpone(attempt.item);
        } else {
            madeToWait = attempt.item;
            dispatcher.settlement.giveBack(attempt.item);
        }
        return true;
    }

    private void discard(DeliveryAttempt attempt) {
        messages.remove(attempt.memory);
        attempt.memory.close();
    }

    /** Decides for every recipient that was in the transaction. @return the outcome that reaches furthest */
    private @Nullable Outcome judge(DeliveryAttempt attempt, Transaction transaction, boolean reused) {
        Outcome worst = null;
        boolean othersAccepted = false;
        boolean taken = false;
        for (int i = 0; i < transaction.recipients.size(); i++) {
            Transaction.Answer answer = transaction.answer(i);
            Outcome outcome = answer == null
                    ? unanswered(null)
                    : decide(attempt, answer.phase(), new Cause.Replied(answer.reply()), reused, othersAccepted, true);
            act(attempt, outcome);
            othersAccepted |= transaction.isAccepted(i);
            if (worst == null || outcome.radius().compareTo(worst.radius()) > 0) {
                worst = outcome;
            }
            attempt.decide(transaction.places[i], outcome, contact);
            taken |= outcome instanceof Outcome.Delivered;
        }
        Control control = dispatcher.control();
        if (taken && control != null) {
            control.taken(queue, attempt);
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
            MailHost spokenTo = host;
            if (spokenTo != null) {
                dispatcher.badHosts.worked(source.name(), spokenTo);
            }
        }
    }

    /**
     * The session, or the attempt to open one, has failed under this attempt.
     *
     * @return what the next host should be asked for, null when everything is settled
     */
    private @Nullable DeliveryAttempt broken(DeliveryAttempt attempt, @Nullable Transaction transaction,
            SessionException e, boolean reused,
            boolean lastOfHosts) {
        boolean ofHandover = e.phase().compareTo(Phase.RSET) >= 0;
        boolean lastHost = lastOfHosts || ofHandover && !triesNextHost();
        SmtpClientSession open = session;
        note(e);
        if (open != null) {
            open.end(e);
            session = null;
            dispatcher.stats.sessionsBroken.increment();
        }
        if (e.reason() instanceof Failure(Failure.Kind kind, String text) && kind == Failure.Kind.CONTENT_LOST) {
            dispatcher.settlement.lost(attempt.item, text);
        }
        if (finishing && e.phase().compareTo(Phase.AUTH) <= 0) { // our own interrupt
            giveBack(attempt);
            return null;
        }
        if (e.phase() == Phase.END_OF_DATA) {
            dispatcher.stats.lostAfterEndOfData.increment();
        }
        Outcome rest = decide(attempt, e.phase(), e.reason(), reused, false, lastHost);
        boolean reachesHost = rest.radius() == BlastRadius.HOST;
        boolean ofMessage = insisting && isAboutTls(e); // other mail needs no TLS
        if (reachesHost && !ofMessage && !(ofHandover && maySameHostBeNext())) {
            remember(requireNonNull(host), e);
        }
        if (transaction != null && !transaction.isDoubtful() && !isOutOfStep(e)) {
            boolean othersAccepted = false;
            for (int i = 0; i < transaction.recipients.size(); i++) {
                Transaction.Answer answer = transaction.answer(i);
                if (answer != null) {
                    Outcome outcome = decide(attempt, answer.phase(), new Cause.Replied(answer.reply()), reused,
                            othersAccepted, lastHost);
                    act(attempt, outcome);
                    attempt.decide(transaction.places[i], outcome, contact);
                }
                othersAccepted |= transaction.isAccepted(i);
            }
        }
        act(attempt, rest);
        if (rest instanceof Outcome.Untried) {
            slot.giveBack();
        }
        attempt.decideRest(rest, contact);
        if (reachesHost && !lastHost) {
            attempt.nextHost();
            return attempt;
        }
        if (rest.radius().compareTo(BlastRadius.CROWDED) >= 0 && !ofMessage) {
            failed(e, rest, false); // before its mail comes back to the queue
        }
        settle(attempt);
        return null;
    }

    /** Whether a message whose session breaks off is tried at the next host at once (RFC 5321 5.1). */
    private boolean triesNextHost() {
        TrafficLimits path = permit.limits();
        return path.tryNextHostOnTransportError()
                && path.reconnectStrategy() != ReconnectStrategy.TERMINATE_SESSION;
    }

    /** Whether the next session may begin with a host that has just broken one off. */
    private boolean maySameHostBeNext() {
        return permit.limits().reconnectStrategy() != ReconnectStrategy.CONNECT_NEXT_HOST;
    }

    private Outcome decide(DeliveryAttempt attempt, Phase phase, Cause cause, boolean reused, boolean othersAccepted,
            boolean lastHost) {
        return dispatcher.policy().decide(new Situation(phase, ofRoute(phase, cause), reused, othersAccepted, lastHost,
                permit.othersOpen(), attempt.item.attempts(), dispatcher.millis() - attempt.item.receivedMillis(),
                meaning(attempt, phase, cause)));
    }

    /** RFC 4954 6: a host that wants a login first says nothing about the message, where the route is ours to mend. */
    private Cause ofRoute(Phase phase, Cause cause) {
        QueueKey key = queue.key();
        return phase.compareTo(Phase.MAIL) >= 0 && key.configured() && login() == null
                && cause instanceof Cause.Replied(Reply reply) && reply.code() == LOGIN_REQUIRED
                        ? new Failure(Failure.Kind.ROUTE_LOGIN,
                                "the host wants a login first, and the route has no user: " + reply.oneLine())
                        : cause;
    }

    /** Before any message was taken. */
    private Outcome decide(Phase phase, Cause cause, boolean lastHost) {
        return dispatcher.policy()
                .decide(new Situation(phase, cause, false, false, lastHost, permit.othersOpen(), 0, 0,
                        meaning(null, phase, cause)));
    }

    private Classification meaning(@Nullable DeliveryAttempt attempt, Phase phase, Cause cause) {
        Classification meaning = cause instanceof Cause.Replied(Reply reply)
                ? dispatcher.classify(phase, reply, provider())
                : Classification.NONE;
        Control control = dispatcher.control();
        return control == null || cause instanceof Cause.Replied(Reply reply) && reply.isPositive()
                ? meaning
                : control.refused(queue, attempt, startedNanos, cause, meaning);
    }

    private void settle(DeliveryAttempt attempt) {
        tellDecisions(attempt);
        dispatcher.settlement.settle(attempt, dispatcher.policy().maxAge().toMillis());
        letGo(attempt);
    }

    private void letGo(DeliveryAttempt attempt) {
        messages.remove(attempt.memory);
        if (inHand == attempt.item) {
            inHand = null;
        } else if (inHandNext == attempt.item) {
            inHandNext = null;
        }
        if (inHand == null && inHandNext == null && aloft.isEmpty()) {
            current = null;
        }
    }

    private void giveBack(DeliveryAttempt attempt) {
        if (inHandNext == attempt.item) {
            nextSlot.giveBack();
        } else {
            slot.giveBack();
        }
        if (!attempt.isUntried()) { // what was decided must be recorded, or it would be done again
            attempt.decideRest(unanswered(session), contact);
            settle(attempt);
            return;
        }
        letGo(attempt);
        attempt.memory.close();
        dispatcher.settlement.giveBack(attempt.item);
    }

    private void enterBusy() {
        if (state != SessionView.State.BUSY) {
            state = SessionView.State.BUSY;
            stateMillis = dispatcher.millis();
        }
    }

    /** From here an interrupt may come. @return false when it has been decided already that the delivery session is to finish */
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

    /**
     * Ends the session whatever it is doing, since an operator wants it so. The message in hand comes out as after a
     * connection that was lost, but that no host is thought ill of. For other threads.
     */
    void abort(String why) {
        log.info("event=session-aborted session={} queue={} state={} phase={} why={}", sessionId, queue.key(), state,
                dialogue.phase(), why);
        finish();
        SmtpClientSession open = session;
        if (open != null) {
            open.abort(why);
        }
    }

    SessionView view() {
        SmtpClientSession open = session;
        MailHost now = host;
        QueueItem item = current;
        long nowNanos = dispatcher.nanoTime();
        return new SessionView(sessionId, queue.key(), provider(),
                now == null ? null : new MessageEvent.Peer(now.name(), now.addressText()),
                open == null ? null : open.security(), state, dialogue.phase(),
                Duration.ofNanos(Math.max(0, nowNanos - dialogue.sinceNanos())), waitingFor, stateMillis,
                Duration.ofNanos(Math.max(0, nowNanos - startedNanos)), transactions, dialogue.delivered(),
                dialogue.deferred(), dialogue.bounced(),
                item == null ? null : new MessageId(item.entry().messageId()));
    }

    String id() {
        return sessionId;
    }
}
