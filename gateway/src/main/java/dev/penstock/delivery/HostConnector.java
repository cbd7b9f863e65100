package dev.penstock.delivery;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedSet;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.SourceConfig;
import dev.penstock.delivery.SmtpClientSession.Watcher;
import dev.penstock.egress.EgressConnection;
import dev.penstock.egress.EgressException;
import dev.penstock.egress.HappyEyeballs;
import dev.penstock.egress.Source;
import dev.penstock.egress.SourceConnector;
import dev.penstock.egress.SourceListener;
import dev.penstock.routing.MailHost;
import dev.penstock.tls.ClientTls;

/**
 * Connects sessions to hosts: from a source, or over a Unix domain socket. Blocks; interrupting the caller's virtual thread
 * ends it. Thread-safe.
 */
final class HostConnector {
    /**
     * What came of trying several addresses of a host.
     *
     * @param connection null when none was reached
     * @param failed     those that failed before, with why; the last is one that tells more than that a host can't be
     *                   reached, if there is any
     */
    record Tried(@Nullable HostConnection connection, List<Failed> failed) {
        /**
         * Those that failed, the one that was reached, the others.
         *
         * @param hosts all of them
         */
        List<MailHost> order(List<MailHost> hosts) {
            SequencedSet<MailHost> order = new LinkedHashSet<>();
            failed.forEach(each -> order.add(each.host));
            if (connection != null) {
                order.add(connection.host());
            }
            order.addAll(hosts);
            return List.copyOf(order);
        }
    }

    record Failed(MailHost host, SessionException why) {}

    private final SourceConnector connector = new SourceConnector(HostConnector::secure);
    private final SourceListener listener;

    HostConnector(SourceListener listener) {
        this.listener = listener;
    }

    private static Socket secure(Socket wire, String host, int port, Optional<Path> ca)
            throws IOException {
        return new ClientTls(ca).handshake(wire, host, port, true).socket();
    }

    /** @param timeout for the connection alone */
    HostConnection connect(Source source, MailHost host, Duration timeout, Watcher watcher) throws SessionException {
        try {
            return switch (host.address()) {
                case UnixDomainSocketAddress path -> local(host, UnixSocket.connect(path, timeout), watcher);
                case InetSocketAddress address -> {
                    mustReach(source, host, address);
                    yield watched(host, connect(source, address, timeout, watcher), watcher);
                }
                default -> throw new IllegalStateException("of no known kind: " + host);
            };
        } catch (IOException e) {
            throw failed(source, host, e);
        }
    }

    /**
     * Connects to the first of these that answers.
     *
     * @param hosts addresses of one host, in the order in which they are tried; none is a Unix domain socket
     */
    Tried connect(Source source, List<MailHost> hosts, Duration timeout, Watcher watcher) throws SessionException {
        HappyEyeballs.Result result;
        try {
            result = HappyEyeballs.connect(hosts.size(), i -> connect(source,
                    (InetSocketAddress) hosts.get(i).address(), timeout, watcher));
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw new SessionException(Phase.CONNECT, new Failure(Failure.Kind.STOPPED,
                    "stopped while connecting to " + hosts.getFirst().text()));
        }
        List<Failed> failed = new ArrayList<>();
        List<Failed> ofSource = new ArrayList<>();
        for (int i = 0; i < hosts.size(); i++) {
            IOException why = result.failures().get(i);
            if (why != null) {
                (why instanceof EgressException ? ofSource : failed)
                        .add(new Failed(hosts.get(i), failed(source, hosts.get(i), why)));
            }
        }
        failed.addAll(ofSource);
        EgressConnection connection = result.connection();
        return new Tried(connection == null ? null : watched(hosts.get(result.winner()), connection, watcher), failed);
    }

    private EgressConnection connect(Source source, InetSocketAddress address, Duration timeout, Watcher watcher)
            throws IOException {
        EgressConnection connection = connector.connect(source, address, timeout,
                (time, breakOff) -> deadline(watcher.watch(breakOff), time));
        listener.worked(source);
        return connection;
    }

    /** Whether a connection from the source comes about. @throws IOException when it doesn't, see {@link SourceConnector} */
    void probe(Source source, InetSocketAddress address, Duration timeout, Watcher watcher) throws IOException {
        connector.connect(source, address, timeout, (time, breakOff) -> deadline(watcher.watch(breakOff), time))
                .close();
    }

    private static SourceConnector.Deadline deadline(DeadlineGuard.Watch watch, Duration time) {
        watch.within(Math.max(1, time.toNanos()));
        return new SourceConnector.Deadline() {
            @Override
            public boolean expired() {
                return watch.expired();
            }

            @Override
            public void close() {
                watch.end();
            }
        };
    }

    private static HostConnection watched(MailHost host, EgressConnection connection, Watcher watcher) {
        return new HostConnection(host, connection.socket(), connection.wire(), watcher.watch(connection::close),
                connection.from() == null ? "" : connection.from().getHostAddress());
    }

    private static HostConnection local(MailHost host, Socket socket, Watcher watcher) {
        return new HostConnection(host, socket, socket,
                watcher.watch(new EgressConnection(socket, socket, null)::close), "");
    }

    private static void mustReach(Source source, MailHost host, InetSocketAddress address) throws SessionException {
        if (!source.reaches(address.getAddress())) {
            String why = source.name().equals(SourceConfig.DEFAULT_NAME) && source.proxy() == null
                    ? "delivery.source-address " + source.ownAddresses().iterator().next().getHostAddress()
                            + " is of the other family"
                    : "source " + source.text() + " has no address of its family";
            throw new SessionException(Phase.CONNECT, new Failure(Failure.Kind.UNREACHABLE,
                    "can't connect to " + host.text() + ": " + why));
        }
    }

    private SessionException failed(Source source, MailHost host, IOException e) {
        if (e instanceof EgressException own && host.address() instanceof InetSocketAddress address) {
            listener.failed(source, address, own);
        } else if (e instanceof ConnectException) {
            listener.worked(source);
        }
        Failure.Kind kind = switch (e) {
            case EgressException own -> switch (own.kind()) {
                case PORTS -> Failure.Kind.SOURCE_PORTS;
                case ADDRESS, PROXY_ADDRESS -> Failure.Kind.SOURCE_ADDRESS;
                case PROXY_LOGIN -> Failure.Kind.SOURCE_LOGIN;
                case PROXY_UNREACHABLE, PROXY_FAILED -> Failure.Kind.SOURCE_PROXY;
            };
            case SocketTimeoutException _ -> Failure.Kind.CONNECT_TIMEOUT;
            case ConnectException _ -> Failure.Kind.CONNECTION_REFUSED;
            default -> host.isUnixSocket() ? Failure.Kind.CONNECTION_REFUSED : Failure.Kind.UNREACHABLE;
        };
        String text = "can't connect to " + host.text() + ": " + e.getMessage();
        return new SessionException(Phase.CONNECT, new Failure(kind, e instanceof EgressException
                ? "source " + source.name() + ": " + e.getMessage()
                : text));
    }
}
