package dev.penstock.spool;

import static dev.penstock.spool.SpoolFixture.content;
import static dev.penstock.spool.SpoolFixture.key;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.SpoolConfig;
import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.spool.AttemptState.RecipientState;
import dev.penstock.spool.AttemptState.Status;
import dev.penstock.spool.MemorySegmentStore.Call;
import dev.penstock.spool.MemorySegmentStore.Crash;
import dev.penstock.units.ByteSize;

/**
 * One schedule of {@link ModelTest}: some lives of a spool, each ended by a crash or a clean stop, and what was promised
 * meanwhile. Confined to one {@link Schedule}.
 */
final class ModelRun implements MemorySegmentStore.Steps {
    private static final long SECOND = 1_000_000_000;
    private static final long MOST_TURNS = 20_000_000; // of one life; more is a livelock
    /** Tenths of a second a client waits for an answer, which doesn't come while there is no room. */
    private static final int PATIENCE = 30;
    /** Of 20 s: what is to be reclaimed after the last message is reclaimed by then, or never is. */
    private static final int SETTLING_ROUNDS = 50;
    private static final boolean TRACE = Boolean.getBoolean("penstock.spool.trace");
    private static final List<Crash> CRASHES = List.of(Crash.values());
    private static final AttemptState NEVER = new AttemptState(0, 0, List.of());

    /** What all schedules together did, so that a run says what it has seen. Confined to the test's thread. */
    static final class Tally {
        long lives;
        long crashes;
        long failedSpools;
        long accepted;
        long compacted;
        long reclaimed;
        long turns;
        long faults;

        @Override
        public String toString() {
            return "lives=" + lives + " crashes=" + crashes + " failedSpools=" + failedSpools + " faults=" + faults
                    + " accepted=" + accepted + " octetsMoved=" + compacted + " segmentsReclaimed=" + reclaimed
                    + " turns=" + turns;
        }
    }

    private static final class Message {
        final Envelope envelope;
        final byte[] content;
        boolean acknowledged;

        Message(Envelope envelope, byte[] content) {
            this.envelope = envelope;
            this.content = content;
        }
    }

    private static final class Destination {
        final Message message;
        final int index;
        @Nullable
        SpoolEntry entry;
        boolean doneAsked;
        boolean doneAcknowledged;
        AttemptState base = NEVER;
        final List<Asked> asked = new ArrayList<>();

        Destination(Message message, int index) {
            this.message = message;
            this.index = index;
        }

        /** What is to be found when the first {@code count} of what was asked is written. */
        AttemptState merged(int count) {
            AttemptState merged = base;
            for (Asked one : asked.subList(0, count)) {
                if (one.outcome != Outcome.NOT_WRITTEN) {
                    Map<Integer, RecipientState> whole = new TreeMap<>();
                    merged.recipients().forEach(r -> whole.put(r.recipient(), r));
                    one.state.recipients().forEach(r -> whole.put(r.recipient(), r));
                    merged = new AttemptState(one.state.attempts(), one.state.nextMillis(),
                            List.copyOf(whole.values()));
                }
            }
            return merged;
        }
    }

    private enum Outcome {
        OPEN,
        DURABLE,
        NOT_WRITTEN,
        FAILED
    }

    private static final class Asked {
        final AttemptState state;
        Outcome outcome = Outcome.OPEN;

        Asked(AttemptState state) {
            this.state = state;
        }
    }

    private final SplittableRandom random;
    private final Tally tally;
    private final Schedule schedule;
    private final SpoolConfig config;
    private final Map<Call, Integer> faults = new EnumMap<>(Call.class);
    private final int slowSyncs;
    private final long slowest;
    private final boolean small;
    private MemorySegmentStore store;
    private @Nullable MemorySegmentStore next;
    private final Map<String, Destination> model = new TreeMap<>();
    private final List<Destination> live = new ArrayList<>();
    private boolean calm = true;
    private long untilCrash = Long.MAX_VALUE;
    private boolean crashed;
    private boolean everFailed;
    private boolean anyFault;
    private boolean tornByCrash;
    private final List<String> calls = new ArrayList<>();
    private boolean idle;
    private int contents;
    private @Nullable Throwable failure;

