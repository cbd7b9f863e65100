package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.zip.CRC32C;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Remembers idempotency keys over restarts. Thread-safe; one thread writes and syncs.
 *
 * <p>Two records for each request with a key: INTENT, durable before the first of its messages is, names the messages
 * it will make; DONE, durable before any of them is handed to the queue and before the client hears of them, has the
 * answer. So a message of an INTENT without DONE has never left the gateway, nobody was told of it, and it is thrown
 * away at the next start; a message of one with DONE is delivered, and the key is answered from the record. See
 * docs/injection.md for what that makes of each instant a process can die at.
 *
 * <p>Files are written one after the other and never again after a restart; one goes when all it holds is older than
 * the retention. Only the last can have been left with a sync that failed or never came, since no other is begun after
 * one. So a start copies what it reads of it into a fresh file, syncs that, and puts it in the place of the old one
 * before it acts upon it. Syncing the old one would prove nothing: a kernel forgets what it failed to write, calls the
 * pages clean and the next sync a success. When the copy can't be made, as on a full disk, nothing is acted upon that the
 * file alone says, until a start that can. A record is {length, length inverted, CRC-32C, payload}: a length that can be
 * trusted tells a record that was cut off, which never counted, from one that was damaged, which perhaps did.
 */
final class Journal implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Journal.class);
    private static final String PREFIX = "keys-";
    private static final String SUFFIX = ".log";
    private static final String COPY_SUFFIX = ".copy"; // of a file's name while it is made
    private static final int HEADER = 12;
    private static final int KEY_OCTETS = 16;
    private static final int HASH_OCTETS = 32; // SHA-256
    private static final long SWEEP_MILLIS = 10_000;
    private static final byte INTENT = 1;
    private static final byte DONE = 2;

    private final Path directory;
    private final InstantSource clock;
    private final long maxFile;
    private final Disk disk;
    private final Map<Key, Place> answers = new ConcurrentHashMap<>();
    private final TreeMap<Integer, LogFile> files = new TreeMap<>(); // guarded by itself
    private final LinkedBlockingQueue<Pending> queue = new LinkedBlockingQueue<>();
    private Set<Long> abandoned = new HashSet<>();
    private long sweptMillis; // guarded by answers
    private volatile long retentionMillis;
    private volatile @Nullable Thread writer;
    private volatile boolean failed;
    private volatile boolean closed;
    /** Set when the writer takes nothing more from the queue. */
    private volatile boolean writerEnded;

    /** What is done to files that may fail. Stateless; tests let it. */
    static class Disk {
        FileChannel open(Path path, OpenOption... options) throws IOException {
            return FileChannel.open(path, options);
        }

        int write(FileChannel channel, ByteBuffer octets, long at) throws IOException {
            return channel.write(octets, at);
        }

        void force(FileChannel channel) throws IOException {
            channel.force(true);
        }

        void truncate(FileChannel channel, long size) throws IOException {
            channel.truncate(size);
        }

        /** Durable only when the directory is synced. */
        void replace(Path old, Path fresh) throws IOException {
            Files.move(fresh, old, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** Half of the SHA-256 of identity and key: what no two clients share. */
    record Key(long high, long low) {
        static Key of(String identity, String key) {
            ByteBuffer digest = ByteBuffer.wrap(sha256().digest((identity + "\0" + key).getBytes(UTF_8)));
            return new Key(digest.getLong(), digest.getLong());
        }
    }

    /**
     * What a key was answered with. Immutable by agreement.
     *
     * @param hash of the request's body
     * @param body of the answer
     */
    record Recorded(Answer.Body hash, Answer.Body body) {}

    private record Place(int file, long position, int length, long millis) {}

    /** A record that waits to be written. */
    private static final class Pending {
        final byte @Nullable [] payload;
        /** The key it answers, null when it doesn't. */
        final @Nullable Key answered;
        final long millis;
        final CompletableFuture<@Nullable Void> written = new CompletableFuture<>();

        /** @param payload null to end the writing */
        Pending(byte @Nullable [] payload, @Nullable Key answered, long millis) {
            this.payload = payload;
            this.answered = answered;
            this.millis = millis;
        }
    }

    private static final class LogFile {
        final int number;
        final Path path;
        final FileChannel channel;
        long newestMillis;

        LogFile(int number, Path path, FileChannel channel) {
            this.number = number;
            this.path = path;
            this.channel = channel;
        }
    }

    /** A record can't be kept. */
    static final class JournalException extends RuntimeException {
        private final boolean certain;

        JournalException(String message, boolean certain, @Nullable Throwable cause) {
            super(message, cause);
            this.certain = certain;
        }

        /** Whether it is certain that the record won't be found at the next start. */
        boolean isCertain() {
            return certain;
        }
    }

    private Journal(Path directory, Duration retention, long maxFile, InstantSource clock, Disk disk) {
        this.directory = directory;
        this.retentionMillis = retention.toMillis();
        this.maxFile = maxFile;
        this.clock = clock;
        this.disk = disk;
    }

    /**
     * Reads what is there, and makes sure that it will be there again: what a killed process had written and not synced,
     * or failed to sync, is about to be acted upon. When that can't be made sure, {@link #hasFailed}, and nothing
     * must be thrown away.
     *
     * @param maxFile octets of a file, beyond which the next is begun
     */
    static Journal read(Path directory, Duration retention, long maxFile, InstantSource clock, Disk disk)
            throws IOException {
        Journal journal = new Journal(directory, retention, maxFile, clock, disk);
        TreeMap<Integer, Path> found = new TreeMap<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, PREFIX + "*" + SUFFIX)) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                found.put(Integer.parseInt(name, PREFIX.length(), name.length() - SUFFIX.length(), 10), entry);
            }
        } catch (NoSuchFileException e) {
            return journal;
        }
        Map<Key, Set<Long>> open = new HashMap<>();
        for (Map.Entry<Integer, Path> entry : found.entrySet()) {
            journal.load(entry.getKey(), entry.getValue(), open, entry.getKey().equals(found.lastKey()));
        }
        open.values().forEach(journal.abandoned::addAll);
        return journal;
    }

    /**
     * @param open requests without a DONE so far; theirs may stand in a later file than their INTENT
     * @param last whether the file may have been left unsynced
     */
    private void load(int number, Path path, Map<Key, Set<Long>> open, boolean last) throws IOException {
        byte[] octets = Files.readAllBytes(path);
        boolean uncertain = last && !rewritten(path, octets);
        LogFile file = new LogFile(number, path, disk.open(path, StandardOpenOption.READ));
        synchronized (files) {
            files.put(number, file);
        }
        Set<Long> unfinished = new HashSet<>();
        ByteBuffer content = ByteBuffer.wrap(octets);
        int at = 0;
        boolean damaged = false;
        while (content.limit() - at >= HEADER) {
            int length = content.getInt(at);
            damaged = content.getInt(at + Integer.BYTES) != ~length || length <= 0;
            if (damaged || length > content.limit() - at - HEADER) { // cut off by the end of the process
                break;
            }
            int crc = content.getInt(at + 2 * Integer.BYTES);
            ByteBuffer payload = content.slice(at + HEADER, length);
            damaged = crc(payload.duplicate()) != crc;
            if (damaged) {
                break;
            }
            take(file, at, payload, open, unfinished);
            at += HEADER + length;
        }
        if (damaged) {
            log.error("event=injection-journal-damaged file={} position={} consequence=\"its keys from there on are "
                    + "forgotten, and unfinished requests before it count as finished\"", path, at);
            open.clear();
        } else {
            abandoned.addAll(unfinished);
        }
        if (uncertain) { // an answer whose record is gone later would be one for mail that is thrown away then
            answers.values().removeIf(place -> place.file == number);
        }
    }

    private void take(LogFile file, long at, ByteBuffer payload, Map<Key, Set<Long>> open, Set<Long> unfinished) {
        byte type = payload.get();
        long millis = payload.getLong();
        Key key = new Key(payload.getLong(), payload.getLong());
        file.newestMillis = Math.max(file.newestMillis, millis);
        Set<Long> ids = new HashSet<>();
        if (type == INTENT) {
            for (int i = payload.getInt(); i > 0; i--) {
                ids.add(payload.getLong());
            }
            Set<Long> before = open.put(key, ids);
            if (before != null) { // tried and given up before this one
                unfinished.addAll(before);
            }
        } else if (type == DONE) {
            payload.position(payload.position() + HASH_OCTETS);
            for (int i = payload.getInt(); i > 0; i--) {
                ids.add(payload.getLong());
            }
            open.remove(key);
            unfinished.addAll(ids);
            answers.put(key, new Place(file.number, at, payload.capacity(), millis));
        }
    }

    private boolean rewritten(Path path, byte[] octets) {
        try {
            rewrite(path, octets);
            return true;
        } catch (IOException e) {
            failed = true;
            log.error("event=injection-journal-failed file={} consequence=\"requests with idempotency keys get 503 and "
                    + "what unfinished ones left is kept, until a start that can copy the file\"", path, e);
            return false;
        }
    }

    /** Puts these octets on the disk, in a file that no sync has failed on, and that in the old one's place. */
    private void rewrite(Path path, byte[] octets) throws IOException {
        Path copy = path.resolveSibling(path.getFileName() + COPY_SUFFIX);
        Files.deleteIfExists(copy); // of a start that was killed
        try (FileChannel channel = disk.open(copy, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer rest = ByteBuffer.wrap(octets);
            while (rest.hasRemaining()) {
                disk.write(channel, rest, rest.position());
            }
            disk.force(channel);
        } catch (IOException e) {
            Files.deleteIfExists(copy);
            throw e;
        }
        disk.replace(path, copy);
        syncDirectory();
    }

    private void syncDirectory() throws IOException {
        try (FileChannel folder = disk.open(directory, StandardOpenOption.READ)) {
            disk.force(folder);
        }
    }

    private static void readFully(FileChannel channel, ByteBuffer into, long from) throws IOException {
        long at = from;
        while (into.hasRemaining()) {
            int count = channel.read(into, at);
            if (count < 0) {
                throw new IOException("the journal ends at " + at);
            }
            at += count;
        }
        into.flip();
    }

    /** Whether a recovered message belongs to a request that never came to its end. For use before {@link #start}. */
    boolean isAbandoned(long messageId) {
        return abandoned.contains(messageId);
    }

    /** Begins to write, in a file of its own. What was abandoned must be done with when this is called. */
    void start() throws IOException {
        abandoned = Set.of();
        Files.createDirectories(directory);
        begin();
        writer = Thread.ofPlatform().name("injection-journal").start(this::write);
    }

    private LogFile begin() throws IOException {
        synchronized (files) {
            int number = files.isEmpty() ? 1 : files.lastKey() + 1;
            Path path = directory.resolve(PREFIX + String.format("%08d", number) + SUFFIX);
            LogFile file = new LogFile(number, path, disk.open(path, StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.READ, StandardOpenOption.WRITE));
            file.newestMillis = clock.millis();
            try {
                syncDirectory();
            } catch (IOException e) { // no record may be in a file that could be gone after a crash
                failed = true;
                log.error("event=injection-journal-failed file={} consequence=\"requests with idempotency keys get 503 "
                        + "until a restart\"", path, e);
                file.channel.close();
                Files.deleteIfExists(path);
                throw e;
            }
            files.put(number, file);
            return file;
        }
    }

    /** A new retention. */
    void retain(Duration retention) {
        retentionMillis = retention.toMillis();
    }

    /** Keys remembered. */
    int size() {
        return answers.size();
    }

    /** Whether one more key may be remembered. */
    boolean hasRoom(int maxKeys) {
        if (answers.size() < maxKeys) {
            return true;
        }
        synchronized (answers) {
            long now = clock.millis();
            if (now - sweptMillis >= SWEEP_MILLIS) {
                sweptMillis = now;
                answers.values().removeIf(place -> now - place.millis > retentionMillis);
            }
            return answers.size() < maxKeys;
        }
    }

    /** False when {@link #hasFailed} or closed: nothing with a key is taken until a restart. */
    boolean isWritable() {
        return !failed && !closed;
    }

    /** True after a sync failed, or the copy at the start, until a restart. */
    boolean hasFailed() {
        return failed;
    }

    /** What a key was answered with, null when it wasn't. Blocks while it reads. */
    @Nullable
    Recorded find(Key key) throws IOException {
        Place place = answers.get(key);
        if (place == null || clock.millis() - place.millis > retentionMillis) {
            return null;
        }
        LogFile file;
        synchronized (files) {
            file = files.get(place.file);
        }
        if (file == null) {
            return null;
        }
        ByteBuffer payload = ByteBuffer.allocate(place.length);
        readFully(file.channel, payload, place.position + HEADER);
        payload.position(1 + Long.BYTES + KEY_OCTETS);
        byte[] hash = new byte[HASH_OCTETS];
        payload.get(hash);
        int failed = payload.getInt();
        payload.position(payload.position() + failed * Long.BYTES);
        byte[] body = new byte[payload.remaining()];
        payload.get(body);
        return new Recorded(new Answer.Body(hash), new Answer.Body(body));
    }

    /** Completes when durable; with a {@link JournalException} when it can't be made so. */
    CompletableFuture<@Nullable Void> intent(Key key, long[] ids) {
        long now = clock.millis();
        ByteBuffer payload = ByteBuffer.allocate(1 + Long.BYTES + KEY_OCTETS + Integer.BYTES + ids.length * Long.BYTES);
        payload.put(INTENT).putLong(now).putLong(key.high).putLong(key.low).putInt(ids.length);
        for (long id : ids) {
            payload.putLong(id);
        }
        return submit(new Pending(payload.array(), null, now));
    }

    /**
     * Completes when durable; with a {@link JournalException} when it can't be made so.
     *
     * @param hash   of the request's body, SHA-256
     * @param failed ids of the intent whose messages aren't kept
     */
    CompletableFuture<@Nullable Void> done(Key key, byte[] hash, List<Long> failed, byte[] answer) {
        long now = clock.millis();
        ByteBuffer payload = ByteBuffer.allocate(1 + Long.BYTES + KEY_OCTETS + HASH_OCTETS + Integer.BYTES
                + failed.size() * Long.BYTES + answer.length);
        payload.put(DONE).putLong(now).putLong(key.high).putLong(key.low).put(hash).putInt(failed.size());
        failed.forEach(payload::putLong);
        payload.put(answer);
        return submit(new Pending(payload.array(), key, now));
    }

    private CompletableFuture<@Nullable Void> submit(Pending pending) {
        if (!isWritable()) {
            pending.written.completeExceptionally(
                    new JournalException("idempotency keys can't be recorded until a restart", true, null));
        } else {
            queue.add(pending);
            if (writerEnded && queue.remove(pending)) {
                pending.written.completeExceptionally(new JournalException("the journal is closed", true, null));
            }
        }
        return pending.written;
    }

    /** On the thread injection-journal: all that waits goes into one write and one sync. */
    private void write() {
        List<Pending> batch = new ArrayList<>();
        boolean ended = false;
        while (!ended) {
            batch.clear();
            try {
                batch.add(queue.take());
            } catch (InterruptedException e) {
                log.error("event=injection-journal-interrupted", e);
                failed = true;
                break;
            }
            queue.drainTo(batch);
            ended = batch.removeIf(pending -> pending.payload == null);
            if (!batch.isEmpty()) {
                try {
                    write(batch);
                } catch (RuntimeException | Error e) { // whoever waits must hear of it
                    failed = true;
                    log.error(
                            "event=injection-journal-failed consequence=\"requests with idempotency keys get 503 until "
                                    + "a restart\"",
                            e);
                    fail(batch, new JournalException("the journal can't be written: " + e, false, e));
                }
            }
        }
        writerEnded = true;
        queue.forEach(pending -> pending.written
                .completeExceptionally(new JournalException("the journal is closed", true, null)));
    }

    private void write(List<Pending> batch) {
        if (failed) {
            fail(batch, new JournalException("idempotency keys can't be recorded until a restart", true, null));
            return;
        }
        LogFile file;
        long start;
        try {
            file = current();
            start = file.channel.size();
        } catch (IOException e) {
            fail(batch, new JournalException("the journal can't be written: " + e.getMessage(), true, e));
            return;
        }
        int total = 0;
        for (Pending pending : batch) {
            total += HEADER + payload(pending).length;
        }
        ByteBuffer octets = ByteBuffer.allocate(total);
        for (Pending pending : batch) {
            byte[] payload = payload(pending);
            octets.putInt(payload.length).putInt(~payload.length).putInt(crc(ByteBuffer.wrap(payload))).put(payload);
        }
        octets.flip();
        try {
            long at = start;
            while (octets.hasRemaining()) {
                at += disk.write(file.channel, octets, at);
            }
        } catch (IOException e) {
            giveUp(file, start, batch, e);
            return;
        }
        try {
            disk.force(file.channel);
        } catch (IOException e) { // nothing is known of what is on the disk now, and a second sync would not tell
            failed = true;
            log.error("event=injection-journal-failed file={} consequence=\"requests with idempotency keys get 503 "
                    + "until a restart\"", file.path, e);
            fail(batch, new JournalException("the journal can't be synced: " + e.getMessage(), false, e));
            return;
        }
        long at = start;
        for (Pending pending : batch) {
            int length = payload(pending).length;
            file.newestMillis = Math.max(file.newestMillis, pending.millis);
            if (pending.answered != null) {
                answers.put(pending.answered, new Place(file.number, at, length, pending.millis));
            }
            at += HEADER + length;
        }
        batch.forEach(pending -> pending.written.complete(null));
    }

    /** A write failed, most likely for want of room. */
    private void giveUp(LogFile file, long start, List<Pending> batch, IOException cause) {
        log.warn("event=injection-journal-write file={} error=\"{}\"", file.path, cause.getMessage());
        try {
            disk.truncate(file.channel, start);
            disk.force(file.channel); // else a crash of the machine might leave what was written of it
            fail(batch, new JournalException("the journal can't be written: " + cause.getMessage(), true, cause));
        } catch (IOException e) {
            failed = true;
            log.error("event=injection-journal-failed file={} consequence=\"requests with idempotency keys get 503 "
                    + "until a restart\"", file.path, e);
            fail(batch, new JournalException("the journal can't be written: " + cause.getMessage(), false, cause));
        }
    }

    private static void fail(List<Pending> batch, JournalException failure) {
        batch.forEach(pending -> pending.written.completeExceptionally(failure));
    }

    private LogFile current() throws IOException {
        LogFile last;
        synchronized (files) {
            last = files.lastEntry().getValue();
        }
        if (last.channel.size() < maxFile && clock.millis() - last.newestMillis < retentionMillis) {
            return last;
        }
        forget();
        return begin();
    }

    /** Drops keys past the retention, and files that hold no other. */
    private void forget() throws IOException {
        long oldest = clock.millis() - retentionMillis;
        answers.values().removeIf(place -> place.millis < oldest);
        synchronized (files) {
            // from the first on without a gap: an INTENT must never outlive its DONE, whatever the clock did
            while (files.size() > 1 && files.firstEntry().getValue().newestMillis < oldest) {
                LogFile file = files.pollFirstEntry().getValue();
                file.channel.close();
                Files.deleteIfExists(file.path);
            }
        }
    }

    private static byte[] payload(Pending pending) {
        if (pending.payload == null) {
            throw new IllegalStateException("nothing to write");
        }
        return pending.payload;
    }

    /** What was asked for is written. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        Thread thread = writer;
        if (thread != null) {
            queue.add(new Pending(null, null, 0));
            boolean interrupted = false;
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
        synchronized (files) {
            for (LogFile file : files.values()) {
                try {
                    file.channel.close();
                } catch (IOException e) {
                    log.warn("event=injection-journal-close file={} error=\"{}\"", file.path, e.getMessage());
                }
            }
            files.clear();
        }
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    static boolean sameHash(byte[] one, byte[] other) {
        return Arrays.equals(one, other);
    }

    private static int crc(ByteBuffer payload) {
        CRC32C crc = new CRC32C();
        crc.update(payload);
        return (int) crc.getValue();
    }
}
