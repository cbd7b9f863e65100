package dev.penstock.testing;

import java.net.InetAddress;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Ports for programs that can't be told to take any: on a loopback address of this process's own, below those that the
 * system gives away, so that nobody comes to be there between the choice and the program's start. Stateless but for the
 * count of ports.
 */
public final class OwnLoopback {
    /** Of 127.0.0.0/8 the upper quarter, where no test has an address that it writes down. */
    private static final int FIRST = 192;
    private static final int MOST = 63;
    private static final int OCTET = 0xff;
    private static final AtomicInteger nextPort = new AtomicInteger(10_053);

    private OwnLoopback() {}

    /** Of no other process: it is made of the process's number, which has 22 bits. */
    public static InetAddress address() {
        long process = ProcessHandle.current().pid();
        return InetAddress.ofLiteral("127." + (FIRST + (process >> 16 & MOST)) + "." + (process >> 8 & OCTET) + "."
                + (process & OCTET));
    }

    /** Of nobody else at that address. */
    public static int port() {
        return nextPort.getAndIncrement();
    }
}
