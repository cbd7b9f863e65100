package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.ClientLimits;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerLimits;
import dev.penstock.testing.ManualTicker;
import dev.penstock.units.Rate;

class ClientAccountsTest {
    private static final ListenerConfig LISTENER = ListenerConfig.DEFAULT;

    private final ManualTicker time = new ManualTicker();
    private final Counters counters = new Counters();
    private InboundConfig config = InboundConfig.DEFAULT;

    private static InboundConfig config(int maxSessions, int perAddress, ClientLimits clients) {
        InboundConfig base = InboundConfig.DEFAULT;
        return base.with(InboundConfig.RELAY_NETWORKS, List.of("192.168.0.0/16"))
                .with(InboundConfig.MAX_SESSIONS, maxSessions).with(InboundConfig.MAX_SESSIONS_PER_ADDRESS, perAddress)
                .with(InboundConfig.CLIENTS, clients);
    }

    private static ClientLimits limits(@Nullable Integer perNetwork, @Nullable String sessions,
            @Nullable String messages, @Nullable String recipients, @Nullable String errors, int maxClients) {
        return ClientLimits.DEFAULT.with(ClientLimits.EXEMPT, List.of("127.0.0.0/8")).with(ClientLimits.IPV6_PREFIX, 64)
                .with(ClientLimits.NETWORK_PREFIX_V4, 24).with(ClientLimits.NETWORK_PREFIX_V6, 48)
                .with(ClientLimits.MAX_SESSIONS_PER_NETWORK, perNetwork).with(ClientLimits.SESSION_RATE, rate(sessions))
                .with(ClientLimits.MESSAGE_RATE, rate(messages)).with(ClientLimits.RECIPIENT_RATE, rate(recipients))
                .with(ClientLimits.ERROR_RATE, rate(errors)).with(ClientLimits.MAX_CLIENTS, maxClients);
    }

    private static @Nullable Rate rate(@Nullable String text) {
        return text == null ? null : Rate.parse(text);
    }

    private ClientAccounts accounts(int maxSessions, int perAddress, ClientLimits clients) {
        config = config(maxSessions, perAddress, clients);
        return new ClientAccounts(config, counters, time);
    }

    private static ClientLimits unlimited() {
        return limits(null, null, null, null, null, 100);
    }

    private static InetAddress ip(String address) {
        return InetAddress.ofLiteral(address);
    }

    private long refused(SessionRefusal refusal) {
        return counters.snapshot(0, 0).hostility().refused().getOrDefault(refusal, 0L);
    }

    @Test
    void sessionsAreCountedInAllAndPerAddress() {
        ClientAccounts accounts = accounts(3, 2, unlimited());
        ClientAccount first = accounts.enter(ip("192.0.2.1"), LISTENER);
        ClientAccount second = accounts.enter(ip("192.0.2.1"), LISTENER);
        assertThat(first.refusal()).isNull();
        assertThat(second.refusal()).isNull();
        assertThat(accounts.enter(ip("192.0.2.1"), LISTENER).refusal()).isEqualTo(SessionRefusal.TOO_MANY_FROM_CLIENT);
        assertThat(accounts.enter(ip("192.0.2.2"), LISTENER).refusal()).isNull();
        assertThat(accounts.enter(ip("192.0.2.3"), LISTENER).refusal()).isEqualTo(SessionRefusal.TOO_MANY);
        assertThat(accounts.sessions()).isEqualTo(3);
        first.leave();
        first.leave();
        assertThat(accounts.sessions()).isEqualTo(2);
        assertThat(accounts.enter(ip("192.0.2.1"), LISTENER).refusal()).isNull();
        assertThat(refused(SessionRefusal.TOO_MANY)).isEqualTo(1);
        assertThat(refused(SessionRefusal.TOO_MANY_FROM_CLIENT)).isEqualTo(1);
        assertThat(counters.sessionsRefused.sum()).isEqualTo(2);
    }

    @Test
    void aListenerHasItsOwnNumberOfSessions() {
        ClientAccounts accounts = accounts(10, 10, unlimited());
        ListenerConfig one = LISTENER.with(ListenerConfig.NAME, "one").with(ListenerConfig.WITHHELD, Set.of())
                .with(ListenerConfig.AUTH_REQUIRED, false).with(ListenerConfig.PROXY_NETWORKS, List.of())
                .with(ListenerConfig.XCLIENT_NETWORKS, List.of()).with(ListenerConfig.TENANT, "")
                .with(ListenerConfig.CAMPAIGN, "")
                .with(ListenerConfig.LIMITS, new ListenerLimits(1, null, null, null, null));
        ClientAccount only = accounts.enter(ip("192.0.2.1"), one);
        assertThat(accounts.enter(ip("192.0.2.2"), one).refusal()).isEqualTo(SessionRefusal.TOO_MANY_ON_LISTENER);
        assertThat(accounts.enter(ip("192.0.2.2"), LISTENER).refusal()).isNull();
        assertThat(accounts.sessions("one")).isEqualTo(1);
        only.leave();
        assertThat(accounts.sessions("one")).isZero();
        assertThat(accounts.enter(ip("192.0.2.2"), one).refusal()).isNull();
    }

