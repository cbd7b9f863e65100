package dev.penstock.endtoend;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Clients in a process of their own that do nothing, or as little as one octet a second, until they are closed. Confined to
 * the test's thread.
 */
final class IdleClients implements AutoCloseable {
    /** What the clients do once they are greeted and have said EHLO. */
    enum Habit {
        SILENT,
        /** Half of them send a command, the others a message, an octet a second each. */
        DRIPPING,
        /** As silent, and under TLS since STARTTLS. */
        SILENT_BEHIND_STARTTLS,
        /** As silent, and under TLS from the first octet. */
        SILENT_UNDER_TLS
    }

    private static final int PER_ADDRESS = 5_000;
    private static final String READY = "ready";
    private static final String LOST = "lost ";
    private static final String EHLO = "EHLO idle.example\r\n";
    private static final String TO_DATA = "MAIL FROM:<slow@example.com>\r\nRCPT TO:<slow@example.test>\r\nDATA\r\n";

    private final Process process;
    private final BufferedReader lines;

    private IdleClients(Process process) {
        this.process = process;
        lines = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
    }

    /** @param from the last octet of the first loopback address they come from */
    static IdleClients start(InetSocketAddress server, int count, int from, Habit habit) throws IOException {
        return new IdleClients(new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"),
                IdleClients.class.getName(), server.getHostString(), String.valueOf(server.getPort()),
                String.valueOf(count), String.valueOf(from), habit.name())
                .redirectError(ProcessBuilder.Redirect.INHERIT).start());
    }

    /** Until all of them have said EHLO and heard the answer. */
    IdleClients awaitReady() {
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.equals(READY)) {
                    return this;
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new AssertionError("the clients ended");
    }

    /** What {@link #start} runs in the other JVM; ends when its input does, so never outlives the test. */
    public static void main(String[] arguments) throws Exception {
        InetSocketAddress server = new InetSocketAddress(arguments[0], Integer.parseInt(arguments[1]));
        int count = Integer.parseInt(arguments[2]);
        int from = Integer.parseInt(arguments[3]);
        Habit habit = Habit.valueOf(arguments[4]);
        List<Dripper> clients = new ArrayList<>(count);
        SSLContext tls = trusting();
        for (int i = 0; i < count; i++) {
            clients.add(new Dripper(server, "127.0.0." + (from + i / PER_ADDRESS), habit,
                    habit == Habit.DRIPPING && i % 2 == 1, tls, i));
        }
        for (Dripper client : clients) {
            client.connect();
        }
        System.out.println(READY);
        if (habit == Habit.DRIPPING) {
            Thread.ofPlatform().daemon().name("drip").start(() -> drip(clients));
        }
        while (System.in.read() >= 0) {
            // until the test is over
        }
        System.out.println(LOST + clients.stream().mapToInt(client -> client.lost).sum());
    }

    /** For a client that believes every server. */
    static SSLContext trusting() throws GeneralSecurityException {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[]{new AnyCertificate()}, null);
        return context;
    }

    /** An octet a second each, spread over the second as clients that know nothing of each other are. */
    private static void drip(List<Dripper> clients) {
        long start = System.nanoTime();
        for (long turn = 0;; turn++) {
            long due = start + turn * TimeUnit.SECONDS.toNanos(1) / clients.size();
            try {
                TimeUnit.NANOSECONDS.sleep(due - System.nanoTime());
                clients.get((int) (turn % clients.size())).drip();
            } catch (IOException | InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static final class Dripper {
        private static final ByteBuffer OCTET = ByteBuffer.wrap(new byte[]{'X'});
        private final InetSocketAddress server;
        private final String from;
        private final Habit habit;
        private final boolean inData;
        private final SSLContext tls;
        private final int number;
        private final ByteBuffer buffer = ByteBuffer.allocate(512);
        private SocketChannel channel;
        private int lost;

        Dripper(InetSocketAddress server, String from, Habit habit, boolean inData, SSLContext tls, int number)
                throws IOException {
            this.server = server;
            this.from = from;
            this.habit = habit;
            this.inData = inData;
            this.tls = tls;
            this.number = number;
            this.channel = SocketChannel.open();
        }

        void connect() throws IOException {
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.bind(new InetSocketAddress(from, 0));
            channel.configureBlocking(true);
            channel.connect(server);
            switch (habit) {
                case SILENT, DRIPPING -> {
                    expect("220 ");
                    say(EHLO);
                    expect("250 ");
                }
                case SILENT_BEHIND_STARTTLS -> {
                    expect("220 ");
                    say(EHLO);
                    expect("250 ");
                    say("STARTTLS\r\n");
                    expect("220 ");
                    underTls("");
                }
                case SILENT_UNDER_TLS -> underTls("220 ");
            }
            if (inData) {
                say(TO_DATA);
                expect("354 ");
            }
            channel.configureBlocking(false);
        }

        /**
         * A full handshake, then EHLO. What this end knows of TLS is forgotten then, and only the socket kept, so that
         * thousands of clients cost little: the server can't tell.
         */
        private void underTls(String greeting) throws IOException {
            SSLSocket socket = (SSLSocket) tls.getSocketFactory().createSocket(channel.socket(),
                    server.getHostString(), number + 1, false); // the cache's key: nothing to resume by
            socket.startHandshake();
            InputStream in = socket.getInputStream();
            OutputStream out = socket.getOutputStream();
            if (!greeting.isEmpty()) {
                expect(in, greeting);
            }
            out.write(EHLO.getBytes(US_ASCII));
            expect(in, "250 ");
        }

        private static void expect(InputStream in, String begin) throws IOException {
            byte[] some = new byte[1_024];
            StringBuilder heard = new StringBuilder();
            while (!isWhole(heard, begin)) {
                int length = in.read(some);
                if (length < 0) {
                    throw new IOException("closed after " + heard);
                }
                heard.append(new String(some, 0, length, US_ASCII));
            }
        }

        private static boolean isWhole(StringBuilder heard, String begin) {
            int last = heard.lastIndexOf("\n", heard.length() - 2) + 1;
            return !heard.isEmpty() && heard.charAt(heard.length() - 1) == '\n' && heard.indexOf(begin, last) == last;
        }

        private void say(String text) throws IOException {
            channel.write(ByteBuffer.wrap(text.getBytes(US_ASCII)));
        }

        /** Reads up to the end of a line that begins so. */
        private void expect(String begin) throws IOException {
            StringBuilder heard = new StringBuilder();
            while (!isWhole(heard, begin)) {
                buffer.clear();
                if (channel.read(buffer) < 0) {
                    throw new IOException("closed after " + heard);
                }
                heard.append(US_ASCII.decode(buffer.flip()));
            }
        }

        /** Whoever is thrown out comes again, as an attacker would. */
        void drip() throws IOException {
            try {
                buffer.clear();
                if (channel.read(buffer) >= 0) {
                    channel.write(OCTET.duplicate());
                    return;
                }
            } catch (IOException e) {
                // thrown out as well
            }
            lost++;
            channel.close();
            channel = SocketChannel.open();
            connect();
        }
    }

    /** Believes every server. */
    private static final class AnyCertificate extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }

    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
    }
}
