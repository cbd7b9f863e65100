package dev.penstock.endtoend;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;

/** A small file system in memory, mounted for a test: it needs root. */
final class Tmpfs implements AutoCloseable {
    private static final Duration MOUNT_TIME = Duration.ofSeconds(60);
    private static final int SLICE = 64 << 10;
    private final Path directory;
    private final Path filler;

    private Tmpfs(Path directory) {
        this.directory = directory;
        this.filler = directory.resolve("filler");
    }

    /** Fails in CI where mounting isn't allowed, and skips on a laptop. */
    static Tmpfs mount(Path directory, int megabytes) throws IOException, InterruptedException {
        Peers.requireRoot();
        Files.createDirectories(directory);
        String mount = Peers.require("mount");
        try {
            PeerProcess.run(directory.getParent(), "mount", MOUNT_TIME,
                    List.of(mount, "-t", "tmpfs", "-o", "size=" + megabytes + "m", "penstock-test",
                            directory.toString()));
        } catch (AssertionError e) {
            Peers.missing("mounting is not allowed here: " + e.getMessage());
        }
        return new Tmpfs(directory);
    }

    Path directory() {
        return directory;
    }

    /** Somebody else's file takes all the space there is. @return octets it took */
    long fill() throws IOException {
        long taken = 0;
        try (FileChannel file = FileChannel.open(filler, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            while (Files.getFileStore(directory).getUsableSpace() > 0) {
                taken += file.write(ByteBuffer.allocate(SLICE));
            }
        } catch (IOException e) {
            if (taken == 0) {
                throw e;
            }
        }
        return taken;
    }

    void empty() throws IOException {
        Files.deleteIfExists(filler);
    }

    /** Lazily, so that a file left open by a failed test doesn't keep the mount. */
    @Override
    public void close() throws IOException {
        try {
            PeerProcess.run(directory.getParent(), "umount", MOUNT_TIME,
                    List.of(Peers.require("umount"), "-l", directory.toString()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while unmounting " + directory, e);
        }
    }
}
