package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/**
 * A mail host that has so many sessions open at one time and turns further connections away, in one of the ways that
 * hosts do. Speaks SMTP and LMTP, in clear. Thread-safe; a virtual thread accepts, and one serves each session.
 */
final class LimitedHost implements AutoCloseable {
    static final int UNLIMITED = Integer.MAX_VALUE;
    private static final int BACKLOG = 200;

    private final InetSocketAddress address;
    private final Rejection refusal;
    private final Duration perMessage;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition room = lock.newCondition();
    private final Queue<Long> connections = new ConcurrentLinkedQueue<>();
    private final Queue<Long> refused = new ConcurrentLinkedQueue<>();
    private final Queue<Taken> taken = new ConcurrentLinkedQueue<>();
    private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
    private volatile Predicate<String> takes = _ -> true;
    private volatile boolean closed;
    private ServerSocket server; // replaced by the accepting thread, under the lock
    private int limit; // under the lock, as the next two
    private int open;
    private int mostOpen;

    /** Where a connection beyond the limit is turned away. */
    enum Stage {
        /** Instead of the 220, and closed. */
        GREETING,
        /** After a 220, as the answer to EHLO or LHLO, and closed. */
        EHLO,
        /** After a session that seemed to be open, as the answer to each MAIL; a 421 closes. */
        MAIL,
        /** Closed without a word. */
        CLOSED,
        /** As {@link #CLOSED}, by RST. */
        RESET,
        /** The host doesn't listen while it is full, and so can't count who it turns away. */
        NOT_LISTENING
    }

    /** @param reply what is said at {@link Stage#GREETING}, {@link Stage#EHLO} and {@link Stage#MAIL} */
    record Rejection(Stage stage, String reply) {
        static final Rejection GREETING = new Rejection(Stage.GREETING,
                "421 4.7.0 too many connections from your IP");
    }

    /** A message that was taken, for one recipient, at {@link System#nanoTime()}. */
    record Taken(String recipient, long nanos) {
        String domain() {
            return recipient.substring(recipient.indexOf('@') + 1);
        }
    }

    private LimitedHost(InetSocketAddress address, int limit, Rejection refusal, Duration perMessage)
            throws IOException {
        this.limit = limit;
        this.refusal = refusal;
        this.perMessage = perMessage;
        server = new ServerSocket(address.getPort(), BACKLOG, address.getAddress());
        this.address = (InetSocketAddress) server.getLocalSocketAddress();
        Thread.ofVirtual().name("limited-host").start(this::accept);
    }

    /**
     * Listens before it returns.
     *
     * @param port       0 for any free one
     * @param limit      sessions at one time, 0 for none
     * @param perMessage what it takes over a message, before its 250
     */
    static LimitedHost start(String address, int port, int limit, Rejection refusal, Duration perMessage)
            throws IOException {
        return new LimitedHost(new InetSocketAddress(InetAddress.ofLiteral(address), port), limit, refusal, perMessage);
    }

    /** One that turns nobody away. */
    static LimitedHost start(String address, Duration perMessage) throws IOException {
        return start(address, 0, UNLIMITED, Rejection.GREETING, perMessage);
    }

    int port() {
        return address.getPort();
    }

    /** For a route's hosts. */
    String host() {
        return address.getAddress().getHostAddress() + ":" + address.getPort();
    }

