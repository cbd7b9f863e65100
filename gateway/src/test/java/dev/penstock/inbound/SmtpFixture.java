package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.message.Destination;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageEvent;
import dev.penstock.queue.TenantAccounts;
import dev.penstock.reception.Acceptance;
import dev.penstock.reception.Reception;
import dev.penstock.smtp.Reply;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.testing.FakePolicy;
import dev.penstock.testing.FakeSpool;
import dev.penstock.tls.ServerTls;

/** A server on a port of its own over a {@link FakeSpool}, and clients that speak to it in transcripts. */
final class SmtpFixture implements AutoCloseable {
    static final Instant NOW = Instant.parse("2026-11-23T10:20:30Z");

    final FakeSpool spool = new FakeSpool();
    final List<Envelope> accepted = new CopyOnWriteArrayList<>();
    final List<MessageEvent> events = new CopyOnWriteArrayList<>();
    /** Called when a message is taken over; may throw what it likes. */
    volatile Runnable onAcceptance = () -> {};
    volatile boolean queueHasRoom = true;
    /** Of every tenant, at MAIL and RCPT. */
    volatile @Nullable Reply beyondQuota;
    /** Of every message; null when it is taken. */
    volatile @Nullable Reply messageBeyondQuota;
    /** Places that were taken and not given back. */
    final AtomicInteger places = new AtomicInteger();
    volatile String notice = "";
    final FakePolicy policy;
    private final ListenerConfig listener;
    private final Map<String, ServerTls> tls;
    final SmtpServer server;
    private final List<Client> clients = new ArrayList<>();

    SmtpFixture() {
        this(builder -> builder);
    }

    SmtpFixture(UnaryOperator<ConfigBuilder> limits) {
        this(limits, ListenerConfig.at("127.0.0.1", 0), null, Authenticator.NONE, new FakePolicy());
    }

    SmtpFixture(UnaryOperator<ConfigBuilder> limits, ListenerConfig listener, @Nullable ServerTls tls,
            Authenticator authenticator, FakePolicy policy) {
        this.policy = policy;
        this.listener = listener;
        this.tls = tls == null ? Map.of() : Map.of(listener.name(), tls);
        server = new SmtpServer("gateway.example", List.of(listener), limits.apply(new ConfigBuilder()).build(),
                this.tls, policy, authenticator,
                new Reception(spool, new Queue(), events::add, InstantSource.fixed(NOW)), events::add,
                InstantSource.fixed(NOW));
        server.start();
    }

    /** Remembers the messages whose destinations it takes. */
    private final class Queue implements Acceptance {
        @Override
        public void accepted(QueuedDestination destination) {
            List<Destination> all = destination.envelope().destinations();
            assertThat(destination.domain()).isEqualTo(all.get(destination.entry().destination()).domain());
            if (destination.entry().destination() == all.size() - 1) {
                accepted.add(destination.envelope());
                onAcceptance.run();
            }
        }

        @Override
        public boolean hasRoom() {
            return queueHasRoom;
        }

        @Override
        public @Nullable Reply refusal(String tenant) {
            return beyondQuota;
        }

        @Override
        public TenantAccounts.Answer take(Envelope envelope, long size) {
            Reply beyond = messageBeyondQuota;
            if (beyond != null) {
                return new TenantAccounts.Refused(beyond);
            }
            places.incrementAndGet();
            return new TenantAccounts.Taken(envelope.tenant(), envelope.destinations().size(), 1, -1);
        }

        @Override
        public void giveBack(TenantAccounts.Taken taken) {
            places.decrementAndGet();
        }

        @Override
        public String notice(Envelope envelope) {
            return notice;
        }
    }

    /** With a listener of its own. */
    SmtpFixture(ListenerConfig listener) {
        this(limits -> limits, listener, null, Authenticator.NONE, new FakePolicy());
    }

    /** With a listener that speaks TLS. */
    SmtpFixture(TlsKit kit, ListenerConfig listener, Authenticator authenticator) {
        this(limits -> limits, listener, kit.server(listener.tls()), authenticator, new FakePolicy());
    }

    /** With a policy that has its answers already. */
    SmtpFixture(FakePolicy policy) {
        this(limits -> limits, ListenerConfig.at("127.0.0.1", 0), null, Authenticator.NONE, policy);
    }

    void reconfigure(InboundConfig config) {
        server.reconfigure(List.of(listener), config, tls);
    }

    Client connect() throws IOException {
        Client client = new Client(server.addresses().getFirst());
        clients.add(client);
        return client;
    }

    /** A client at that address. */
    Client connectFrom(String address) throws IOException {
        Client client = new Client(InetAddress.getByName(address), server.addresses().getFirst());
        clients.add(client);
        return client;
    }

    /** Plays a transcript on a new connection. */
    void plays(String transcript) throws IOException {
        connect().plays(transcript);
    }

    @Override
    public void close() throws IOException {
        for (Client client : clients) {
            client.close();
        }
        server.close();
    }

    /** One connection, read and written by the test's thread. */
    static final class Client implements Transcript.Client, AutoCloseable {
        private static final int READ_TIMEOUT_MILLIS = 60_000; // a busy machine stalls
        private Socket socket = new Socket();
        private InputStream in;

