package dev.penstock.units;

import java.net.InetAddress;

/**
 * The first bits of an address: a client, or the network around it. Immutable. IPv4 stands where IPv6 has it mapped
 * (RFC 4291 2.5.5.2), so that a client is the same whichever way its address was told.
 */
public record ClientKey(long high, long low) implements Comparable<ClientKey> {
    private static final long MAPPED = 0xffffL << Integer.SIZE;
    private static final int V4_OCTETS = 4;

    /** With so many bits of an IPv4, or of an IPv6 address. */
    public static ClientKey of(InetAddress address, int prefixV4, int prefixV6) {
        byte[] octets = address.getAddress();
        if (octets.length == V4_OCTETS) {
            return v4(word(octets, 0, V4_OCTETS), prefixV4);
        }
        long high = word(octets, 0, Long.BYTES);
        long low = word(octets, Long.BYTES, Long.BYTES);
        if (high == 0 && low >>> Integer.SIZE == 0xffff) {
            return v4(low & 0xffff_ffffL, prefixV4);
        }
        return prefixV6 <= Long.SIZE
                ? new ClientKey(high & mask(prefixV6), 0)
                : new ClientKey(high, low & mask(prefixV6 - Long.SIZE));
    }

    private static ClientKey v4(long address, int prefix) {
        return new ClientKey(0, MAPPED | address & mask(Integer.SIZE + prefix));
    }

    private static long mask(int bits) {
        return bits == 0 ? 0 : -1L << Long.SIZE - bits;
    }

    private static long word(byte[] octets, int from, int count) {
        long word = 0;
        for (int i = from; i < from + count; i++) {
            word = word << Byte.SIZE | octets[i] & 0xff;
        }
        return word;
    }

    /** Any order will do: hash tables stay quick by it when somebody picks addresses that collide. */
    @Override
    public int compareTo(ClientKey other) {
        int order = Long.compare(high, other.high);
        return order != 0 ? order : Long.compare(low, other.low);
    }
}
