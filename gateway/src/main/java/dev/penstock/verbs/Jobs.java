package dev.penstock.verbs;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.delivery.Verbs;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.QueueWalk;
import dev.penstock.queue.Selection;
import dev.penstock.spool.Spool;
import dev.penstock.verbs.JobView.State;

/**
 * Verbs under way and those that are over. Thread-safe; beginning one blocks for the disk.
 *
 * <p>A job is in its file before it begins, and a start goes on with those that aren't over. What a job has done to a message
 * is in the spool: what was bounced or deleted is gone, and what was held, released, delayed, made due or rebound has the
 * job's number with it. So it is done once to each message, but for what was just being recorded when the process died.
 */
public final class Jobs implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Jobs.class);
    /** Jobs that are at it at one time; others wait. */
    static final int AT_ONCE = 4;
    /** Jobs that aren't over. */
    static final int MOST_OPEN = 1_000;
    /** Jobs that are over are remembered for so long, and so many of them. */
    static final Duration KEPT = Duration.ofDays(30);
    static final int MOST_KEPT = 1_000;
    /** Of the file, for jobs that aren't over, and as many for those that are: a start reads it whole. */
    static final int MOST_OCTETS = 16 << 20;
    private static final int MOST_DOMAINS = 10;

    private final ReentrantLock lock = new ReentrantLock();
    private final JobsFile file;
    private final MailQueue queue;
    private final Verbs verbs;
    private final Spool spool;
    private final InstantSource clock;
    /** By number, in the order in which they began. Guarded by the lock. */
    private final Map<Long, Job> jobs = new LinkedHashMap<>();
    private final Map<String, Job> byKey = new HashMap<>();
    private final Semaphore turns = new Semaphore(AT_ONCE, true);
    private final Set<Thread> threads = ConcurrentHashMap.newKeySet();
    private long nextNumber = 1;
    private volatile boolean closed;
    private volatile Consumer<JobView> whenOver = _ -> {};

    private Jobs(Path directory, MailQueue queue, Verbs verbs, Spool spool, InstantSource clock) {
        this.file = new JobsFile(directory.resolve("jobs"));
        this.queue = queue;
        this.verbs = verbs;
        this.spool = spool;
        this.clock = clock;
    }

    /**
     * With what was begun before; it isn't gone on with before {@link #start}.
     *
     * @param directory the spool's
     * @throws IOException when the file can't be read, or is somebody else's
     */
    public static Jobs open(Path directory, MailQueue queue, Verbs verbs, Spool spool, InstantSource clock)
            throws IOException {
        Jobs opened = new Jobs(directory, queue, verbs, spool, clock);
        opened.file.read().values().forEach(opened::recovered);
        opened.forgetOld();
        opened.file.rewriteIfLarge(opened.kept());
        return opened;
    }

    /** Under the lock. */
    private List<JobsFile.Kept> kept() {
        return jobs.values().stream().map(Job::kept).toList();
    }

    private void recovered(JobsFile.Kept kept) {
        nextNumber = Math.max(nextNumber, kept.number() + 1);
        boolean old = kept.state().isOver() && kept.endedMillis() < clock.millis() - KEPT.toMillis();
        if (!old) {
            put(new Job(kept, queue, verbs, spool, clock));
        }
    }

    private void put(Job job) {
        jobs.put(job.number(), job);
        String key = job.request().key();
        if (key != null) {
            byKey.put(key, job);
        }
    }

    /** Tells {@code told} of each job that is over, on the job's thread; again after a crash that came in between. */
    public void whenOver(Consumer<JobView> told) {
        whenOver = told;
    }

    /** Goes on with what isn't over, when the queue gives out mail. */
    public void start() {
        List<Job> open;
        long oldest;
        long next;
        lock.lock();
        try {
            open = jobs.values().stream().filter(job -> !job.view().state().isOver()).toList();
            oldest = oldestOpenNumber();
            next = nextNumber;
        } finally {
            lock.unlock();
        }
        // Such as the file doesn't know any more must not stand above all that begin from now on.
        queue.forgetJobs(number -> number < oldest || number >= next);
        for (Job job : open) {
            log.info("event=job-resumed job={} verb={} mail={}", job.id(), job.request().verb().word(),
                    job.request().mail());
            start(job);
        }
    }

    /** What a verb would be done to now. Blocks for the spool when senders or recipients are selected by. */
    public JobCount count(Selection mail) {
        Counting counting = new Counting(mail);
        QueueWalk walk = queue.walk(mail::matches);
        long now = clock.millis();
        try {
            for (List<QueueItem> batch = walk.next(counting.test(now)); batch != null; batch = walk
                    .next(counting.test(now))) {
                if (mail.needsEnvelope()) {
                    batch.stream().filter(item -> isSelected(spool, item, mail)).forEach(counting::add);
                } else {
                    batch.forEach(counting::add);
                }
            }
        } finally {
            walk.close();
        }
        return counting.result();
    }

    /** Whether it is, by what the spool knows of it; what can't be read isn't. Blocks. */
    static boolean isSelected(Spool spool, QueueItem item, Selection mail) {
        Envelope envelope;
        try {
            envelope = spool.read(item.entry(), _ -> false).envelope();
        } catch (IOException | RuntimeException _) { // finished meanwhile, or damaged
            envelope = spool.envelope(item.entry());
        }
        return envelope != null && mail.matches(envelope, envelope.destinations().get(item.entry().destination()));
    }

    /** Confined to one thread, but for what is asked under a lock. */
    private static final class Counting {
        private final Selection mail;
        private final Map<String, Long> domains = new HashMap<>();
        private final Set<QueueItem> active = ConcurrentHashMap.newKeySet();
        private long destinations;
        private long octets;
        private long inHand;
        private long oldest = Long.MAX_VALUE;

        Counting(Selection mail) {
            this.mail = mail;
        }

        QueueWalk.Test test(long now) {
            return (item, state) -> {
                boolean wanted = mail.matches(new MessageId(item.entry().messageId()), state, item.receivedMillis(),
                        item.attempts(), now);
                if (wanted && state == QueueItem.State.ACTIVE) {
                    active.add(item);
                }
                return wanted;
            };
        }

        void add(QueueItem item) {
            destinations++;
            octets += item.size();
            inHand += active.remove(item) ? 1 : 0;
            oldest = Math.min(oldest, item.receivedMillis());
            domains.merge(item.domain(), 1L, Long::sum);
        }

        JobCount result() {
            List<JobCount.OfDomain> most = domains.entrySet().stream()
                    .map(each -> new JobCount.OfDomain(each.getKey(), each.getValue()))
                    .sorted(Comparator.comparingLong(JobCount.OfDomain::destinations).reversed()
                            .thenComparing(JobCount.OfDomain::domain))
                    .limit(MOST_DOMAINS).toList();
            return new JobCount(destinations, octets, inHand, oldest == Long.MAX_VALUE ? 0 : oldest, most);
        }
    }

    /**
     * Begins a job. The same request under the key of an earlier one is that one.
     *
     * @throws IOException           when it can't be recorded: nothing is done then
     * @throws IllegalStateException when the key was used for another request, or too many jobs aren't over; with a sentence
     *                               for people
     */
    public JobView begin(JobRequest request) throws IOException {
        Job job;
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the gateway stops");
            }
            Job known = request.key() == null ? null : byKey.get(request.key());
            if (known != null) {
                if (!known.request().equals(request)) {
                    throw new IllegalStateException(
                            "the key was used for " + known.view().id() + ", which is another job");
                }
                return known.view();
            }
            if (jobs.values().stream().filter(each -> !each.view().state().isOver()).count() >= MOST_OPEN) {
                throw new IllegalStateException(MOST_OPEN + " jobs aren't over: cancel some, or wait");
            }
            long octets = jobs.values().stream().filter(each -> !each.view().state().isOver()).mapToLong(Job::octets)
                    .sum();
            // By the clock, so that no number comes again should the file be lost: messages bear them.
            nextNumber = Math.max(nextNumber, clock.millis());
            JobsFile.Kept kept = new JobsFile.Kept(nextNumber, request, clock.millis(), spool.nextId(), State.WAITING,
                    0, -1, 0, 0, 0, "");
            job = new Job(kept, queue, verbs, spool, clock);
            if (octets + job.octets() > MOST_OCTETS) {
                throw new IllegalStateException(
                        "the jobs that aren't over name too much: cancel some, wait, or select by "
                                + "fewer values");
            }
            file.begin(kept, kept());
            nextNumber++;
            put(job);
            forgetOld();
        } finally {
            lock.unlock();
        }
        log.info("event=job-begun job={} verb={} mail={} who={} why={}", job.id(), request.verb().word(),
                request.mail(), request.who(), request.why());
        start(job);
        return job.view();
    }

    private void forgetOld() {
        List<Job> over = jobs.values().stream().filter(job -> job.view().state().isOver()).toList();
        long octets = over.stream().mapToLong(Job::octets).sum();
        for (int i = 0; i < over.size() && (over.size() - i > MOST_KEPT || octets > MOST_OCTETS); i++) {
            Job job = over.get(i);
            octets -= job.octets();
            jobs.remove(job.number());
            String key = job.request().key();
            if (key != null) {
                byKey.remove(key, job);
            }
        }
    }

    private void start(Job job) {
        Thread thread = Thread.ofVirtual().name("job-" + job.number()).unstarted(() -> run(job));
        threads.add(thread);
        thread.start();
    }

    private void run(Job job) {
        try {
            turns.acquire();
            try {
                job.run(() -> record(job));
            } finally {
                turns.release();
            }
            if (job.view().state().isOver()) {
                whenOver.accept(job.view());
                record(job);
                forgetMarks();
                JobView over = job.view();
                log.info("event=job-over job={} verb={} state={} done={} skipped={} failed={} seconds={}", over.id(),
                        over.request().verb().word(), over.state().word(), over.done(), over.skipped(), over.failed(),
                        Duration.ofMillis(over.endedMillis() - over.createdMillis()).toSeconds());
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt(); // the gateway stops: the next start goes on
        } finally {
            threads.remove(Thread.currentThread());
        }
    }

    /** What jobs did last is asked as long as an older one isn't over. */
    private void forgetMarks() {
        long oldest;
        lock.lock();
        try {
            oldest = oldestOpenNumber();
        } finally {
            lock.unlock();
        }
        queue.forgetJobs(number -> number < oldest);
    }

    /** That of the next one when all are over. Under the lock. */
    private long oldestOpenNumber() {
        return jobs.values().stream().filter(job -> !job.view().state().isOver()).mapToLong(Job::number).min()
                .orElse(nextNumber);
    }

    /** How far it is. When that can't be recorded a restart goes on from before, and finds done what is done. */
    private void record(Job job) {
        lock.lock();
        try {
            file.stands(job.kept(), kept());
        } catch (IOException e) {
            log.warn("event=job-unrecorded job={} why={} effect=\"a restart looks for what is left of it\"",
                    job.id(), e.getMessage());
        } finally {
            lock.unlock();
        }
    }

    /** Those that are remembered, the last first. */
    public List<JobView> all() {
        lock.lock();
        try {
            List<JobView> views = new ArrayList<>();
            jobs.values().forEach(job -> views.addFirst(job.view()));
            return views;
        } finally {
            lock.unlock();
        }
    }

    public Optional<JobView> find(String id) {
        return Optional.ofNullable(job(id)).map(Job::view);
    }

    private @Nullable Job job(String id) {
        lock.lock();
        try {
            return jobs.values().stream().filter(job -> job.id().equals(id)).findFirst().orElse(null);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Stops a job; what it has done stays done. Over when it is over already.
     *
     * @return empty when there is no such
     */
    public Optional<JobView> cancel(String id, String who, String why) {
        Job job = job(id);
        if (job == null) {
            return Optional.empty();
        }
        if (job.cancel()) {
            log.info("event=job-canceled job={} who={} why={}", id, who, why);
        }
        return Optional.of(job.view());
    }

    /** Jobs that aren't over. */
    public long open() {
        return all().stream().filter(job -> !job.state().isOver()).count();
    }

    /** Jobs pause; the next start goes on with them. Idempotent. */
    @Override
    public void close() {
        closed = true;
        List<Job> running;
        lock.lock();
        try {
            running = List.copyOf(jobs.values());
        } finally {
            lock.unlock();
        }
        running.forEach(Job::pause);
        turns.release(MOST_OPEN); // those that wait for theirs end too; an interrupt would close files under way
        for (Thread thread : threads) {
            try {
                thread.join(Duration.ofSeconds(10));
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
                return;
            }
        }
        try {
            file.close();
        } catch (IOException e) {
            log.warn("event=jobs-not-closed why={}", e.getMessage());
        }
    }
}