        Client(InetAddress own, InetSocketAddress address) throws IOException {
            socket.bind(new InetSocketAddress(own, 0));
            connect(address);
        }

        Client(InetSocketAddress address) throws IOException {
            connect(address);
        }

        private void connect(InetSocketAddress address) throws IOException {
            socket.connect(address, READ_TIMEOUT_MILLIS);
            socket.setSoTimeout(READ_TIMEOUT_MILLIS);
            socket.setTcpNoDelay(true);
            in = socket.getInputStream();
        }

        /** Plays a {@link Transcript}. */
        Client plays(String transcript) throws IOException {
            Transcript.play(transcript, this);
            return this;
        }

        /** A handshake as a client of mx.example; all that follows is under its protection. */
        Client secure(SSLContext context) throws IOException {
            SSLSocket secure = (SSLSocket) context.getSocketFactory().createSocket(socket, "mx.example",
                    socket.getPort(), true);
            secure.startHandshake();
            socket = secure;
            in = secure.getInputStream();
            return this;
        }

        /** As {@link #secure}, with {@code prefix} in the same segment as the client's first octets of TLS. */
        Client secureBehind(String prefix, SSLContext context) throws IOException {
            Socket raw = socket;
            SSLSocket secure = (SSLSocket) context.getSocketFactory().createSocket(new Prefixed(raw, prefix),
                    "mx.example", raw.getPort(), true);
            secure.startHandshake();
            socket = secure;
            in = secure.getInputStream();
            return this;
        }

        /** STARTTLS and the handshake, from the greeting on. */
        Client startTls(SSLContext context) throws IOException {
            return plays("S: 220 *\nC: STARTTLS\nS: 220 2.0.0 Ready to start TLS").secure(context);
        }

        SSLSession tls() {
            return ((SSLSocket) socket).getSession();
        }

        /** The lines of the answer to EHLO, without their codes. */
        List<String> ehlo() throws IOException {
            send("EHLO client.example\r\n");
            List<String> lines = new ArrayList<>();
            String line;
            do {
                line = readLine();
                assertThat(line).matches("250[- ].*");
                lines.add(line.substring(4));
            } while (line.startsWith("250-"));
            return lines;
        }

        @Override
        public void send(String text) throws IOException {
            if (!text.isEmpty()) {
                socket.getOutputStream().write(text.getBytes(ISO_8859_1));
                socket.getOutputStream().flush();
            }
        }

        /** Each octet in a write of its own. */
        void sendOctetByOctet(String text) throws IOException {
            for (int i = 0; i < text.length(); i++) {
                send(text.substring(i, i + 1));
            }
        }

        void expect(String pattern) throws IOException {
            Transcript.expect(pattern, this);
        }

        @Override
        public String readLine() throws IOException {
            StringBuilder line = new StringBuilder();
            while (true) {
                int b = in.read();
                if (b < 0) {
                    return line.isEmpty() ? "<close>" : line + "<close>";
                }
                if (b == '\n' && line.length() > 0 && line.charAt(line.length() - 1) == '\r') {
                    line.setLength(line.length() - 1);
                    return line.toString();
                }
                line.append((char) b);
            }
        }

        /** What one read of the socket gives. */
        String readOnce() throws IOException {
            byte[] bytes = new byte[65_536];
            int length = in.read(bytes);
            return length < 0 ? "<close>" : new String(bytes, 0, length, ISO_8859_1);
        }

        boolean hasInput() throws IOException {
            return in.available() > 0;
        }

        void shutdownOutput() throws IOException {
            socket.shutdownOutput();
        }

        /** Closes with a reset. */
        void reset() throws IOException {
            socket.setSoLinger(true, 0);
            socket.close();
        }

        @Override
        public void close() throws IOException {
            socket.close();
        }
    }

    /** A connected socket whose first write has something before it. */
    private static final class Prefixed extends Socket {
        private final Socket inner;
        private byte[] prefix;

        Prefixed(Socket inner, String prefix) {
            this.inner = inner;
            this.prefix = prefix.getBytes(ISO_8859_1);
        }

        @Override
        public boolean isConnected() {
            return inner.isConnected();
        }

        @Override
        public InetAddress getInetAddress() {
            return inner.getInetAddress();
        }

        @Override
        public InputStream getInputStream() throws IOException {
            return inner.getInputStream();
        }

        @Override
        public OutputStream getOutputStream() throws IOException {
            OutputStream out = inner.getOutputStream();
            return new OutputStream() {
                @Override
                public void write(int octet) throws IOException {
                    write(new byte[]{(byte) octet}, 0, 1);
                }

                @Override
                public void write(byte[] octets, int offset, int length) throws IOException {
                    byte[] all = Arrays.copyOf(prefix, prefix.length + length);
                    System.arraycopy(octets, offset, all, prefix.length, length);
                    prefix = new byte[0];
                    out.write(all);
                }
            };
        }

        @Override
        public int getSoTimeout() throws SocketException {
            return inner.getSoTimeout();
        }

        @Override
        public synchronized void close() throws IOException {
            inner.close();
        }
    }
}
