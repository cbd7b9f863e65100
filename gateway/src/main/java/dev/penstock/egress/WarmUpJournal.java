package dev.penstock.egress;

import java.io.IOException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.egress.WarmUpLedger.Lease;
import dev.penstock.units.PrivateFiles;

/**
 * The file in which warm-up keeps what is leased: a line for each lease, {@code checksum day leased source provider}, of
 * which the last of a source, provider and day holds. Confined to one thread at a time.
 *
 * <p>A line counts when its checksum (CRC-32C, eight hexadecimal digits) is right; a torn one at the end was never synced, so
 * nothing was taken by it. The file is written anew, synced and renamed at each start and when it has grown.
 */
final class WarmUpJournal implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(WarmUpJournal.class);
    /** Some hundred kilobytes. */
    static final int MAX_LINES = 4_096;
    private static final int MAX_FILE = 64 << 20;
    private static final int CHECKSUM_LENGTH = 8;
    private static final int FIELDS = 4;

    private final Path file;
    private @Nullable FileChannel channel;
    private int lines;

    WarmUpJournal(Path file) {
        this.file = file;
    }

    /** Every lease in the file, in its order; none when there is no file. */
    List<Lease> read() throws IOException {
        List<Lease> leases = new ArrayList<>();
        if (!Files.exists(file)) {
            return leases;
        }
        if (Files.size(file) > MAX_FILE) {
            throw new IOException(file + " is larger than it can be");
        }
        PrivateFiles.mustBeOurs(file);
        int damaged = 0;
        String[] pieces = new String(Files.readAllBytes(file), StandardCharsets.UTF_8).split("\n", -1);
        for (int i = 0; i < pieces.length - 1; i++) { // behind the last line's end is nothing, or a torn line
            Lease lease = parse(pieces[i]);
            if (lease != null) {
                leases.add(lease);
            } else {
                damaged++;
            }
        }
        if (damaged > 0) {
            log.warn("event=warm-up-lines-damaged file={} lines={} effect=\"sources may send again what they "
                    + "have sent\"", file, damaged);
        }
        return leases;
    }

    /** Begins the file anew with these. */
    void rewrite(List<Lease> leases) throws IOException {
        close();
        Path made = file.resolveSibling(file.getFileName() + ".new");
        try (FileChannel fresh = PrivateFiles.createAnew(made)) {
            write(fresh, leases);
            fresh.force(true);
        }
        Files.move(made, file, StandardCopyOption.ATOMIC_MOVE);
        syncDirectory();
        channel = PrivateFiles.open(file, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
        lines = leases.size();
    }

    private void syncDirectory() throws IOException {
        try (FileChannel directory = FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
            directory.force(true);
        }
    }

    /** Returns when they are on the disk. @throws IOException and they may be there or not; {@link #rewrite} has to follow */
    void append(List<Lease> leases) throws IOException {
        FileChannel open = channel;
        if (open == null) {
            throw new IOException(file + " isn't open");
        }
        write(open, leases);
        open.force(false);
        lines += leases.size();
    }

    boolean isOpen() {
        return channel != null;
    }

    boolean isLarge() {
        return lines > MAX_LINES;
    }

    private static void write(FileChannel to, List<Lease> leases) throws IOException {
        StringBuilder text = new StringBuilder();
        leases.forEach(lease -> text.append(line(lease)).append('\n'));
        ByteBuffer octets = ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8));
        while (octets.hasRemaining()) {
            to.write(octets);
        }
    }

    private static String line(Lease lease) {
        String fields = lease.day() + " " + lease.leased() + " "
                + URLEncoder.encode(lease.key().source(), StandardCharsets.UTF_8) + " "
                + URLEncoder.encode(lease.key().provider(), StandardCharsets.UTF_8);
        return checksum(fields) + " " + fields;
    }

    private static @Nullable Lease parse(String line) {
        if (line.length() <= CHECKSUM_LENGTH || line.charAt(CHECKSUM_LENGTH) != ' '
                || !checksum(line.substring(CHECKSUM_LENGTH + 1)).equals(line.substring(0, CHECKSUM_LENGTH))) {
            return null;
        }
        String[] fields = line.substring(CHECKSUM_LENGTH + 1).split(" ", -1);
        if (fields.length != FIELDS) {
            return null;
        }
        try {
            return new Lease(
                    new WarmUpLedger.Key(URLDecoder.decode(fields[2], StandardCharsets.UTF_8),
                            URLDecoder.decode(fields[3], StandardCharsets.UTF_8)),
                    Long.parseLong(fields[0]), Long.parseLong(fields[1]));
        } catch (IllegalArgumentException _) {
            return null;
        }
    }

    private static String checksum(String fields) {
        CRC32C crc = new CRC32C();
        crc.update(fields.getBytes(StandardCharsets.UTF_8));
        return String.format("%08x", crc.getValue());
    }

    @Override
    public void close() throws IOException {
        FileChannel open = channel;
        channel = null;
        if (open != null) {
            open.close();
        }
    }
}
