package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;

import io.netty.pkitesting.X509Bundle;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.AdminConfig;
import dev.penstock.config.ListenerTls;
import dev.penstock.http.ConnectionGate;
import dev.penstock.http.HttpServer;
import dev.penstock.http.Routes;
import dev.penstock.http.TextErrors;
import dev.penstock.testing.ManualClock;
import dev.penstock.testing.TestCertificates;
import dev.penstock.testing.TestCertificates.PemFiles;
import dev.penstock.tls.Handshakes;
import dev.penstock.tls.ServerTls;
import dev.penstock.units.Networks;

/** Who is let in, on the wire. */
@Timeout(60)
class ConfiguredAccessTest {
    private static final HttpServer.Times TIMES = new HttpServer.Times(Duration.ofSeconds(30), null);

    private final ManualClock clock = new ManualClock();
    private final TestCertificates authority = new TestCertificates();
    private final Handshakes handshakes = new Handshakes();
    private final ConsoleSessions console = new ConsoleSessions(clock::nanoTime);

    @TempDir
    Path directory;
    private Tokens tokens;
    private ServerTls tls;
    private ConfiguredAccess access;
    private Routes routes;
    private HttpServer clear;
    private HttpServer secure;
    private AdminSocket socket;

    @BeforeEach
    void start() throws IOException {
        PemFiles files = TestCertificates.write(directory, "admin", authority.server("localhost"));
        tls = new ServerTls(new ListenerTls(ListenerTls.Mode.IMPLICIT,
                List.of(new ListenerTls.Certificate(files.chain(), files.key())), "TLSv1.2",
                ListenerTls.ClientCertificates.REQUESTED,
                Optional.of(authority.writeAuthority(directory, "operators.pem"))), handshakes);
        tokens = Tokens.open(directory.resolve(Tokens.FILE), clock);
        access = new ConfiguredAccess("mx.example.net", config(AdminConfig.Access.READ), tokens, console, () -> tls);
        List<AdminRoute> api = new ArrayList<>(BuildRoutes.of("mx.example.net", 0));
        api.addAll(ConsoleRoutes.of(console, () -> "http://127.0.0.1:8025"));
        routes = Routes.of(new TextErrors(), List.of(ConsoleRoutes.login(console)), Map.of(AdminApi.ROOT + "/",
                new AdminApi(access, api)));
        clear = new HttpServer(port("clear", null), routes);
        secure = new HttpServer(port("secure", tls), routes);
        socket = new AdminSocket(directory.resolve("a.sock"), "", routes);
    }

