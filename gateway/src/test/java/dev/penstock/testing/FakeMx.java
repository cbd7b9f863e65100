package dev.penstock.testing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

import io.netty.pkitesting.X509Bundle;

/**
 * An SMTP server, on 127.0.0.1 unless told otherwise, that follows a transcript, or without one takes everything but what it was told to refuse.
 * Thread-safe; one virtual thread per session. What it received is kept octet by octet; what didn't follow its transcript
 * is in {@link #errors()}.
 *
 * <p>A transcript has a line per step:
 * <pre>
 * S: 220 mx ready      sent, with those that follow in one write
 * C: MAIL FROM:&lt;a@b&gt;  expected
 * C~ EHLO              expected to begin so
 * content              message data up to the final dot
 * bdat 4 LAST a\r\n    reads BDAT, and its octets, which are those
 * await NAME           goes on when {@link #release} is called
 * tell NAME            lets {@link #awaitStep} return
 * drip 220 slow        sent octet by octet, one every 50 ms, without line end, for ever
 * tls                  does a handshake as a server; needs {@link #certificate}
 * raw 250 ok\r\n2      sent as it is, in a write of its own, with \r and \n for line ends
 * octet                reads one octet
 * stall                does nothing until the client closes
 * partly               reads 1,000 octets of message data
 * close                closes
 * reset                closes with RST
 * eof                  expects the client to close
 * </pre>
 */
public final class FakeMx implements AutoCloseable {
    private static final int DRIP_MILLIS = 50;
    private static final int PARTLY = 1_000;
    private static final int PATIENCE_SECONDS = 60;
    private static final String DEFAULT_CAPABILITIES = "PIPELINING,8BITMIME,SIZE 10240000,ENHANCEDSTATUSCODES,SMTPUTF8";

    private final ServerSocket server;
    private final Thread accepting;
    private final ConcurrentLinkedQueue<String> scripts = new ConcurrentLinkedQueue<>();
    private final Map<String, String> replies = new LinkedHashMap<>();
    private final Map<String, CountDownLatch> latches = new ConcurrentHashMap<>();
    private final List<Received> messages = new CopyOnWriteArrayList<>();
    private final List<String> reads = new CopyOnWriteArrayList<>();
    private final List<String> commands = new CopyOnWriteArrayList<>();
    private final List<String> errors = new CopyOnWriteArrayList<>();
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final Set<InetAddress> clients = ConcurrentHashMap.newKeySet();
    private final AtomicInteger sessions = new AtomicInteger();
    private final AtomicInteger mostOpen = new AtomicInteger();
    private volatile String capabilities = DEFAULT_CAPABILITIES;

    private volatile SSLContext tls;
    private volatile boolean demanding;
    private final List<String> identities = new CopyOnWriteArrayList<>();

    /** A message as it came: its octets as ISO 8859-1, with its dots, up to and including the final line. */
    public record Received(String sender, List<String> recipients, String text, int session) {}

    public FakeMx() {
        this(InetAddress.ofLiteral("127.0.0.1"), 0);
    }

    /** On another of this machine's addresses. */
    public FakeMx(InetAddress address) {
        this(address, 0);
    }

