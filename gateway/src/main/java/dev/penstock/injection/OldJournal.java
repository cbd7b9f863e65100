package dev.penstock.injection;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.InjectionConfig;
import dev.penstock.spool.IdempotencyKey;
import dev.penstock.spool.KeyRecord;
import dev.penstock.spool.Spool;
import dev.penstock.spool.SpoolEntry;
import dev.penstock.spool.SpoolException;
import dev.penstock.units.PrivateFiles;

/**
 * Idempotency keys that earlier versions kept in files of their own, taken over into the spool at a start. Confined to the
 * thread that starts the gateway, but for {@link #isTakenOver}.
 *
 * <p>Opened before the spool: a message of a request that never came to its end must not be queued ({@link #withholds}).
 * {@link #takeOver} records the keys in the spool, throws those messages away, and deletes the files when both are durable. Works
 * without injection being enabled.
 *
 * <p>A record is {length, length inverted, CRC-32C, payload}, the payload {type, time, key} and for INTENT, which was
 * written before the first message, {ids}, for DONE, after the last, {body's hash, ids not kept, answer}. A length that
 * can be trusted tells a record that was cut off, which never counted, from one that was damaged, which perhaps did.
 */
public final class OldJournal {
    private static final Logger log = LoggerFactory.getLogger(OldJournal.class);
    private static final String PREFIX = "keys-";
    private static final String SUFFIX = ".log";
    private static final Pattern NAME = Pattern.compile(PREFIX + "(\\d{1,9})" + Pattern.quote(SUFFIX));
    private static final String COPY_SUFFIX = ".copy"; // of a file's name while it is made
    private static final int HEADER = 12;
    private static final byte INTENT = 1;
    private static final byte DONE = 2;
    private static final int AT_A_TIME = 1000; // keys that wait for one sync

    private final Path directory;
    private final long retentionMillis;
    private final TreeMap<Integer, Path> files = new TreeMap<>();
    private final Map<IdempotencyKey, Place> answers = new HashMap<>();
    private final Set<Long> abandoned = new HashSet<>();
    private final List<SpoolEntry> withheld = new ArrayList<>();
    private boolean uncertain;
    private volatile boolean takenOver;

    private record Place(int file, int position, long millis) {}

    private OldJournal(InjectionConfig config) {
        this.directory = config.directory();
        this.retentionMillis = config.idempotencyRetention().toMillis();
    }

    /** Reads what is there, if anything is. */
    public static OldJournal open(InjectionConfig config) throws IOException {
        OldJournal journal = new OldJournal(config);
        journal.read();
        return journal;
    }

