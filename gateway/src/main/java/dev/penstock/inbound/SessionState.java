package dev.penstock.inbound;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.InboundConfig;

/**
 * Where a {@link Session} stands: its phase, what it waits for, its transaction and what is counted. Confined to the
 * session's event loop, but for {@link #doing}. Changed by the session only; all others see a {@link StageView}.
 */
final class SessionState implements StageView {
    private final String id;
    private final LongSupplier nanoTime;
    private final ProgressGuard progress;
    private Settings settings;
    private volatile SessionPhase phase = SessionPhase.GREETING; // read by other threads, as are those below
    private volatile Wait wait = Wait.NONE;
    private final AtomicLong sinceNanos;
    private final AtomicLong octets = new AtomicLong();
    private final AtomicInteger messages = new AtomicInteger();
    private long lastNanos; // of the clock, by its last reading
    private @Nullable MailTransaction transaction;
    private int errors;
    private int junkCommands;

    /** @param nanoTime a clock that never goes back */
    SessionState(String id, Settings settings, LongSupplier nanoTime) {
        this.id = id;
        this.settings = settings;
        this.nanoTime = nanoTime;
        this.lastNanos = nanoTime.getAsLong();
        this.sinceNanos = new AtomicLong(lastNanos);
        this.progress = new ProgressGuard(lastNanos);
    }

    // ---- seen by stages ----------------------------------------------------------------------------------------

    @Override
    public String id() {
        return id;
    }

    @Override
    public Settings settings() {
        return settings;
    }

    @Override
    public @Nullable MailTransaction transaction() {
        return transaction;
    }

    @Override
    public int messages() {
        return messages.getPlain();
    }

    @Override
    public long messageOctets() {
        return progress.messageOctets();
    }

    @Override
    public long stoppedNanos() {
        return progress.stoppedNanos(nanoTime.getAsLong());
    }

    @Override
    public boolean isClientsTurn() {
        return wait == Wait.NONE || wait == Wait.CLIENT;
    }

    // ---- phases and waits --------------------------------------------------------------------------------------

    SessionPhase phase() {
        return phase;
    }

    boolean is(SessionPhase which) {
        return phase == which;
    }

    /** The last reply is said, or there will be none. */
    boolean isOver() {
        return phase == SessionPhase.CLOSING || phase == SessionPhase.CLOSED;
    }

    void enter(SessionPhase next) {
        phase = next;
        sinceNanos.setOpaque(lastNanos);
    }

    boolean waitsFor(Wait which) {
        return wait == which;
    }

    boolean isWaiting() {
        return wait != Wait.NONE;
    }

    /** Whether its message is kept waiting by us: the client must hear of it. */
    boolean owesAnswer() {
        return wait == Wait.COMMIT || wait == Wait.SPOOL || wait == Wait.MEMORY;
    }

    /** From now on the client waits for us. */
    void waitFor(Wait reason) {
        wait = reason;
        pauseClock();
        sinceNanos.setOpaque(lastNanos);
    }

    /** We wait for the client to read its replies, and its clock goes on. */
    void waitForClient() {
        wait = Wait.CLIENT;
        sinceNanos.setOpaque(lastNanos);
    }

    void waitNoMore() {
        wait = Wait.NONE;
        resumeClock();
        sinceNanos.setOpaque(lastNanos);
    }

    /** The last reply is on its way. */
    void close() {
        phase = SessionPhase.CLOSING;
        wait = Wait.NONE;
        sinceNanos.setOpaque(lastNanos);
    }

    // ---- seen by other threads ---------------------------------------------------------------------------------

    /** What it does, and since when; the time is that of the last read or wait before. */
    record Doing(SessionPhase phase, Wait reason, long nanos, int messages, long octets) {}

    /** For any thread: each of it as it was at about the same moment. */
    Doing doing() {
        return new Doing(phase, wait, Math.max(0, nanoTime.getAsLong() - sinceNanos.getOpaque()), messages.getOpaque(),
                octets.getOpaque());
    }

    // ---- transactions ------------------------------------------------------------------------------------------

    void begin(MailTransaction begun) {
        transaction = begun;
    }

    /** @return the transaction, which isn't this session's any more */
    @Nullable
    MailTransaction handOver() {
        MailTransaction open = transaction;
        transaction = null;
        return open;
    }

    /** Whether a part of a message is here. */
    boolean hasContent() {
        MailTransaction open = transaction;
        return phase == SessionPhase.DATA || open != null && open.chunked;
    }

    /** A message is accepted; errors are forgiven, as Postfix does. */
    void accepted() {
        messages.setOpaque(messages.getPlain() + 1);
        progress.accepted();
        errors = 0;
        junkCommands = 0;
    }

    /** @return how many errors there are with this one */
    int error() {
        return ++errors;
    }

    /** @return how many commands that brought no message nearer there are with this one */
    int junk() {
        return ++junkCommands;
    }

    // ---- the client's progress ---------------------------------------------------------------------------------

    void pauseClock() {
        progress.pause(now());
    }

    void resumeClock() {
        progress.resume(now());
    }

    /** Something was read, perhaps under a new configuration. */
    void read(int length, Settings current) {
        settings = current;
        octets.setOpaque(octets.getPlain() + length);
        progress.input(now(), length);
    }

    private long now() {
        lastNanos = nanoTime.getAsLong();
        return lastNanos;
    }

    void lineUnfinished() {
        progress.lineUnfinished(nanoTime.getAsLong());
    }

    void lineEnded() {
        progress.lineEnded();
    }

    void messageBegun() {
        progress.messageBegun(nanoTime.getAsLong());
    }

    void messageEnded() {
        progress.messageEnded();
    }

    /** As {@link ProgressGuard#slowness}. */
    @Nullable
    Slowness slowness(boolean pressed) {
        return progress.slowness(nanoTime.getAsLong(), settings.config(), pressed);
    }

    /** Nanoseconds until a look at {@link #slowness} is worth it. */
    long nanosToLook(boolean pressed) {
        InboundConfig config = settings.config();
        long left = progress.nanosLeft(nanoTime.getAsLong(), config, pressed);
        return Math.max(1, Math.min(left, ProgressGuard.periodNanos(config)));
    }
}
