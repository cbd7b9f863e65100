package dev.penstock.units;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

/** A set of CIDR blocks. Immutable. */
public final class Networks {
    private static final class Block {
        private final byte[] address;
        private final int prefix;

        Block(byte[] address, int prefix) {
            this.address = address;
            this.prefix = prefix;
        }

        boolean contains(byte[] other) {
            if (other.length != address.length) {
                return false;
            }
            int whole = prefix / Byte.SIZE;
            for (int i = 0; i < whole; i++) {
                if (address[i] != other[i]) {
                    return false;
                }
            }
            int rest = prefix % Byte.SIZE;
            return rest == 0 || (address[whole] ^ other[whole]) >> Byte.SIZE - rest == 0;
        }
    }

    private final List<Block> blocks;

    private Networks(List<Block> blocks) {
        this.blocks = blocks;
    }

    /**
     * @param cidrs {@code 192.0.2.0/24}, {@code 2001:db8::/32}, or an address alone
     * @throws IllegalArgumentException when one is written wrongly
     */
    public static Networks parse(List<String> cidrs) {
        List<Block> blocks = new ArrayList<>(cidrs.size());
        for (String cidr : cidrs) {
            int slash = cidr.indexOf('/');
            byte[] address = InetAddress.ofLiteral(slash < 0 ? cidr : cidr.substring(0, slash)).getAddress();
            int bits = address.length * Byte.SIZE;
            int prefix = slash < 0 ? bits : Integer.parseInt(cidr, slash + 1, cidr.length(), 10);
            if (prefix < 0 || prefix > bits) {
                throw new IllegalArgumentException("not a network: " + cidr);
            }
            blocks.add(new Block(address, prefix));
        }
        return new Networks(List.copyOf(blocks));
    }

    public boolean isEmpty() {
        return blocks.isEmpty();
    }

    public boolean contains(InetAddress address) {
        byte[] octets = address.getAddress();
        for (Block block : blocks) {
            if (block.contains(octets)) {
                return true;
            }
        }
        return false;
    }
}
