package dev.penstock.mtasts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.routing.Lookups;
import dev.penstock.routing.StsPolicy;
import dev.penstock.routing.TextAnswer;
import dev.penstock.routing.TlsaAnswer;
import dev.penstock.testing.ManualClock;
import dev.penstock.tls.TlsResult;

/** Policies as domains publish them, take them back, or can't be asked. */
@Timeout(60)
final class StsPoliciesTest {
    private static final StsPolicy POLICY = new StsPolicy(StsPolicy.Mode.ENFORCE, List.of("mx.a.example"));

    private final ManualClock clock = new ManualClock();
    private final Map<String, TextAnswer> records = new ConcurrentHashMap<>();
    private final Map<String, CompletableFuture<StsText.Published>> fetched = new ConcurrentHashMap<>();

    @TempDir
    Path directory;

    private StsPolicies policies(int maxDomains) {
        return new StsPolicies(new Records(),
                domain -> Objects.requireNonNullElseGet(fetched.get(domain),
                        () -> CompletableFuture.failedFuture(
                                new StsFetch.StsException("sts-policy-fetch-error", "answered 404"))),
                directory, clock, TlsResult.Listener.NONE, maxDomains);
    }

    private void publish(String domain, String id) {
        records.put("_mta-sts." + domain, new TextAnswer.Texts(List.of("v=STSv1; id=" + id)));
    }

    @Test
    void domainsWithoutAPolicyPushNoneOut() {
        publish("a.example", "1");
        fetched.put("a.example", CompletableFuture.completedFuture(new StsText.Published(POLICY, 604_800)));
        try (StsPolicies policies = policies(10)) {
            assertThat(policies.find("a.example").join()).isEqualTo(POLICY);
            fetched.clear();
            records.clear();
            for (int i = 0; i < 5_000; i++) {
                assertThat(policies.find("d" + i + ".example").join()).isNull();
            }
            assertThat(policies.find("a.example").join()).isEqualTo(POLICY);
        }
    }

    @Test
    void whateverGoesWrongThePolicyServesUntilItsTimeIsOver() {
        publish("a.example", "1");
        fetched.put("a.example", CompletableFuture.completedFuture(new StsText.Published(POLICY, 604_800)));
        try (StsPolicies policies = policies(10)) {
            assertThat(policies.find("a.example").join()).isEqualTo(POLICY);
            fetched.clear(); // 404 from now on
            for (int hour = 2; hour < 167; hour += 2) {
                switch (hour % 8) {
                    case 0 -> records.remove("_mta-sts.a.example");
                    case 2 -> publish("a.example", "another" + hour);
                    case 4 -> records.put("_mta-sts.a.example", new TextAnswer.Trouble("no answer"));
                    default -> records.put("_mta-sts.a.example", new TextAnswer.Texts(List.of("v=STSv1; id=1",
                            "v=STSv1; id=2")));
                }
                clock.advance(Duration.ofHours(2));
                assertThat(policies.find("a.example").join()).as("hour %d", hour).isEqualTo(POLICY);
            }
            clock.advance(Duration.ofHours(3));
            assertThat(policies.find("a.example").join()).isNull();
        }
    }

    @Test
    void onlyAPolicyThatSaysNoneTakesItAway() {
        publish("a.example", "1");
        fetched.put("a.example", CompletableFuture.completedFuture(new StsText.Published(POLICY, 604_800)));
        try (StsPolicies policies = policies(10)) {
            assertThat(policies.find("a.example").join()).isEqualTo(POLICY);
            publish("a.example", "2");
            fetched.put("a.example", CompletableFuture.completedFuture(new StsText.Published(null, 86_400)));
            clock.advance(Duration.ofHours(2));
            await().until(() -> policies.find("a.example").join() == null);
        }
    }

    @Test
    void whoWaitsForAPolicyCanSeeIt() {
        publish("a.example", "1");
        CompletableFuture<StsText.Published> slow = new CompletableFuture<>();
        fetched.put("a.example", slow);
        try (StsPolicies policies = policies(10)) {
            CompletableFuture<@Nullable StsPolicy> found = policies.find("a.example");
            assertThat(found).isNotDone();
            assertThat(policies.isAwaited("a.example")).isTrue();
            slow.complete(new StsText.Published(POLICY, 604_800));
            assertThat(found.join()).isEqualTo(POLICY);
            assertThat(policies.isAwaited("a.example")).isFalse();
        }
    }

    private final class Records implements Lookups {
        @Override
        public CompletableFuture<TlsaAnswer> tlsa(String host, int port) {
            return CompletableFuture.completedFuture(TlsaAnswer.NONE);
        }

        @Override
        public CompletableFuture<TextAnswer> texts(String name) {
            return CompletableFuture.completedFuture(
                    Objects.requireNonNullElse(records.get(name), new TextAnswer.Texts(List.of())));
        }

        @Override
        public CompletableFuture<List<InetAddress>> addresses(String host) {
            return CompletableFuture.completedFuture(List.of());
        }
    }
}
