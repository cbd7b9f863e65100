package dev.penstock.loadgen;

/** Recipient addresses that name their delivery: {@code u<sequence>.<recipient>@domain}. Pure functions. */
final class Address {
    static final long NONE = -1;

    private static final int RECIPIENT_BITS = 16;

    private Address() {}

    static void append(Ascii out, long sequence, int recipient, byte[] domain) {
        out.add('u').decimal(sequence).add('.').decimal(recipient).add('@').add(domain);
    }

    /** Sequence and recipient in one number, or {@link #NONE} for an address that isn't the generator's. */
    static long parse(byte[] text, int from, int at) {
        if (at - from < 4 || text[from] != 'u') {
            return NONE;
        }
        long sequence = 0;
        int i = from + 1;
        for (; i < at && isDigit(text[i]); i++) {
            sequence = sequence * 10 + text[i] - '0';
        }
        if (i == at || text[i] != '.') {
            return NONE;
        }
        int recipient = 0;
        for (i++; i < at && isDigit(text[i]); i++) {
            recipient = recipient * 10 + text[i] - '0';
        }
        return i == at && sequence < DeliverySet.LIMIT && recipient < 1 << RECIPIENT_BITS
                ? sequence << RECIPIENT_BITS | recipient
                : NONE;
    }

    static long sequence(long parsed) {
        return parsed >>> RECIPIENT_BITS;
    }

    static int recipient(long parsed) {
        return (int) parsed & (1 << RECIPIENT_BITS) - 1;
    }

    private static boolean isDigit(byte b) {
        return b >= '0' && b <= '9';
    }
}
