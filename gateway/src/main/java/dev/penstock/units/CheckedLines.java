package dev.penstock.units;

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

/**
 * Lines of fields in files of our own: a checksum of the rest (CRC-32C, eight hexadecimal digits), a space, and the fields in
 * URL encoding with a space between any two. Stateless.
 */
public final class CheckedLines {
    private static final int CHECKSUM_LENGTH = 8;

    private CheckedLines() {}

    /** A line with its end. */
    public static String line(List<String> fields) {
        List<String> written = new ArrayList<>(fields.size());
        for (String field : fields) {
            written.add(URLEncoder.encode(field, StandardCharsets.UTF_8));
        }
        String rest = String.join(" ", written);
        return checksum(rest) + ' ' + rest + '\n';
    }

    /**
     * The fields of a line.
     *
     * @param line without its end
     * @throws IllegalArgumentException when it is damaged
     */
    public static List<String> fields(String line) {
        if (line.length() <= CHECKSUM_LENGTH || line.charAt(CHECKSUM_LENGTH) != ' '
                || !checksum(line.substring(CHECKSUM_LENGTH + 1)).equals(line.substring(0, CHECKSUM_LENGTH))) {
            throw new IllegalArgumentException("checksum");
        }
        List<String> fields = new ArrayList<>();
        for (String field : line.substring(CHECKSUM_LENGTH + 1).split(" ", -1)) {
            fields.add(URLDecoder.decode(field, StandardCharsets.UTF_8));
        }
        return fields;
    }

    /** Writes a file whole: what was there before stands until all of this does, synced. */
    public static void replace(Path file, String text) throws IOException {
        Path made = file.resolveSibling(file.getFileName() + ".new");
        try (FileChannel fresh = PrivateFiles.createAnew(made)) {
            write(fresh, text);
            fresh.force(true);
        }
        Files.move(made, file, StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel directory = FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
            directory.force(true);
        }
    }

    /** Writes all of it where the channel stands. */
    public static void write(FileChannel to, String text) throws IOException {
        ByteBuffer octets = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (octets.hasRemaining()) {
            to.write(octets);
        }
    }

    private static String checksum(String fields) {
        CRC32C crc = new CRC32C();
        crc.update(fields.getBytes(StandardCharsets.UTF_8));
        return String.format("%08x", crc.getValue());
    }
}
