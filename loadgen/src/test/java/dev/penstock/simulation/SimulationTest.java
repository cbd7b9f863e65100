package dev.penstock.simulation;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.config.DeliveryConfig;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.PoolConfig;
import dev.penstock.config.QueueConfig;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.ShapingReader;
import dev.penstock.config.TrafficLimits;
import dev.penstock.loadgen.twin.TwinReport;
import dev.penstock.simulation.Simulation.Mode;
import dev.penstock.simulation.Simulation.Result;
import dev.penstock.units.Rate;

class SimulationTest {
    private static final Mode GATEWAY = new Mode.Gateway("penstock", () -> Steering.FIXED);
    private static final Mode POSTFIX = new Mode.Postfix();

    private static GatewayConfig config(TrafficLimits limits) {
        return GatewayConfig.embedded("simulation.test").with(GatewayConfig.SHAPING,
                new ShapingConfig(limits, Map.of()));
    }

    private static Simulation simulation(String mix, Duration length) {
        return new Simulation(Mix.of(Mix.read(mix), Map.of()), config(TrafficLimits.DEFAULT), length, true);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"gmail=1500/10mx7", "outlook=1500/10m", "outlook-february-2026=1500/10m",
        "yahoo=1500/10m", "apple=1500/10m", "gmx=1500/10m", "qq=1500/10mx3", "steady=1500",
        "steady=300/1m,outlook=500/5mx4,gmail=500/5m,yahoo=500"})
    void eachMessageEndsInOnePlaceHoweverLongItRuns(String mix) {
        for (Mode mode : List.of(GATEWAY, POSTFIX)) {
            for (Duration length : List.of(Duration.ofSeconds(37), Duration.ofMinutes(20), Duration.ofMinutes(90))) {
                for (int seed = 1; seed <= 2; seed++) {
                    Result result = simulation(mix, length).run(mode, seed);
                    String what = mode.name() + ", " + mix + ", " + length + ", seed " + seed;
                    long queued = 0;
                    for (Map.Entry<String, Figures.Series> each : result.series().entrySet()) {
                        Figures.Series series = each.getValue();
                        assertThat(series.queued()).as(what).isBetween(0L, series.total());
                        queued += series.queued();
                        long taken = requireNonNull(result.twins().get(each.getKey())).stream()
                                .mapToLong(TwinReport::taken).sum();
                        // What the receiver has taken and not answered for yet is in the queue still.
                        assertThat(taken - series.delivered()).as(what).isBetween(0L, 50L);
                        assertThat(series.queued() == 0 && taken != series.delivered()).as(what).isFalse();
                    }
                    assertThat(result.queued()).as(what).isEqualTo(queued);
                }
            }
        }
    }

    @Test
    void whenAMessageGoesIsToldWithinAFifthOfItsWaitWhereThePaceIsSteady() {
        Simulation simulation = new Simulation(Mix.of(Mix.read("steady=3000/5mx3"), Map.of()),
                config(TrafficLimits.DEFAULT.with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse("5/s"))),
                Duration.ofHours(1), true);
        Result result = simulation.run(GATEWAY, 1);
        Figures.Series series = result.figures("steady");
        assertThat(series.forecasts()).isGreaterThan(40);
        assertThat(series.untold()).isLessThan(10);
        assertThat(series.forecastError()).isBetween(0.0, 0.2);
        assertThat(new Report(List.of(result), 5).table()).contains("when it goes: off by",
                series.forecasts() + " waits");
    }

    @Test
    void theSameSeedGivesTheSameFiguresAndAnotherGivesOthers() {
        String mix = "outlook=1500/20mx5,gmail=1500/20mx5,yahoo=1500/20m";
        for (Mode mode : List.of(GATEWAY, POSTFIX)) {
            Result first = simulation(mix, Duration.ofHours(2)).run(mode, 5);
            Result again = simulation(mix, Duration.ofHours(2)).run(mode, 5);
            Result other = simulation(mix, Duration.ofHours(2)).run(mode, 6);
            assertThat(new Report(List.of(again), 5).html()).isEqualTo(new Report(List.of(first), 5).html());
            assertThat(again.events()).isEqualTo(first.events());
            assertThat(other.events()).isNotEqualTo(first.events());
        }
    }

    @Test
    void aReceiverThatSaysComeBackLaterTakesHoursOfVirtualTimeAndNoneOfOurs(@TempDir Path directory)
            throws IOException {
        Path twin = Files.writeString(directory.resolve("grey.toml"), """
                [[limit]]
                kind = "greylist"
                wait = "6h"
                replies = ["450 4.7.1 Greylisted"]
                """);
        long before = System.nanoTime();
        Result result = simulation(twin + "=10", Duration.ofDays(2)).run(GATEWAY, 1);
        assertThat(result.figures("grey").delivered()).isEqualTo(10);
        assertThat(Duration.ofNanos(result.figures("grey").lastNanos)).isGreaterThan(Duration.ofHours(6));
        assertThat(Duration.ofNanos(System.nanoTime() - before)).isLessThan(Duration.ofSeconds(30));
    }

    @Test
    void theLimitsOfTheConfigurationHold() {
        TrafficLimits limits = TrafficLimits.DEFAULT.with(TrafficLimits.CONNECTION_LIMIT, 3)
                .with(TrafficLimits.MAX_MESSAGE_RATE, Rate.parse("5/s"));
        Simulation simulation = new Simulation(Mix.of(Mix.read("steady=3000"), Map.of()), config(limits),
                Duration.ofHours(1), true);
        Result result = simulation.run(GATEWAY, 1);
        Figures.Series series = result.figures("steady");
        assertThat(requireNonNull(result.twins().get("steady")).getFirst().mostOpen()).isEqualTo(3);
        assertThat(series.delivered(3)).isBetween(290L, 301L);
        assertThat(series.deferred()).as("no refusal is our doing").isZero();
        assertThat(series.isDrained()).isTrue();
        assertThat(Duration.ofNanos(series.lastNanos)).isBetween(Duration.ofSeconds(599), Duration.ofSeconds(602));
    }

    @Test
    void aSectionBindsAllDomainsOfItsSite(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("shaping.toml"),
                "[\"outlook.com\"]\nconnection_limit = 5\n[\"elsewhere.example\"]\nconnection_limit = 1\n");
        GatewayConfig config = GatewayConfig.embedded("simulation.test").with(GatewayConfig.SHAPING,
                ShapingReader.read(file).config());
        for (Mode mode : List.of(GATEWAY, new Mode.Gateway("penstock", Controlled::new))) {
            for (List<String> domains : List.of(List.of("outlook.com", "hotmail.com"), List.of("hotmail.com"))) {
                Mix mix = Mix.of(List.of(new Stream("outlook", domains, 2_000, Duration.ZERO, Duration.ZERO, List.of(),
                        "", 1_024)), Map.of());
                Result result = new Simulation(mix, config, Duration.ofMinutes(10), true).run(mode, 1);
                assertThat(requireNonNull(result.twins().get("outlook")).getFirst().mostOpen()).as("%s", domains)
                        .isEqualTo(5);
            }
        }
    }

    @Test
    void eachSourceOfAPoolIsKnownToTheReceiverByItself() {
        PoolConfig pool = new PoolConfig(Map.of("a", 1, "b", 3), true, List.of(), List.of());
        GatewayConfig config = config(TrafficLimits.DEFAULT).with(GatewayConfig.POOLS, Map.of("all", pool));
        config = config.with(GatewayConfig.DELIVERY,
                config.delivery().with(DeliveryConfig.POOL, "all"));
        Result result = new Simulation(Mix.of(Mix.read("steady=4000/10m"), Map.of()), config, Duration.ofHours(1), true)
                .run(GATEWAY, 1);
        List<TwinReport> reports = requireNonNull(result.twins().get("steady"));
        assertThat(reports).extracting(TwinReport::source).containsExactly("a", "b");
        assertThat(reports.getLast().taken()).isBetween(2_800L, 3_200L);
    }

    @Test
    void mailThatNobodyTakesExpires(@TempDir Path directory) throws IOException {
        Path twin = Files.writeString(directory.resolve("never.toml"), """
                [[limit]]
                kind = "chance"
                share = 1.0
                replies = ["452 4.2.2 mailbox full"]
                """);
        GatewayConfig config = config(TrafficLimits.DEFAULT);
        config = config.with(GatewayConfig.QUEUE, config.queue().with(QueueConfig.MAX_AGE, Duration.ofHours(8)));
        Result result = new Simulation(Mix.of(Mix.read(twin + "=100"), Map.of()), config, Duration.ofHours(10), true)
                .run(GATEWAY, 1);
        assertThat(result.figures("never").expired()).isEqualTo(100);
        assertThat(result.queued()).isZero();
    }

    @Test
    void aReceiverThatBlocksForAWhileLosesNoMailOfOursAndPostfixBouncesIt() {
        Simulation simulation = simulation("outlook-february-2026=60000/30m", Duration.ofHours(4));
        Result ours = simulation.run(GATEWAY, 1);
        Result theirs = simulation.run(POSTFIX, 1);
        assertThat(ours.figures("outlook-february-2026").bouncedFor).doesNotContainKey("blocked");
        assertThat(theirs.figures("outlook-february-2026").bouncedFor.get("blocked")).isGreaterThan(1_000);
    }
}
