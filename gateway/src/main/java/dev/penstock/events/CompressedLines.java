package dev.penstock.events;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.Deflater;

import com.github.luben.zstd.Zstd;

import dev.penstock.config.EventsConfig.Compression;

/**
 * The form of the log's compressed files: members of one megabyte of lines each, every one compressed by itself, so that
 * a line in the middle is read without all that comes before it. {@code zcat} and {@code zstdcat} read them as any other
 * file. Stateless.
 *
 * <p>With gzip (RFC 1952) each member's header has an extra field, "Pe", with the member's octets. With zstd (RFC 8878)
 * the last frame is one to be skipped, with the table of zstd's seekable format: for each frame its octets compressed and
 * in clear, then how many frames there are.
 */
final class CompressedLines {
    /** Octets in clear of every member but the last, which has fewer. */
    static final int MEMBER = 1 << 20;

    static final int GZIP_MAGIC = 0x8b1f;
    static final int GZIP_HEADER = 10 + 2 + 4 + 4; // fixed part, length of the extra field, its subfield's head, its data
    static final int GZIP_TRAILER = 8;
    static final short GZIP_SUBFIELD = 'P' | 'e' << 8;
    private static final byte GZIP_DEFLATE = 8;
    private static final byte GZIP_EXTRA = 4; // FLG.FEXTRA
    private static final byte GZIP_UNKNOWN_SYSTEM = (byte) 255;

    static final int ZSTD_SKIPPABLE = 0x184D2A5E;
    static final int ZSTD_SEEKABLE = 0x8F92EAB1;
    static final int ZSTD_FOOTER = 9; // number of frames, descriptor, magic number
    static final int ZSTD_ENTRY = 8; // octets compressed, octets in clear
    static final int ZSTD_SKIPPABLE_HEADER = 8;
    private static final int ZSTD_LEVEL = 3; // as zstd has it by default

    private CompressedLines() {}

    /** Compresses all that {@code in} has; closes neither. */
    static void compress(InputStream in, OutputStream out, Compression compression) throws IOException {
        switch (compression) {
            case GZIP -> gzip(in, out);
            case ZSTD -> zstd(in, out);
            case NONE -> in.transferTo(out);
        }
    }

    private static void gzip(InputStream in, OutputStream out) throws IOException {
        byte[] clear = new byte[MEMBER];
        byte[] packed = new byte[MEMBER + MEMBER / 8];
        Deflater deflater = new Deflater(Deflater.DEFAULT_COMPRESSION, true);
        try {
            int octets = in.readNBytes(clear, 0, MEMBER);
            do {
                deflater.reset();
                deflater.setInput(clear, 0, octets);
                deflater.finish();
                int length = 0;
                while (!deflater.finished()) {
                    if (length == packed.length) {
                        packed = Arrays.copyOf(packed, packed.length * 2);
                    }
                    length += deflater.deflate(packed, length, packed.length - length);
                }
                CRC32 checksum = new CRC32();
                checksum.update(clear, 0, octets);
                ByteBuffer header = ByteBuffer.allocate(GZIP_HEADER).order(ByteOrder.LITTLE_ENDIAN)
                        .putShort((short) GZIP_MAGIC).put(GZIP_DEFLATE).put(GZIP_EXTRA).putInt(0).put((byte) 0)
                        .put(GZIP_UNKNOWN_SYSTEM).putShort((short) 8).putShort(GZIP_SUBFIELD)
                        .putShort((short) Integer.BYTES).putInt(GZIP_HEADER + length + GZIP_TRAILER);
                out.write(header.array());
                out.write(packed, 0, length);
                out.write(ByteBuffer.allocate(GZIP_TRAILER).order(ByteOrder.LITTLE_ENDIAN)
                        .putInt((int) checksum.getValue()).putInt(octets).array());
                octets = in.readNBytes(clear, 0, MEMBER);
            } while (octets > 0);
        } finally {
            deflater.end();
        }
    }

    private static void zstd(InputStream in, OutputStream out) throws IOException {
        byte[] clear = new byte[MEMBER];
        byte[] packed = new byte[(int) Zstd.compressBound(MEMBER)];
        List<int[]> frames = new ArrayList<>();
        int octets = in.readNBytes(clear, 0, MEMBER);
        do {
            long length = Zstd.compressByteArray(packed, 0, packed.length, clear, 0, octets, ZSTD_LEVEL, true);
            if (Zstd.isError(length)) {
                throw new IOException("zstd: " + Zstd.getErrorName(length));
            }
            out.write(packed, 0, (int) length);
            frames.add(new int[]{(int) length, octets});
            octets = in.readNBytes(clear, 0, MEMBER);
        } while (octets > 0);
        int table = frames.size() * ZSTD_ENTRY + ZSTD_FOOTER;
        ByteBuffer last = ByteBuffer.allocate(ZSTD_SKIPPABLE_HEADER + table).order(ByteOrder.LITTLE_ENDIAN)
                .putInt(ZSTD_SKIPPABLE).putInt(table);
        for (int[] frame : frames) {
            last.putInt(frame[0]).putInt(frame[1]);
        }
        last.putInt(frames.size()).put((byte) 0).putInt(ZSTD_SEEKABLE);
        out.write(last.array());
    }
}