    /** From now on; sessions that are open stay so. */
    void limit(int sessions) {
        lock.lock();
        try {
            limit = sessions;
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** From now on other recipients are answered 450. */
    void take(Predicate<String> recipients) {
        takes = recipients;
    }

    /** When connections came, those included that were turned away; {@link System#nanoTime()}. */
    List<Long> connections() {
        return List.copyOf(connections);
    }

    /** When connections, or at {@link Stage#MAIL} transactions, were turned away. */
    List<Long> refused() {
        return List.copyOf(refused);
    }

    /** In order. */
    List<Taken> taken() {
        return List.copyOf(taken);
    }

    /** Sessions within the limit, at one time. */
    int mostOpen() {
        lock.lock();
        try {
            return mostOpen;
        } finally {
            lock.unlock();
        }
    }

    private void accept() {
        while (!closed) {
            try {
                Socket socket = listening().accept();
                sockets.add(socket);
                connections.add(System.nanoTime());
                boolean within = enter();
                Thread.ofVirtual().name("limited-host-session").start(() -> serve(socket, within));
            } catch (IOException e) {
                if (!closed) {
                    throw new UncheckedIOException(e);
                }
            } catch (InterruptedException _) {
                return;
            }
        }
    }

    private ServerSocket listening() throws IOException, InterruptedException {
        lock.lock();
        try {
            if (refusal.stage == Stage.NOT_LISTENING && open >= limit) {
                server.close();
                while (open >= limit && !closed) {
                    room.await();
                }
                server = new ServerSocket(address.getPort(), BACKLOG, address.getAddress());
                if (closed) {
                    server.close();
                }
            }
            return server;
        } finally {
            lock.unlock();
        }
    }

    private boolean enter() {
        lock.lock();
        try {
            if (open >= limit) {
                return false;
            }
            open++;
            mostOpen = Math.max(mostOpen, open);
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** @param place whether it has one, from now on none */
    private void leave(AtomicBoolean place) {
        if (!place.getAndSet(false)) {
            return;
        }
        lock.lock();
        try {
            open--;
            room.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void serve(Socket socket, boolean within) {
        AtomicBoolean place = new AtomicBoolean(within);
        try (socket) {
            socket.setTcpNoDelay(true); // replies are written one by one, and the pace is what tests measure
            if (within || refusal.stage == Stage.EHLO || refusal.stage == Stage.MAIL) {
                converse(socket, within, place);
                return;
            }
            refused.add(System.nanoTime());
            if (refusal.stage == Stage.GREETING) {
                say(socket.getOutputStream(), refusal.reply);
            } else if (refusal.stage == Stage.RESET) {
                socket.setSoLinger(true, 0);
            }
        } catch (IOException e) {
            // the gateway went, or the test has ended
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            sockets.remove(socket);
            leave(place);
        }
    }

    private void converse(Socket socket, boolean within, AtomicBoolean place)
            throws IOException, InterruptedException {
        BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
        OutputStream out = socket.getOutputStream();
        boolean mail = false;
        String recipient = "";
        say(out, "220 limited.test");
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String verb = line.length() < 4 ? line : line.substring(0, 4);
            Stage stage = verb.equals("MAIL") ? Stage.MAIL : verb.endsWith("HLO") ? Stage.EHLO : Stage.GREETING;
            if (!within && stage == refusal.stage) {
                refused.add(System.nanoTime());
                say(out, refusal.reply);
                if (refusal.reply.startsWith("421")) {
                    return;
                }
                mail = false;
                continue;
            }
            switch (verb) {
                case "EHLO", "LHLO" -> say(out, "250-limited.test\r\n250-PIPELINING\r\n250 8BITMIME");
                case "MAIL" -> {
                    mail = true;
                    say(out, "250 ok");
                }
                case "RCPT" -> {
                    String path = line.substring(line.indexOf('<') + 1, line.indexOf('>'));
                    recipient = mail && takes.test(path) ? path : "";
                    say(out, !mail ? "503 5.5.1 no MAIL" : recipient.isEmpty() ? "450 4.2.0 later" : "250 ok");
                }
                case "DATA" -> {
                    say(out, recipient.isEmpty() ? "503 5.5.1 no recipient" : "354 go on");
                    if (!recipient.isEmpty()) {
                        content(in);
                        TimeUnit.NANOSECONDS.sleep(perMessage.toNanos());
                        taken.add(new Taken(recipient, System.nanoTime()));
                        mail = false;
                        recipient = "";
                        say(out, "250 2.0.0 taken");
                    }
                }
                case "QUIT" -> {
                    leave(place); // who has read the answer may be back before this thread goes on
                    say(out, "221 bye");
                    return;
                }
                default -> say(out, "250 ok");
            }
        }
    }

    private static void content(BufferedReader in) throws IOException {
        for (String line = in.readLine(); !".".equals(line); line = in.readLine()) {
            if (line == null) {
                throw new IOException("cut off");
            }
        }
    }

    private static void say(OutputStream out, String reply) throws IOException {
        out.write((reply + "\r\n").getBytes(ISO_8859_1));
        out.flush();
    }

    @Override
    public void close() throws IOException {
        lock.lock();
        try {
            closed = true;
            server.close();
            room.signalAll();
        } finally {
            lock.unlock();
        }
        for (Socket socket : sockets) {
            socket.close();
        }
    }
}
