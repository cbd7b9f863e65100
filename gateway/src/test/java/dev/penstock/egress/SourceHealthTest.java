package dev.penstock.egress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.egress.SourceHealth.Cause;
import dev.penstock.egress.SourceHealth.Scope;
import dev.penstock.egress.SourceHealth.Suspension;

class SourceHealthTest {
    private static final long NOW = 1_790_000_000_000L;
    private static final List<Cause> CAUSES = List.of(Cause.values());

    private final SourceHealth health = new SourceHealth();
    private final List<String> heard = new ArrayList<>();

    SourceHealthTest() {
        health.listen(new SourceHealth.Listener() {
            @Override
            public void suspended(Suspension suspension) {
                assertThat(health.all()).contains(suspension);
                heard.add("- " + suspension.source() + " " + suspension.scope() + " " + suspension.cause() + ": "
                        + suspension.why());
            }

            @Override
            public void resumed(Suspension suspension, String why) {
                assertThat(health.all()).doesNotContain(suspension);
                heard.add("+ " + suspension.source() + " " + suspension.scope() + " " + suspension.cause() + ": "
                        + why);
            }
        });
    }

    @Test
    void whatAReceiverBlocksIsUsedTowardsTheOthers() {
        assertThat(health.isSound()).isTrue();
        health.suspend("ip-1", Scope.site("mx.a.example"), Cause.BLOCKED, "550 blocked", NOW + 1_000, NOW);
        assertThat(health.of("ip-1")).isNull();
        assertThat(health.of("ip-1", "mx.a.example", "")).isNotNull().returns("550 blocked", Suspension::why);
        assertThat(health.of("ip-1", "mx.b.example", "")).isNull();
        assertThat(health.of("ip-2", "mx.a.example", "")).isNull();
        health.suspend("ip-1", Scope.provider("mail"), Cause.BLOCKED, "550 again", NOW + 2_000, NOW);
        assertThat(health.of("ip-1", "mx.b.example", "mail")).isNotNull().returns("550 again", Suspension::why);
        assertThat(health.causes("ip-1").values().stream().mapToLong(Long::longValue).sum()).isEqualTo(2);
    }

    @Test
    void eachCauseEndsByItself() {
        health.suspend("ip-1", Scope.EVERYWHERE, Cause.ADDRESS, "it isn't on this machine", SourceHealth.UNTIL_RESUMED,
                NOW);
        health.suspend("ip-1", Scope.EVERYWHERE, Cause.OPERATOR, "by hand", SourceHealth.UNTIL_RESUMED, NOW);
        assertThat(health.resume("ip-1", Scope.EVERYWHERE, Cause.ADDRESS, "it is back")).isTrue();
        assertThat(health.of("ip-1")).isNotNull().returns(Cause.OPERATOR, Suspension::cause);
        assertThat(health.resume("ip-1", Scope.EVERYWHERE, Cause.ADDRESS, "it is back")).isFalse();
        assertThat(health.resume("ip-1", Scope.EVERYWHERE, Cause.OPERATOR, "by hand")).isTrue();
        assertThat(health.isSound()).isTrue();
        assertThat(heard).containsExactly("- ip-1 everywhere ADDRESS: it isn't on this machine",
                "- ip-1 everywhere OPERATOR: by hand", "+ ip-1 everywhere ADDRESS: it is back",
                "+ ip-1 everywhere OPERATOR: by hand");
    }

    @Test
    void whatIsSaidAgainWhileItStandsChangesNothing() {
        assertThat(health.suspend("ip-1", Scope.site("s"), Cause.BLOCKED, "first", NOW + 1_000, NOW)).isTrue();
        for (int i = 1; i < 1_000; i++) {
            assertThat(health.suspend("ip-1", Scope.site("s"), Cause.BLOCKED, "again", NOW + 1_000 + i, NOW + i))
                    .isFalse();
        }
        assertThat(health.of("ip-1", "s", "")).isEqualTo(new Suspension("ip-1", Scope.site("s"), Cause.BLOCKED,
                "first", NOW, NOW + 1_000));
        assertThat(health.expire(NOW + 1_000)).isEqualTo(SourceHealth.UNTIL_RESUMED);
        assertThat(health.suspend("ip-1", Scope.site("s"), Cause.BLOCKED, "anew", NOW + 9_000, NOW + 1_001)).isTrue();
        assertThat(heard).containsExactly("- ip-1 site s BLOCKED: first", "+ ip-1 site s BLOCKED: its time is over",
                "- ip-1 site s BLOCKED: anew");
    }

