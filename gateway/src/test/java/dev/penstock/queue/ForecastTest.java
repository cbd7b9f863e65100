package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.queue.Forecast.Other;

class ForecastTest {
    private static final long SECOND = 1_000_000_000;

    @Test
    void aSteadyQueueHasItsRateFromTheTenthMessageOn() {
        Departures departures = new Departures();
        departures.begins(0);
        for (int i = 1; i <= 10; i++) {
            assertThat(departures.intervalNanos((i - 1) * SECOND)).isNegative();
            departures.left(i * SECOND);
        }
        departures.left(11 * SECOND);
        assertThat(departures.intervalNanos(11 * SECOND)).isCloseTo(SECOND, within(1e6));
    }

    @Test
    void timeWithoutMailDoesNotCount() {
        Departures departures = new Departures();
        long now = 0;
        for (int burst = 0; burst < 5; burst++) {
            departures.begins(now);
            for (int i = 1; i <= 10; i++) {
                now += SECOND / 10;
                departures.left(now);
            }
            departures.ends(now);
            now += 600 * SECOND;
        }
        assertThat(departures.intervalNanos(now)).isCloseTo(SECOND / 10.0, within(SECOND / 1e3));
    }

    @Test
    void aRateThatChangesIsBelievedWithinMinutes() {
        Departures departures = new Departures();
        departures.begins(0);
        long now = 0;
        for (int i = 0; i < 10_000; i++) {
            now += SECOND / 10;
            departures.left(now);
        }
        for (int i = 0; i < 900; i++) {
            now += SECOND;
            departures.left(now);
        }
        assertThat(departures.intervalNanos(now)).isBetween(0.6 * SECOND, 1.0 * SECOND);
        for (int i = 0; i < 900; i++) {
            now += SECOND;
            departures.left(now);
        }
        assertThat(departures.intervalNanos(now)).isBetween(0.9 * SECOND, 1.0 * SECOND);
    }

    @Test
    void whatStandsStillIsSlowerThanItWas() {
        Departures departures = new Departures();
        departures.begins(0);
        for (int i = 1; i <= 100; i++) {
            departures.left(i * SECOND);
        }
        assertThat(departures.intervalNanos(100 * SECOND + 300 * SECOND)).isGreaterThan(3.0 * SECOND);
    }

    @Test
    void othersGoFirstAsFarAsTheirWeightAllows() {
        assertThat(Forecast.before(0, 1, List.of())).isZero();
        assertThat(Forecast.before(10, 1, List.of(new Other(1_000_000, 1)))).isEqualTo(21);
        assertThat(Forecast.before(10, 1, List.of(new Other(5, 1)))).isEqualTo(15);
        assertThat(Forecast.before(9, 1, List.of(new Other(1_000_000, 3)))).isEqualTo(39);
        assertThat(Forecast.before(9, 2, List.of(new Other(1_000_000, 1)))).isEqualTo(14);
    }

    @Test
    void probesThatCameTrueAndOnesThatDidNotAreToldApart() {
        Forecast forecast = new Forecast();
        assertThat(forecast.errorOfNineInTen()).isNegative();
        for (int i = 0; i < 100; i++) {
            Object message = new Object();
            forecast.probe(message, 0, 100 * SECOND);
            forecast.probe(new Object(), 0, 7 * SECOND); // one at a time
            forecast.went(new Object(), 50 * SECOND);
            forecast.went(message, (i % 20 == 0 ? 400 : 104) * SECOND);
        }
        assertThat(forecast.errorOfNineInTen()).isEqualTo(0.05);
        assertThat(forecast.probes()).isBetween(32.0, 64.0);
        for (int i = 0; i < 30; i++) {
            Object message = new Object();
            forecast.probe(message, 0, 100 * SECOND);
            forecast.went(message, 160 * SECOND);
        }
        assertThat(forecast.errorOfNineInTen()).isEqualTo(0.5);
    }

    @Test
    void aProbeThatIsGoneOtherwiseMakesRoom() {
        Forecast forecast = new Forecast();
        Object message = new Object();
        forecast.probe(message, 0, 100 * SECOND);
        forecast.forget(message);
        assertThat(forecast.hasProbe()).isFalse();
        forecast.probe(message, 0, 5 * SECOND);
        assertThat(forecast.hasProbe()).as("of so short a wait nobody asks").isFalse();
    }

    /** Tenants with weights at a server of a rate that swings by a tenth: what is said when a message comes against what comes. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void nineOfTenWaitsAreToldWithinAFifth(long seed) {
        Random random = new Random(seed);
        int tenants = 1 + random.nextInt(6);
        int[] weights = random.ints(tenants, 1, 5).toArray();
        List<List<Object>> queues = new ArrayList<>();
        for (int i = 0; i < tenants; i++) {
            List<Object> queue = new ArrayList<>();
            int messages = 2_000 + random.nextInt(20_000);
            for (int j = 0; j < messages; j++) {
                queue.add(new Object());
            }
            queues.add(queue);
        }
        Departures departures = new Departures();
        Forecast forecast = new Forecast();
        departures.begins(0);
        long now = 0;
        double interval = SECOND / (1 + 20 * random.nextDouble());
        while (queues.stream().anyMatch(queue -> !queue.isEmpty())) {
            for (int turn = 0; turn < tenants; turn++) {
                for (int i = 0; i < weights[turn] && !queues.get(turn).isEmpty(); i++) {
                    double swing = 1 + 0.1 * Math.sin(2 * Math.PI * now / (120.0 * SECOND));
                    now += (long) (interval * swing * (0.5 + random.nextDouble()));
                    Object gone = queues.get(turn).removeFirst();
                    forecast.went(gone, now);
                    departures.left(now);
                    int chosen = random.nextInt(tenants);
                    List<Object> queue = queues.get(chosen);
                    double mean = departures.intervalNanos(now);
                    if (mean > 0 && !queue.isEmpty() && !forecast.hasProbe()) {
                        int place = random.nextInt(queue.size());
                        List<Other> others = new ArrayList<>();
                        for (int other = 0; other < tenants; other++) {
                            if (other != chosen) {
                                others.add(new Other(queues.get(other).size(), weights[other]));
                            }
                        }
                        double before = Forecast.before(place, weights[chosen], others);
                        forecast.probe(queue.get(place), now, now + (long) ((before + 1) * mean));
                    }
                }
            }
        }
        assertThat(forecast.probes()).isGreaterThanOrEqualTo(3);
        assertThat(forecast.errorOfNineInTen()).isPositive().isLessThanOrEqualTo(0.2);
    }
}
