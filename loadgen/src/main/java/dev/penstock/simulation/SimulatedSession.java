package dev.penstock.simulation;

import static java.util.Objects.requireNonNull;

import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.Classification;
import dev.penstock.config.TrafficLimits;
import dev.penstock.delivery.BlastRadius;
import dev.penstock.delivery.Consequences.Sender;
import dev.penstock.delivery.Outcome;
import dev.penstock.delivery.Phase;
import dev.penstock.loadgen.twin.Twin;
import dev.penstock.loadgen.twin.Twin.Answer;
import dev.penstock.queue.OldMail;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.ReadyQueue;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Slot;
import dev.penstock.shaping.Permit;
import dev.penstock.smtp.Reply;

/**
 * A delivery session as a chain of events: it connects, takes mail when it is up, waits for each message's slot, sends, and
 * acts on the answers as {@code delivery.DeliverySession} does. Confined to the run's thread.
 *
 * <p>Invariant, between events: it has one message in hand or none, and at most one event or one wait in the queue that
 * goes on with it; when it has ended it has neither.
 */
final class SimulatedSession {
    /** As {@code delivery.DeliverySession}: messages over one session while others wait for theirs. */
    private static final int CROWDED_TRANSACTIONS = 20;
    /** As {@code delivery.MessageSlot}: a slot that is so much later than it was said to be is another's. */
    private static final long SLOT_PATIENCE_NANOS = Duration.ofSeconds(1).toNanos();

    private final GatewaySender gateway;
    private final VirtualTime time;
    private final ReadyQueue queue;
    private final ReadyQueue.Session handle;
    private final Permit permit;
    private final Twin twin;
    private final String network;
    private final long startedNanos;
    private Twin.@Nullable Session host;
    private boolean unproved = true;
    private boolean ended;
    private int transactions;
    private long sentNanos;
    private final Slot slot;
    /** Waits for its slot. */
    private @Nullable QueueItem paced;
    private long waits;
    private long idles;

    SimulatedSession(GatewaySender gateway, ReadyQueue.Session handle) {
        this.gateway = gateway;
        this.time = gateway.world.time;
        this.handle = handle;
        this.queue = handle.queue();
        this.permit = handle.permit();
        this.twin = gateway.twin(queue);
        this.network = queue
                .route() instanceof Route.Hosts(var _, List<MailHost> hosts, var _, var _, var _, var _, var _)
                        ? hosts.getFirst().network()
                        : "";
        this.startedNanos = time.nanos();
        this.slot = queue.messages().slot(() -> time.in(0, this::slotCame));
    }

    /** Returns at once. */
    void start() {
        time.in(0, () -> {
            if (gateway.admission.comesUp(handle, network)) {
                time.in(twin.connectNanos(), this::connected);
            } else {
                end();
            }
        });
    }

    private void connected() {
        Twin.Session session = twin.connect(queue.key().source(), time.nanosSince1970());
        host = session;
        Answer greeting = session.greeting();
        time.in(greeting.delayNanos(), () -> {
            if (greeting.isRefusal()) {
                notOpened(Phase.GREETING, greeting);
                return;
            }
            Answer hello = session.hello(time.nanosSince1970());
            time.in(hello.delayNanos(), () -> {
                if (hello.isRefusal()) {
                    notOpened(Phase.HELLO, hello);
                } else {
                    up();
                }
            });
        });
    }

    private void up() {
        QueueItem item = prepared(gateway.admission.up(handle));
        if (item != null) {
            transact(item);
        } else {
            nextWork();
        }
    }

    /** The first, from that on, that hasn't expired. */
    private @Nullable QueueItem prepared(@Nullable QueueItem first) {
        QueueItem item = first;
        while (item != null && gateway.expires(item)) {
            item = queue.next(handle);
        }
        return item;
    }

    private static Reply reply(Answer answer) {
        return Reply.of(answer.reply().code(), answer.reply().status(), answer.reply().text());
    }

    private void notOpened(Phase phase, Answer answer) {
        Reply reply = reply(answer);
        Classification meaning = gateway.meaning(queue, null, phase, reply, startedNanos);
        Outcome outcome = gateway.decide(null, phase, reply, false, permit.othersOpen(), meaning);
        act(null, outcome);
        failed(phase, reply, outcome, answer.limit(), outcome.radius() != BlastRadius.SOURCE);
        end();
    }