    private void read() throws IOException {
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory, PREFIX + "*" + SUFFIX)) {
            for (Path entry : entries) {
                Matcher name = NAME.matcher(entry.getFileName().toString());
                if (name.matches()) {
                    files.put(Integer.parseInt(name.group(1)), entry);
                }
            }
        } catch (NoSuchFileException _) {
            return;
        }
        Map<IdempotencyKey, Set<Long>> open = new HashMap<>();
        for (Map.Entry<Integer, Path> file : files.entrySet()) {
            PrivateFiles.mustBeOurs(file.getValue());
            byte[] octets = Files.readAllBytes(file.getValue());
            if (file.getKey().equals(files.lastKey())) {
                makeSure(file.getValue(), octets);
            }
            load(file.getKey(), ByteBuffer.wrap(octets), open);
        }
        open.values().forEach(abandoned::addAll);
    }

    /**
     * Only the last file may have been left with a sync that failed or never came, and is about to be acted upon. So its
     * octets are put on the disk in a file of their own, which takes its place. Syncing the old one would prove nothing: a
     * kernel forgets what it failed to write, and calls the next sync a success.
     */
    private void makeSure(Path path, byte[] octets) {
        Path copy = path.resolveSibling(path.getFileName() + COPY_SUFFIX);
        try {
            try (FileChannel channel = PrivateFiles.createAnew(copy)) { // one of a start that was killed goes
                ByteBuffer rest = ByteBuffer.wrap(octets);
                while (rest.hasRemaining()) {
                    channel.write(rest);
                }
                channel.force(true);
            }
            Files.move(copy, path, StandardCopyOption.ATOMIC_MOVE);
            syncDirectory();
        } catch (IOException e) {
            uncertain = true;
            log.error("event=injection-journal-failed file={}", path, e);
        }
    }

    private void syncDirectory() throws IOException {
        try (FileChannel folder = FileChannel.open(directory, StandardOpenOption.READ)) {
            folder.force(true);
        }
    }

    /** Takes each whole record. @return whether what follows them is damage */
    private static boolean forEach(ByteBuffer content, Visitor visitor) {
        int at = 0;
        while (content.limit() - at >= HEADER) {
            int length = content.getInt(at);
            if (content.getInt(at + Integer.BYTES) != ~length || length <= 0) {
                return true;
            }
            if (length > content.limit() - at - HEADER) { // cut off by the end of the process
                return false;
            }
            CRC32C crc = new CRC32C();
            crc.update(content.slice(at + HEADER, length));
            if ((int) crc.getValue() != content.getInt(at + 2 * Integer.BYTES)) {
                return true;
            }
            ByteBuffer payload = content.slice(at + HEADER, length);
            visitor.record(at, payload.get(), payload.getLong(),
                    new IdempotencyKey(payload.getLong(), payload.getLong()), payload);
            at += HEADER + length;
        }
        return false;
    }

    private interface Visitor {
        void record(int at, byte type, long millis, IdempotencyKey key, ByteBuffer rest);
    }

    /** @param open requests without a DONE so far; theirs may stand in a later file than their INTENT */
    private void load(int number, ByteBuffer content, Map<IdempotencyKey, Set<Long>> open) {
        Set<Long> unfinished = new HashSet<>();
        boolean damaged = forEach(content, (at, type, millis, key, rest) -> {
            if (type == INTENT) {
                Set<Long> before = open.put(key, ids(rest));
                if (before != null) { // tried and given up before this one
                    unfinished.addAll(before);
                }
            } else if (type == DONE) {
                rest.position(rest.position() + KeyRecord.FINGERPRINT);
                unfinished.addAll(ids(rest));
                open.remove(key);
                answers.put(key, new Place(number, at, millis));
            }
        });
        if (damaged) {
            log.error("event=injection-journal-damaged file={} effect=\"its keys from there on are forgotten, and "
                    + "unfinished requests before it count as finished\"", files.get(number));
            open.clear();
        } else {
            abandoned.addAll(unfinished);
        }
    }

    private static Set<Long> ids(ByteBuffer in) {
        Set<Long> ids = new HashSet<>();
        for (int i = in.getInt(); i > 0; i--) {
            ids.add(in.getLong());
        }
        return ids;
    }

    /** For each destination that the spool recovers. @return true when it must not be queued */
    public boolean withholds(SpoolEntry entry) {
        boolean withhold = abandoned.contains(entry.messageId());
        if (withhold) {
            withheld.add(entry);
        }
        return withhold;
    }

    /**
     * Returns when keys and ends are durable in the spool and the files are gone. When the spool takes nothing, or it isn't
     * sure what the files hold, all stays as it is until the next start, and {@link #isTakenOver} says so.
     */
    public void takeOver(Spool spool, long nowMillis) throws IOException {
        if (files.isEmpty()) {
            takenOver = true;
            return;
        }
        try {
            if (uncertain) {
                throw new IOException("it can't be copied");
            }
            long keys = record(spool, nowMillis);
            CompletableFuture.allOf(withheld.stream().map(spool::done).toArray(CompletableFuture[]::new)).join();
            log.info("event=injection-journal-taken-over directory={} keys={} unfinished-destinations={}", directory,
                    keys,
                    withheld.size());
        } catch (IOException | CompletionException | SpoolException e) {
            log.error(
                    "event=injection-journal-kept directory={} unfinished-destinations={} effect=\"requests with "
                            + "idempotency keys get 503 and what unfinished ones left is kept, until a start that can take it "
                            + "over\"",
                    directory, withheld.size(), e);
            return;
        }
        // in order, and never two at once: an INTENT must not outlive its DONE
        for (Path file : files.values()) {
            Files.deleteIfExists(file);
            syncDirectory();
        }
        files.clear();
        answers.clear();
        abandoned.clear();
        withheld.clear();
        takenOver = true;
    }

    private long record(Spool spool, long nowMillis) throws IOException {
        List<CompletableFuture<Boolean>> waiting = new ArrayList<>();
        long[] keys = {0};
        for (Map.Entry<Integer, Path> file : files.entrySet()) {
            forEach(ByteBuffer.wrap(Files.readAllBytes(file.getValue())), (at, _, millis, key, rest) -> {
                Place counts = answers.get(key);
                boolean isAnswer = counts != null && counts.file == file.getKey() && counts.position == at;
                if (isAnswer && millis + retentionMillis > nowMillis) {
                    waiting.add(spool.keys().begin(key).record(answer(rest, millis + retentionMillis), 0));
                    keys[0]++;
                    if (waiting.size() == AT_A_TIME) {
                        join(waiting);
                    }
                }
            });
        }
        join(waiting);
        return keys[0];
    }

    private static void join(List<CompletableFuture<Boolean>> waiting) {
        CompletableFuture.allOf(waiting.toArray(CompletableFuture[]::new)).join();
        waiting.clear();
    }

    private static KeyRecord answer(ByteBuffer rest, long expiresMillis) {
        byte[] hash = new byte[KeyRecord.FINGERPRINT];
        rest.get(hash);
        ids(rest);
        byte[] answer = new byte[rest.remaining()];
        rest.get(answer);
        return new KeyRecord(hash, answer, expiresMillis);
    }

    /** Whether the spool has all keys of before. Thread-safe. */
    boolean isTakenOver() {
        return takenOver;
    }
}
