package dev.penstock.top;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;

import org.junit.jupiter.api.Test;

import dev.penstock.admin.LatencyRoutes.Bucket;
import dev.penstock.admin.LatencyRoutes.Latencies;
import dev.penstock.admin.LatencyRoutes.Latency;

class HeatMapTest {
    private static final Instant START = Instant.parse("2026-12-01T12:00:00Z");
    private static final Palette PLAIN = new Palette(false);

    /** Counted since the start of the gateway, bulk and transactional. */
    private static Latencies look(int second, String provider, long quick, long middling, long slow,
            long transactional) {
        return new Latencies(START.plusSeconds(second), provider, List.of(
                new Latency("delivery", "bulk", List.of(new Bucket(0.01, 0), new Bucket(0.25, quick),
                        new Bucket(1.0, middling), new Bucket(60.0, slow), new Bucket(null, 0))),
                new Latency("delivery", "transactional", List.of(new Bucket(0.01, transactional),
                        new Bucket(0.25, 0), new Bucket(1.0, 0), new Bucket(60.0, 0), new Bucket(null, 0)))));
    }

    private static List<String> lines(HeatMap map, Times times, int width, int height) {
        return map.lines(times, width, height, PLAIN).stream().map(line -> line.toString().stripTrailing()).toList();
    }

    @Test
    void eachLookIsAColumnOfWhatWasCountedSinceTheOneBefore() {
        HeatMap map = HeatMap.EMPTY.with(look(0, "", 5_000, 70, 9, 0)).with(look(1, "", 6_000, 70, 9, 0))
                .with(look(2, "", 6_010, 80, 9, 0)).with(look(3, "", 6_010, 80, 10, 0));
        assertThat(lines(map, Times.DELIVERY, 40, 20)).containsExactly(
                "3s: 1,021, half of them within 250ms, 99 % within 1s"
                        .substring(0, 40),
                " longer |", "     1m |  .", "     1s | -", "  250ms |@-", "   10ms |",
                "         ^12:00:01");
        assertThat(lines(map, Times.TRANSACTIONAL, 60, 20)).containsExactly("nothing counted yet");
    }

    @Test
    void aKindOfMailIsCountedByItself() {
        HeatMap map = HeatMap.EMPTY.with(look(0, "", 0, 0, 0, 0)).with(look(1, "", 3, 0, 0, 8));
        assertThat(lines(map, Times.TRANSACTIONAL, 60, 20)).first().asString()
                .isEqualTo("1s: 8, half of them within 10ms, 99 % within 10ms");
        assertThat(lines(map, Times.DELIVERY, 60, 20)).first().asString()
                .isEqualTo("1s: 11, half of them within 10ms, 99 % within 250ms");
    }

    @Test
    void theLatestStayInSightAndTheSlowestWhereThereIsNoRoom() {
        HeatMap map = HeatMap.EMPTY.with(look(0, "", 0, 0, 0, 0));
        for (int i = 1; i <= 600; i++) {
            map = map.with(look(i, "", i, i == 600 ? 1 : 0, 0, 0));
        }
        assertThat(map.columns()).hasSize(500);
        List<String> lines = lines(map, Times.DELIVERY, 20, 4);
        assertThat(lines).hasSize(4);
        assertThat(lines.get(0)).startsWith("11s: 12");
        assertThat(lines.get(1)).isEqualTo("     1m |");
        assertThat(lines.get(2)).as("with all that was quicker").isEqualTo("     1s |**********@");
    }

    @Test
    void itBeginsAnewWithAnotherProviderAndWhenTheGatewayHas() {
        HeatMap map = HeatMap.EMPTY.with(look(0, "", 5, 0, 0, 0)).with(look(1, "", 6, 0, 0, 0));
        assertThat(map.columns()).hasSize(1);
        assertThat(map.with(look(2, "google", 7, 0, 0, 0)).columns()).isEmpty();
        assertThat(map.with(look(2, "", 3, 0, 0, 0)).columns()).as("counts that go back").isEmpty();
        assertThat(map.with(look(1, "", 6, 0, 0, 0)).columns()).as("the same look").hasSize(1);
    }

    @Test
    void aFewAreSeenBesideThousands() {
        assertThat(HeatMap.level(0, 10_000)).isZero();
        assertThat(HeatMap.level(1, 10_000)).isEqualTo(1);
        assertThat(HeatMap.level(100, 10_000)).isEqualTo(5);
        assertThat(HeatMap.level(10_000, 10_000)).isEqualTo(9);
        assertThat(HeatMap.level(1, 1)).isEqualTo(9);
    }
}
