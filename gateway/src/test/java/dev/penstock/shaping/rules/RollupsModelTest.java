package dev.penstock.shaping.rules;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

import dev.penstock.routing.Site;
import dev.penstock.shaping.rules.SiteFinder.Answer;

/** Random schedules of questions, answers in any order, changes of the DNS and of the file, and time. */
class RollupsModelTest {
    private static final int SCHEDULES = 200;
    private static final int STEPS = 400;
    private static final List<String> DOMAINS = IntStream.range(0, 60).mapToObj(i -> "d" + i + ".example").toList();
    private static final List<Site> SITES = IntStream.range(0, 4)
            .mapToObj(i -> Site.ofHosts(List.of("mx" + i + ".example"))).toList();

    private static final class World {
        final Random random;
        final Rollups rollups = new Rollups();
        final Map<String, Answer> dns = new HashMap<>();
        final Set<String> inForce = new HashSet<>();
        /** What each question that is out will be answered with: the DNS as it was when it was asked. */
        final Map<String, Answer> out = new HashMap<>();
        final Map<String, Site> known = new HashMap<>();
        long now = Long.MAX_VALUE - 1_000_000_000L; // nanoTime may wrap

        World(long seed) {
            random = new Random(seed);
            DOMAINS.forEach(domain -> dns.put(domain, answer()));
        }

        Answer answer() {
            return switch (random.nextInt(6)) {
                case 0 -> new Answer.Nowhere("null MX");
                case 1 -> new Answer.Unknown("SERVFAIL");
                default -> new Answer.At(SITES.get(random.nextInt(SITES.size())));
            };
        }

        String domain() {
            return DOMAINS.get(random.nextInt(DOMAINS.size()));
        }

        void step() {
            switch (random.nextInt(8)) {
                case 0 -> {
                    inForce.clear();
                    DOMAINS.stream().filter(_ -> random.nextInt(4) > 0).forEach(inForce::add);
                    known.keySet().retainAll(inForce);
                    rollups.reconfigure(inForce, now);
                }
                case 1 -> dns.put(domain(), answer());
                case 2 -> now += random.nextInt(20) * 1_000_000_000L;
                case 3 -> rollups.seen(domain(), SITES.get(random.nextInt(SITES.size())), now);
                case 4 -> take();
                default -> bring();
            }
        }

        void take() {
            for (String domain : rollups.take(now)) {
                assertThat(inForce).contains(domain);
                assertThat(out.put(domain, dns.get(domain))).as("one question is out for " + domain).isNull();
            }
        }

        void bring() {
            if (out.isEmpty()) {
                return;
            }
            List<String> asked = new ArrayList<>(out.keySet());
            asked.sort(null);
            String domain = asked.get(random.nextInt(asked.size()));
            Answer answer = requireNonNull(out.remove(domain));
            @Nullable
            Site before = known.get(domain);
            if (inForce.contains(domain)) {
                switch (answer) {
                    case Answer.At(Site site) -> known.put(domain, site);
                    case Answer.Nowhere(var _) -> known.remove(domain);
                    case Answer.Unknown(var _) -> {
                        // what was known still is
                    }
                }
            }
            assertThat(rollups.answered(domain, answer, now)).as("told of a change")
                    .isEqualTo(!Objects.equals(before, known.get(domain)));
        }

        void holds() {
            assertThat(rollups.out()).isEqualTo(out.size()).isLessThanOrEqualTo(Rollups.MOST_OUT);
            assertThat(rollups.sites()).isEqualTo(known);
        }

        /** The DNS rests, all questions are answered, and time goes on: then what is known is what the DNS says. */
        void settle() {
            DOMAINS.forEach(domain -> {
                if (dns.get(domain) instanceof Answer.Unknown) {
                    dns.put(domain, new Answer.At(SITES.getFirst()));
                }
            });
            for (int round = 0; round < 2; round++) {
                while (!out.isEmpty()) {
                    bring();
                }
                now += Rollups.REFRESH.toNanos();
                for (int i = 0; i <= DOMAINS.size() / Rollups.MOST_OUT; i++) {
                    take();
                    while (!out.isEmpty()) {
                        bring();
                    }
                }
            }
            Map<String, Site> all = new HashMap<>();
            inForce.forEach(domain -> {
                if (dns.get(domain) instanceof Answer.At(Site site)) {
                    all.put(domain, site);
                }
            });
            assertThat(rollups.sites()).isEqualTo(all);
            assertThat(rollups.isComplete()).isTrue();
        }
    }

    @Test
    void whateverComesWhenTheSitesAreThoseOfTheLastAnswers() {
        for (int seed = 0; seed < SCHEDULES; seed++) {
            World world = new World(seed);
            for (int step = 0; step < STEPS; step++) {
                world.step();
                world.holds();
            }
            world.settle();
        }
    }

    @Test
    void mailThatGoesElsewhereHasItsDomainAskedForSoonButNotAtEachMessage() {
        Rollups rollups = new Rollups();
        rollups.reconfigure(List.of("a.example"), 0);
        assertThat(rollups.take(0)).containsExactly("a.example");
        rollups.answered("a.example", new Answer.At(SITES.get(0)), 0);
        assertThat(rollups.seen("a.example", SITES.get(0), 1)).isFalse();
        assertThat(rollups.seen("a.example", SITES.get(1), 1)).isTrue();
        assertThat(rollups.seen("a.example", SITES.get(1), 2)).isFalse();
        assertThat(rollups.take(2)).isEmpty();
        assertThat(rollups.take(Rollups.AGAIN.toNanos())).containsExactly("a.example");
        assertThat(rollups.seen("b.example", SITES.get(1), 1)).isFalse();
    }
}