    @ParameterizedTest
    @CsvSource({
        "2001:db8:1:1::1, 2001:db8:1:1:ffff::2, true",
        "2001:db8:1:1::1, 2001:db8:1:2::1, false",
        "192.0.2.1, 192.0.2.2, false",
        "192.0.2.1, ::ffff:192.0.2.1, true"})
    void aClientIsAnIpv4AddressOrAnIpv6Network(String one, String other, boolean same) {
        ClientAccounts accounts = accounts(10, 1, unlimited());
        accounts.enter(ip(one), LISTENER);
        assertThat(accounts.enter(ip(other), LISTENER).refusal())
                .isEqualTo(same ? SessionRefusal.TOO_MANY_FROM_CLIENT : null);
    }

    @Test
    void anotherPrefixTellsClientsApartOtherwise() {
        ClientAccounts accounts = accounts(10, 1,
                ClientLimits.DEFAULT.with(ClientLimits.EXEMPT, List.of()).with(ClientLimits.IPV6_PREFIX, 72)
                        .with(ClientLimits.NETWORK_PREFIX_V4, 24).with(ClientLimits.NETWORK_PREFIX_V6, 48)
                        .with(ClientLimits.MAX_SESSIONS_PER_NETWORK, null).with(ClientLimits.SESSION_RATE, null)
                        .with(ClientLimits.MESSAGE_RATE, null).with(ClientLimits.RECIPIENT_RATE, null)
                        .with(ClientLimits.ERROR_RATE, null).with(ClientLimits.MAX_CLIENTS, 10));
        accounts.enter(ip("2001:db8::0100:0:0:1"), LISTENER);
        assertThat(accounts.enter(ip("2001:db8::01ff:0:0:1"), LISTENER).refusal()).isNotNull();
        assertThat(accounts.enter(ip("2001:db8::0200:0:0:1"), LISTENER).refusal()).isNull();
    }

    @ParameterizedTest
    @CsvSource({"192.0.2.1, 192.0.2.2, 192.0.3.1", "2001:db8:1:1::1, 2001:db8:1:2::1, 2001:db8:2:1::1"})
    void theNetworkAroundIsCountedToo(String one, String neighbour, String stranger) {
        ClientAccounts accounts = accounts(10, 5, limits(1, null, null, null, null, 100));
        ClientAccount first = accounts.enter(ip(one), LISTENER);
        assertThat(accounts.enter(ip(neighbour), LISTENER).refusal()).isEqualTo(SessionRefusal.TOO_MANY_FROM_NETWORK);
        assertThat(accounts.enter(ip(stranger), LISTENER).refusal()).isNull();
        first.leave();
        assertThat(accounts.enter(ip(neighbour), LISTENER).refusal()).isNull();
        assertThat(accounts.networks()).isEqualTo(2);
    }

    @Test
    void whatIsRefusedLeavesNothingBehind() {
        ClientAccounts accounts = accounts(10, 0, limits(0, "1/h", null, null, null, 100));
        assertThat(accounts.enter(ip("192.0.2.1"), LISTENER).refusal()).isEqualTo(SessionRefusal.TOO_MANY_FROM_NETWORK);
        accounts.reconfigure(config(10, 0, limits(null, "1/h", null, null, null, 100)));
        ClientAccount refused = accounts.enter(ip("192.0.2.1"), LISTENER);
        assertThat(refused.refusal()).isEqualTo(SessionRefusal.TOO_MANY_FROM_CLIENT);
        refused.leave();
        assertThat(accounts.sessions()).isZero();
        assertThat(accounts.sessions(LISTENER.name())).isZero();
        assertThat(accounts.clients()).isZero();
        assertThat(accounts.networks()).isZero();
        assertThat(accounts.remembered()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"127.0.0.1", "192.168.3.4"})
    void exemptAndRelayNetworksAreOnlyCountedInAll(String address) {
        ClientAccounts accounts = accounts(3, 1, limits(1, "1/h", "1/h", "1/h", "1/h", 100));
        for (int i = 0; i < 3; i++) {
            ClientAccount account = accounts.enter(ip(address), LISTENER);
            assertThat(account.refusal()).isNull();
            account.error();
            assertThat(account.mayMail()).isTrue();
            assertThat(account.mayRcpt()).isTrue();
        }
        assertThat(accounts.enter(ip(address), LISTENER).refusal()).isEqualTo(SessionRefusal.TOO_MANY);
    }

