package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.QueueConfig;
import dev.penstock.config.RouteLogin;
import dev.penstock.config.TlsPolicy;
import dev.penstock.routing.HostProof;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.Patience;
import dev.penstock.testing.Said;
import dev.penstock.tls.ClientTls;

/** How sessions log in to a route's hosts (RFC 4954), and what becomes of the mail when they can't. */
@Timeout(60)
final class HostLoginTest {
    private static final RouteLogin LOGIN = new RouteLogin("smart", "s3cret", false);
    private static final String PLAIN = base64("\0smart\0s3cret");
    private static final String HELLO = """
            S: 220 mx ready
            C: EHLO gateway.test
            S: 250-mx
            S: 250-PIPELINING
            S: 250 AUTH %s
            """;
    private static final String MESSAGE = """
            C: MAIL FROM:<sender@source.example>
            C: RCPT TO:<a@dest.example>
            C: DATA
            S: 250 ok
            S: 250 ok
            S: 354 go
            content
            S: 250 2.0.0 taken
            C: QUIT
            S: 221 bye
            """;
    private static final String GOODBYE = """
            C: QUIT
            S: 221 bye
            """;

    private static String base64(String text) {
        return Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    private static DeliveryRig rig(FakeMx mx, @Nullable RouteLogin login) {
        DeliveryRig rig = new DeliveryRig(DeliveryRig.CONFIG, DeliveryRig.limits(1, 100), QueueConfig.DEFAULT);
        rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN),
                List.of(DeliveryRig.host("mx1", mx.port())), false, true, null, HostProof.NONE, login));
        return rig;
    }

    private static void delivers(String transcript) {
        try (FakeMx mx = new FakeMx().script(transcript + MESSAGE); DeliveryRig rig = rig(mx, LOGIN)) {
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.outcomes()).containsExactly("Delivery a@dest.example 250 2.0.0 taken");
        }
    }

    /** Nothing is bounced, charged or sent; the queue waits and says why. */
    private static void waits(String transcript, @Nullable RouteLogin login, String why) {
        try (FakeMx mx = new FakeMx().script(transcript); DeliveryRig rig = rig(mx, login)) {
            rig.send("a@dest.example");
            await().atMost(Patience.LONG).until(() -> rig.dispatcher.stats().snapshot().suspensions() == 1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
            assertThat(rig.events).isEmpty();
            assertThat(rig.queue.stats().queued()).isEqualTo(1);
            assertThat(rig.queue.readyQueues()).singleElement().satisfies(queue -> assertThat(queue.toString())
                    .contains(why).doesNotContain("s3cret"));
            assertThat(rig.dispatcher.badHosts.size()).as("no host is to blame").isZero();
        }
    }

    @Test
    void plainGoesWithTheCommand() {
        delivers(HELLO.formatted("LOGIN PLAIN") + "C: AUTH PLAIN " + PLAIN + "\nS: 235 2.7.0 ok\n");
    }

    @Test
    void loginAnswersTwoQuestions() {
        delivers(HELLO.formatted("LOGIN") + "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: " + base64("smart")
                + "\nS: 334 UGFzc3dvcmQ6\nC: " + base64("s3cret") + "\nS: 235 2.7.0 ok\n");
    }

    @ParameterizedTest
    @CsvSource({"535 5.7.8 credentials invalid", "454 4.7.0 later", "538 5.7.11 encryption required",
        "534 5.7.9 too weak", "421 4.7.0 too many failed logins"})
    void aRefusalIsAboutTheRouteAndNoMessage(String reply) {
        waits(HELLO.formatted("PLAIN") + "C: AUTH PLAIN " + PLAIN + "\nS: " + reply + "\n" + GOODBYE, LOGIN, reply);
    }

    /** Neither in the log nor in the queue's view. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"535 5.7.8 unknown: AUTH PLAIN %s|535 5.7.8 [masked]",
        "535-5.7.8 what is\\nS: 535-5.7.8 %s\\nS: 535 5.7.8 for?|535 5.7.8 what is [masked] for?",
        "421 4.7.0 too many of %s|421 4.7.0 [masked]", "535 5.7.8 not s3cret|535 5.7.8 [masked]"})
    void aHostThatQuotesALoginIsNotQuoted(String reply, String told) {
        String answer = reply.replace("\\n", "\n").formatted(PLAIN);
        List<String> log = new ArrayList<>();
        try (Said said = Said.by(Dispatcher.class)) {
            waits(HELLO.formatted("PLAIN") + "C: AUTH PLAIN " + PLAIN + "\nS: " + answer + "\n" + GOODBYE, LOGIN, told);
            await().atMost(Patience.LONG).until(() -> {
                log.addAll(said.lines());
                return log.stream().anyMatch(line -> line.startsWith("event=suspension "));
            });
        }
        assertThat(log).anyMatch(line -> line.contains(told)).noneMatch(
                line -> line.contains(PLAIN.substring(0, 6)) || line.contains("s3cret"));
    }

    @Test
    void whatIsNoReplyAndQuotesALoginIsNotQuotedInTheDeliveryLog() {
        try (FakeMx mx = new FakeMx().script(HELLO.formatted("PLAIN") + "C: AUTH PLAIN " + PLAIN
                + "\nS: what is AUTH PLAIN " + PLAIN + "?\n"); DeliveryRig rig = rig(mx, LOGIN)) {
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            assertThat(rig.outcomes()).singleElement().asString()
                    .startsWith("TransientFailure a@dest.example 400 4.5.0 mx1")
                    .endsWith(" quotes the login: [masked]");
        }
    }

    @Test
    void theNextHostIsAskedWhereOneCanNotCheckTheLogin() {
        try (FakeMx first = new FakeMx().offering("PIPELINING,AUTH PLAIN").on("AUTH", "454 4.7.0 later");
                FakeMx second = new FakeMx().offering("PIPELINING,AUTH PLAIN").on("AUTH", "235 2.7.0 ok");
                DeliveryRig rig = rig(first, LOGIN)) {
            rig.router.set(DeliveryRig.DOMAIN, new Route.Hosts(new Site(DeliveryRig.DOMAIN),
                    List.of(DeliveryRig.host("mx1", first.port()), DeliveryRig.host("mx2", second.port())), false, true,
                    null, HostProof.NONE, LOGIN));
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(rig.outcomes()).singleElement().asString().startsWith("Delivery a@dest.example 250");
            assertThat(first.commands()).contains("AUTH PLAIN " + PLAIN).noneMatch(each -> each.startsWith("MAIL"));
            assertThat(second.messages()).hasSize(1);
        }
    }

    @Test
    void aHostThatOffersNoAuthGetsNothing() {
        waits("S: 220 mx\nC: EHLO gateway.test\nS: 250-mx\nS: 250 PIPELINING\n" + GOODBYE, LOGIN, "offers no AUTH");
    }

    @Test
    void aHostThatOffersNothingThatWeKnowGetsNothing() {
        waits(HELLO.formatted("CRAM-MD5 XOAUTH2") + GOODBYE, LOGIN, "none of SCRAM-SHA-256, PLAIN and LOGIN");
    }

    @Test
    void aHostThatTakesScramWithoutProvingItselfGetsNothing() {
        waits(HELLO.formatted("PLAIN SCRAM-SHA-256") + "C~ AUTH SCRAM-SHA-256 biws\nS: 235 2.7.0 ok\n" + GOODBYE, LOGIN,
                "proved that it knows the password");
    }

    @ParameterizedTest
    @ValueSource(strings = {"334 ?", "334 eA=="})
    void whatIsNoScramIsCancelled(String challenge) {
        waits(HELLO.formatted("SCRAM-SHA-256") + "C~ AUTH SCRAM-SHA-256 biws\nS: " + challenge
                + "\nC: *\nS: 501 5.0.0 cancelled\n" + GOODBYE, LOGIN, "mx1");
    }

    @Test
    void aHostThatWantsALoginWhereTheRouteHasNoneBouncesNothing() {
        waits(HELLO.formatted("PLAIN") + """
                C: MAIL FROM:<sender@source.example>
                C: RCPT TO:<a@dest.example>
                C: DATA
                S: 530 5.7.0 authentication required
                S: 503 5.5.1 MAIL first
                S: 503 5.5.1 MAIL first
                """ + GOODBYE, null, "the route has no user: 530 5.7.0 authentication required");
    }

    @Test
    void routesWithDifferentLoginsShareNoSession() {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,AUTH PLAIN").on("AUTH", "235 2.7.0 ok");
                DeliveryRig rig = new DeliveryRig()) {
            for (String name : List.of("one", "two")) {
                rig.router.set(name + ".example", new Route.Hosts(new Site("smart"),
                        List.of(DeliveryRig.host("mx1", mx.port())), false, true, null, HostProof.NONE,
                        new RouteLogin(name, "s3cret", false)));
                rig.send("a@" + name + ".example");
            }
            rig.awaitEvents(2);
            rig.awaitNoSessions();
            assertThat(mx.commands()).contains("AUTH PLAIN " + base64("\0one\0s3cret"),
                    "AUTH PLAIN " + base64("\0two\0s3cret"));
            assertThat(mx.messages()).extracting(FakeMx.Received::session).doesNotHaveDuplicates();
        }
    }

    @Test
    void whatHasNoRoomInTheCommandFollowsIt() {
        String password = "x".repeat(255);
        RouteLogin login = new RouteLogin("u".repeat(200), password, false);
        try (FakeMx mx = new FakeMx().script(HELLO.formatted("PLAIN") + "C: AUTH PLAIN\nS: 334 \nC: "
                + base64("\0" + login.user() + "\0" + password) + "\nS: 235 2.7.0 ok\n" + MESSAGE);
                DeliveryRig rig = rig(mx, login)) {
            rig.send("a@dest.example");
            rig.awaitEvents(1);
            rig.awaitNoSessions();
            assertThat(mx.errors()).isEmpty();
        }
    }

    @Test
    void aPasswordIsSaidInClearOnlyOnThisMachineOrWhereItIsAllowed() throws Exception {
        try (FakeMx mx = new FakeMx().offering("PIPELINING,AUTH PLAIN").on("AUTH", "235 2.7.0 ok")) {
            assertThatThrownBy(() -> open(mx, LOGIN)).isInstanceOf(SessionException.class)
                    .hasMessageContaining("has no TLS with us");
            assertThat(mx.commands()).noneMatch(command -> command.startsWith("AUTH"));
            open(mx, new RouteLogin("smart", "s3cret", true)).quit();
            assertThat(mx.commands()).contains("AUTH PLAIN " + PLAIN);
        }
    }

    /** A session with what passes for a host elsewhere. */
    private static SmtpClientSession open(FakeMx mx, RouteLogin login) throws IOException, SessionException {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), mx.port());
        MailHost elsewhere = new MailHost("mx.example", InetAddress.ofLiteral("192.0.2.1"), 25, 0);
        DeadlineGuard guard = new DeadlineGuard(System::nanoTime);
        return SmtpClientSession.open(
                new HostConnection(elsewhere, socket, socket, guard.watch(() -> {}), ""),
                false, new SmtpClientSession.Security(TlsPolicy.NONE, new ClientTls(Optional.empty()), true, false),
                login,
                "gateway.test", SessionRules.of(DeliveryRig.CONFIG), DeliveryMemory.uncounted());
    }
}