    /** @param port 0 for any */
    public FakeMx(InetAddress address, int port) {
        try {
            server = new ServerSocket(port, 128, address);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        accepting = Thread.ofVirtual().name("fake-mx-" + port()).start(this::accept);
    }

    public int port() {
        return server.getLocalPort();
    }

    /** The next session without a transcript follows this one. */
    public FakeMx script(String transcript) {
        scripts.add(transcript);
        return this;
    }

    /** Sessions without a transcript offer these, comma separated; empty refuses EHLO. */
    public FakeMx offering(String keywords) {
        capabilities = keywords;
        return this;
    }

    /** Sessions without a transcript answer so to commands that begin so; {@code close} as a reply hangs up. */
    public FakeMx on(String command, String reply) {
        synchronized (replies) {
            replies.put(command, reply);
        }
        return this;
    }

    /** Of who came under TLS, in order: the certificate's subject, {@code nobody} for who showed none. */
    public List<String> identities() {
        return List.copyOf(identities);
    }

    /** In TLS it takes none who shows no certificate. */
    public FakeMx demandsCertificates() {
        demanding = true;
        return this;
    }

    /** Shown by the step {@code tls}, and by sessions without a transcript, which then offer STARTTLS. */
    public FakeMx certificate(X509Bundle certificate) {
        tls = TestCertificates.serverContext(certificate);
        return this;
    }

    public void release(String name) {
        latch(name).countDown();
    }

    public List<Received> messages() {
        return messages;
    }

    /** Waits until a transcript has come to its step {@code tell}; what it sent before has arrived then. */
    public void awaitStep(String name) {
        try {
            if (!latch(name).await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("no transcript came to " + name + ": " + errors);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** What each read of a socket gave: what the client sent in one write is in one of them. */
    public List<String> reads() {
        return reads;
    }

    /** Command lines of sessions without a transcript. */
    public List<String> commands() {
        return commands;
    }

    public List<String> errors() {
        return errors;
    }

    /** From where it was connected to. */
    public Set<InetAddress> clients() {
        return Set.copyOf(clients);
    }

    public int sessions() {
        return sessions.get();
    }

    public int openSessions() {
        return open.size();
    }

    public int mostOpenSessions() {
        return mostOpen.get();
    }

    /** Who connects after it is refused: a thread that is inside {@code accept} would keep the port open for a while. */
    @Override
    public void close() {
        closeQuietly(server);
        closeQuietly(accepting::join);
        open.forEach(FakeMx::closeQuietly);
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                socket.setTcpNoDelay(true);
                open.add(socket);
                mostOpen.accumulateAndGet(open.size(), Math::max);
                clients.add(socket.getInetAddress());
                int number = sessions.incrementAndGet();
                String script = scripts.poll();
                Thread.ofVirtual().name("fake-mx-session-" + number).start(() -> serve(socket, number, script));
            } catch (IOException e) {
                if (!server.isClosed()) {
                    errors.add(e.toString());
                }
            }
        }
    }

    private void serve(Socket socket, int number, String script) {
        try (socket) {
            Session session = new Session(socket, number);
            if (script != null) {
                session.follow(script);
            } else {
                session.converse();
            }
        } catch (IOException e) {
            if (script != null && !server.isClosed()) {
                errors.add("session " + number + ": " + e);
            }
        } catch (AssertionError e) {
            errors.add("session " + number + ": " + e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            open.remove(socket);
        }
    }

    private CountDownLatch latch(String name) {
        return latches.computeIfAbsent(name, _ -> new CountDownLatch(1));
    }

    private static void closeQuietly(AutoCloseable closeable) {
        try {
            closeable.close();
        } catch (Exception _) {
            // it is closed one way or other
        }
    }

    /** Confined to its thread. */
    private final class Session {
        private final Socket socket;
        private InputStream in;
        private OutputStream out;
        private boolean encrypted;
        private final int number;
        private final byte[] buffer = new byte[64 << 10];
        private int position;
        private int limit;
        private final ByteArrayOutputStream pending = new ByteArrayOutputStream();
        private String sender = "";
        private final List<String> recipients = new ArrayList<>();
        private final ByteArrayOutputStream chunks = new ByteArrayOutputStream();

        Session(Socket socket, int number) throws IOException {
            this.socket = socket;
            this.in = socket.getInputStream();
            this.out = socket.getOutputStream();
            this.number = number;
        }

        void follow(String script) throws IOException, InterruptedException {
            for (String line : script.lines().map(String::strip).filter(line -> !line.isEmpty()).toList()) {
                if (line.startsWith("S: ")) {
                    reply(line.substring(3));
                    continue;
                }
                if (position == limit && !line.startsWith("raw ")) {
                    flush();
                }
                if (line.startsWith("C: ")) {
                    expect(line, command());
                } else if (line.startsWith("C~ ")) {
                    String command = command();
                    if (command == null || !command.startsWith(line.substring(3))) {
                        throw new AssertionError("expected " + line + ", got " + command);
                    }
                } else {
                    flush();
                    step(line);
                }
            }
            flush();
            if (socket.isClosed()) {
                return;
            }
            if (!encrypted) {
                socket.shutdownOutput();
            }
            while (in.read(buffer) >= 0) {
                // the client closes when it has read everything
            }
        }

        private void step(String line) throws IOException, InterruptedException {
            if (line.equals("content")) {
                content();
            } else if (line.startsWith("bdat")) { // what is to be read of the command and its octets
                String command = command();
                if (command == null || !command.startsWith("BDAT ") || !chunk(command)
                        .equals(line.substring(4).strip().replace("\\r", "\r").replace("\\n", "\n"))) {
                    throw new AssertionError("expected " + line + ", got " + command + " " + chunks);
                }
            } else if (line.startsWith("await ")) {
                if (!latch(line.substring(6)).await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                    throw new AssertionError("nobody released " + line.substring(6));
                }
            } else if (line.startsWith("tell ")) {
                release(line.substring(5));
            } else if (line.startsWith("drip ")) {
                byte[] text = line.substring(5).getBytes(StandardCharsets.US_ASCII);
                for (int i = 0;; i = (i + 1) % text.length) {
                    out.write(text[i]);
                    Thread.sleep(DRIP_MILLIS);
                }
            } else if (line.equals("stall")) {
                while (in.read(buffer) >= 0 && position == limit) {
                    // says nothing
                }
            } else if (line.equals("partly")) {
                for (int i = 0; i < PARTLY; i++) {
                    read();
                }
            } else if (line.equals("tls")) {
                secure();
            } else if (line.equals("octet")) {
                read();
            } else if (line.startsWith("raw ")) {
                out.write(line.substring(4).replace("\\r", "\r").replace("\\n", "\n")
                        .getBytes(StandardCharsets.US_ASCII));
            } else if (line.equals("close")) {
                socket.close();
            } else if (line.equals("reset")) {
                socket.setSoLinger(true, 0);
                socket.close();
            } else if (line.equals("eof")) {
                String command = command();
                if (command != null) {
                    throw new AssertionError("expected the client to close, got " + command);
                }
            } else {
                throw new AssertionError("unknown step: " + line);
            }
        }

        private void secure() throws IOException {
            flush();
            if (position != limit) {
                throw new AssertionError("the client spoke before the answer to STARTTLS");
            }
            SSLSocket secured = (SSLSocket) tls.getSocketFactory().createSocket(socket, null, true);
            secured.setUseClientMode(false);
            secured.setNeedClientAuth(demanding);
            secured.startHandshake();
            identities.add(demanding
                    ? ((X509Certificate) secured.getSession().getPeerCertificates()[0]).getSubjectX500Principal()
                            .getName()
                    : "nobody");
            in = secured.getInputStream();
            out = secured.getOutputStream();
            encrypted = true;
        }

        private void expect(String line, String command) {
            if (!line.substring(3).equals(command)) {
                throw new AssertionError("expected " + line + ", got " + command);
            }
        }

        void converse() throws IOException, InterruptedException {
            if (!answer("connect", "220 mx ready")) {
                return;
            }
            String command;
            while ((command = nextCommand()) != null) {
                commands.add(command);
                boolean goOn = switch (command.split("[ :]", 2)[0]) {
                    case "EHLO", "LHLO" -> answer(command, hello());
                    case "STARTTLS" -> {
                        boolean going = answer(command, tls == null || encrypted ? "503 5.5.1 no" : "220 2.0.0 go on");
                        if (going && lastCode.equals("220")) {
                            secure();
                        }
                        yield going;
                    }
                    case "HELO", "NOOP" -> answer(command, "250 mx");
                    case "MAIL" -> {
                        sender = path(command);
                        recipients.clear();
                        yield answer(command, "250 2.1.0 ok");
                    }
                    case "RCPT" -> answer(command, "250 2.1.5 ok");
                    case "BDAT" -> {
                        boolean last = command.endsWith(" LAST");
                        chunk(command);
                        boolean going = answer(command,
                                recipients.isEmpty() ? "554 5.5.1 no recipients" : "250 2.0.0 taken");
                        if (going && last && lastCode.equals("250")) {
                            messages.add(new Received(sender, List.copyOf(recipients),
                                    chunks.toString(StandardCharsets.ISO_8859_1), number));
                        }
                        if (last) {
                            recipients.clear();
                            chunks.reset();
                        }
                        yield going;
                    }
                    case "RSET" -> answer(command, "250 2.0.0 ok");
                    case "DATA" -> {
                        boolean going = answer(command, recipients.isEmpty() ? "554 5.5.1 no recipients" : "354 go on");
                        if (going && lastCode.equals("354")) {
                            content();
                            going = answer(".", "250 2.0.0 taken");
                        }
                        yield going;
                    }
                    case "QUIT" -> {
                        answer(command, "221 2.0.0 bye");
                        open.remove(socket); // before whoever reads that opens another
                        flush();
                        yield false;
                    }
                    default -> answer(command, "500 5.5.2 what");
                };
                if (!goOn) {
                    return;
                }
            }
        }

        private String hello() {
            String offered = capabilities + (tls == null || encrypted || capabilities.isEmpty() ? "" : ",STARTTLS");
            return offered.isEmpty()
                    ? "502 5.5.1 no"
                    : "250-mx\r\n250-" + String.join("\r\n250-", offered.split(","))
                            + "\r\n250 HELP";
        }

        private String lastCode = "";

        private boolean answer(String command, String usual) throws IOException, InterruptedException {
            String text = usual;
            synchronized (replies) {
                for (var told : replies.entrySet()) {
                    if (command.startsWith(told.getKey())) {
                        text = told.getValue();
                    }
                }
            }
            if (text.equals("close")) {
                flush();
                return false;
            }
            if (text.equals("stall")) {
                flush();
                latch("stall").await();
                text = usual;
            }
            lastCode = text.substring(0, 3);
            if (command.startsWith("RCPT") && text.startsWith("2")) {
                recipients.add(path(command));
            }
            reply(text);
            return true;
        }

        private String path(String command) {
            return command.substring(command.indexOf('<') + 1, command.indexOf('>'));
        }

        private String nextCommand() throws IOException {
            if (position == limit) {
                flush();
            }
            return command();
        }

        private void content() throws IOException {
            flush();
            ByteArrayOutputStream data = new ByteArrayOutputStream();
            int state = 2; // octets of CRLF . CRLF seen
            while (state < 5) {
                int b = read();
                if (b < 0) {
                    throw new IOException("closed within content");
                }
                data.write(b);
                state = switch (b) {
                    case '\r' -> state == 3 ? 4 : 1;
                    case '\n' -> state == 1 ? 2 : state == 4 ? 5 : 0;
                    case '.' -> state == 2 ? 3 : 0;
                    default -> 0;
                };
            }
            messages.add(
                    new Received(sender, List.copyOf(recipients), data.toString(StandardCharsets.ISO_8859_1), number));
        }

        /** Reads the octets of a chunk. @return {@code 12 LAST} and its text, a space between them */
        private String chunk(String command) throws IOException {
            int size = Integer.parseInt(command.split(" ", -1)[1]);
            ByteArrayOutputStream octets = new ByteArrayOutputStream();
            while (octets.size() < size) {
                int b = read();
                if (b < 0) {
                    throw new IOException("closed within a chunk");
                }
                octets.write(b);
            }
            octets.writeTo(chunks);
            return command.substring("BDAT ".length()) + " " + octets.toString(StandardCharsets.ISO_8859_1);
        }

        private void reply(String text) {
            pending.writeBytes((text + "\r\n").getBytes(StandardCharsets.UTF_8));
        }

        private void flush() throws IOException {
            if (pending.size() > 0) {
                out.write(pending.toByteArray());
                pending.reset();
            }
        }

        private String command() throws IOException {
            ByteArrayOutputStream line = new ByteArrayOutputStream();
            int b;
            while ((b = read()) >= 0) {
                if (b == '\n') {
                    String text = line.toString(StandardCharsets.UTF_8);
                    return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
                }
                line.write(b);
            }
            return null;
        }

        private int read() throws IOException {
            if (position == limit) {
                flush();
                int n = in.read(buffer);
                if (n < 0) {
                    return -1;
                }
                reads.add(new String(buffer, 0, n, StandardCharsets.ISO_8859_1));
                position = 0;
                limit = n;
            }
            return buffer[position++] & 0xff;
        }
    }
}
