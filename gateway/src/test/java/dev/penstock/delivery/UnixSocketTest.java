package dev.penstock.delivery;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.Patience;

@Timeout(180)
class UnixSocketTest {
    private static final int BACKLOG = 2;
    private static final Duration PATIENCE = Patience.LONG;

    @TempDir
    Path directory;
    private UnixDomainSocketAddress address;
    private ServerSocketChannel server;

    @BeforeEach
    void listen() throws IOException {
        address = UnixDomainSocketAddress.of(directory.resolve("socket"));
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(address, BACKLOG);
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
    }

    @Test
    void octetsGoBothWaysAndTheEndIsSeen() throws IOException {
        try (Socket socket = UnixSocket.connect(address, PATIENCE); SocketChannel peer = server.accept()) {
            socket.getOutputStream().write("question".getBytes(US_ASCII));
            socket.shutdownOutput();
            ByteBuffer received = ByteBuffer.allocate(20);
            while (peer.read(received) >= 0) {
                // to the end
            }
            assertThat(new String(received.array(), 0, received.position(), US_ASCII)).isEqualTo("question");

            peer.write(ByteBuffer.wrap("answer".getBytes(US_ASCII)));
            peer.shutdownOutput();
            assertThat(socket.getInputStream().readAllBytes()).asString().isEqualTo("answer");
        }
    }

    @Test
    void whatHasComeIsKnownWithoutReadingIt() throws IOException {
        try (Socket socket = UnixSocket.connect(address, PATIENCE); SocketChannel peer = server.accept()) {
            assertThat(socket.getInputStream().available()).isZero();
            peer.write(ByteBuffer.wrap("stray".getBytes(US_ASCII)));
            assertThat(socket.getInputStream().available()).isEqualTo(5);
        }
    }

    @Test
    void closingFromAnotherThreadEndsAReadAndAWrite() throws Exception {
        try (Socket reading = UnixSocket.connect(address, PATIENCE);
                SocketChannel readingPeer = server.accept();
                Socket writing = UnixSocket.connect(address, PATIENCE);
                SocketChannel writingPeer = server.accept()) {
            Queue<Class<?>> ended = new ConcurrentLinkedQueue<>();
            Thread reader = Thread.startVirtualThread(() -> {
                try {
                    ended.add(Integer.valueOf(reading.getInputStream().read()).getClass());
                } catch (IOException e) {
                    ended.add(IOException.class);
                }
            });
            CountDownLatch stuck = new CountDownLatch(1);
            Thread writer = Thread.startVirtualThread(() -> {
                byte[] block = new byte[1 << 20];
                try {
                    while (true) {
                        stuck.countDown();
                        writing.getOutputStream().write(block);
                    }
                } catch (IOException e) {
                    ended.add(IOException.class);
                }
            });
            assertThat(stuck.await(60, TimeUnit.SECONDS)).isTrue();
            end(reading);
            end(writing);
            assertThat(reader.join(PATIENCE)).isTrue();
            assertThat(writer.join(PATIENCE)).isTrue();
            assertThat(ended).containsExactly(IOException.class, IOException.class);
            assertThat(readingPeer.isOpen() && writingPeer.isOpen()).isTrue();
        }
    }

    @Test
    void manySessionsThatWaitHoldNoCarriers() throws Exception {
        int sessions = 40 * Runtime.getRuntime().availableProcessors();
        List<Socket> open = new ArrayList<>();
        List<SocketChannel> peers = new ArrayList<>();
        CountDownLatch ended = new CountDownLatch(sessions);
        try {
            CountDownLatch reading = new CountDownLatch(sessions);
            for (int i = 0; i < sessions; i++) {
                Socket socket = UnixSocket.connect(address, PATIENCE);
                open.add(socket);
                peers.add(server.accept());
                Thread.startVirtualThread(() -> {
                    reading.countDown();
                    try {
                        socket.getInputStream().read();
                    } catch (IOException _) {
                        // closed below
                    }
                    ended.countDown();
                });
            }
            assertThat(reading.await(60, TimeUnit.SECONDS)).isTrue();
            CountDownLatch others = new CountDownLatch(sessions);
            for (int i = 0; i < sessions; i++) {
                Thread.startVirtualThread(others::countDown);
            }
            assertThat(others.await(60, TimeUnit.SECONDS)).isTrue();
            assertThat(ended.getCount()).isEqualTo(sessions);
        } finally {
            for (Socket socket : open) {
                socket.close();
            }
            for (SocketChannel peer : peers) {
                peer.close();
            }
        }
        assertThat(ended.await(60, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void aFullBacklogIsWaitedForAndNoLongerThanTheTimeOut() throws Exception {
        List<Socket> waiting = new ArrayList<>();
        try {
            Duration time = Duration.ofMillis(300);
            assertThatThrownBy(() -> {
                for (int i = 0; i < 10; i++) {
                    waiting.add(UnixSocket.connect(address, time));
                }
            }).isInstanceOf(SocketTimeoutException.class).hasMessage("its backlog is full");
            assertThat(waiting).hasSizeGreaterThanOrEqualTo(BACKLOG);

            Thread late = Thread.startVirtualThread(() -> {
                try {
                    server.accept().close();
                } catch (IOException _) {
                    // the connecting end tells
                }
            });
            waiting.add(UnixSocket.connect(address, PATIENCE));
            late.join();
        } finally {
            for (Socket socket : waiting) {
                socket.close();
            }
        }
    }

    @Test
    void whereNobodyListensTheCauseIsTold() throws IOException {
        assertThatThrownBy(() -> UnixSocket.connect(UnixDomainSocketAddress.of(directory.resolve("none")), PATIENCE))
                .isInstanceOf(SocketException.class).hasMessageContaining("No such file");
        server.close();
        assertThatThrownBy(() -> UnixSocket.connect(address, PATIENCE)).isInstanceOf(ConnectException.class);
        Path file = Files.writeString(directory.resolve("file"), "");
        assertThatThrownBy(() -> UnixSocket.connect(UnixDomainSocketAddress.of(file), PATIENCE))
                .isInstanceOf(ConnectException.class);
    }

    private static void end(Socket socket) throws IOException {
        socket.close();
    }
}