    private static HttpServer.Port port(String name, @Nullable ServerTls tls) {
        return new HttpServer.Port(name, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), TIMES,
                ConnectionGate.forOperators(name), () -> new ConnectionGate.Limits(10, 10, Networks.parse(List.of())),
                () -> tls);
    }

    private static AdminConfig config(AdminConfig.Access loopback) {
        return AdminConfig.DEFAULT.with(AdminConfig.LOOPBACK_ROLE, loopback).with(AdminConfig.CLIENTS,
                Map.of("anna", new AdminConfig.Client(AdminConfig.Access.OPERATE), "former",
                        new AdminConfig.Client(AdminConfig.Access.NONE)));
    }

    @AfterEach
    void stop() throws IOException {
        socket.close();
        secure.close();
        clear.close();
        handshakes.close();
    }

    @Test
    void whoConnectsToTheSocketIsTheUserThatTheSystemNames() throws Exception {
        try (AdminClient client = AdminClient.over(directory.resolve("a.sock"))) {
            assertThat(client.get("/me", BuildRoutes.Me.class))
                    .isEqualTo(new BuildRoutes.Me(System.getProperty("user.name"), Role.CONFIGURE, "socket"));
        }
    }

    @Test
    void fromThisMachineOneMayWhatTheConfigurationSays() throws Exception {
        assertThat(ask(clear, "Host: localhost"))
                .endsWith("{\"name\":\"local\",\"role\":\"READ\",\"via\":\"loopback\"}");
        access.reconfigure(config(AdminConfig.Access.OPERATE));
        assertThat(ask(clear, "Host: localhost")).contains("\"role\":\"OPERATE\"");
        access.reconfigure(config(AdminConfig.Access.NONE));
        assertThat(ask(clear, "Host: localhost")).startsWith("HTTP/1.1 401 ").contains(
                "\r\nwww-authenticate: Bearer realm=\"penstock\"\r\n");
    }

    /** What a proxy on this machine forwards may come from anywhere. */
    @Test
    void whatIsForwardedIsNotFromThisMachine() throws Exception {
        for (String field : new String[]{"X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1", "Via: 1.1 proxy",
            "X-Real-IP: 127.0.0.1"}) {
            assertThat(ask(clear, "Host: localhost", field)).as(field).startsWith("HTTP/1.1 401 ");
        }
    }

    @Test
    void aTokenHasItsRole() throws Exception {
        String token = tokens.create("deploy", Role.OPERATE, List.of(), null, "anna").token();
        for (HttpServer port : List.of(clear, secure)) {
            assertThat(ask(port, "Host: localhost", "Authorization: Bearer " + token))
                    .endsWith("{\"name\":\"deploy\",\"role\":\"OPERATE\",\"via\":\"token\"}");
            assertThat(ask(port, "Host: localhost", "authorization: bearer " + token)).startsWith("HTTP/1.1 200 ");
            assertThat(ask(port, "Host: localhost", "Authorization: Bearer " + token + "x"))
                    .startsWith("HTTP/1.1 401 ").contains("the token is wrong, has expired, or isn't for this address");
            assertThat(ask(port, "Host: localhost", "Authorization: Basic YTpi")).startsWith("HTTP/1.1 401 ");
        }
    }

    /** Else a wrong token would do on this machine. */
    @Test
    void whoShowsAWrongTokenIsNotTakenForSomebodyElse() throws Exception {
        assertThat(ask(clear, "Host: localhost", "Authorization: Bearer nonsense")).startsWith("HTTP/1.1 401 ");
    }

    @Test
    void aClientCertificateHasTheRoleOfItsName() throws Exception {
        assertThat(over(secure, authority.clientContext(authority.client("anna")), "Host: localhost"))
                .endsWith("{\"name\":\"anna\",\"role\":\"OPERATE\",\"via\":\"certificate\"}");
    }

    @Test
    void aCertificateThatNobodyKnowsIsAsNone() throws Exception {
        access.reconfigure(config(AdminConfig.Access.NONE));
        TestCertificates others = new TestCertificates("Somebody else's authority");
        for (X509Bundle certificate : List.of(authority.client("bob"), authority.client("former"),
                others.client("anna"))) {
            assertThat(over(secure, authority.clientContext(certificate), "Host: localhost"))
                    .startsWith("HTTP/1.1 401 ");
        }
    }

    @Test
    void aPageOfAnotherSiteIsRefusedWhateverItShows() throws Exception {
        String token = "Authorization: Bearer " + tokens.create("x", Role.CONFIGURE, List.of(), null, "anna").token();
        assertThat(ask(clear, "Host: evil.example", token)).startsWith("HTTP/1.1 403 ");
        assertThat(ask(clear, "Host: localhost", token, "Origin: https://evil.example")).startsWith("HTTP/1.1 403 ");
        assertThat(ask(secure, "Host: localhost", token, "Sec-Fetch-Site: cross-site")).startsWith("HTTP/1.1 403 ");
        assertThat(ask(clear, "Host: mx.example.net", token)).startsWith("HTTP/1.1 200 ");
    }

    @Test
    void noAnswerMayBeKeptFramedOrTakenForSomethingElse() throws Exception {
        for (String answer : List.of(ask(clear, "Host: localhost"), ask(clear, "Host: evil.example"))) {
            assertThat(answer.toLowerCase(Locale.ROOT)).contains("\r\ncache-control: no-store\r\n",
                    "\r\nx-content-type-options: nosniff\r\n",
                    "\r\ncontent-security-policy: default-src 'none'; frame-ancestors 'none'\r\n")
                    .doesNotContain("access-control-allow");
        }
    }

    @Test
    void aTicketBecomesASessionOnce() throws Exception {
        access.reconfigure(config(AdminConfig.Access.NONE));
        String path = "/console/login?ticket=" + console.ticket(new Operator("anna", Role.OPERATE, "socket"));
        String answer = get(clear, null, path, "Host: localhost");
        assertThat(answer).startsWith("HTTP/1.1 303 ").contains("HttpOnly; SameSite=Strict; Max-Age=43200\r\n")
                .contains("location: /console/\r\n");
        String cookie = answer.replaceAll("(?s).*(penstock_console=[^;]*);.*", "$1");
        assertThat(ask(clear, "Host: localhost", "Cookie: other=1; " + cookie))
                .endsWith("{\"name\":\"anna\",\"role\":\"OPERATE\",\"via\":\"console\"}");
        assertThat(ask(clear, "Host: localhost", "Cookie: penstock_console=nonsense")).startsWith("HTTP/1.1 401 ");
        assertThat(get(clear, null, path, "Host: localhost")).startsWith("HTTP/1.1 401 ").contains("penstock console");
    }

    /** A browser is told so in a page, guarded as the console is; a program in its own language. */
    @Test
    void whoCanNotBeLetInReadsWhy() throws Exception {
        String path = "/console/login?ticket=%3Cscript>alert(1)%3C/script>";
        assertThat(get(clear, null, path, "Host: localhost", "Accept: text/html,*/*;q=0.8"))
                .startsWith("HTTP/1.1 401 ").contains("content-type: text/html; charset=utf-8\r\n",
                        "Content-Security-Policy: default-src 'none'; script-src 'self'",
                        "<p>This address was used, or is older than 2 minutes: penstock console prints another.</p>")
                .doesNotContain("alert");
        assertThat(get(clear, null, "/console/login", "Host: localhost", "Accept: */*"))
                .startsWith("HTTP/1.1 401 ").contains("content-type: application/problem+json\r\n");
    }

    @Test
    void whoSignsOutEndsHisSessionAlone() throws Exception {
        access.reconfigure(config(AdminConfig.Access.NONE));
        Operator anna = new Operator("anna", Role.READ, "socket");
        String mine = cookie(anna);
        String other = cookie(anna);
        assertThat(signOut(mine)).startsWith("HTTP/1.1 200 ").contains(
                "set-cookie: penstock_console=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0\r\n")
                .endsWith("{\"name\":\"anna\"}");
        assertThat(ask(clear, "Host: localhost", mine)).startsWith("HTTP/1.1 401 ");
        assertThat(ask(clear, "Host: localhost", other)).startsWith("HTTP/1.1 200 ");
        assertThat(signOut(mine)).as("once more").startsWith("HTTP/1.1 401 ");
    }

    @Test
    void whoCameOtherwiseHasNoSessionToEnd() throws Exception {
        assertThat(signOut("Accept: */*")).startsWith("HTTP/1.1 409 ").contains("you come by loopback")
                .doesNotContain("set-cookie");
        assertThat(signOut("Origin: https://evil.example")).startsWith("HTTP/1.1 403 ");
    }

    @Test
    void aSessionEndsWithTheTokenThatBeganIt() throws Exception {
        access.reconfigure(config(AdminConfig.Access.NONE));
        Tokens.Made made = tokens.create("x", Role.OPERATE, List.of(), clock.instant().plusSeconds(60), "anna");
        Tokens.Made other = tokens.create("x", Role.OPERATE, List.of(), null, "anna");
        String expiring = cookie(new Operator("x", Role.OPERATE, "token", made.view().id()));
        String revoked = cookie(new Operator("x", Role.OPERATE, "token", other.view().id()));
        for (String cookie : List.of(expiring, revoked)) {
            assertThat(ask(clear, "Host: localhost", cookie)).startsWith("HTTP/1.1 200 ");
        }
        clock.advance(Duration.ofSeconds(60));
        tokens.revoke(other.view().id());
        for (String cookie : List.of(expiring, revoked)) {
            assertThat(ask(clear, "Host: localhost", cookie)).startsWith("HTTP/1.1 401 ");
        }
    }

    @Test
    void aSessionMayWhatItsCertificateOrThisMachineMayNow() throws Exception {
        String certificate = cookie(new Operator("anna", Role.CONFIGURE, "certificate", "anna"));
        String former = cookie(new Operator("former", Role.CONFIGURE, "certificate", "former"));
        String local = cookie(new Operator("local", Role.CONFIGURE, "loopback"));
        assertThat(ask(clear, "Host: localhost", certificate)).contains("\"role\":\"OPERATE\",\"via\":\"console\"");
        assertThat(ask(clear, "Host: localhost", local)).contains("\"role\":\"READ\",\"via\":\"console\"");
        access.reconfigure(config(AdminConfig.Access.NONE));
        assertThat(ask(clear, "Host: localhost", former)).startsWith("HTTP/1.1 401 ");
        assertThat(ask(clear, "Host: localhost", local)).startsWith("HTTP/1.1 401 ");
    }

    private String cookie(Operator operator) {
        return "Cookie: " + ConsoleSessions.COOKIE + "=" + console.begin(console.ticket(operator));
    }

    private String ask(HttpServer port, String... fields) throws IOException {
        return over(port, port == secure ? authority.clientContext() : null, fields);
    }

    private static String over(HttpServer port, @Nullable SSLContext context, String... fields) throws IOException {
        return get(port, context, AdminApi.ROOT + "/me", fields);
    }

    private String signOut(String field) throws IOException {
        return send("DELETE", clear, null, AdminApi.ROOT + "/console/session", "Host: localhost", field);
    }

    private static String get(HttpServer port, @Nullable SSLContext context, String path, String... fields)
            throws IOException {
        return send("GET", port, context, path, fields);
    }

    /** The whole answer. */
    private static String send(String method, HttpServer port, @Nullable SSLContext context, String path,
            String... fields) throws IOException {
        try (Socket connection = context == null
                ? new Socket(InetAddress.getLoopbackAddress(), port.address().getPort())
                : context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(),
                        port.address().getPort())) {
            connection.getOutputStream().write((method + " " + path + " HTTP/1.1\r\nConnection: close\r\n"
                    + String.join("\r\n", fields) + "\r\n\r\n").getBytes(UTF_8));
            return new String(connection.getInputStream().readAllBytes(), UTF_8);
        }
    }
}