    ModelRun(SplittableRandom random, Tally tally) {
        this.random = random;
        this.tally = tally;
        this.schedule = new Schedule(random.split());
        schedule.letsThreadsFail(() -> crashed);
        this.store = new MemorySegmentStore(this);
        long segment = 8L << 10 + random.nextInt(4); // 8 to 64 KB
        config = SpoolConfig.DEFAULT.with(SpoolConfig.DIRECTORY, Path.of("in", "memory"))
                .with(SpoolConfig.SEGMENT_SIZE, new ByteSize(segment))
                .with(SpoolConfig.INLINE_LIMIT, ByteSize.ofKilobytes(4))
                .with(SpoolConfig.CACHE_SIZE, new ByteSize(random.nextBoolean() ? 0 : 1 << 20))
                .with(SpoolConfig.MIN_FREE_SPACE, new ByteSize(0))
                .with(SpoolConfig.APPEND_DEADLINE, Duration.ofMillis(random.nextInt(4) == 0 ? 100 : 30_000))
                .with(SpoolConfig.MAX_WAITING, ByteSize.ofMegabytes(16))
                .with(SpoolConfig.READERS, 1 + random.nextInt(2))
                .with(SpoolConfig.RECLAIM_BELOW, 25 + random.nextInt(70));
        slowSyncs = random.nextInt(4) == 0 ? 0 : 1 + random.nextInt(6);
        slowest = random.nextLong(1_000_000, 2 * SECOND);
        small = random.nextBoolean();
        if (random.nextInt(3) == 0) {
            List<Call> all = List.of(Call.values());
            for (int i = 0; i <= random.nextInt(3); i++) {
                faults.put(all.get(random.nextInt(all.size())), 10 + random.nextInt(200));
            }
        }
    }

    void run() {
        int lives = 2 + random.nextInt(4);
        boolean clean = true;
        for (int life = 0; life < lives; life++) {
            clean = live(clean, life == lives - 1);
        }
        tally.turns += schedule.turns();
    }

    // ---- the disk ----------------------------------------------------------------------------------------------

    @Override
    public void step(Call call, SegmentStore.Kind kind, long number) throws IOException {
        if (TRACE) {
            System.out.printf("%,15d %s %s %s %d%n", schedule.now(), Thread.currentThread().getName(), call, kind,
                    number);
        }
        if (idle) {
            calls.add(call + " " + kind + " " + number);
        }
        if (--untilCrash == 0) {
            Crash how = CRASHES.get(random.nextInt(CRASHES.size()));
            tornByCrash |= how == Crash.LOSES_SOME;
            crashed = true;
            tally.crashes++;
            trace("crash: " + how);
            next = store.crash(how, random, this);
            throw new IOException("the machine ends");
        }
        if (call == Call.SYNCED && slowSyncs > 0 && random.nextInt(slowSyncs) == 0) {
            schedule.sleep(random.nextLong(slowest));
        } else if (random.nextInt(3) > 0) {
            schedule.pass();
        }
        Integer oneIn = faults.get(call);
        if (!calm && oneIn != null && random.nextInt(oneIn) == 0) {
            anyFault = true;
            tally.faults++;
            trace("fault at " + call);
            throw new IOException("Input/output error at " + call + ", says the test");
        }
    }

    private void trace(String what) {
        if (TRACE) {
            System.out.println("---- " + what);
        }
    }

    // ---- one life ----------------------------------------------------------------------------------------------

    /** @return whether it ended by a clean stop */
    private boolean live(boolean afterCleanStop, boolean last) {
        crashed = false;
        anyFault = store.room != Long.MAX_VALUE;
        trace("a life begins");
        untilCrash = !last && random.nextInt(3) > 0 ? 1 + random.nextInt(2500) : Long.MAX_VALUE;
        SegmentSpool spool = open(afterCleanStop);
        if (spool != null && !crashed) {
            tally.lives++;
            work(spool);
            if (last && !crashed) {
                settle(spool);
            }
        }
        if (spool != null) {
            if (spool.health().state() == SpoolHealth.State.FAILED && !crashed) {
                everFailed = true;
                tally.failedSpools++;
            }
            tally.compacted += spool.stats().bytesMoved();
            tally.reclaimed += spool.stats().segmentsReclaimed();
            together("close", List.of(schedule.start("close", spool::close)));
        }
        if (crashed) {
            store = Objects.requireNonNull(next);
        } else if (everFailed) {
            // what the failed process left in the page cache is all there is
            tornByCrash = true;
            store = store.crash(Crash.PROCESS, random, this);
        }
        for (Destination destination : model.values()) {
            destination.entry = null;
        }
        live.clear();
        boolean clean = !crashed && !everFailed && !anyFault;
        everFailed = false;
        anyFault = false;
        return clean;
    }

