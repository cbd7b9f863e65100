package dev.penstock.delivery;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.time.Duration;

/**
 * A connection over a Unix domain socket in the shape of a {@link Socket}, which the JDK doesn't offer. As thread-safe
 * as its channel: one reader, one writer, and closing from any thread ends both. Waiting in it parks a virtual thread
 * and holds no carrier.
 *
 * <p>What has no meaning here, socket options and Internet addresses, is left to {@link Socket}, whose own descriptor is
 * never made.
 */
final class UnixSocket extends Socket {
    /** Between two tries while the listener's backlog is full. */
    private static final Duration FIRST_PAUSE = Duration.ofMillis(1);
    private static final Duration MAX_PAUSE = Duration.ofMillis(50);

    private final SocketChannel channel;

    private UnixSocket(SocketChannel channel) {
        this.channel = channel;
    }

    /**
     * Connects. The kernel doesn't let a non-blocking socket wait for room in the listener's backlog, as it does with TCP
     * (connect(2), EAGAIN), so this tries again until then.
     *
     * @throws SocketTimeoutException when the backlog stayed full
     */
    static UnixSocket connect(UnixDomainSocketAddress address, Duration timeout) throws IOException {
        long end = System.nanoTime() + timeout.toNanos();
        Duration pause = FIRST_PAUSE;
        while (true) {
            SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            try {
                // Only a non-blocking channel says "full" on every kind of thread; a blocking one may wait without end.
                channel.configureBlocking(false);
                if (channel.connect(address)) {
                    channel.configureBlocking(true);
                    return new UnixSocket(channel);
                }
                channel.close();
            } catch (SocketException e) {
                channel.close();
                if (!isBacklogFull(e, address)) {
                    throw e;
                }
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
            if (System.nanoTime() - end >= 0) {
                throw new SocketTimeoutException("its backlog is full");
            }
            pause(pause);
            pause = pause.multipliedBy(2).compareTo(MAX_PAUSE) < 0 ? pause.multipliedBy(2) : MAX_PAUSE;
        }
    }

    /** EAGAIN has no exception of its own, and its text depends on the locale; so what else it can't be decides. */
    private static boolean isBacklogFull(SocketException e, UnixDomainSocketAddress address) {
        return !(e instanceof ConnectException) && Files.isWritable(address.getPath());
    }

    private static void pause(Duration time) throws InterruptedIOException {
        try {
            Thread.sleep(time);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while connecting");
        }
    }

    /** A channel has none, and Socket's own would make a descriptor that nobody closes. */
    @Override
    public void setSoTimeout(int timeout) {}

    @Override
    public int getSoTimeout() {
        return 0;
    }

    @Override
    public InputStream getInputStream() {
        return Channels.newInputStream(channel);
    }

    @Override
    public OutputStream getOutputStream() {
        return Channels.newOutputStream(channel);
    }

    @Override
    public SocketAddress getRemoteSocketAddress() {
        try {
            return channel.getRemoteAddress();
        } catch (IOException e) {
            throw new IllegalStateException("closed", e);
        }
    }

    @Override
    public boolean isConnected() {
        return true;
    }

    @Override
    public boolean isClosed() {
        return !channel.isOpen();
    }

    @Override
    public void shutdownOutput() throws IOException {
        channel.shutdownOutput();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
