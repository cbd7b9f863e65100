package dev.penstock.loadgen;

import java.io.Closeable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Appends delivery numbers to a file: twelve octets each, the run as an int and the number as a long, big-endian, the
 * highest bit set when the content was damaged. Thread-safe; what was appended is in the file after {@link #flush}.
 */
final class DeliveryLog implements Closeable {
    static final long CORRUPT = Long.MIN_VALUE;

    private static final int RECORD = Integer.BYTES + Long.BYTES;
    private static final int BUFFERED_RECORDS = 4096;

    private final FileChannel file;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(RECORD * BUFFERED_RECORDS);

    DeliveryLog(Path path) throws IOException {
        file = FileChannel.open(path, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    synchronized void append(int run, long record) {
        buffer.putInt(run).putLong(record);
        if (buffer.remaining() < RECORD) {
            flush();
        }
    }

    synchronized void flush() {
        try {
            buffer.flip();
            while (buffer.hasRemaining()) {
                file.write(buffer);
            }
            buffer.clear();
        } catch (IOException e) {
            throw new UncheckedIOException("the delivery log can't be written", e);
        }
    }

    @Override
    public synchronized void close() throws IOException {
        flush();
        file.close();
    }
}
