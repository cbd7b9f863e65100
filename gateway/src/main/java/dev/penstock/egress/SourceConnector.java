package dev.penstock.egress;

import java.io.EOFException;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.SourceConfig;
import dev.penstock.egress.EgressException.Kind;

/**
 * Makes connections to hosts from sources, directly or through their proxies. Blocks the caller's thread, which is to be a
 * virtual one: interrupting it ends the attempt. Thread-safe.
 *
 * <p>What is wrong with the source is an {@link EgressException}; any other {@link IOException} is about the host:
 * {@link ConnectException} (refused), {@link SocketTimeoutException}, or unreachable. With the PROXY protocol a
 * proxy can't say what went wrong and closes the connection, which looks like a host that does.
 */
public final class SourceConnector {
    /** Puts TLS on a connection to a proxy. */
    @FunctionalInterface
    public interface Tls {
        /**
         * Blocks; the certificate must be good for {@code host}.
         *
         * @param ca empty for Java's authorities
         */
        Socket secure(Socket wire, String host, int port, Optional<Path> ca) throws IOException;
    }

    /** Keeps a deadline for what has no time-out of its own. */
    @FunctionalInterface
    public interface Deadlines {
        /** Calls {@code breakOff} in another thread when the time is over, unless what is returned was closed before. */
        Deadline within(Duration time, Runnable breakOff);
    }

    /** Of one dialogue. */
    public interface Deadline extends AutoCloseable {
        /** Whether the time was over. */
        boolean expired();

        @Override
        void close();
    }

    private final Tls tls;

    public SourceConnector(Tls tls) {
        this.tls = tls;
    }

    /**
     * Connects.
     *
     * @param host    resolved
     * @param timeout for all of it
     */
    public EgressConnection connect(Source source, InetSocketAddress host, Duration timeout, Deadlines deadlines)
            throws IOException {
        InetAddress from = source.addressFor(host.getAddress());
        Source.Proxy proxy = source.proxy();
        Socket wire = new Socket();
        try {
            wire.setTcpNoDelay(true);
            return proxy == null
                    ? direct(wire, from, host, timeout)
                    : through(wire, proxy, from, host, timeout, deadlines);
        } catch (IOException | RuntimeException e) {
            wire.close();
            throw e;
        }
    }

    private static EgressConnection direct(Socket wire, @Nullable InetAddress from, InetSocketAddress host,
            Duration timeout) throws IOException {
        if (from != null) {
            try {
                wire.bind(new InetSocketAddress(from, 0));
            } catch (BindException e) {
                throw notBound(from, e);
            }
        }
        try {
            wire.connect(host, millis(timeout));
        } catch (BindException e) { // the system gave no port for it
            throw notBound(from, e);
        }
        return new EgressConnection(wire, wire, wire.getLocalAddress());
    }

    /** The system says much the same for an address that isn't here and one whose ports are used up. */
    static EgressException notBound(@Nullable InetAddress from, BindException e) {
        String what = "can't send" + (from == null ? "" : " from " + from.getHostAddress()) + ": " + e.getMessage();
        return from == null || AddressWatch.isPlumbed(from)
                ? new EgressException(Kind.PORTS, what + ", and the address is here: its ports are used up")
                : new EgressException(Kind.ADDRESS, what);
    }

    private EgressConnection through(Socket wire, Source.Proxy proxy, @Nullable InetAddress from,
            InetSocketAddress host, Duration timeout, Deadlines deadlines) throws IOException {
        long begin = System.nanoTime();
        try {
            wire.connect(new InetSocketAddress(InetAddress.getByName(proxy.host()), proxy.port()), millis(timeout));
        } catch (UnknownHostException e) {
            throw new EgressException(Kind.PROXY_UNREACHABLE, "proxy " + proxy.text() + " has no address");
        } catch (IOException e) {
            throw new EgressException(Kind.PROXY_UNREACHABLE,
                    "can't connect to proxy " + proxy.text() + ": " + e.getMessage());
        }
        Duration left = timeout.minusNanos(System.nanoTime() - begin);
        SocksClient socks = null;
        try (Deadline deadline = deadlines.within(left, () -> closeQuietly(wire))) {
            try {
                Socket socket = proxy.tls() ? tls.secure(wire, proxy.host(), proxy.port(), proxy.ca()) : wire;
                if (proxy.protocol() == SourceConfig.Proxy.PROXY_V2) {
                    if (from == null) {
                        throw new EgressException(Kind.PROXY_ADDRESS, "the PROXY protocol needs a source-address");
                    }
                    socket.getOutputStream().write(ProxyHeaderV2.of(from, host));
                    return new EgressConnection(socket, wire, from);
                }
                socks = new SocksClient(proxy, socket.getInputStream(), socket.getOutputStream());
                InetSocketAddress bound = socks.connect(from, host);
                return new EgressConnection(socket, wire, bound.getPort() == 0 ? from : bound.getAddress());
            } catch (EgressException e) {
                throw e;
            } catch (IOException e) {
                throw told(proxy, e, deadline.expired(), socks != null && socks.isConnecting());
            }
        }
    }

    /** @param connecting whether the proxy has only to reach the host */
    private static IOException told(Source.Proxy proxy, IOException e, boolean expired, boolean connecting) {
        if (connecting && (expired || e instanceof SocketTimeoutException)) {
            return new SocketTimeoutException(expired
                    ? "proxy " + proxy.text() + " didn't reach it in time"
                    : e.getMessage());
        }
        if (connecting && isOfHost(e)) {
            return e;
        }
        if (connecting && (e instanceof EOFException || e instanceof SocketException)) { // as some say it
            return new NoRouteToHostException("proxy " + proxy.text() + " closed the connection instead of an answer");
        }
        return new EgressException(Kind.PROXY_FAILED, "proxy " + proxy.text() + (expired
                ? " didn't answer in time"
                : " broke off: " + (e.getMessage() == null ? "closed the connection" : e.getMessage())));
    }

    /** As {@link SocksClient} tells it. */
    private static boolean isOfHost(IOException e) {
        return e instanceof ConnectException || e instanceof NoRouteToHostException;
    }

    private static int millis(Duration time) {
        return Math.clamp(time.toMillis(), 1, Integer.MAX_VALUE);
    }

    private static void closeQuietly(Socket socket) {
        try {
            socket.close();
        } catch (IOException _) {
            // nothing is left to be done with it
        }
    }
}
