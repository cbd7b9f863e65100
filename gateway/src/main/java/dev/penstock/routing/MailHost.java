package dev.penstock.routing;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.function.Predicate;

/**
 * An address to open a connection to.
 *
 * @param name       the MX or route host, without a trailing dot; an address literal's text when there is no name
 * @param address    resolved, with port 25 unless a route says otherwise; or a socket in this machine's file system
 * @param preference the MX preference; 0 for routes and implicit MX
 */
public record MailHost(String name, SocketAddress address, int preference) {
    private static final int IPV4 = 4; // octets
    private static final int PREFIX_V4 = 24;
    private static final int PREFIX_V6 = 48;

    public MailHost(String name, InetAddress address, int port, int preference) {
        this(name, new InetSocketAddress(address, port), preference);
    }

    /** Whether it is a Unix domain socket. */
    public boolean isUnixSocket() {
        return address instanceof UnixDomainSocketAddress;
    }

    /** Whether one can connect from a source that reaches such addresses; a Unix domain socket always. */
    public boolean isReachableFrom(Predicate<InetAddress> source) {
        return !(address instanceof InetSocketAddress inet) || source.test(inet.getAddress());
    }

    /** The IP address, or the socket's path. */
    public String addressText() {
        return address instanceof InetSocketAddress inet ? inet.getAddress().getHostAddress() : address.toString();
    }

    /** 0 for a Unix domain socket. */
    public int port() {
        return address instanceof InetSocketAddress inet ? inet.getPort() : 0;
    }

    /** For people: {@code mx.example.net[192.0.2.1]:25}, {@code unix:/run/dovecot/lmtp}. */
    public String text() {
        return isUnixSocket() ? name : name + "[" + addressText() + "]:" + port();
    }

    /**
     * The network around it, {@code 192.0.2.0/24} or {@code 2001:db8:0:0:0:0:0:0/48}: what one customer of a provider has.
     * Empty for a Unix domain socket.
     */
    public String network() {
        if (!(address instanceof InetSocketAddress inet)) {
            return "";
        }
        byte[] octets = inet.getAddress().getAddress();
        int prefix = octets.length == IPV4 ? PREFIX_V4 : PREFIX_V6;
        Arrays.fill(octets, prefix / Byte.SIZE, octets.length, (byte) 0);
        try {
            return InetAddress.getByAddress(octets).getHostAddress() + "/" + prefix;
        } catch (UnknownHostException e) {
            throw new IllegalStateException("of no address's length: " + inet, e);
        }
    }
}
