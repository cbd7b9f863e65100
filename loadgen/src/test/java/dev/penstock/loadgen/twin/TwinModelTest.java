package dev.penstock.loadgen.twin;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

import dev.penstock.loadgen.twin.Twin.Answer;

/**
 * Random schedules of sources, connections and messages against every shipped twin, checked against what its rules say: no
 * more connections than may be, no window with more messages than rate and burst allow, one fate for each recipient, and a
 * block only behind so much excess.
 */
class TwinModelTest {
    @SuppressWarnings("unused") // by name
    private static final List<String> SHIPPED = Twins.SHIPPED;
    private static final int SEEDS = 5;
    private static final int STEPS = 40_000;

    @ParameterizedTest
    @FieldSource("SHIPPED")
    void noScheduleGetsMoreThanTheRulesAllow(String name) {
        for (int seed = 1; seed <= SEEDS; seed++) {
            new Schedule(Twins.read(name), seed).run();
        }
    }

    @ParameterizedTest
    @FieldSource("SHIPPED")
    void theSameScheduleGetsTheSameAnswers(String name) {
        assertThat(new Schedule(Twins.read(name), 7).run()).isEqualTo(new Schedule(Twins.read(name), 7).run());
    }

    private static final class Schedule {
        private final TwinProfile profile;
        private final Twin twin;
        private final SplittableRandom random;
        private final String seedText;
        private final List<Twin.Session> open = new ArrayList<>();
        /** When messages passed the source's rate, the latest window of each. */
        private final ArrayDeque<Long> passed = new ArrayDeque<>();
        private long now = Instant.parse("2026-02-23T12:00:00Z").getEpochSecond() * 1_000_000_000;
        private long asked;
        private long taken;
        private long refused;

        Schedule(TwinProfile profile, long seed) {
            this.profile = profile;
            this.twin = new Twin(profile, seed);
            this.random = new SplittableRandom(seed);
            this.seedText = profile.name() + ", seed " + seed;
        }

        String run() {
            StringBuilder told = new StringBuilder();
            int most = profile.limits().stream().filter(TwinLimit.Connections.class::isInstance)
                    .mapToInt(limit -> ((TwinLimit.Connections) limit).most()).findFirst().orElse(Integer.MAX_VALUE);
            for (int step = 0; step < STEPS; step++) {
                now += random.nextInt(2_000) == 0 ? random.nextLong(600_000_000_000L) : random.nextLong(8_000_000);
                if (open.isEmpty() || random.nextInt(20) == 0) {
                    Twin.Session session = twin.connect("192.0.2.1", now);
                    if (session.greeting().isRefusal()) {
                        session.close();
                    } else {
                        assertThat(open.size()).as(seedText + ": let in beyond the limit").isLessThan(most);
                        open.add(session);
                    }
                } else if (random.nextInt(25) == 0) {
                    open.remove(random.nextInt(open.size())).close();
                } else {
                    told.append(transaction(open.get(random.nextInt(open.size())))).append('\n');
                }
                double reputation = twin.reputation("192.0.2.1", now);
                assertThat(reputation).as(seedText).isBetween(0.0, 1.0);
            }
            TwinReport report = twin.reports(now).getFirst();
            assertThat(report.mostOpen()).as(seedText).isLessThanOrEqualTo(most);
            assertThat(taken + refused).as(seedText + ": one fate each").isEqualTo(asked);
            assertThat(report.taken()).as(seedText).isEqualTo(taken);
            return told.toString();
        }

        private String transaction(Twin.Session session) {
            asked++;
            Answer answer = session.mail("a@tenant" + random.nextInt(3) + ".example", now);
            if (!answer.isRefusal()) {
                answer = session.recipient("r" + random.nextInt(5_000) + "@" + profile.domains().getFirst(), now);
            }
            if (!answer.isRefusal() && random.nextInt(50) == 0) {
                session.reset(); // the client gives up
                refused++;
                return "reset";
            }
            if (!answer.isRefusal()) {
                answer = session.content(now);
            }
            if (answer.isRefusal()) {
                refused++;
                if (answer.reply().closes()) {
                    session.close();
                    open.remove(session);
                }
                return answer.reply().line();
            }
            taken++;
            checkRate();
            return "taken after " + answer.delayNanos();
        }

        /** The rate at reputation 1 bounds every window of ten seconds, whatever the reputation was. */
        private void checkRate() {
            passed.addLast(now);
            long window = Duration.ofSeconds(10).toNanos();
            while (now - passed.getFirst() > window) {
                passed.removeFirst();
            }
            for (TwinLimit limit : profile.limits()) {
                if (limit instanceof TwinLimit.Pace pace && pace.per() == TwinLimit.Per.SOURCE) {
                    double bound = Math.max(1, pace.full() * pace.burst().toNanos() / 1e9) + pace.full() * 10 + 1;
                    assertThat((double) passed.size()).as(seedText + ": in ten seconds").isLessThanOrEqualTo(bound);
                }
            }
        }
    }
}
