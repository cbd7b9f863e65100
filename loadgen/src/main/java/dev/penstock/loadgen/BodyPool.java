package dev.penstock.loadgen;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;

/**
 * The message bodies of a run, generated once and shared by all sessions. Immutable.
 *
 * <p>A body is a part from this pool, already dot-stuffed, and a last line that names run and sequence number: no two
 * bodies are alike, so a body delivered under another message's header, cut or mixed doesn't pass its checksum.
 */
final class BodyPool {
    static final int SMALLEST = 128;
    static final long LARGEST = 64L << 20;

    private static final int VARIANTS = 8;
    private static final int POOL_BYTES = 32 << 20;
    private static final int TEXT_LINE = 72; // below the 78 of RFC 5322 2.1.1 with CRLF and a stuffed dot
    private static final byte[] LAST_LINE = Ascii.of("end of ");
    private static final int SEQUENCE_DIGITS = 12;
    private static final int LAST_LINE_LENGTH = LAST_LINE.length + 8 + 1 + SEQUENCE_DIGITS + 2;
    private static final byte[] ALPHABET = Ascii.of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ,");
    private static final List<byte[]> DOT_STARTS = List.of(Ascii.of("."), Ascii.of(".."), Ascii.of(". "));

    private final Part[][] parts;

    /**
     * The part that many bodies share.
     *
     * @param wire dot-stuffed octets in a direct buffer, to be duplicated before use
     * @param size octets before stuffing
     * @param sum  CRC-32C of these
     */
    record Part(ByteBuffer wire, int size, int sum) {
        int bodySize() {
            return size + LAST_LINE_LENGTH;
        }
    }

    /**
     * @param dots     share of lines that start with a dot
     * @param eightBit share of lines with octets above 127
     */
    BodyPool(List<Integer> sizes, double dots, double eightBit, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        parts = new Part[sizes.size()][];
        for (int i = 0; i < parts.length; i++) {
            int size = sizes.get(i) - LAST_LINE_LENGTH;
            parts[i] = new Part[Math.clamp(POOL_BYTES / sizes.size() / size, 1, VARIANTS)];
            for (int variant = 0; variant < parts[i].length; variant++) {
                parts[i][variant] = generate(size, dots, eightBit, random);
            }
        }
    }

    Part pick(int sizeIndex, long bits) {
        Part[] variants = parts[sizeIndex];
        return variants[Mix.below(bits, variants.length)];
    }

    /** Appends the last line of a body and gives the checksum of the whole. */
    static int appendLastLine(Ascii out, Part part, int run, long sequence) {
        int start = out.length();
        out.add(LAST_LINE).hex32(run).add(' ').paddedDecimal(sequence, SEQUENCE_DIGITS).crlf();
        return Crc32c.extend(part.sum, out.array(), start, out.length() - start);
    }

    private static Part generate(int size, double dots, double eightBit, SplittableRandom random) {
        byte[] plain = new byte[size];
        byte[] wire = new byte[size + size / 2 + 1]; // a stuffed dot adds one octet to a line of at least three
        int wireLength = 0;
        for (int at = 0; at < size;) {
            int line = lineLength(size - at);
            fill(plain, at, line - 2, random.nextDouble() < dots, random.nextDouble() < eightBit, random);
            plain[at + line - 2] = '\r';
            plain[at + line - 1] = '\n';
            if (plain[at] == '.') {
                wire[wireLength++] = '.';
            }
            System.arraycopy(plain, at, wire, wireLength, line);
            wireLength += line;
            at += line;
        }
        CRC32C sum = new CRC32C();
        sum.update(plain);
        ByteBuffer direct = ByteBuffer.allocateDirect(wireLength).put(wire, 0, wireLength).flip();
        return new Part(direct.asReadOnlyBuffer(), size, (int) sum.getValue());
    }

    /** Never leaves a rest too short for a line of its own. */
    private static int lineLength(int rest) {
        if (rest <= TEXT_LINE) {
            return rest;
        }
        return rest - TEXT_LINE < 3 ? TEXT_LINE / 2 : TEXT_LINE;
    }

    private static void fill(byte[] out, int offset, int length, boolean dot, boolean eightBit,
            SplittableRandom random) {
        for (int i = 0; i < length; i++) {
            out[offset + i] = eightBit && i % 4 == 3
                    ? (byte) random.nextInt(0xa0, 0x100) // the printable half of ISO 8859-1
                    : ALPHABET[random.nextInt(ALPHABET.length)];
        }
        if (dot) {
            byte[] start = DOT_STARTS.get(random.nextInt(DOT_STARTS.size()));
            System.arraycopy(start, 0, out, offset, Math.min(start.length, length));
            if (random.nextInt(4) == 0) {
                // a short line can't be had in the middle of a block of fixed size; blanks look as lonely to a scanner
                Arrays.fill(out, offset + 1, offset + length, (byte) ' ');
            }
        }
    }
}
