package dev.penstock.delivery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.local.CallAhead.Answer;
import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Site;
import dev.penstock.smtp.Reply;
import dev.penstock.testing.FakeMx;
import dev.penstock.testing.FakeRouter;
import dev.penstock.testing.Patience;

/** The question to a store as a transcript, and what its answers mean. */
@Timeout(180)
class RecipientProbeTest {
    private static final Duration PATIENCE = Patience.LONG;

    private final FakeRouter router = new FakeRouter();
    private final AtomicLong now = new AtomicLong();
    private final RecipientProbe probe = new RecipientProbe("gateway.test", DeliveryRig.CONFIG, router, now::get);

    @TempDir
    Path directory;

    @AfterEach
    void close() {
        probe.close();
    }

    @Test
    void theStoreIsAskedByATransactionThatEndsAfterRcpt() {
        try (FakeMx store = new FakeMx().script("""
                S: 220 store ready
                C: LHLO gateway.test
                S: 250-store
                S: 250 PIPELINING
                C: MAIL FROM:<>
                S: 250 2.1.0 ok
                C: RCPT TO:<anna@example.com>
                S: 250 2.1.5 ok
                C: QUIT
                S: 221 2.0.0 bye
                eof
                """)) {
            route(true, store);
            assertThat(ask("anna@example.com")).isEqualTo(new Answer.Yes());
            assertThat(store.errors()).isEmpty();
        }
    }

    @Test
    void aPermanentRefusalOfTheRecipientIsANo() {
        try (FakeMx store = new FakeMx().on("RCPT", "550 5.1.1 no such user")) {
            route(false, store);
            assertThat(ask("anna@example.com")).isEqualTo(new Answer.No(Reply.of(550, "5.1.1", "no such user")));
            assertThat(store.commands()).startsWith("EHLO gateway.test");
        }
    }

    @Test
    void whatIsNotAboutTheRecipientTellsNothingOfIt() {
        try (FakeMx store = new FakeMx().on("RCPT", "451 4.3.0 try later")) {
            route(true, store);
            assertThat(ask("anna@example.com")).isInstanceOfSatisfying(Answer.Unknown.class,
                    unknown -> assertThat(unknown.why()).endsWith(" said 451 4.3.0 try later to RCPT TO"));
        }
        try (FakeMx store = new FakeMx().on("MAIL", "550 5.7.1 not you")) {
            route(true, store);
            assertThat(ask("anna@example.com")).isInstanceOfSatisfying(Answer.Unknown.class,
                    unknown -> assertThat(unknown.why()).endsWith(" said 550 5.7.1 not you to MAIL FROM"));
        }
        try (FakeMx store = new FakeMx().on("connect", "554 5.3.2 closed today")) {
            route(true, store);
            assertThat(ask("anna@example.com")).isInstanceOfSatisfying(Answer.Unknown.class,
                    unknown -> assertThat(unknown.why()).endsWith(" said 554 5.3.2 closed today"));
        }
    }

    @Test
    void theNextHostIsAskedWhenOneCannotTell() {
        try (FakeMx first = new FakeMx().on("LHLO", "421 4.3.2 going down"); FakeMx second = new FakeMx()) {
            route(true, first, second);
            assertThat(ask("anna@example.com")).isEqualTo(new Answer.Yes());
        }
    }

    @Test
    void anAddressBeyondAsciiNeedsAStoreThatTakesIt() {
        try (FakeMx store = new FakeMx()) {
            route(true, store);
            assertThat(ask("ännchen@example.com")).isEqualTo(new Answer.Yes());
            assertThat(store.commands()).contains("MAIL FROM:<> SMTPUTF8", "RCPT TO:<ännchen@example.com>");
        }
        try (FakeMx store = new FakeMx().offering("PIPELINING")) {
            route(true, store);
            assertThat(ask("ännchen@example.com")).isInstanceOfSatisfying(Answer.No.class,
                    no -> assertThat(no.reply().oneLine()).startsWith("553 5.6.7 "));
        }
    }

    @Test
    void aSilentStoreIsLeftAtTheDeadline() {
        try (FakeMx store = new FakeMx().script("tell there\ndrip 220-slow")) {
            route(true, store);
            CompletableFuture<Answer> answer = CompletableFuture.supplyAsync(() -> ask("anna@example.com"));
            store.awaitStep("there");
            await().pollInterval(Duration.ofMillis(10)).until(() -> {
                if (now.get() < 2 * PATIENCE.toNanos()) { // octets come all the time
                    now.addAndGet(PATIENCE.dividedBy(50).toNanos());
                }
                return answer.isDone();
            });
            assertThat(answer.join()).isInstanceOfSatisfying(Answer.Unknown.class,
                    unknown -> assertThat(unknown.why()).startsWith("timed out with "));
        }
    }

    @Test
    void aStoreBehindAUnixDomainSocketIsAskedTheSameWay() throws IOException {
        Path path = directory.resolve("lmtp");
        try (FakeMx store = new FakeMx().on("RCPT", "550 5.1.1 no such user");
                UnixDoor _ = new UnixDoor(path, store.port())) {
            router.set("example.com", new Route.Hosts(new Site("store"),
                    List.of(new MailHost("unix:" + path, UnixDomainSocketAddress.of(path), 0)), true));
            assertThat(ask("anna@example.com")).isInstanceOf(Answer.No.class);
        }
    }

    @Test
    void aDomainWithoutHostsCannotBeAsked() {
        router.set("example.com", new Route.Failure(false, 451, "4.4.4", "no host of the configured route"));
        assertThat(ask("anna@example.com")).isEqualTo(new Answer.Unknown("no host of the configured route"));
    }

    private Answer ask(String mailbox) {
        return probe.ask("example.com", mailbox, PATIENCE);
    }

    private void route(boolean lmtp, FakeMx... hosts) {
        router.set("example.com", new Route.Hosts(new Site("store"),
                java.util.Arrays.stream(hosts).map(host -> DeliveryRig.host("store.test", host.port())).toList(),
                lmtp));
    }
}
