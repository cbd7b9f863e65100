package dev.penstock.queue;

import org.jspecify.annotations.Nullable;

import dev.penstock.spool.SpoolEntry;
import dev.penstock.units.MailClass;

/**
 * One destination of one message on its way through the queue. Guarded by the lock of the structure that holds it (a
 * ready queue, or the wheel); while {@link State#ACTIVE} the delivery session that polled it may read it.
 *
 * <p>There are millions of these, so six numbers share two words, and everything that others have too hangs off the
 * {@link SubQueue}: 48 bytes with compact object headers.
 */
public final class QueueItem {
    /** Where an item is. */
    public enum State {
        /** Waits for its time. */
        SCHEDULED,
        /** Waits until what its receivers would mind is mended, and is looked at from time to time. */
        HELD,
        /** Due, and its domain's route is being looked up. */
        ROUTING,
        /** In its ready queue, waiting for its turn. */
        READY,
        /** In a ready queue that is suspended, or whose mail of that tenant or campaign is. */
        SUSPENDED,
        /** Taken by a delivery session. */
        ACTIVE
    }

    /** 42 bits of milliseconds reach into the year 2109; what is due then is due never. */
    static final long MAX_DUE = (1L << 42) - 1;
    static final int MAX_ATTEMPTS = (1 << 15) - 1;
    private static final int ATTEMPTS_SHIFT = 7;
    private static final int DUE_SHIFT = 22;
    private static final int RECEIVED_SHIFT = 20;
    private static final int MAX_KILOBYTES = (1 << RECEIVED_SHIFT) - 1;
    private static final int STATE_MASK = 7;
    /** Taken while mail of both classes waited. */
    private static final int CONTESTED = 8;
    private static final int WHEEL_SHIFT = 4;
    private static final int WHEEL_MASK = 7;

    /** Stored form of the states an item can have by itself; suspended and routing are its ready queue's. */
    static final int SCHEDULED = 0;
    static final int QUEUED = 1;
    static final int ACTIVE = 2;
    static final int GONE = 3;
    /** As {@link #SCHEDULED}, and nothing is to be delivered then: its sender is owed a report. */
    static final int REPORT_SCHEDULED = 4;
    /** As {@link #SCHEDULED}, and nothing is to be delivered then: whether it is held on is decided anew. */
    static final int HELD = 5;

    /** Its neighbours among all of its sub-queue, {@link Roster}'s own. */
    @Nullable
    QueueItem older;
    @Nullable
    QueueItem newer;

    @Nullable
    QueueItem next;
    @Nullable
    QueueItem previous;
    /** Changes under the locks of both ready queues concerned, while it is in somebody's hands. */
    SubQueue home;
    private final SpoolEntry entry;
    private final long receivedAndKilobytes;
    private long dueAttemptsState;

    QueueItem(SpoolEntry entry, SubQueue home, long receivedMillis, long size) {
        this.entry = entry;
        this.home = home;
        long kilobytes = Math.clamp((size + 1023) / 1024, 0, MAX_KILOBYTES);
        this.receivedAndKilobytes = receivedMillis << RECEIVED_SHIFT | kilobytes;
    }

    public SpoolEntry entry() {
        return entry;
    }

    public String domain() {
        return home.domain.name;
    }

    public String tenant() {
        return home.owner.tenant();
    }

    public String campaign() {
        return home.owner.campaign();
    }

    public MailClass mailClass() {
        return home.owner.mailClass();
    }

    /** Who runs the hosts that take the domain's mail, empty while that isn't known or nobody known does. */
    public String provider() {
        return home.domain.provider;
    }

    /** Of the source that it goes out by; empty while it waits for one. */
    public String source() {
        String source = home.domain.lane.source;
        return source == null ? "" : source;
    }

    /** Attempts made before now. */
    public int attempts() {
        return (int) (dueAttemptsState >>> ATTEMPTS_SHIFT) & MAX_ATTEMPTS;
    }

    /** When the message was accepted, or the hold it asked for ends: its age counts from here. Milliseconds since 1970. */
    public long receivedMillis() {
        return receivedAndKilobytes >>> RECEIVED_SHIFT;
    }

    /** Octets of content, rounded up to whole kilobytes. */
    public long size() {
        return kilobytes() * 1024L;
    }

    /**
     * When it was or will be due, milliseconds since 1970 by the queue's own clock, which follows the monotonic time
     * since start; {@link ItemView#nextAttemptMillis()} is the wall clock's.
     */
    public long dueMillis() {
        return dueAttemptsState >>> DUE_SHIFT;
    }

    int kilobytes() {
        return (int) receivedAndKilobytes & MAX_KILOBYTES;
    }

    int state() {
        return (int) dueAttemptsState & STATE_MASK;
    }

    boolean isReady() {
        return state() == QUEUED;
    }

    /**
     * For who looks at it, with or without its lock.
     *
     * @param ready where it is when it is ready, which its ready queue knows
     * @return null when it has gone
     */
    @Nullable
    State where(State ready) {
        return switch (state()) {
            case GONE -> null;
            case ACTIVE -> State.ACTIVE;
            case HELD -> State.HELD;
            case QUEUED -> ready;
            default -> State.SCHEDULED;
        };
    }

    /** Of one that waits on the wheel. */
    boolean isHeld() {
        return state() == HELD;
    }

    boolean isContested() {
        return (dueAttemptsState & CONTESTED) != 0;
    }

    void contested(boolean contested) {
        dueAttemptsState = dueAttemptsState & ~CONTESTED | (contested ? CONTESTED : 0);
    }

    /** Where on the wheel it is, {@link TimingWheel}'s own; 0 for nowhere. Guarded by the wheel's lock. */
    int onWheel() {
        return (int) dueAttemptsState >>> WHEEL_SHIFT & WHEEL_MASK;
    }

    void onWheel(int place) {
        dueAttemptsState = dueAttemptsState & ~((long) WHEEL_MASK << WHEEL_SHIFT) | (long) place << WHEEL_SHIFT;
    }

    void state(int state) {
        dueAttemptsState = dueAttemptsState & ~STATE_MASK | state;
    }

    void schedule(long dueMillis, int attempts) {
        dueAttemptsState = Math.clamp(dueMillis, 0, MAX_DUE) << DUE_SHIFT
                | (long) Math.clamp(attempts, 0, MAX_ATTEMPTS) << ATTEMPTS_SHIFT
                | state();
    }

    @Override
    public String toString() {
        return domain() + " destination " + entry.destination() + " of message " + entry.messageId();
    }
}