    @Test
    void whoIsNoLongerExemptIsLimitedInOpenSessionsToo() {
        ClientAccounts accounts = accounts(10, 10, limits(null, null, "1/h", null, null, 100));
        ClientAccount account = accounts.enter(ip("127.0.0.1"), LISTENER);
        assertThat(account.mayMail()).isTrue();
        assertThat(account.mayMail()).isTrue();
        accounts.reconfigure(config(10, 10,
                ClientLimits.DEFAULT.with(ClientLimits.EXEMPT, List.of()).with(ClientLimits.IPV6_PREFIX, 64)
                        .with(ClientLimits.NETWORK_PREFIX_V4, 24).with(ClientLimits.NETWORK_PREFIX_V6, 48)
                        .with(ClientLimits.MAX_SESSIONS_PER_NETWORK, null).with(ClientLimits.SESSION_RATE, null)
                        .with(ClientLimits.MESSAGE_RATE, Rate.parse("1/h")).with(ClientLimits.RECIPIENT_RATE, null)
                        .with(ClientLimits.ERROR_RATE, null).with(ClientLimits.MAX_CLIENTS, 100)));
        assertThat(account.mayMail()).isTrue();
        assertThat(account.mayMail()).isFalse();
    }

    @Test
    void newSessionsHaveARateWhichOutlivesThem() {
        ClientAccounts accounts = accounts(10, 10, limits(null, "2/min", null, null, null, 100));
        accounts.enter(ip("192.0.2.1"), LISTENER).leave();
        accounts.enter(ip("192.0.2.1"), LISTENER).leave();
        assertThat(accounts.enter(ip("192.0.2.1"), LISTENER).refusal()).isEqualTo(SessionRefusal.TOO_FAST);
        assertThat(accounts.enter(ip("192.0.2.2"), LISTENER).refusal()).isNull();
        time.advance(Duration.ofSeconds(30));
        ClientAccount again = accounts.enter(ip("192.0.2.1"), LISTENER);
        assertThat(again.refusal()).isNull();
        again.leave();
        assertThat(accounts.remembered()).isEqualTo(1);
        time.advance(Duration.ofMinutes(2));
        assertThat(accounts.remembered()).as("what is made up for is forgotten").isZero();
    }

    @Test
    void messagesAndRecipientsHaveRatesOverAllSessionsOfAClient() {
        ClientAccounts accounts = accounts(10, 10, limits(null, null, "3/min", "10/min,max_burst=2", null, 100));
        ClientAccount one = accounts.enter(ip("192.0.2.1"), LISTENER);
        ClientAccount two = accounts.enter(ip("192.0.2.1"), LISTENER);
        assertThat(one.mayMail()).isTrue();
        assertThat(two.mayMail()).isTrue();
        assertThat(one.mayMail()).as("no burst said: the whole count").isTrue();
        assertThat(two.mayMail()).isFalse();
        assertThat(one.mayRcpt()).isTrue();
        assertThat(two.mayRcpt()).isTrue();
        assertThat(two.mayRcpt()).isFalse();
        time.advance(Duration.ofSeconds(20));
        assertThat(two.mayMail()).isTrue();
        assertThat(one.mayMail()).isFalse();
        InboundStats.Hostility seen = counters.snapshot(0, 0).hostility();
        assertThat(seen.messagesLimited()).isEqualTo(2);
        assertThat(seen.recipientsLimited()).isEqualTo(1);
    }

    @Test
    void whoMakesErrorsTooFastIsNotGreetedAgainUntilTheyAreWorkedOff() {
        ClientAccounts accounts = accounts(10, 10, limits(null, null, null, null, "60/min", 100));
        ClientAccount account = accounts.enter(ip("192.0.2.1"), LISTENER);
        for (int i = 0; i < 60; i++) {
            account.error();
        }
        assertThat(accounts.enter(ip("192.0.2.1"), LISTENER).refusal()).as("at the rate").isNull();
        for (int i = 0; i < 1000; i++) {
            account.error();
        }
        account.leave();
        assertThat(accounts.enter(ip("192.0.2.1"), LISTENER).refusal()).isEqualTo(SessionRefusal.TOO_MANY_ERRORS);
        time.advance(Duration.ofSeconds(58));
        assertThat(accounts.enter(ip("192.0.2.1"), LISTENER).refusal()).isEqualTo(SessionRefusal.TOO_MANY_ERRORS);
        time.advance(Duration.ofSeconds(2)); // a period at most, however many there were
        assertThat(accounts.enter(ip("192.0.2.1"), LISTENER).refusal()).isNull();
    }