    private void work(SegmentSpool spool) {
        calm = false;
        List<Thread> clients = new ArrayList<>();
        int count = 1 + random.nextInt(4);
        int operations = 20 + random.nextInt(120);
        for (int i = 0; i < count; i++) {
            clients.add(schedule.start("client-" + i, () -> client(spool, operations)));
        }
        together("clients", clients);
        calm = true;
    }

    /** Runs until these threads have ended. */
    private void together(String what, List<Thread> threads) {
        long from = schedule.turns();
        schedule.run(() -> failure != null || schedule.turns() - from > MOST_TURNS
                || threads.stream().noneMatch(Thread::isAlive));
        if (failure instanceof AssertionError found) {
            throw found;
        }
        if (failure != null) {
            throw new AssertionError(what + ": " + failure, failure);
        }
        if (threads.stream().anyMatch(Thread::isAlive)) {
            throw new AssertionError(what + ": a thread waits for ever, or never ends");
        }
    }

    private void guarded(Guarded work) {
        try {
            work.run();
        } catch (IOException | RuntimeException | AssertionError e) {
            if (!crashed && failure == null) {
                failure = e;
            }
        }
    }

    private interface Guarded {
        void run() throws IOException;
    }

    private @Nullable SegmentSpool open(boolean afterCleanStop) {
        @Nullable
        SegmentSpool[] opened = new SegmentSpool[1];
        Map<String, SpoolFixture.Recovered> recovered = new TreeMap<>();
        calm = random.nextInt(4) > 0;
        together("open", List.of(schedule.start("open", () -> guarded(() -> {
            while (opened[0] == null && !crashed) {
                recovered.clear();
                try {
                    opened[0] = SegmentSpool.open(config, SpoolFixture.LANE_SHARE, 0, store, schedule,
                            InstantSource.fixed(java.time.Instant.EPOCH), found -> recovered
                                    .put(key(found.entry()), SpoolFixture.Recovered.of(found)));
                } catch (IOException e) {
                    if (calm && store.room == Long.MAX_VALUE && !crashed) {
                        throw e;
                    }
                    calm = true; // another process tries again, and the disk is well
                    store = store.crash(Crash.PROCESS, random, this);
                    tornByCrash = true;
                }
            }
            calm = true;
            if (opened[0] != null && !crashed) {
                compare(opened[0], recovered, afterCleanStop);
            }
        }))));
        return opened[0];
    }

    private void compare(SegmentSpool spool, Map<String, SpoolFixture.Recovered> recovered, boolean afterCleanStop)
            throws IOException {
        for (String key : recovered.keySet()) {
            trace("recovered " + key);
        }
        for (String key : recovered.keySet()) {
            assertThat(model).as("recovered, but it was done or refused before, or is unknown").containsKey(key);
        }
        if (!tornByCrash && faults.isEmpty()) {
            assertThat(spool.stats().quarantined()).as("damage, though nothing was lost in part").isZero();
        }
        List<String> gone = new ArrayList<>();
        for (Map.Entry<String, Destination> one : model.entrySet()) {
            String key = one.getKey();
            Destination expected = one.getValue();
            SpoolFixture.Recovered found = recovered.get(key);
            if (found == null) {
                assertThat(!expected.message.acknowledged || expected.doneAsked)
                        .as("%s was acknowledged, is not done, and is lost", key).isTrue();
                gone.add(key);
                continue;
            }
            assertThat(expected.doneAcknowledged).as("%s was done durably and comes back", key).isFalse();
            if (afterCleanStop) {
                assertThat(expected.message.acknowledged && !expected.doneAsked)
                        .as("%s comes back after a clean stop", key).isTrue();
            }
            assertThat(found.envelope()).as(key).isEqualTo(expected.message.envelope);
            assertThat(found.size()).as(key).isEqualTo(expected.message.content.length);
            compareAttempts(spool, key, expected, found);
            if (readable(spool, expected, found)) {
                expected.entry = found.entry();
                live.add(expected);
            }
        }
        gone.forEach(model::remove);
        for (Destination destination : live) {
            destination.message.acknowledged = true; // what was found once has to be found again
        }
    }

