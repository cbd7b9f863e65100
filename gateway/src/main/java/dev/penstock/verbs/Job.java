package dev.penstock.verbs;

import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.delivery.Verbs;
import dev.penstock.message.MessageId;
import dev.penstock.queue.Claimant;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.QueueWalk;
import dev.penstock.spool.Orders;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.verbs.JobRequest.Details;
import dev.penstock.verbs.JobView.State;

/**
 * One verb being done to a selection. Thread-safe: its own virtual thread looks through the queue, a virtual thread per message
 * does the verb, {@value #AT_ONCE} at a time.
 *
 * <p>It looks through the queue until it finds nothing more to do. Invariant: an item is in {@link #waited} from before it is
 * claimed until it is claimed in vain, or the job has it; it is in {@link #under} from when the job has it until it
 * was given back; and the job is over only when both are empty.
 */
final class Job implements Claimant {
    private static final Logger log = LoggerFactory.getLogger(Job.class);
    /** Messages that it has in hand: enough for a sync to serve many, few against the memory of deliveries. */
    static final int AT_ONCE = 256;
    private static final int BASE_36 = 36;
    /** How often it is recorded how far a job is. */
    private static final long RECORD_NANOS = TimeUnit.SECONDS.toNanos(2);
    /** After which it is looked again for what was just moving, and for what moved while it was looked. */
    private static final long MOVES_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
    /** Of an error's text, which stands in the file again and again. */
    private static final int MOST_ERROR = 500;
    static final Duration LOOK_AGAIN = Duration.ofSeconds(5);

    private final MailQueue queue;
    private final Verbs verbs;
    private final Spool spool;
    private final InstantSource clock;
    private final JobsFile.Kept begun;
    private final JobRequest request;
    private final int octets;
    private final LongAdder done = new LongAdder();
    private final LongAdder skipped = new LongAdder();
    private final LongAdder failed = new LongAdder();
    private volatile long counted;
    private volatile String error;
    private volatile State state;
    private volatile long endedMillis;
    private volatile boolean canceled;
    private volatile boolean paused;
    /** For good, though the clock is set back: something may have been left out for it. */
    private volatile boolean expired;

    private final Semaphore room = new Semaphore(AT_ONCE);
    /** Others have them in hand. */
    private final Set<QueueItem> waited = ConcurrentHashMap.newKeySet();
    private final Set<QueueItem> under = ConcurrentHashMap.newKeySet();
    /** To which nothing is to be done any more, though they are still selected. */
    private final Set<SpoolEntry> settled = ConcurrentHashMap.newKeySet();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private long nextRecordNanos = System.nanoTime();
    /** In the last look, items that were just moving. */
    private int moving;

    Job(JobsFile.Kept begun, MailQueue queue, Verbs verbs, Spool spool, InstantSource clock) {
        this.begun = begun;
        this.request = begun.request();
        this.octets = JobsFile.octets(begun);
        this.queue = queue;
        this.verbs = verbs;
        this.spool = spool;
        this.clock = clock;
        this.counted = begun.counted();
        this.error = begun.error();
        this.state = begun.state().isOver() ? begun.state() : State.WAITING;
        this.endedMillis = begun.endedMillis();
        done.add(begun.done());
        skipped.add(begun.skipped());
        failed.add(begun.failed());
    }

    long number() {
        return begun.number();
    }

    String id() {
        return "j" + Long.toString(begun.number(), BASE_36);
    }

    /** That it takes of the file. */
    int octets() {
        return octets;
    }

    JobRequest request() {
        return request;
    }

    JobView view() {
        return new JobView(id(), request, state, begun.createdMillis(), endedMillis, counted,
                done.sum(), skipped.sum(), failed.sum(), waited.size(), error);
    }

    JobsFile.Kept kept() {
        return new JobsFile.Kept(begun.number(), request, begun.createdMillis(), begun.cutoff(), state, endedMillis,
                counted, done.sum(), skipped.sum(), failed.sum(), error);
    }

    /** @return whether it wasn't over */
    boolean cancel() {
        boolean open = !state.isOver();
        canceled = true;
        wake();
        return open;
    }

    /** It ends without being over: the next start goes on with it. */
    void pause() {
        paused = true;
        wake();
    }

    private boolean isToEnd() {
        return paused || canceled || isExpired();
    }

    private boolean isExpired() {
        if (request.expiresMillis() != 0 && clock.millis() >= request.expiresMillis()) {
            expired = true;
        }
        return expired;
    }

