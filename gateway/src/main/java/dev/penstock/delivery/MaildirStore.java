package dev.penstock.delivery;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicLong;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.MaildirConfig;
import dev.penstock.local.LocalParts;
import dev.penstock.message.Content;
import dev.penstock.message.MessageId;
import dev.penstock.message.Recipient;

/**
 * Writes messages into Maildirs. Thread-safe; callers wait while a few platform threads of its own do the work, since a
 * sync on a virtual thread would hold its carrier.
 *
 * <p>A message is written to {@code tmp}, synced, moved to {@code new}, and the move is synced: when {@link #deliver}
 * returns, no crash undoes it. Whatever fails before leaves nothing but a file in {@code tmp} at worst, which Maildir
 * readers remove after 36 hours.
 *
 * <p>A file is named after message and recipient, so that an attempt made because nobody remembers the last one, as after
 * a crash, finds what that has stored: in {@code new}, or in {@code cur} where readers put what they have seen.
 */
final class MaildirStore implements AutoCloseable {
    /** Syncs that wait for one disk at the same time gain from each other up to about here. */
    private static final int THREADS = 4;
    private static final int BUFFER = 64 << 10;
    private static final int MAX_NAME = 255; // NAME_MAX of all usual file systems, octets
    private static final List<String> PARTS = List.of("tmp", "new", "cur");
    private static final int TRIES = 3;
    private static final int MILLIS_PER_SECOND = 1_000;
    private static final Set<PosixFilePermission> PRIVATE = PosixFilePermissions.fromString("rwx------");
    private static final FileAttribute<?> PRIVATE_DIRECTORY = PosixFilePermissions.asFileAttribute(PRIVATE);
    private static final FileAttribute<?> PRIVATE_FILE = PosixFilePermissions
            .asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private final String host;
    private final InstantSource clock;
    private final DirectorySync directorySync;
    private final long pid = ProcessHandle.current().pid();
    private final AtomicLong sequence = new AtomicLong();
    private final ExecutorService threads = Executors.newFixedThreadPool(THREADS,
            Thread.ofPlatform().name("maildir-", 0).daemon().factory());

    /**
     * One message for one recipient.
     *
     * @param index      of the recipient in the message's envelope
     * @param sender     empty for the null reverse path
     * @param mayBeThere whether an earlier attempt may have stored it
     */
    record Copy(MessageId id, int index, String sender, Recipient recipient, boolean mayBeThere) {
        /** As maildir(5) has it, seconds, something unique, host; the same at each attempt. */
        String fileName(String host) {
            return id.millis() / MILLIS_PER_SECOND + "." + id + "N" + index + "." + host;
        }
    }

    /** Makes what has become of a directory's entries survive a crash. */
    @FunctionalInterface
    interface DirectorySync {
        void sync(Path directory) throws IOException;
    }

    /** @param hostname goes into the names of files, so that stores on a shared file system don't clash */
    MaildirStore(String hostname, InstantSource clock) {
        this(hostname, clock, MaildirStore::syncEntries);
    }

    MaildirStore(String hostname, InstantSource clock, DirectorySync directorySync) {
        this.directorySync = directorySync;
        this.host = hostname.replace("/", "\\057").replace(":", "\\072"); // maildir(5)
        this.clock = clock;
    }