    private void act(@Nullable QueueItem item, Outcome outcome) {
        Sender sender = item == null ? null : new Sender(item.tenant(), item.campaign());
        gateway.consequences.act(queue, sender, outcome.reason().meaning(), outcome.reason().oneLine());
        gateway.followSources();
    }

    /** The receiver takes no more sessions, or refuses us. */
    private void failed(Phase phase, Reply reply, Outcome outcome, String limit, boolean mayCharge) {
        Classification meaning = outcome.reason().meaning();
        Duration told = outcome.radius() == BlastRadius.SITE && meaning.scope().isOfSite()
                ? meaning.suspend()
                : Duration.ZERO;
        ReadyQueue.Trouble trouble = switch (outcome.radius()) {
            case CROWDED -> ReadyQueue.Trouble.CROWDED;
            case SITE -> ReadyQueue.Trouble.REFUSED;
            case RECIPIENT, MESSAGE, SESSION, HOST, SOURCE -> ReadyQueue.Trouble.UNREACHABLE;
        };
        gateway.world.figures.sessionFailed(twin.profile().name());
        ReadyQueue.Failed consequence = gateway.admission.failed(handle, trouble, mayCharge,
                outcome.reason().oneLine(), told);
        QueueItem charged = consequence.charged();
        if (charged != null && !gateway.expires(charged)) {
            gateway.settle(charged, gateway.decide(charged, phase, reply, false, permit.othersOpen(), meaning), limit);
        }
        if (consequence.suspension() != null) {
            gateway.world.figures.suspended(twin.profile().name());
            expireOld();
        }
    }

    private void expireOld() {
        OldMail old = queue.oldMail(time.millis() - gateway.maxAgeMillis());
        for (List<QueueItem> some = old.next(); some != null; some = old.next()) {
            for (QueueItem item : some) {
                if (!gateway.expires(item)) {
                    gateway.queue.requeue(item);
                }
            }
        }
    }

    /** Waits for the message's slot, then sends it. */
    private void transact(QueueItem item) {
        long longest = permit.limits().idleTimeout().toNanos();
        slot.take(new Cost(1, Math.max(1, item.size())), item.mailClass(), longest, time.nanos());
        if (slot.isTaken()) {
            send(item);
        } else if (slot.isWaiting()) {
            queue.pacing(true);
            paced = item;
            long wait = ++waits;
            time.in(longest + SLOT_PATIENCE_NANOS, () -> {
                if (waits == wait && paced != null) { // it has become another's meanwhile
                    giveUpSlot();
                }
            });
        } else {
            queue.hold();
            gateway.queue.requeue(item);
            end();
        }
    }

    private void slotCame() {
        QueueItem item = paced;
        if (item != null && slot.isTaken()) {
            paced = null;
            queue.pacing(false);
            if (queue.isOvertaken(item)) { // while its slot was waited for
                gateway.queue.requeue(item);
                goesInSlot();
            } else {
                send(item);
            }
        }
    }

    /** What is next, in the slot that has come. */
    private void goesInSlot() {
        QueueItem next = prepared(queue.next(handle));
        if (next == null || queue.messages().weighs()) { // another message weighs otherwise
            slot.giveBack(time.nanos());
        }
        if (next == null) {
            nextWork();
        } else {
            transact(next);
        }
    }

    private void giveUpSlot() {
        QueueItem item = requireNonNull(paced);
        paced = null;
        slot.giveBack(time.nanos());
        queue.pacing(false);
        queue.hold();
        gateway.queue.requeue(item);
        end();
    }

