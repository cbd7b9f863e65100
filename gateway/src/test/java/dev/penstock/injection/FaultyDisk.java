package dev.penstock.injection;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * A disk that gets full and whose syncs fail, as told, and that loses power as Linux does: a sync that failed leaves the
 * pages it was for readable and clean, so that later ones succeed without writing them. Thread-safe.
 */
final class FaultyDisk extends Journal.Disk {
    private final AtomicLong room = new AtomicLong(Long.MAX_VALUE);
    private final AtomicInteger syncs = new AtomicInteger();
    private final Map<FileChannel, Inode> open = new ConcurrentHashMap<>();
    private final Map<Object, Inode> inodes = new ConcurrentHashMap<>();
    private volatile boolean failSyncs;

    /** What of a file outlives a loss of power, and what waits to be written there. Guarded by itself. */
    private static final class Inode {
        byte[] durable = {};
        final List<Write> dirty = new ArrayList<>();

        private record Write(long at, ByteBuffer octets) {}

        synchronized void write(long at, ByteBuffer octets) {
            dirty.add(new Write(at, octets));
        }

        synchronized void truncate(long size) {
            durable = Arrays.copyOf(durable, (int) Math.min(size, durable.length));
            dirty.removeIf(write -> write.at >= size);
        }

        synchronized void sync(boolean fails) {
            if (!fails) {
                for (Write write : dirty) {
                    int end = (int) write.at + write.octets.remaining();
                    durable = Arrays.copyOf(durable, Math.max(end, durable.length));
                    write.octets.duplicate().get(durable, (int) write.at, write.octets.remaining());
                }
            }
            dirty.clear();
        }

        synchronized byte[] durable() {
            return durable;
        }
    }

    /** Octets that may still be written. */
    void roomFor(long octets) {
        room.set(octets);
    }

    void failSyncs(boolean fail) {
        failSyncs = fail;
    }

    int syncs() {
        return syncs.get();
    }

    /** Leaves in each file what reached the disk. To be called when nobody has one open. */
    void losePower(Path directory) throws IOException {
        open.clear();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.write(file, inode(file).durable());
            }
        }
    }

    private Inode inode(Path path) throws IOException {
        Object key = Objects.requireNonNull(Files.readAttributes(path, BasicFileAttributes.class).fileKey());
        return inodes.computeIfAbsent(key, _ -> new Inode());
    }

    @Override
    FileChannel open(Path path, OpenOption... options) throws IOException {
        FileChannel channel = super.open(path, options);
        if (List.of(options).contains(StandardOpenOption.CREATE_NEW)) {
            Inode old = inode(path); // of a deleted file
            old.truncate(0);
        }
        open.put(channel, inode(path));
        return channel;
    }

    @Override
    int write(FileChannel channel, ByteBuffer octets, long at) throws IOException {
        int length = (int) Math.min(octets.remaining(), room.get());
        if (length == 0) {
            throw new IOException("No space left on device");
        }
        ByteBuffer part = octets.slice(octets.position(), length);
        int written = super.write(channel, part, at);
        of(channel).write(at, copy(octets.slice(octets.position(), written)));
        octets.position(octets.position() + written);
        if (room.get() != Long.MAX_VALUE) {
            room.addAndGet(-written);
        }
        return written;
    }

    private static ByteBuffer copy(ByteBuffer octets) {
        return ByteBuffer.allocate(octets.remaining()).put(octets).flip();
    }

    private Inode of(FileChannel channel) {
        return Objects.requireNonNull(open.get(channel));
    }

    @Override
    void force(FileChannel channel) throws IOException {
        syncs.incrementAndGet();
        of(channel).sync(failSyncs);
        if (failSyncs) {
            throw new IOException("Input/output error");
        }
        super.force(channel);
    }

    @Override
    void truncate(FileChannel channel, long size) throws IOException {
        of(channel).truncate(size);
        super.truncate(channel, size);
    }
}