    /**
     * Stores a message for one recipient, unless it is there already.
     *
     * @return the file's name
     * @throws StoreException saying what is wrong
     */
    String deliver(MaildirConfig config, Copy copy, Content content) throws StoreException {
        Path maildir = directory(config, copy.recipient);
        Future<String> stored;
        try {
            stored = threads.submit(() -> store(config, maildir, copy, content));
        } catch (RejectedExecutionException e) {
            throw new StoreException(Failure.Kind.STOPPED, "the Maildir store is closed", e);
        } catch (OutOfMemoryError e) { // the system has no thread to give
            throw new StoreException(Failure.Kind.STORE_TROUBLE, "no thread for " + maildir + " could be started", e);
        }
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return stored.get();
                } catch (InterruptedException _) {
                    interrupted = true; // the file may be there already, so the answer is worth its wait
                }
            }
        } catch (ExecutionException e) {
            throw e.getCause() instanceof IOException cause
                    ? failure(maildir, cause)
                    : new StoreException(Failure.Kind.STORE_TROUBLE, "storing in " + maildir + " failed", e.getCause());
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** The recipient's Maildir, of which nothing that the client wrote can lead out of the base. */
    static Path directory(MaildirConfig config, Recipient recipient) throws StoreException {
        String local = LocalParts.of(recipient.address(), config.caseSensitive());
        String user = LocalParts.withoutTag(local, config.recipientDelimiter());
        if (!isSafe(user) || !isSafe(recipient.domain())) {
            throw new StoreException(Failure.Kind.BAD_MAILBOX_NAME,
                    "<" + recipient.address() + "> can't be the name of a directory", null);
        }
        Path base = config.base();
        Path maildir;
        try {
            maildir = Path.of(config.template().replace(MaildirConfig.DOMAIN, recipient.domain())
                    .replace(MaildirConfig.LOCAL, user));
        } catch (InvalidPathException e) {
            throw new StoreException(Failure.Kind.STORE_TROUBLE, "no file of this process can be named after <"
                    + recipient.address() + ">, its locale isn't UTF-8", e);
        }
        if (!maildir.normalize().equals(maildir) || !maildir.startsWith(base) || maildir.equals(base)) {
            throw new StoreException(Failure.Kind.BAD_MAILBOX_NAME,
                    "<" + recipient.address() + "> would be kept outside of " + base, null);
        }
        return maildir;
    }

    /** One path component: not hidden, no separator, nothing that a shell or a terminal would act upon. */
    private static boolean isSafe(String name) {
        if (name.isEmpty() || name.startsWith(".") || name.startsWith("-")
                || name.getBytes(StandardCharsets.UTF_8).length > MAX_NAME) {
            return false;
        }
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (c == '/' || c == '\\' || c == '{' || c == '}' || Character.isISOControl(c)
                    || Character.isWhitespace(c)) {
                return false;
            }
        }
        return true;
    }

    private String store(MaildirConfig config, Path maildir, Copy copy, Content content) throws IOException {
        makeDirectories(config, maildir);
        Path arrived = maildir.resolve("new");
        for (int tries = 1;; tries++) {
            String ownName = uniqueName();
            Path file = maildir.resolve("tmp").resolve(ownName);
            try {
                String sizes = write(file, copy, content);
                String name = copy.fileName(host);
                if (copy.mayBeThere) {
                    Path stored = stored(maildir, name + sizes, file);
                    if (stored != null) {
                        Files.delete(file);
                        directorySync.sync(stored);
                        return name;
                    }
                }
                if (exists(arrived.resolve(name + sizes))) {
                    name = ownName; // another gateway has used this host's name, or this one has begun a new spool
                }
                Path moved = arrived.resolve(name + sizes);
                Files.move(file, moved, StandardCopyOption.ATOMIC_MOVE);
                file = moved;
                directorySync.sync(arrived);
                return name;
            } catch (FileAlreadyExistsException e) {
                if (tries == TRIES) {
                    throw e;
                }
            } catch (IOException | RuntimeException e) {
                removeQuietly(file, e); // also from new: it will be stored again
                throw e;
            }
        }
    }

    /**
     * @param file what is to be there
     * @return the directory in which the same is already under that name, null when it isn't
     */
    private static @Nullable Path stored(Path maildir, String name, Path file) throws IOException {
        for (int tries = 1; tries <= TRIES; tries++) {
            Path found = find(maildir, name);
            if (found == null) {
                return null;
            }
            if (!Files.isRegularFile(found, LinkOption.NOFOLLOW_LINKS) && exists(found)) {
                return null; // nothing of ours, and a FIFO would be waited for
            }
            try {
                return Files.mismatch(found, file) < 0 ? found.getParent() : null;
            } catch (NoSuchFileException _) {
                // a reader has renamed it just now
            }
        }
        return null;
    }

    /** Looks in {@code new} first, since readers move files from there to {@code cur} and never back. */
    private static @Nullable Path find(Path maildir, String name) throws IOException {
        Path arrived = maildir.resolve("new").resolve(name);
        if (exists(arrived)) {
            return arrived;
        }
        // with flags behind its name
        try (DirectoryStream<Path> seen = Files.newDirectoryStream(maildir.resolve("cur"),
                path -> path.getFileName().toString().startsWith(name))) {
            Iterator<Path> found = seen.iterator();
            return found.hasNext() ? found.next() : null;
        } catch (NoSuchFileException _) {
            return null;
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
    }

    private static boolean exists(Path file) {
        return Files.exists(file, LinkOption.NOFOLLOW_LINKS);
    }

    /** maildir(5): {@code seconds.MmicrosecondsPpidQsequence.host}. */
    private String uniqueName() {
        Instant now = clock.instant();
        return now.getEpochSecond() + ".M" + now.getNano() / 1_000 + "P" + pid + "Q" + sequence.incrementAndGet() + "."
                + host;
    }

    /** @return the end of its name: octets as they are and with CRLF, which spares Maildir readers the counting */
    private static String write(Path file, Copy copy, Content content) throws IOException {
        try (FileChannel channel = FileChannel.open(file,
                Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), PRIVATE_FILE)) {
            LineFeeds out = new LineFeeds(channel);
            // RFC 5321 4.4: final delivery puts the reverse path before everything else.
            out.header("Return-Path: <" + copy.sender + ">");
            out.header("Delivered-To: " + copy.recipient.address());
            content.forEachChunk(out::content);
            out.end();
            channel.force(true);
            return ",S=" + out.octets + ",W=" + (out.octets + out.lines);
        }
    }

    private void makeDirectories(MaildirConfig config, Path maildir) throws IOException {
        Path base = config.base();
        mustNotLeadElsewhere(base, maildir);
        if (Files.isDirectory(maildir.resolve("new")) && Files.isDirectory(maildir.resolve("tmp"))) {
            return;
        }
        if (!Files.isDirectory(base)) {
            throw new NoMaildirException(base + " is not there; is its file system mounted?");
        }
        if (!config.create()) {
            throw new NoMaildirException("there is no Maildir " + maildir);
        }
        makeDirectory(base, maildir);
        for (String part : PARTS) {
            makeDirectory(maildir, maildir.resolve(part));
        }
    }

    /**
     * Who owns a mailbox may put links into it, and would have this process write where he may not: what leads to a Maildir
     * may be a link of whoever owns the base, as for another disk; its own three directories may not.
     */
    private static void mustNotLeadElsewhere(Path base, Path maildir) throws IOException {
        Path each = base;
        for (Path part : base.relativize(maildir)) {
            each = each.resolve(part);
            if (Files.isSymbolicLink(each) && !owner(each).equals(Files.getAttribute(base, "unix:uid"))) {
                throw new LinkException(each + " is a symbolic link of somebody else than the owner of " + base);
            }
        }
        for (String part : PARTS) {
            if (Files.isSymbolicLink(maildir.resolve(part))) {
                throw new LinkException(maildir.resolve(part) + " is a symbolic link, which isn't followed there");
            }
        }
    }

    private static Object owner(Path path) throws IOException {
        return Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    }

    /** All that is missing from below {@code base} to {@code directory}, each synced into its parent. */
    private void makeDirectory(Path base, Path directory) throws IOException {
        Path made = base;
        for (Path part : base.relativize(directory)) {
            Path parent = made;
            made = made.resolve(part);
            if (!Files.isDirectory(made)) {
                try {
                    Files.createDirectory(made, PRIVATE_DIRECTORY);
                    directorySync.sync(parent);
                } catch (FileAlreadyExistsException e) {
                    if (!Files.isDirectory(made)) { // else another delivery was faster
                        throw e;
                    }
                }
            }
        }
    }

    private static void syncEntries(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void removeQuietly(Path file, Throwable cause) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    /** The JDK has no types for these two, only the system's text. */
    private static StoreException failure(Path maildir, IOException e) {
        String text = String.valueOf(e.getMessage());
        Failure.Kind kind = e instanceof NoMaildirException
                ? Failure.Kind.NO_MAILDIR
                : text.contains("No space left on device")
                        ? Failure.Kind.STORE_FULL
                        : text.contains("Disk quota exceeded")
                                ? Failure.Kind.MAILBOX_FULL
                                : Failure.Kind.STORE_TROUBLE;
        return new StoreException(kind, e instanceof NoMaildirException || e instanceof LinkException
                ? text
                : "can't store in " + maildir + ": "
                        + (text.startsWith(maildir.toString()) ? e.getClass().getSimpleName() + " " + text : text),
                e);
    }

    /** Takes nothing more; what is under way goes on. */
    @Override
    public void close() {
        threads.shutdown();
    }

    private static final class NoMaildirException extends IOException {
        private static final long serialVersionUID = 1L;

        NoMaildirException(String message) {
            super(message);
        }
    }

    private static final class LinkException extends IOException {
        private static final long serialVersionUID = 1L;

        LinkException(String message) {
            super(message);
        }
    }

    /** Why a message was not stored. */
    static final class StoreException extends Exception {
        private static final long serialVersionUID = 1L;
        private final Failure.Kind kind;

        StoreException(Failure.Kind kind, String message, @Nullable Throwable cause) {
            super(message, cause);
            this.kind = kind;
        }

        Failure failure() {
            return new Failure(kind, String.valueOf(getMessage()));
        }
    }

    /** Writes lines with LF where content has CRLF, as files of this machine have them. Confined to one thread. */
    private static final class LineFeeds {
        private final FileChannel channel;
        private final byte[] buffer = new byte[BUFFER];
        private int count;
        private boolean heldCr;
        private long octets;
        private long lines;

        LineFeeds(FileChannel channel) {
            this.channel = channel;
        }

        /** A line without line ends, whatever it was made of. */
        void header(String line) throws IOException {
            byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
            for (byte b : bytes) {
                put(b >= 0 && b < ' ' || b == 127 ? (byte) '?' : b);
            }
            put((byte) '\n');
        }

        void content(byte[] bytes, int offset, int length) throws IOException {
            for (int i = offset; i < offset + length; i++) {
                byte b = bytes[i];
                if (heldCr) {
                    heldCr = false;
                    if (b != '\n') {
                        put((byte) '\r');
                    }
                }
                if (b == '\r') {
                    heldCr = true;
                } else {
                    put(b);
                }
            }
        }

        void end() throws IOException {
            if (heldCr) {
                put((byte) '\r');
            }
            flush();
        }

        private void put(byte b) throws IOException {
            if (count == buffer.length) {
                flush();
            }
            buffer[count++] = b;
            octets++;
            if (b == '\n') {
                lines++;
            }
        }

        private void flush() throws IOException {
            ByteBuffer rest = ByteBuffer.wrap(buffer, 0, count);
            while (rest.hasRemaining()) {
                channel.write(rest);
            }
            count = 0;
        }
    }
}
