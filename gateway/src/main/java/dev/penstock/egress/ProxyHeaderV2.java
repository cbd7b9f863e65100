package dev.penstock.egress;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;

/**
 * Writes the header of the PROXY protocol, version 2 (proxy-protocol.txt 2.2), as a client of an egress proxy sends it: its
 * source is where the proxy is to connect from, its destination what it is to connect to. Stateless.
 */
public final class ProxyHeaderV2 {
    private static final byte[] SIGNATURE = {'\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q', 'U', 'I', 'T', '\n'};
    private static final byte VERSION_2_PROXY = 0x21;
    private static final byte TCP_OVER_IPV4 = 0x11;
    private static final byte TCP_OVER_IPV6 = 0x21;

    private ProxyHeaderV2() {}

    /** @param from of the family of {@code to} */
    public static byte[] of(InetAddress from, InetSocketAddress to) {
        byte[] source = from.getAddress();
        byte[] destination = to.getAddress().getAddress();
        if (source.length != destination.length) {
            throw new IllegalArgumentException("addresses of two families: " + from + ", " + to);
        }
        int length = 2 * source.length + 4; // both addresses, both ports
        return ByteBuffer.allocate(SIGNATURE.length + 4 + length).put(SIGNATURE).put(VERSION_2_PROXY)
                .put(source.length == 4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6).putShort((short) length).put(source)
                .put(destination).putShort((short) 0).putShort((short) to.getPort()).array();
    }
}
