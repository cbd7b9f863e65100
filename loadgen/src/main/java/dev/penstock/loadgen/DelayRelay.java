package dev.penstock.loadgen;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;

/**
 * A long wire: passes the octets of connections on, each so much later, in both directions, without a limit to their rate
 * but what {@link #PIECES} of them may be under way. Thread-safe; two virtual threads for each direction of a connection.
 * May speak TLS on one side, and may be there only now and then.
 */
public final class DelayRelay implements AutoCloseable {
    private static final int PIECE = 64 << 10;
    /** Under way in one direction of one connection: 16 MB, all of it in memory only when it is full. */
    private static final int PIECES = 256;
    private static final int BACKLOG = 1_024;
    private static final Piece END = new Piece(0, ByteBuffer.allocate(0));

    /**
     * Octets on their way.
     *
     * @param dueNanos when they go on
     * @param octets   none at the end
     */
    private record Piece(long dueNanos, ByteBuffer octets) {
        boolean isLast() {
            return octets.capacity() == 0;
        }
    }

    private volatile ServerSocket server;
    private final InetSocketAddress target;
    private final long delayNanos;
    private final @Nullable StartTls tls;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();

    private volatile boolean closed;

    private DelayRelay(ServerSocket server, InetSocketAddress target, Duration delay, @Nullable StartTls tls) {
        this.server = server;
        this.tls = tls;
        this.target = target;
        this.delayNanos = delay.toNanos();
    }

    /** @param delay of each octet, one way */
    public static DelayRelay start(InetSocketAddress listen, InetSocketAddress target, Duration delay)
            throws IOException {
        return start(listen, target, delay, null);
    }

    /** @param tls spoken on one side; null for none */
    static DelayRelay start(InetSocketAddress listen, InetSocketAddress target, Duration delay, @Nullable StartTls tls)
            throws IOException {
        DelayRelay relay = new DelayRelay(bound(listen), target, delay, tls);
        relay.accept(relay.server);
        return relay;
    }

    private static ServerSocket bound(InetSocketAddress listen) throws IOException {
        ServerSocket server = new ServerSocket();
        try {
            server.bind(listen, BACKLOG);
        } catch (IOException e) {
            server.close();
            throw e;
        }
        return server;
    }

    /** From now on it is there for so long, and gone for as long, in turns: connections are cut, new ones refused. */
    void flap(Duration each) {
        InetSocketAddress address = address();
        Thread.ofVirtual().name("relay-flap").start(() -> {
            try {
                while (!closed) {
                    Thread.sleep(each);
                    server.close();
                    open.forEach(DelayRelay::close);
                    Thread.sleep(each);
                    ServerSocket next = bound(address);
                    server = next;
                    if (closed) {
                        next.close();
                    }
                    accept(next);
                }
            } catch (IOException e) {
                throw new UncheckedIOException("the relay at " + address + " can't come back", e);
            } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
            }
        });
    }

    public InetSocketAddress address() {
        return new InetSocketAddress(server.getInetAddress(), server.getLocalPort());
    }

    private void accept(ServerSocket from) {
        Thread.ofVirtual().name("relay-accept").start(() -> {
            while (!from.isClosed()) {
                try {
                    Socket client = from.accept();
                    open.add(client);
                    Thread.ofVirtual().name("relay-connect").start(() -> connect(from, client));
                } catch (IOException _) {
                    // closed, or the client has gone already
                }
            }
        });
    }

    private void connect(ServerSocket from, Socket client) {
        Socket host = new Socket();
        open.add(host);
        try {
            InetAddress source = client.getInetAddress();
            client.setTcpNoDelay(true);
            host.setTcpNoDelay(true);
            host.connect(target);
            Socket near = client;
            Socket far = host;
            if (tls != null) {
                Socket secured = tls.begin(client, host);
                switch (tls.side()) {
                    case ACCEPT -> near = secured;
                    case OPEN -> far = secured;
                }
            }
            AtomicInteger directions = new AtomicInteger(2);
            Runnable ended = () -> {
                if (directions.decrementAndGet() == 0) {
                    List.of(client, host).forEach(this::end);
                }
            };
            direction("relay-out of " + source, near, far, ended);
            direction("relay-in of " + source, far, near, ended);
        } catch (IOException _) {
            end(client);
            end(host);
        }
        if (from.isClosed()) {
            close(client);
            close(host);
        }
    }

    private void direction(String name, Socket from, Socket to, Runnable ended) {
        BlockingQueue<Piece> pieces = new ArrayBlockingQueue<>(PIECES);
        Thread.ofVirtual().name(name).start(() -> read(from, pieces));
        Thread.ofVirtual().name(name).start(() -> {
            write(to, pieces);
            ended.run();
        });
    }

    private void read(Socket from, BlockingQueue<Piece> pieces) {
        byte[] buffer = new byte[PIECE];
        try {
            InputStream in = from.getInputStream();
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                pieces.put(new Piece(System.nanoTime() + delayNanos, ByteBuffer.wrap(Arrays.copyOf(buffer, n))));
            }
        } catch (IOException _) {
            // its end reaches the other side as the end of what it sent
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
        try {
            pieces.put(END);
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    private void write(Socket to, BlockingQueue<Piece> pieces) {
        try {
            WritableByteChannel out = Channels.newChannel(to.getOutputStream());
            for (Piece piece = pieces.take(); !piece.isLast(); piece = pieces.take()) {
                long wait = piece.dueNanos - System.nanoTime();
                if (wait > 0) {
                    TimeUnit.NANOSECONDS.sleep(wait);
                }
                out.write(piece.octets); // all of it: the stream blocks
            }
            to.shutdownOutput();
        } catch (IOException _) {
            close(to); // which ends the other direction
            discard(pieces); // or its reader would wait for room without end
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    private static void discard(BlockingQueue<Piece> pieces) {
        try {
            while (!pieces.take().isLast()) {
                // nobody is left to have it
            }
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        }
    }

    private void end(Socket socket) {
        open.remove(socket);
        close(socket);
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException _) {
            // it is closed one way or other
        }
    }

    @Override
    public void close() throws IOException {
        closed = true;
        server.close();
        open.forEach(DelayRelay::close);
    }
}