    @Test
    void oneWithoutAnEndTakesThePlaceOfOneThatHasOne() {
        health.suspend("ip-1", Scope.EVERYWHERE, Cause.ADDRESS, "a bind failed", NOW + 1_000, NOW);
        assertThat(health.suspend("ip-1", Scope.EVERYWHERE, Cause.ADDRESS, "it isn't there",
                SourceHealth.UNTIL_RESUMED, NOW + 500)).isFalse();
        assertThat(health.expire(NOW + 1_000)).isEqualTo(SourceHealth.UNTIL_RESUMED);
        assertThat(health.of("ip-1")).isEqualTo(new Suspension("ip-1", Scope.EVERYWHERE, Cause.ADDRESS,
                "it isn't there", NOW, SourceHealth.UNTIL_RESUMED));
        assertThat(heard).containsExactly("- ip-1 everywhere ADDRESS: a bind failed",
                "- ip-1 everywhere ADDRESS: it isn't there");
    }

    @Test
    void whatIsntConfiguredAnyMoreIsForgotten() {
        health.suspend("ip-1", Scope.EVERYWHERE, Cause.PROXY, "dead", SourceHealth.UNTIL_RESUMED, NOW);
        health.suspend("ip-2", Scope.EVERYWHERE, Cause.PROXY, "dead", SourceHealth.UNTIL_RESUMED, NOW);
        health.keepOnly(Set.of("ip-2", "ip-3"));
        assertThat(health.all()).extracting(Suspension::source).containsExactly("ip-2");
        assertThat(heard.getLast()).isEqualTo("+ ip-1 everywhere PROXY: it isn't configured any more");
    }

    /** Against the plainest table of what stands. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void anyScheduleLeavesWhatTheTableSays(long seed) {
        record Place(String source, Scope scope) {}
        SplittableRandom random = new SplittableRandom(seed);
        List<Scope> scopes = List.of(Scope.EVERYWHERE, Scope.site("s0"), Scope.site("s1"), Scope.provider("p0"));
        Map<Place, EnumMap<Cause, Long>> table = new HashMap<>();
        int changes = 0;
        long now = NOW;
        for (int step = 0; step < 20_000; step++) {
            Place place = new Place("ip-" + random.nextInt(3), scopes.get(random.nextInt(scopes.size())));
            Cause cause = CAUSES.get(random.nextInt(CAUSES.size()));
            EnumMap<Cause, Long> there = table.computeIfAbsent(place, _ -> new EnumMap<>(Cause.class));
            switch (random.nextInt(4)) {
                case 0 -> {
                    long until = random.nextInt(3) == 0 ? SourceHealth.UNTIL_RESUMED : now + random.nextInt(1, 50);
                    Long before = there.get(cause);
                    boolean begins = before == null;
                    if (before == null || until == SourceHealth.UNTIL_RESUMED || before <= now) {
                        changes += Long.valueOf(until).equals(before) ? 0 : 1;
                        there.put(cause, until);
                    }
                    assertThat(health.suspend(place.source, place.scope, cause, "why", until, now)).isEqualTo(begins);
                }
                case 1 -> {
                    boolean stood = there.remove(cause) != null;
                    changes += stood ? 1 : 0;
                    assertThat(health.resume(place.source, place.scope, cause, "why")).isEqualTo(stood);
                }
                case 2 -> {
                    now += random.nextInt(20);
                    long at = now;
                    long next = SourceHealth.UNTIL_RESUMED;
                    for (EnumMap<Cause, Long> each : table.values()) {
                        int before = each.size();
                        each.values().removeIf(until -> until <= at);
                        changes += before - each.size();
                        next = each.values().stream().reduce(next, Math::min);
                    }
                    assertThat(health.expire(now)).as("seed %d step %d", seed, step).isEqualTo(next);
                }
                default -> {
                    String site = "s" + random.nextInt(3);
                    String provider = "p" + random.nextInt(2);
                    boolean suspended = table.entrySet().stream()
                            .filter(entry -> entry.getKey().source.equals(place.source) && !entry.getValue().isEmpty())
                            .anyMatch(entry -> Set.of(Scope.EVERYWHERE, Scope.site(site), Scope.provider(provider))
                                    .contains(entry.getKey().scope));
                    @Nullable
                    Suspension said = health.of(place.source, site, provider);
                    assertThat(said != null).as("seed %d step %d", seed, step).isEqualTo(suspended);
                }
            }
            assertThat(heard).as("seed %d step %d", seed, step).hasSize(changes);
            assertThat(health.isSound())
                    .isEqualTo(table.values().stream().allMatch(EnumMap::isEmpty));
        }
    }
}