    private void compareAttempts(SegmentSpool spool, String key, Destination expected, SpoolFixture.Recovered found)
            throws IOException {
        int durable = 0;
        for (int i = 0; i < expected.asked.size(); i++) {
            if (expected.asked.get(i).outcome == Outcome.DURABLE) {
                durable = i + 1;
            }
        }
        AttemptState state = spool.lastAttempt(found.entry());
        assertThat(found.attempts()).as(key).isEqualTo(state.attempts());
        assertThat(found.nextMillis()).as(key).isEqualTo(state.nextMillis());
        for (int count = durable; count <= expected.asked.size(); count++) {
            if (state.equals(expected.merged(count))) {
                expected.base = state;
                expected.asked.clear();
                expected.doneAsked = false;
                return;
            }
        }
        assertThat(state).as("the attempts of %s, of which %d of %d are durable", key, durable, expected.asked.size())
                .isEqualTo(expected.merged(durable));
    }

    private boolean readable(SegmentSpool spool, Destination expected, SpoolFixture.Recovered found)
            throws IOException {
        try {
            assertThat(SpoolFixture.octets(spool.read(found.entry()).content())).isEqualTo(expected.message.content);
            return true;
        } catch (UnreadableMessageException e) {
            // parts that were never synced, of a message that was never acknowledged
            if (expected.message.acknowledged || !tornByCrash) {
                throw e;
            }
            expected.doneAsked = true;
            var _ = spool.done(found.entry());
            return false;
        }
    }

    // ---- clients -----------------------------------------------------------------------------------------------

    private void client(SegmentSpool spool, int operations) {
        for (int i = 0; i < operations && !crashed && failure == null; i++) {
            guarded(() -> {
                CompletableFuture<?> asked = operation(spool);
                switch (random.nextInt(6)) {
                    case 0 -> {
                        for (int j = 0; j < PATIENCE && asked != null && !asked.isDone(); j++) {
                            schedule.sleep(SECOND / 10);
                        }
                    }
                    case 1 -> schedule.sleep(random.nextLong(SECOND / 2));
                    case 2 -> schedule.pass();
                    default -> {
                        // the next one at once, so that batches grow
                    }
                }
            });
        }
    }

    private @Nullable CompletableFuture<?> operation(SegmentSpool spool) throws IOException {
        int choice = random.nextInt(100);
        if (choice < 45) {
            return accept(spool);
        }
        if (choice == 99 && !faults.isEmpty()) {
            store.room = store.room == Long.MAX_VALUE ? random.nextLong(1 << 18) : Long.MAX_VALUE;
            anyFault = true; // what waits for room when the spool is closed is refused
            return null;
        }
        Destination chosen = any();
        if (chosen == null || chosen.entry == null) {
            return null;
        }
        if (choice < 73) {
            return done(spool, chosen, chosen.entry);
        }
        if (choice < 88) {
            return attempt(spool, chosen, chosen.entry);
        }
        read(spool, chosen, chosen.entry);
        return null;
    }

    private @Nullable Destination any() {
        if (live.isEmpty()) {
            return null;
        }
        // the oldest live long, so that segments come to be mostly dead
        int from = random.nextInt(4) == 0 ? 0 : Math.max(0, live.size() - 20);
        return live.get(from + random.nextInt(live.size() - from));
    }

    private @Nullable CompletableFuture<?> accept(SegmentSpool spool) {
        int recipients = random.nextInt(4) == 0 ? 1 + random.nextInt(5) : 1;
        List<Recipient> list = new ArrayList<>();
        for (int i = 0; i < recipients; i++) {
            String domain = "d" + random.nextInt(3) + ".example";
            list.add(new Recipient("r" + i + "@" + domain, domain));
        }
        byte[] octets = content(contents++, random.nextInt(12) == 0
                ? random.nextInt(15_000)
                : random.nextInt(small ? 300 : 2500));
        CompletableFuture<List<SpoolEntry>> asked;
        Message message;
        try {
            Spool.Intake intake = spool.intake();
            // The first octets come last, as a signature does.
            int before = random.nextBoolean() ? 0 : random.nextInt(octets.length + 1);
            intake.write(octets, before, octets.length - before);
            if (random.nextInt(20) == 0) {
                intake.abort();
                return null;
            }
            Envelope envelope = new Envelope(spool.nextId(), "s@esp.example", list, BodyType.SEVEN_BIT, false, "t", "c",
                    1, new Origin("ESMTP", "192.0.2.1:1025", "c.example"));
            message = new Message(envelope, octets);
            List<Destination> destinations = envelope.destinations().stream()
                    .map(destination -> new Destination(message, destination.index())).toList();
            destinations.forEach(one -> model.put(envelope.id() + "/" + one.index, one));
            asked = intake.commit(envelope, Arrays.copyOf(octets, before), false, false);
            var _ = asked.thenAccept(entries -> {
                if (!crashed) {
                    message.acknowledged = true;
                    trace("acknowledged " + message.envelope.id());
                    tally.accepted++;
                    for (int i = 0; i < entries.size(); i++) {
                        destinations.get(i).entry = entries.get(i);
                        live.add(destinations.get(i));
                    }
                }
            });
        } catch (SpoolException _) {
            return null; // full or failed
        }
        return asked;
    }

