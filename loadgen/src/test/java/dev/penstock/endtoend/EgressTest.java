package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.Penstock;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.HttpConfig;
import dev.penstock.config.ListenAddress;
import dev.penstock.config.ProxyConfig;
import dev.penstock.config.RouteConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.SourceConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.proxy.ProxyServer;

/**
 * Whom real receivers see: Postfix, Exim, OpenSMTPD, Haraka and Dovecot's LMTP, directly and through our proxy, HAProxy and
 * microsocks. All are started once; the gateway changes its source by reloads.
 */
@Timeout(300)
class EgressTest {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String SEVEN = "127.0.0.7";
    private static final String NINE = "127.0.0.9";
    /** The one that is reached over IPv6. */
    private static final String SIX_ONLY = "exim6.test";

    @TempDir
    Path directory;

    @Test
    void realReceiversSeeTheSourcesAddressAndNameByEachWay() throws Exception {
        String microsocks = Peers.require("microsocks");
        String haproxy = Peers.require("haproxy");
        int socksPort = Peers.freePort("127.0.0.1");
        int haproxyPort = Peers.freePort("127.0.0.1");
        Path haproxyConfig = Files.writeString(directory.resolve("haproxy.cfg"), """
                global
                    maxconn 100
                defaults
                    mode tcp
                    timeout connect 10s
                    timeout client 30s
                    timeout server 30s
                listen out
                    bind 127.0.0.1:%d accept-proxy
                    server v4 0.0.0.0 source 0.0.0.0 usesrc clientip
                """.formatted(haproxyPort));
        try (RealReceivers receivers = RealReceivers.start(Files.createDirectory(directory.resolve("receivers")));
                ProxyServer proxy = ProxyServer.start(ProxyConfig.DEFAULT
                        .with(ProxyConfig.SOCKS, Optional.of(new ListenAddress("127.0.0.1", 0)))
                        .with(ProxyConfig.PROXY_V2, Optional.of(new ListenAddress("127.0.0.1", 0)))
                        .with(ProxyConfig.HTTP, HttpConfig.DEFAULT.with(HttpConfig.PORT, 0)));
                PeerProcess plainSocks = PeerProcess.start(directory, "microsocks",
                        List.of(microsocks, "-i", "127.0.0.1", "-p", String.valueOf(socksPort), "-b", NINE));
                PeerProcess balancer = PeerProcess.start(directory, "haproxy",
                        List.of(haproxy, "-db", "-f", haproxyConfig.toString()));
                Penstock penstock = Gateway.start(config(receivers, SourceConfig.DEFAULT))) {
            plainSocks.awaitListening("127.0.0.1", socksPort);
            balancer.awaitListening("127.0.0.1", haproxyPort);
            SourceConfig both = SourceConfig.DEFAULT.with(SourceConfig.SOURCE_ADDRESS, List.of(SEVEN, "::1"));
            SourceConfig four = SourceConfig.DEFAULT.with(SourceConfig.SOURCE_ADDRESS, List.of(SEVEN));

            sees(penstock, receivers, "mta-direct", both, SEVEN);
            sees(penstock, receivers, "mta-socks", through(both, SourceConfig.Proxy.SOCKS5,
                    proxy.socksAddress().getPort()), SEVEN);
            sees(penstock, receivers, "mta-header", through(both, SourceConfig.Proxy.PROXY_V2,
                    proxy.proxyV2Address().getPort()), SEVEN);
            sees(penstock, receivers, "mta-haproxy", through(four, SourceConfig.Proxy.PROXY_V2, haproxyPort), SEVEN);
            sees(penstock, receivers, "mta-microsocks", through(SourceConfig.DEFAULT, SourceConfig.Proxy.SOCKS5,
                    socksPort), NINE);
            assertThat(proxy.stats().connected()).isEqualTo(12);
        }
    }

    private static SourceConfig through(SourceConfig source, SourceConfig.Proxy protocol, int port) {
        return source.with(SourceConfig.PROXY, protocol).with(SourceConfig.PROXY_SERVER, "127.0.0.1:" + port);
    }

    private void sees(Penstock penstock, RealReceivers receivers, String name, SourceConfig source, String address)
            throws IOException {
        String ehlo = name + ".example.net";
        penstock.reload(config(receivers, source.with(SourceConfig.EHLO_NAME, ehlo)));
        List<String> domains = receivers.domains().stream()
                .filter(domain -> !domain.equals(SIX_ONLY) || source.sourceAddress().contains("::1")).toList();
        long before = penstock.deliveryStats().delivered();
        send(penstock.smtpAddresses().getFirst(), domains);
        await().atMost(PATIENCE)
                .untilAsserted(() -> assertThat(penstock.deliveryStats().delivered()).as(name)
                        .isEqualTo(before + domains.size()));
        for (String domain : domains) {
            await().atMost(PATIENCE).untilAsserted(() -> assertThat(receivers.seen(domain))
                    .as("%s at %s:%n%s", name, domain, receivers.log(domain))
                    .contains((domain.equals(SIX_ONLY) ? "::1" : address) + " " + ehlo));
        }
    }

    private static void send(InetSocketAddress gateway, List<String> domains) throws IOException {
        try (Socket socket = new Socket(gateway.getAddress(), gateway.getPort());
                BufferedReader replies = new BufferedReader(
                        new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII))) {
            assertThat(replies.readLine()).startsWith("220 ");
            List<String> commands = new ArrayList<>(List.of("HELO client.test", "MAIL FROM:<a@send.test>"));
            domains.forEach(domain -> commands.add("RCPT TO:<b@" + domain + ">"));
            for (String command : commands) {
                say(socket, command);
                assertThat(replies.readLine()).as(command).startsWith("250 ");
            }
            say(socket, "DATA");
            assertThat(replies.readLine()).startsWith("354 ");
            say(socket, "Subject: whom do you see\r\n\r\nhello\r\n.");
            assertThat(replies.readLine()).startsWith("250 ");
        }
    }

    private static void say(Socket socket, String line) throws IOException {
        socket.getOutputStream().write((line + "\r\n").getBytes(StandardCharsets.US_ASCII));
    }

    /** One message for each session, so that each is opened from the source as it is then. */
    private GatewayConfig config(RealReceivers receivers, SourceConfig source) {
        Map<String, RouteConfig> routes = new HashMap<>();
        receivers.domains().forEach(domain -> routes.put(domain,
                new RouteConfig(List.of(receivers.host(domain)), receivers.isLmtp(domain))));
        return Gateway.config(directory, "127.0.0.1:1", 25).with(GatewayConfig.ROUTES, routes)
                .with(GatewayConfig.SHAPING, new ShapingConfig(
                        TrafficLimits.DEFAULT.with(TrafficLimits.MAX_DELIVERIES_PER_CONNECTION, 1), Map.of()))
                .with(GatewayConfig.SOURCES, Map.of(SourceConfig.DEFAULT_NAME, source));
    }
}