    @Test
    void anotherRateDoesNotMakeWaitForTheOldOne() {
        ClientAccounts accounts = accounts(10, 10, limits(null, null, "10/d", null, null, 100));
        ClientAccount account = accounts.enter(ip("192.0.2.1"), LISTENER);
        for (int i = 0; i < 10; i++) {
            assertThat(account.mayMail()).isTrue();
        }
        assertThat(account.mayMail()).isFalse();
        accounts.reconfigure(config(10, 10, limits(null, null, "60/min", null, null, 100)));
        assertThat(account.mayMail()).as("the burst isn't given anew").isFalse();
        time.advance(Duration.ofSeconds(1));
        assertThat(account.mayMail()).isTrue();
    }

    @Test
    void aSessionMovesToTheClientThatAProxyTells() {
        ClientAccounts accounts = accounts(10, 1, unlimited());
        ClientAccount account = accounts.enter(LISTENER);
        assertThat(account.mayMail()).isTrue();
        assertThat(account.move(ip("192.0.2.1"))).isNull();
        assertThat(account.move(ip("192.0.2.2"))).isNull();
        assertThat(accounts.clients()).isEqualTo(1);
        assertThat(accounts.enter(ip("192.0.2.1"), LISTENER).refusal()).isNull();
        assertThat(account.move(ip("192.0.2.1"))).isEqualTo(SessionRefusal.TOO_MANY_FROM_CLIENT);
        assertThat(accounts.sessions()).isEqualTo(1);
        account.leave();
        assertThat(accounts.sessions()).isEqualTo(1);
        assertThat(account.move(ip("192.0.2.9"))).as("it is over").isEqualTo(SessionRefusal.TOO_MANY_FROM_CLIENT);
    }

    @Test
    void rememberedClientsAreBoundedAndOpenSessionsAreNeverForgotten() {
        int bound = 50;
        ClientAccounts accounts = accounts(10_000, 1, limits(null, "1/h", null, null, null, bound));
        ClientAccount victim = accounts.enter(ip("192.0.2.1"), LISTENER);
        for (int i = 0; i < 5_000; i++) {
            accounts.enter(ip("10." + (i >> 8) + "." + (i & 255) + ".1"), LISTENER).leave();
        }
        assertThat(accounts.remembered()).isBetween(1L, (long) bound);
        assertThat(accounts.clients()).isEqualTo(1);
        assertThat(accounts.enter(ip("192.0.2.1"), LISTENER).refusal()).isEqualTo(SessionRefusal.TOO_MANY_FROM_CLIENT);
        victim.leave();
    }

    @Test
    void countsStayExactWithManyThreads() throws Exception {
        int most = 7;
        ClientAccounts accounts = accounts(1_000, most, limits(most, null, null, null, null, 100));
        List<Thread> threads = new ArrayList<>();
        CountDownLatch start = new CountDownLatch(1);
        List<Integer> seen = java.util.Collections.synchronizedList(new ArrayList<>());
        for (int t = 0; t < 4; t++) {
            threads.add(Thread.ofPlatform().start(() -> {
                try {
                    start.await();
                } catch (InterruptedException e) {
                    return;
                }
                for (int i = 0; i < 5_000; i++) {
                    List<ClientAccount> mine = new ArrayList<>();
                    for (int k = 0; k < 3; k++) {
                        ClientAccount account = accounts.enter(ip("192.0.2.1"), LISTENER);
                        if (account.refusal() == null) {
                            mine.add(account);
                        }
                    }
                    seen.add(accounts.sessions());
                    mine.forEach(ClientAccount::leave);
                }
            }));
        }
        start.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(accounts.sessions()).isZero();
        assertThat(accounts.clients()).isZero();
        assertThat(accounts.networks()).isZero();
        // those that are being refused are counted in all for a moment, one per thread
        assertThat(seen).isNotEmpty().allMatch(sessions -> sessions <= most + 4);
    }

    @Test
    void refusalsAreTold() {
        assertThat(SessionRefusal.TOO_FAST.reply("gateway.example")).asString()
                .isEqualTo("421 4.7.0 gateway.example Error: too many new sessions from your address\r\n");
        assertThat(SessionRefusal.TOO_MANY_FROM_NETWORK.reply("gateway.example")).asString()
                .isEqualTo("421 4.3.2 gateway.example Error: too many sessions from your network\r\n");
    }
}