    private CompletableFuture<?> done(SegmentSpool spool, Destination destination, SpoolEntry entry) {
        live.remove(destination);
        destination.doneAsked = true;
        CompletableFuture<Void> asked = spool.done(entry);
        var _ = asked.thenRun(() -> {
            if (!crashed) {
                destination.doneAcknowledged = true;
                trace("done " + key(entry));
            }
        });
        return asked;
    }

    private CompletableFuture<?> attempt(SegmentSpool spool, Destination destination, SpoolEntry entry) {
        List<RecipientState> named = new ArrayList<>();
        for (int index : destination.message.envelope.destinations().get(destination.index).recipients()) {
            if (named.isEmpty() || random.nextBoolean()) {
                named.add(new RecipientState(index, random.nextBoolean() ? Status.DEFERRED : Status.DELIVERED,
                        "450 " + random.nextInt(1000)));
            }
        }
        AttemptState last = destination.asked.isEmpty() ? destination.base : destination.asked.getLast().state;
        Asked asked = new Asked(new AttemptState(last.attempts() + 1, random.nextLong(1L << 45), named));
        destination.asked.add(asked);
        CompletableFuture<Void> future = spool.recordAttempt(entry, asked.state);
        var _ = future.whenComplete((_, thrown) -> {
            if (!crashed) {
                asked.outcome = thrown == null ? Outcome.DURABLE : outcome(thrown);
            }
        });
        return future;
    }

    private static Outcome outcome(Throwable thrown) {
        Throwable cause = thrown instanceof CompletionException && thrown.getCause() != null
                ? thrown.getCause()
                : thrown;
        return cause instanceof SpoolException ? Outcome.FAILED : Outcome.NOT_WRITTEN;
    }

    private void read(SegmentSpool spool, Destination destination, SpoolEntry entry) throws IOException {
        try {
            byte[] octets = SpoolFixture.octets(spool.read(entry).content());
            assertThat(octets).isEqualTo(destination.message.content);
            boolean settled = destination.asked.stream().allMatch(one -> one.outcome == Outcome.DURABLE);
            int count = destination.asked.size();
            AttemptState state = spool.lastAttempt(entry);
            if (settled && count == destination.asked.size() && !destination.doneAsked) {
                assertThat(state).isEqualTo(destination.merged(count));
            }
        } catch (IOException e) {
            if (!destination.doneAsked && !faults.containsKey(Call.READ) && !crashed
                    && spool.health().state() == SpoolHealth.State.READY && spool.canRecord()) {
                throw new AssertionError(key(entry) + " is acknowledged and can't be read: " + e.getMessage(), e);
            }
        }
    }

    // ---- the end -----------------------------------------------------------------------------------------------

    /** With nothing left to do, nothing is done: the disk isn't asked for anything. */
    private void settle(SegmentSpool spool) {
        store.room = Long.MAX_VALUE;
        boolean all = random.nextBoolean();
        together("settling", List.of(schedule.start("settle", () -> guarded(() -> {
            schedule.sleep(30 * SECOND);
            if (all) {
                for (Destination destination : List.copyOf(live)) {
                    var _ = done(spool, destination, Objects.requireNonNull(destination.entry));
                }
            }
            for (int i = 0; i < SETTLING_ROUNDS && (i == 0 || !calls.isEmpty()); i++) {
                calls.clear();
                idle = true;
                schedule.sleep(20 * SECOND);
            }
            schedule.sleep(60 * SECOND);
            idle = false;
            if (spool.health().state() == SpoolHealth.State.READY) {
                assertThat(calls).as("calls to the disk in 60 idle seconds").isEmpty();
                assertThat(faults.containsKey(Call.READ) || faults.containsKey(Call.OPEN)
                        || spool.stats().deletionsRefused() == 0).as(spool.health().detail()).isTrue();
                if (all && !tornByCrash && !anyFault) {
                    assertThat(spool.stats().liveBytes()).as("octets that nobody needs and nobody gives back").isZero();
                    assertThat(spool.stats().messages()).isZero();
                }
            }
        }))));
    }
}
