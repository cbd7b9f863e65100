package dev.penstock.queue;

import org.jspecify.annotations.Nullable;

/**
 * A queue that is driven by hand, in whatever time its clock tells: for simulations. Confined to one thread, which takes
 * the place of the scheduler's and of all sessions'.
 */
public final class SteppedQueue {
    private final MailQueue queue;

    /** @param queue not started */
    public SteppedQueue(MailQueue queue) {
        this.queue = queue;
    }

    /** Begins to give out mail; failures are handled in the thread that drives. */
    public void open(RouteFailureHandler handler, ReadyQueueListener listener) {
        queue.open(handler, listener, Runnable::run);
    }

    /** Whether {@link #turn} has something to do already, though it told a later time. */
    public boolean isRoused() {
        return !queue.scheduler.sleeps();
    }

    /**
     * Does what is due.
     *
     * @return nanoseconds until there may be more, at least 1
     */
    public long turn() {
        long nanos;
        do {
            nanos = queue.scheduler.turn();
        } while (nanos == 0);
        return nanos;
    }

    /**
     * The session waits for mail, as in {@link ReadyQueue#await}.
     *
     * @param woken runs, perhaps at once, when it was handed some or is to end: {@link #handed} tells which
     * @return mail that is there already, and it doesn't wait
     */
    public @Nullable QueueItem idles(ReadyQueue.Session session, Runnable woken) {
        session.onWake(woken);
        ReadyQueue own = session.queue();
        QueueItem item = own.idles(session);
        if (item != null) {
            return item;
        }
        session.permit().idle(session);
        if (!own.isIdle(session)) { // none is given out now
            woken.run();
        } else if (session.permit().isWanted(own.waitingAt())) {
            own.dismiss(session);
        }
        return null;
    }

    /** The session has waited for long enough. */
    public void dismiss(ReadyQueue.Session session) {
        session.queue().dismiss(session);
    }

    /** Ends a wait. @return null when the session is to end */
    public @Nullable QueueItem handed(ReadyQueue.Session session) {
        session.permit().busy(session);
        return session.queue().handed(session);
    }
}
