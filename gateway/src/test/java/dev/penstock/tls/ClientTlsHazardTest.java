package dev.penstock.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;

import io.netty.pkitesting.X509Bundle;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import dev.penstock.testing.RawTlsClient;
import dev.penstock.testing.RawTlsHost;
import dev.penstock.testing.TestCertificates;

/** What a host may do to us by TLS itself. */
@Timeout(180)
class ClientTlsHazardTest {
    private static final SSLContext HOST = TestCertificates.serverContext(TestCertificates.selfSigned("mx.example"));
    private static final int MANY = 10_000;

    /** What a host does under TLS. */
    private interface Talk {
        void with(SSLSocket socket) throws IOException;
    }

    private static void talk(ServerSocket server, Talk talk) {
        try (Socket plain = server.accept();
                SSLSocket socket = (SSLSocket) HOST.getSocketFactory().createSocket(plain, null, true)) {
            socket.setUseClientMode(false);
            socket.startHandshake();
            talk.with(socket);
        } catch (IOException _) {
            // the client has had enough
        }
    }

    private static ClientTls.Connection connect(ServerSocket server, Socket plain) throws IOException {
        return new ClientTls(Optional.empty()).handshake(plain, "mx.example", server.getLocalPort(), false);
    }

    @Test
    void aHostThatDoesNothingButUpdateItsKeysIsLeft() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> talk(server, socket -> {
                for (int i = 0; i < MANY; i++) {
                    socket.startHandshake(); // which is what it means after a handshake of TLS 1.3
                }
            }));
            try (Socket plain = new Socket(server.getInetAddress(), server.getLocalPort())) {
                InputStream input = connect(server, plain).input();
                assertThatThrownBy(input::read).isInstanceOf(KeyDerivations.TooManyUpdatesException.class);
            }
        }
    }

    @Test
    void aHostThatUpdatesItsKeysManyTimesInOneRecordIsLeftAmongThem() throws Exception { // RFC 8446 5.1
        X509Bundle certificate = TestCertificates.selfSigned("mx.example");
        AtomicLong derivations = new AtomicLong();
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> {
                try (Socket socket = server.accept()) {
                    RawTlsHost host = new RawTlsHost(certificate, socket.getInputStream());
                    socket.getOutputStream().write(host.flight());
                    socket.getOutputStream().write(host.sealed(RawTlsClient.DATA, new byte[]{'x'}));
                    socket.getOutputStream().write(host.updates(RawTlsClient.MAX_PLAIN / 5));
                    socket.getInputStream().readAllBytes(); // up to the end
                } catch (IOException | GeneralSecurityException _) {
                    // the client has had enough
                }
            });
            try (Socket plain = new Socket(server.getInetAddress(), server.getLocalPort())) {
                ClientTls.Connection connection = connect(server, plain);
                InputStream counted = new FilterInputStream(connection.socket().getInputStream()) {
                    @Override
                    public int read(byte[] into, int offset, int length) throws IOException {
                        try {
                            return super.read(into, offset, length);
                        } finally {
                            derivations.addAndGet(KeyDerivations.soFar());
                        }
                    }
                };
                InputStream input = new GuardedInput(counted);
                assertThat(input.read()).isEqualTo('x');
                assertThatThrownBy(input::read).isInstanceOf(KeyDerivations.TooManyUpdatesException.class);
            }
        }
        assertThat(derivations.get()).isBetween((long) GuardedSslHandler.MAX_IDLE_RECORDS,
                (long) KeyDerivations.PER_UPDATE * GuardedSslHandler.MAX_IDLE_RECORDS + 1);
    }

    @Test
    void aHostMayUpdateItsKeysFromTimeToTime() throws Exception {
        byte[] text = "x".repeat(GuardedSslHandler.OCTETS_PER_IDLE_RECORD).getBytes(StandardCharsets.US_ASCII);
        int times = 3 * GuardedSslHandler.MAX_IDLE_RECORDS;
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> talk(server, socket -> {
                for (int i = 0; i < times; i++) {
                    socket.getOutputStream().write(text);
                    socket.startHandshake();
                }
                socket.getOutputStream().write('y');
                var _ = socket.getInputStream().read(); // the answers to the updates, up to the end
            }));
            try (Socket plain = new Socket(server.getInetAddress(), server.getLocalPort())) {
                InputStream input = connect(server, plain).input();
                assertThat(input.readNBytes(times * text.length)).hasSize(times * text.length);
                assertThat(input.read()).isEqualTo('y');
            }
        }
    }
}
