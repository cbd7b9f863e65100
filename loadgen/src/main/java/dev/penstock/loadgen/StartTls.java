package dev.penstock.loadgen;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.util.Locale;
import java.util.Set;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/**
 * TLS that the relay speaks for one side of a connection, so that generator and sink need know nothing of it: begun by
 * STARTTLS (RFC 3207). Takes any certificate. Thread-safe; blocks.
 */
final class StartTls {
    /** In which direction. */
    enum Side {
        /** For a sink: whoever connects has to begin with it. */
        ACCEPT,
        /** For a generator: the host has to offer it. */
        OPEN
    }

    private static final int LONGEST_LINE = 2_048; // octets, above RFC 5321 4.5.3.1.5's 512
    private static final int REPLY_CODE = 3; // digits; what follows says whether more lines do
    private static final Set<String> IN_CLEAR = Set.of("EHLO", "HELO", "NOOP", "RSET", "QUIT");

    private final Side side;
    private final SSLContext context;

    private StartTls(Side side, SSLContext context) {
        this.side = side;
        this.context = context;
    }

    static StartTls opening() {
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[]{new Anybody()}, null);
            return new StartTls(Side.OPEN, context);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has TLS", e);
        }
    }

    /**
     * @param store a PKCS #12 file with one key and its certificate
     * @throws IllegalArgumentException when it can't be read
     */
    static StartTls accepting(Path store, String password) throws IOException {
        try (InputStream in = Files.newInputStream(store)) {
            KeyStore keys = KeyStore.getInstance("PKCS12");
            keys.load(in, password.toCharArray());
            KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            managers.init(keys, password.toCharArray());
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(managers.getKeyManagers(), null, null);
            return new StartTls(Side.ACCEPT, context);
        } catch (GeneralSecurityException e) {
            throw new IllegalArgumentException(store + ": " + e.getMessage(), e);
        }
    }

    /** The side that is under TLS from now on. */
    Side side() {
        return side;
    }

    /**
     * Speaks to both until TLS has begun. The host's greeting has gone to the client then.
     *
     * @return what takes the place of the client's socket, or of the host's
     */
    Socket begin(Socket client, Socket host) throws IOException {
        return switch (side) {
            case ACCEPT -> accept(client, host);
            case OPEN -> open(client, host);
        };
    }

    private Socket accept(Socket client, Socket host) throws IOException {
        say(client, reply(host));
        while (true) {
            String line = line(client.getInputStream());
            String verb = line.strip().toUpperCase(Locale.ROOT).split(" ", 2)[0];
            if (verb.equals("STARTTLS")) {
                say(client, "220 2.0.0 Ready to start TLS\r\n");
                return handshaken(
                        (SSLSocket) context.getSocketFactory().createSocket(client, InputStream.nullInputStream(),
                                true));
            }
            if (!IN_CLEAR.contains(verb)) {
                say(client, "530 5.7.0 Must issue a STARTTLS command first\r\n"); // RFC 3207 4
                continue;
            }
            say(host, line);
            String answer = reply(host);
            say(client, verb.equals("EHLO") && answer.startsWith("250") ? withStartTls(answer) : answer);
        }
    }

    /** As the last keyword. */
    private static String withStartTls(String answer) {
        int last = answer.lastIndexOf("\r\n", answer.length() - 3) + 2;
        last = last < 2 ? 0 : last;
        return answer.substring(0, last) + "250-" + answer.substring(last + REPLY_CODE + 1) + "250 STARTTLS\r\n";
    }

    private Socket open(Socket client, Socket host) throws IOException {
        String greeting = reply(host);
        say(host, "EHLO relay.penstock.test\r\n");
        expect("250", reply(host));
        say(host, "STARTTLS\r\n");
        expect("220", reply(host));
        Socket secured = handshaken((SSLSocket) context.getSocketFactory().createSocket(host,
                host.getInetAddress().getHostAddress(), host.getPort(), true));
        say(client, greeting);
        return secured;
    }

    private static Socket handshaken(SSLSocket socket) throws IOException {
        socket.startHandshake();
        return socket;
    }

    private static void expect(String code, String reply) throws IOException {
        if (!reply.startsWith(code)) {
            throw new IOException("no STARTTLS: " + reply.strip());
        }
    }

    private static void say(Socket to, String text) throws IOException {
        OutputStream out = to.getOutputStream();
        out.write(text.getBytes(StandardCharsets.ISO_8859_1));
        out.flush();
    }

    /** All lines of it (RFC 5321 4.2.1). */
    private static String reply(Socket from) throws IOException {
        StringBuilder whole = new StringBuilder();
        String line;
        do {
            line = line(from.getInputStream());
            whole.append(line);
        } while (line.length() > REPLY_CODE && line.charAt(REPLY_CODE) == '-');
        return whole.toString();
    }

    /** With its end, and nothing of what follows it: that may be TLS. */
    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        int octet;
        do {
            octet = in.read();
            if (octet < 0) {
                throw new EOFException("ended before TLS had begun");
            }
            line.append((char) octet);
        } while (octet != '\n' && line.length() < LONGEST_LINE);
        return line.toString();
    }

    /** Stateless. */
    private static final class Anybody implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType) {
            // never asked
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType) {
            // what is measured is the cost, on loopback
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