    /** @param record called now and then, to have it recorded how far the job is */
    void run(Runnable record) throws InterruptedException {
        state = State.RUNNING;
        boolean through = false;
        try {
            if (counted < 0) {
                long found = look(_ -> {}, true);
                counted = isToEnd() ? counted : found; // what was left out isn't counted
                record.run();
            }
            while (!through && !isToEnd()) {
                long found = look(this::claim, false);
                awaitProgress(found);
                recordNowAndThen(record);
                through = found == 0 && waited.isEmpty() && under.isEmpty() && !isToEnd();
            }
            end(through ? State.DONE : canceled ? State.CANCELED : State.EXPIRED);
        } catch (RuntimeException | Error e) {
            log.error("event=job-failed job={} effect=\"it broke off\"", id(), e);
            error = text(e);
            end(State.FAILED);
        } finally {
            letGo();
        }
    }

    private void end(State as) {
        if (!paused) {
            endedMillis = clock.millis();
            state = as;
        }
    }

    /** Nobody is waited for any more; what the job has is given back as it comes. */
    private void letGo() {
        boolean interrupted = false;
        waited.removeIf(item -> queue.unclaim(item, this));
        lock.lock();
        try {
            while (!under.isEmpty() || !waited.isEmpty()) { // each is on its way
                try {
                    var _ = changed.await(MOVES_NANOS, TimeUnit.NANOSECONDS);
                } catch (InterruptedException _) {
                    interrupted = true;
                }
            }
        } finally {
            lock.unlock();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private interface Action {
        void on(QueueItem item) throws InterruptedException;
    }

    /** @return how many were found that something is to be done to */
    private long look(Action action, boolean counts) {
        long found = 0;
        moving = 0;
        QueueWalk walk = queue.walk(request.mail()::matches);
        try {
            for (List<QueueItem> batch = walk.next(this::wants); batch != null && !isToEnd(); batch = walk
                    .next(this::wants)) {
                for (QueueItem item : batch) {
                    if (isToEnd()) {
                        break;
                    }
                    if (request.mail().needsEnvelope() && !Jobs.isSelected(spool, item, request.mail())) {
                        if (!counts) {
                            settled.add(item.entry());
                        }
                        continue;
                    }
                    found++;
                    action.on(item);
                }
            }
        } catch (InterruptedException _) {
            paused = true;
        } finally {
            walk.close();
        }
        return found;
    }

    /** Under the lock that guards the item. */
    private boolean wants(QueueItem item, QueueItem.State itsState) {
        MessageId id = new MessageId(item.entry().messageId());
        if (id.compareTo(begun.cutoff()) >= 0
                || !request.mail().matches(id, itsState, item.receivedMillis(), item.attempts(),
                        begun.createdMillis())
                || settled.contains(item.entry()) || waited.contains(item) || under.contains(item)) {
            return false;
        }
        Orders orders = queue.orders(item);
        if (isSettledBy(orders)) {
            return false;
        }
        return switch (request.verb()) {
            case RELEASE -> itsState == QueueItem.State.HELD || itsState == QueueItem.State.ACTIVE && orders.isHeld();
            case RETRY -> itsState == QueueItem.State.SCHEDULED
                    || itsState == QueueItem.State.HELD && !orders.isHeld();
            case HOLD, DELAY, BOUNCE, DELETE, REBIND -> true;
        };
    }

    /** Whether this job has done it, or a later one has done something since: the later one's stands. */
    private boolean isSettledBy(Orders orders) {
        return switch (request.verb()) {
            case BOUNCE, DELETE -> false;
            case HOLD, RELEASE, RETRY, DELAY, REBIND -> orders.job() >= begun.number();
        };
    }

    private void claim(QueueItem item) throws InterruptedException {
        room.acquire();
        waited.add(item);
        switch (queue.claim(item, this)) {
            case TAKEN -> take(item, false);
            case TAKEN_FOR_REPORT -> take(item, true);
            case LATER -> room.release();
            case AGAIN -> {
                moving++;
                waited.remove(item);
                room.release();
            }
            case GONE -> {
                waited.remove(item);
                room.release();
            }
        }
    }

    @Override
    public void has(QueueItem item, boolean reportAlone) {
        under.add(item);
        waited.remove(item);
        var _ = Thread.ofVirtual().name("job-" + begun.number() + "-claimed").start(() -> {
            room.acquireUninterruptibly();
            perform(item, reportAlone);
        });
    }

    @Override
    public void gone(QueueItem item) {
        waited.remove(item);
        wake();
    }

    private void take(QueueItem item, boolean reportAlone) {
        under.add(item);
        waited.remove(item);
        var _ = Thread.ofVirtual().name("job-" + begun.number() + "-message").start(() -> perform(item, reportAlone));
    }

    /** Has the item and a place, and gives both back. */
    private void perform(QueueItem item, boolean reportAlone) {
        CompletableFuture<Boolean> outcome;
        try {
            outcome = isToEnd() ? leave(item, reportAlone, false) : verb(item, reportAlone);
        } catch (RuntimeException e) {
            log.error("event=job-message-failed job={} message={}", id(),
                    new MessageId(item.entry().messageId()), e);
            outcome = CompletableFuture.failedFuture(e);
        }
        var _ = outcome.whenComplete((changes, failure) -> {
            if (failure != null) {
                failed.increment();
                error = text(failure);
                settled.add(item.entry());
            } else if (changes) {
                done.increment();
            }
            under.remove(item);
            room.release();
            wake();
        });
    }

    private static String text(Throwable failure) {
        String text = String.valueOf(failure.getMessage());
        return text.length() <= MOST_ERROR ? text : text.substring(0, MOST_ERROR) + "…";
    }

    /** @return completes with whether something was done */
    private CompletableFuture<Boolean> verb(QueueItem item, boolean reportAlone) {
        Details details = request.details();
        Orders orders = queue.orders(item);
        if (isSettledBy(orders)) { // while it was waited for
            return leave(item, reportAlone, true);
        }
        boolean held = orders.isHeld();
        return switch (request.verb()) {
            case BOUNCE -> reportAlone
                    ? leave(item, true, true)
                    : verbs.bounce(item, details.words(), details.report()).thenCompose(Job::removed);
            case DELETE -> reportAlone
                    ? leave(item, true, true)
                    : verbs.delete(item, details.words()).thenCompose(Job::removed);
            case HOLD -> reportAlone
                    ? leave(item, true, true)
                    : ordered(verbs.hold(item, begun.number(), request.why(), details.untilMillis()));
            case RELEASE -> held || queue.heldFor(item) != null
                    ? ordered(verbs.release(item, begun.number()))
                    : leave(item, reportAlone, true);
            case RETRY -> held
                    ? leave(item, reportAlone, true)
                    : ordered(verbs.retryNow(item, begun.number(), reportAlone));
            case DELAY -> held || reportAlone
                    ? leave(item, reportAlone, true)
                    : ordered(verbs.delay(item, begun.number(), details.untilMillis()));
            case REBIND -> ordered(verbs.rebind(item, begun.number(), reportAlone, details.tenant(),
                    details.campaign(), details.pool(), details.routingDomain()));
        };
    }

    private static CompletableFuture<Boolean> ordered(CompletableFuture<Void> recorded) {
        return recorded.thenApply(_ -> true);
    }

    private static CompletableFuture<Boolean> removed(Verbs.Removed removed) {
        return switch (removed) {
            case GONE -> CompletableFuture.completedFuture(true);
            case LEFT -> CompletableFuture.failedFuture(
                    new IllegalStateException(
                            "it can't be read, or a report couldn't be kept or is still owed: the message is left"));
        };
    }

    /** Goes on as it would have, and isn't looked at again. */
    private CompletableFuture<Boolean> leave(QueueItem item, boolean reportAlone, boolean counts) {
        queue.order(item, queue.orders(item), queue.dueAt(item), reportAlone);
        if (counts) {
            skipped.increment();
            settled.add(item.entry());
        }
        return CompletableFuture.completedFuture(false);
    }

    private void wake() {
        lock.lock();
        try {
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Until what it had in hand is given back, and until it is worth looking again for the rest. */
    private void awaitProgress(long found) throws InterruptedException {
        long lookAgain = System.nanoTime() + (found > 0 ? MOVES_NANOS : LOOK_AGAIN.toNanos());
        lock.lockInterruptibly();
        try {
            while (!isToEnd() && (!under.isEmpty() || moving > 0 || !waited.isEmpty())) {
                long left = lookAgain - System.nanoTime();
                if (left <= 0 && under.size() < AT_ONCE) {
                    return;
                }
                var _ = changed.await(Math.clamp(left, MOVES_NANOS, nanosToExpiry()), TimeUnit.NANOSECONDS);
            }
        } finally {
            lock.unlock();
        }
    }

    private long nanosToExpiry() {
        return request.expiresMillis() == 0
                ? Long.MAX_VALUE
                : Math.max(MOVES_NANOS, TimeUnit.MILLISECONDS.toNanos(request.expiresMillis() - clock.millis()));
    }

    private void recordNowAndThen(Runnable record) {
        long now = System.nanoTime();
        if (now - nextRecordNanos >= 0) {
            nextRecordNanos = now + RECORD_NANOS;
            record.run();
        }
    }
}
