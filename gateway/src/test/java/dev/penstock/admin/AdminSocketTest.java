package dev.penstock.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

import com.fasterxml.jackson.annotation.JsonProperty;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.http.Routes;
import dev.penstock.http.TextErrors;

/** What is at the socket's path, and what a client shows on the way to a gateway. */
@Timeout(60)
class AdminSocketTest {
    private final Routes routes = Routes.of(new TextErrors(), List.of());

    @TempDir
    Path directory;

    @Test
    void whatIsNoSocketIsLeft() throws IOException {
        Path path = Files.writeString(directory.resolve("a.sock"), "precious");
        assertThatIOException().isThrownBy(() -> new AdminSocket(path, routes)).withMessageEndingWith("is no socket");
        assertThat(path).content().isEqualTo("precious");
    }

    @Test
    void aSocketThatSomebodyAnswersAtIsLeft() throws IOException {
        Path path = directory.resolve("a.sock");
        try (AdminSocket first = new AdminSocket(path, routes)) {
            assertThatIOException().isThrownBy(() -> new AdminSocket(path, routes)).withMessageContaining("answers");
            assertThat(first.path()).exists();
        }
        assertThat(path).doesNotExist();
    }

    @Test
    void whatSomebodyElseHasPutInItsPlaceIsLeft() throws IOException {
        Path path = directory.resolve("a.sock");
        try (AdminSocket socket = new AdminSocket(path, routes)) {
            assertThat(socket.path()).exists();
            Files.delete(path);
            Files.writeString(path, "precious");
        }
        assertThat(path).content().isEqualTo("precious");
    }

    @Test
    void oneThatAKilledGatewayLeftIsReplaced() throws IOException {
        Path path = directory.resolve("a.sock");
        leaveBehind(path);
        try (AdminSocket socket = new AdminSocket(path, routes)) {
            assertThat(socket.path()).exists();
        }
    }

    @Test
    void aTokenDoesntGoToOtherMachinesInClear() throws IOException {
        for (String url : List.of("http://192.0.2.1:8025", "http://mx1.example.net:8025", "http://localhost.example")) {
            assertThatIOException().isThrownBy(() -> AdminClient.over(URI.create(url), "penstock_x").close())
                    .withMessageStartingWith("a token goes over https only");
        }
        for (String url : List.of("https://192.0.2.1:8025", "http://127.0.0.1:8025", "http://[::1]:8025",
                "http://localhost:8025")) {
            AdminClient.over(URI.create(url), "penstock_x").close();
        }
    }

    /** Which closes on whoever connects and says nothing, as a client does that has to load what writes its body first. */
    @Test
    void aRequestIsWrittenOutBeforeTheGatewayIsConnectedTo() throws Exception {
        Path path = directory.resolve("a.sock");
        AtomicBoolean connected = new AtomicBoolean();
        try (ServerSocketChannel gateway = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
                AdminClient client = AdminClient.over(path)) {
            gateway.bind(UnixDomainSocketAddress.of(path));
            gateway.configureBlocking(false);
            Object body = new Object() {
                @JsonProperty
                String reason() throws IOException {
                    SocketChannel early = gateway.accept();
                    connected.set(early != null);
                    hangUp(gateway);
                    if (early != null) {
                        hangUp(early);
                    }
                    return "a test";
                }
            };
            assertThatIOException().isThrownBy(() -> client.post("/tokens", body));
        }
        assertThat(connected).isFalse();
    }

    private static void hangUp(Closeable one) throws IOException {
        one.close();
    }

    private static void leaveBehind(Path path) throws IOException {
        try (ServerSocketChannel killed = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            killed.bind(UnixDomainSocketAddress.of(path));
        }
        assertThat(path).exists();
    }
}
