package dev.penstock.egress;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.config.SourceConfig;
import dev.penstock.egress.EgressException.Kind;
import dev.penstock.egress.SourceHealth.Suspension;
import dev.penstock.testing.ManualClock;

class SourceWardenTest {
    private static final InetSocketAddress HOST = new InetSocketAddress(InetAddress.getLoopbackAddress(), 25);

    private final Sources sources = Sources.ofDefault("", "penstock.example");
    private final SourceHealth health = new SourceHealth();
    private final ManualClock clock = new ManualClock();
    private final SourceWarden warden = new SourceWarden(sources, health, clock);
    private final Source source = sources.all().iterator().next();
    private final List<String> heard = new ArrayList<>();
    private final List<InetSocketAddress> probed = new ArrayList<>();

    SourceWardenTest() {
        health.listen(new SourceHealth.Listener() {
            @Override
            public void suspended(Suspension suspension) {
                heard.add("- " + suspension.cause());
            }

            @Override
            public void resumed(Suspension suspension, String why) {
                heard.add("+ " + suspension.cause() + " " + why);
            }
        });
    }

    private void probe(@Nullable IOException outcome) {
        probe(warden, outcome);
    }

    private void probe(SourceWarden warden, @Nullable IOException outcome) {
        List<Thread> probes = warden.begin((_, host) -> {
            probed.add(host);
            if (outcome != null) {
                throw outcome;
            }
        });
        for (Thread each : probes) {
            try {
                each.join();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
        health.expire(clock.millis());
    }

    @Test
    void aDeadProxyIsUsedAgainOnlyWhenAProbeCameThrough() {
        warden.failed(source, HOST, new EgressException(Kind.PROXY_UNREACHABLE, "can't connect to the proxy"));
        for (int i = 0; i < 100; i++) {
            clock.advance(SourceWarden.RETRY);
            probe(new EgressException(Kind.PROXY_UNREACHABLE, "can't connect to the proxy"));
            warden.failed(source, HOST, new EgressException(Kind.PROXY_FAILED, "a session that was under way"));
        }
        assertThat(heard).containsExactly("- PROXY");
        assertThat(probed).hasSize(100).containsOnly(HOST);
        probe(null);
        assertThat(heard).containsExactly("- PROXY", "+ PROXY a probe came through");
        probe(null);
        assertThat(probed).as("one that works isn't probed").hasSize(101);
    }

    @Test
    void aProbeThatComesWhileASourceFailsForgetsNothing() {
        List<Runnable> between = new ArrayList<>();
        SourceWarden asked = new SourceWarden(sources, health, () -> {
            between.forEach(Runnable::run);
            return clock.instant();
        });
        between.add(() -> probe(asked, null));
        asked.failed(source, HOST, new EgressException(Kind.PROXY_FAILED, "it broke off"));
        assertThat(health.isSound()).isFalse();
        probe(asked, null);
        assertThat(health.isSound()).isTrue();
    }

    @Test
    void aHostThatRefusesShowsThatTheProxyIsAlive() {
        warden.failed(source, HOST, new EgressException(Kind.PROXY_FAILED, "it broke off"));
        probe(new ConnectException("refused"));
        assertThat(heard).containsExactly("- PROXY", "+ PROXY a probe came through");
    }

    @Test
    void aConnectionThatComesAboutEndsTheProbes() {
        warden.failed(source, HOST, new EgressException(Kind.PROXY_FAILED, "it broke off"));
        warden.worked(source);
        probe(null);
        assertThat(probed).isEmpty();
        assertThat(heard).containsExactly("- PROXY", "+ PROXY a connection came about");
    }

    @Test
    void whatIsNotOnThisMachineIsNotProbed() {
        warden.failed(source, HOST, new EgressException(Kind.ADDRESS, "a bind failed"));
        warden.addressesMissing(source, Set.of(InetAddress.getLoopbackAddress()));
        probe(null);
        assertThat(probed).isEmpty();
        warden.addressesBack(SourceConfig.DEFAULT_NAME);
        assertThat(heard).containsExactly("- ADDRESS", "- ADDRESS",
                "+ ADDRESS its addresses are on this machine again");
    }
}
