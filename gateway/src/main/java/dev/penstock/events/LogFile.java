package dev.penstock.events;

import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.DataFormatException;
import java.util.zip.GZIPInputStream;
import java.util.zip.Inflater;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import org.jspecify.annotations.Nullable;

import dev.penstock.config.EventsConfig.Compression;

/**
 * A file of the delivery log as its readers find it: growing, closed, or compressed by us or by somebody else. Immutable.
 *
 * @param name        what it was begun as, {@code delivery-….jsonl}: it stays when the file is compressed, so that places in it
 *                    do
 * @param path        where its lines are now
 * @param compression how
 */
public record LogFile(String name, Path path, Compression compression) {
    /**
     * All of a directory by name. Of a file that is in clear and compressed at one time, as for a moment while it is being
     * compressed, the one in clear. What else lies there, links among it, isn't listed.
     *
     * @throws IOException when the directory can't be listed
     */
    public static Collection<LogFile> in(Path directory) throws IOException {
        Map<String, LogFile> found = new TreeMap<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory,
                DeliveryLogFile.PREFIX + "*" + DeliveryLogFile.SUFFIX + "{,.gz,.zst}")) {
            for (Path file : files) {
                if (Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                    LogFile one = of(file);
                    found.merge(one.name, one, (a, b) -> a.compression == Compression.NONE ? a : b);
                }
            }
        } catch (java.nio.file.DirectoryIteratorException e) {
            throw e.getCause();
        }
        return found.values();
    }

    private static LogFile of(Path file) {
        String name = String.valueOf(file.getFileName());
        for (Compression compression : Compression.values()) {
            if (compression != Compression.NONE && name.endsWith(compression.suffix())) {
                return new LogFile(name.substring(0, name.length() - compression.suffix().length()), file, compression);
            }
        }
        return new LogFile(name, file, Compression.NONE);
    }

    /** The file of that name in whichever form it has now; null when it is gone. */
    public static @Nullable LogFile find(Path directory, String name) {
        for (int look = 0; look < 2; look++) { // it may have been unpacked between two looks
            for (Compression compression : Compression.values()) { // in clear first: it goes when the other is there
                Path path = directory.resolve(name + compression.suffix());
                if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
                    return new LogFile(name, path, compression);
                }
            }
        }
        return null;
    }

    /**
     * Opens the file of that name in whichever form it has now.
     *
     * @throws NoSuchFileException when it is gone
     */
    public static Lines open(Path directory, String name) throws IOException {
        for (int look = 0; look < 2; look++) { // it may have been compressed between two looks
            for (Compression compression : Compression.values()) {
                try {
                    return new LogFile(name, directory.resolve(name + compression.suffix()), compression).open();
                } catch (NoSuchFileException _) {
                    // the next form
                }
            }
        }
        throw new NoSuchFileException(directory.resolve(name).toString());
    }

    /** @throws NoSuchFileException when it is gone, or has another form by now */
    public Lines open() throws IOException {
        FileChannel channel = FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
        try {
            return switch (compression) {
                case NONE -> new Clear(channel);
                case GZIP -> Members.ofGzip(channel);
                case ZSTD -> Members.ofZstd(channel);
            };
        } catch (IOException | RuntimeException | LinkageError e) {
            channel.close();
            throw e;
        }
    }

    /** Octets of lines by their place in the file in clear. Confined to whoever opened it. */
    public sealed interface Lines extends AutoCloseable {
        /**
         * Reads what there is from a place on.
         *
         * @return octets read, fewer than asked for at the end alone; 0 there and beyond it
         */
        int read(long place, byte[] into, int offset, int length) throws IOException;

        @Override
        void close() throws IOException;
    }

    private record Clear(FileChannel channel) implements Lines {
        @Override
        public int read(long place, byte[] into, int offset, int length) throws IOException {
            return readFully(channel, place, ByteBuffer.wrap(into, offset, length));
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    private static int readFully(FileChannel channel, long place, ByteBuffer into) throws IOException {
        int start = into.position();
        while (into.hasRemaining()) {
            if (channel.read(into, place + into.position() - start) < 0) {
                break;
            }
        }
        return into.position() - start;
    }

    /** What {@link CompressedLines} has made. */
    private static final class Members implements Lines {
        private final FileChannel channel;
        private final boolean zstd;
        private final long[] places; // of each member, and where the last one ends
        private final byte[] clear = new byte[CompressedLines.MEMBER];
        private int inClear = -1;
        private int octets;

        private Members(FileChannel channel, boolean zstd, long[] places) {
            this.channel = channel;
            this.zstd = zstd;
            this.places = places;
        }

        static Lines ofGzip(FileChannel channel) throws IOException {
            long size = channel.size();
            long[] places = new long[16];
            int members = 0;
            ByteBuffer header = ByteBuffer.allocate(CompressedLines.GZIP_HEADER).order(ByteOrder.LITTLE_ENDIAN);
            for (long place = 0; place < size;) {
                if (readFully(channel, place, header.clear()) < CompressedLines.GZIP_HEADER
                        || Short.toUnsignedInt(header.getShort(0)) != CompressedLines.GZIP_MAGIC
                        || header.getShort(12) != CompressedLines.GZIP_SUBFIELD
                        || header.getInt(16) <= CompressedLines.GZIP_HEADER) {
                    return new Foreign(channel, Compression.GZIP);
                }
                if (members + 1 == places.length) {
                    places = java.util.Arrays.copyOf(places, places.length * 2);
                }
                places[members++] = place;
                place += header.getInt(16);
                places[members] = place;
            }
            return places[members] == size
                    ? new Members(channel, false, java.util.Arrays.copyOf(places, members + 1))
                    : new Foreign(channel, Compression.GZIP);
        }

        static Lines ofZstd(FileChannel channel) throws IOException {
            long size = channel.size();
            ByteBuffer footer = ByteBuffer.allocate(CompressedLines.ZSTD_FOOTER).order(ByteOrder.LITTLE_ENDIAN);
            if (size < CompressedLines.ZSTD_FOOTER
                    || readFully(channel, size - CompressedLines.ZSTD_FOOTER, footer) < CompressedLines.ZSTD_FOOTER
                    || footer.getInt(5) != CompressedLines.ZSTD_SEEKABLE || footer.get(4) != 0) {
                return new Foreign(channel, Compression.ZSTD);
            }
            int frames = footer.getInt(0);
            long table = (long) frames * CompressedLines.ZSTD_ENTRY + CompressedLines.ZSTD_FOOTER;
            long end = size - table - CompressedLines.ZSTD_SKIPPABLE_HEADER;
            if (frames < 1 || end < 0 || table > Integer.MAX_VALUE) {
                return new Foreign(channel, Compression.ZSTD);
            }
            ByteBuffer entries = ByteBuffer.allocate((int) table).order(ByteOrder.LITTLE_ENDIAN);
            readFully(channel, end + CompressedLines.ZSTD_SKIPPABLE_HEADER, entries);
            long[] places = new long[frames + 1];
            for (int i = 0; i < frames; i++) {
                int packed = entries.getInt(i * CompressedLines.ZSTD_ENTRY);
                places[i + 1] = places[i] + packed;
                int inClear = entries.getInt(i * CompressedLines.ZSTD_ENTRY + Integer.BYTES);
                if (packed < 0 || i < frames - 1 && inClear != CompressedLines.MEMBER) { // somebody else's seekable file
                    return new Foreign(channel, Compression.ZSTD);
                }
            }
            return places[frames] == end ? new Members(channel, true, places) : new Foreign(channel, Compression.ZSTD);
        }

        @Override
        public int read(long place, byte[] into, int offset, int length) throws IOException {
            int read = 0;
            while (read < length) {
                long member = (place + read) / CompressedLines.MEMBER;
                if (member >= places.length - 1) {
                    break;
                }
                if (member != inClear) {
                    unpack((int) member);
                }
                int from = (int) ((place + read) % CompressedLines.MEMBER);
                int part = Math.min(length - read, octets - from);
                if (part <= 0) {
                    break;
                }
                System.arraycopy(clear, from, into, offset + read, part);
                read += part;
            }
            return read;
        }

        private void unpack(int member) throws IOException {
            inClear = -1;
            byte[] packed = new byte[Math.toIntExact(places[member + 1] - places[member])];
            if (readFully(channel, places[member], ByteBuffer.wrap(packed)) < packed.length) {
                throw new EOFException("the file ends within a member");
            }
            if (zstd) {
                long got = Zstd.decompressByteArray(clear, 0, clear.length, packed, 0, packed.length);
                if (Zstd.isError(got)) {
                    throw new IOException("zstd: " + Zstd.getErrorName(got));
                }
                octets = (int) got;
            } else {
                octets = inflate(packed);
            }
            inClear = member;
        }

        private int inflate(byte[] packed) throws IOException {
            Inflater inflater = new Inflater(true);
            try {
                inflater.setInput(packed, CompressedLines.GZIP_HEADER, packed.length - CompressedLines.GZIP_HEADER);
                int got = 0;
                while (!inflater.finished()) {
                    int part = inflater.inflate(clear, got, clear.length - got);
                    if (part == 0 && !inflater.finished()) {
                        throw new IOException(
                                "gzip: a member of more than " + CompressedLines.MEMBER + " octets, or torn");
                    }
                    got += part;
                }
                return got;
            } catch (DataFormatException e) {
                throw new IOException("gzip: " + e.getMessage(), e);
            } finally {
                inflater.end();
            }
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }

    /** Compressed by somebody else: read from the beginning. */
    private static final class Foreign implements Lines {
        private static final int BUFFER = 64 * 1024;

        private final FileChannel channel;
        private final Compression compression;
        private @Nullable InputStream in;
        private long at;

        Foreign(FileChannel channel, Compression compression) {
            this.channel = channel;
            this.compression = compression;
        }

        @Override
        public int read(long place, byte[] into, int offset, int length) throws IOException {
            InputStream open = in;
            if (open == null || place < at) {
                open = fromTheBeginning();
            }
            while (at < place) {
                long skipped = open.skip(place - at);
                if (skipped <= 0) {
                    return 0;
                }
                at += skipped;
            }
            int read = open.readNBytes(into, offset, length);
            at += read;
            return read;
        }

        private InputStream fromTheBeginning() throws IOException {
            if (in != null) {
                in.close(); // it has memory of its own
            }
            channel.position(0);
            InputStream raw = new FilterInputStream(Channels.newInputStream(channel)) {
                @Override
                public void close() {
                    // the channel is read again
                }
            };
            InputStream open = compression == Compression.GZIP
                    ? new GZIPInputStream(raw, BUFFER)
                    : new ZstdInputStreamNoFinalizer(raw);
            in = open;
            at = 0;
            return open;
        }

        @Override
        public void close() throws IOException {
            try (channel) {
                InputStream open = in;
                if (open != null) {
                    open.close();
                }
            }
        }
    }
}