    /** The receiver takes its time for each command in turn, whether they come in a group or not. */
    private void send(QueueItem item) {
        Twin.Session open = requireNonNull(host);
        slot.used();
        gateway.queue.sent(item, 1);
        gateway.goes(item);
        sentNanos = time.nanos();
        boolean reused = transactions > 0;
        Answer mail = open.mail(SimulatedMessage.sender(item.tenant()), time.nanosSince1970());
        time.in(mail.delayNanos(), () -> {
            if (mail.isRefusal()) {
                answered(item, Phase.MAIL, mail, reused);
                return;
            }
            String address = "r" + SimulatedMessage.ofMessageId(item.entry().messageId()) + "@" + item.domain();
            Answer recipient = open.recipient(address, time.nanosSince1970());
            time.in(recipient.delayNanos(), () -> {
                if (recipient.isRefusal()) {
                    answered(item, Phase.RCPT, recipient, reused);
                    return;
                }
                Answer content = open.content(time.nanosSince1970());
                time.in(content.delayNanos(), () -> answered(item, Phase.END_OF_DATA, content, reused));
            });
        });
    }

    private void answered(QueueItem item, Phase phase, Answer answer, boolean reused) {
        Reply reply = reply(answer);
        Classification meaning = answer.isRefusal()
                ? gateway.meaning(queue, item, phase, reply, sentNanos)
                : Classification.NONE;
        Outcome outcome = gateway.decide(item, phase, reply, reused, permit.othersOpen(), meaning);
        act(item, outcome);
        if (outcome instanceof Outcome.Delivered) {
            gateway.steering.delivered(queue, gateway.queue.provider(queue), item, sentNanos);
        }
        boolean broken = answer.reply().closes();
        if (!broken) {
            transactions++;
        }
        boolean reachesFar = broken
                ? outcome.radius().compareTo(BlastRadius.CROWDED) >= 0
                : outcome.radius().compareTo(BlastRadius.SESSION) > 0 && outcome.radius() != BlastRadius.HOST;
        if (reachesFar) {
            failed(phase, reply, outcome, answer.limit(), false); // before its mail comes back to the queue
        }
        if (broken || outcome.radius().compareTo(BlastRadius.SESSION) >= 0) {
            gateway.settle(item, outcome, answer.limit());
            end();
            return;
        }
        if (unproved) {
            unproved = false;
            gateway.admission.proved(handle);
        }
        gateway.settle(item, outcome, answer.limit());
        nextWork();
    }

    private void nextWork() {
        if (isWorn()) {
            end();
            return;
        }
        QueueItem item = prepared(queue.next(handle));
        if (item != null) {
            transact(item);
            return;
        }
        if (permit.isWanted(queue.waitingAt())) {
            end();
            return;
        }
        if (unproved) { // what it idles for isn't its host's fault
            gateway.admission.cameUp(handle);
        }
        TrafficLimits limits = permit.limits();
        long left = limits.maxConnectionAge().toNanos() - (time.nanos() - startedNanos);
        long idle = ++idles;
        QueueItem there = gateway.stepped.idles(handle, () -> time.in(0, () -> resumed(idle)));
        if (there != null) {
            idles++;
            afterIdle(there);
            return;
        }
        time.in(Math.max(0, Math.min(left, limits.idleTimeout().toNanos())), () -> {
            if (idles == idle && !ended) {
                gateway.stepped.dismiss(handle);
            }
        });
    }

    private void resumed(long idle) {
        if (idles != idle || ended) {
            return;
        }
        idles++;
        QueueItem item = gateway.stepped.handed(handle);
        if (item == null) {
            end();
        } else {
            afterIdle(item);
        }
    }

    private void afterIdle(QueueItem item) {
        QueueItem ready = prepared(item);
        if (ready == null) {
            nextWork();
        } else if (unproved && !gateway.admission.comesUp(handle, network)) {
            gateway.queue.requeue(ready);
            end();
        } else {
            transact(ready);
        }
    }

    private boolean isWorn() {
        TrafficLimits limits = permit.limits();
        return transactions >= limits.maxDeliveriesPerConnection()
                || transactions >= CROWDED_TRANSACTIONS && permit.isWanted(queue.waitingAt())
                || time.nanos() - startedNanos >= limits.maxConnectionAge().toNanos();
    }

    private void end() {
        if (ended) {
            throw new IllegalStateException("a session ends once: " + queue.key());
        }
        ended = true;
        Twin.Session open = host;
        if (open != null) {
            open.close();
        }
        if (gateway.admission.ended(handle) != null) {
            gateway.world.figures.suspended(twin.profile().name());
        }
    }
}
