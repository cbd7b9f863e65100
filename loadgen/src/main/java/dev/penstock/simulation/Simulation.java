package dev.penstock.simulation;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntToDoubleFunction;
import java.util.function.Supplier;

import dev.penstock.config.GatewayConfig;
import dev.penstock.config.SourceConfig;
import dev.penstock.loadgen.twin.Twin;
import dev.penstock.loadgen.twin.TwinReport;

/** Runs of one mix. Immutable; each run is confined to its caller's thread and shares nothing with another. */
public final class Simulation {
    private static final int SECONDS_PER_MINUTE = 60;
    private static final long NANOS_PER_SECOND = 1_000_000_000;

    /** Who sends. */
    public sealed interface Mode {
        /** For people. */
        String name();

        /** The gateway, steered by something new for each run. */
        record Gateway(String name, Supplier<Steering> steering) implements Mode {}

        /** Postfix's queue manager with its defaults. */
        record Postfix() implements Mode {
            @Override
            public String name() {
                return "postfix";
            }
        }
    }

    /**
     * What came of a run.
     *
     * @param steering what set the sender's limits; empty where nothing does
     * @param twins    what each receiver saw, by its name: one report for each source
     * @param queued   messages neither delivered nor given up, as the sender counts them
     * @param events   of virtual time
     */
    public record Result(String mode, String steering, long seed, Duration length, Map<String, Figures.Series> series,
            Map<String, List<TwinReport>> twins, long queued, long events) {
        /**
         * Of what the receiver would have taken from one who never exceeds a limit, what it took: of the minutes from that
         * one on at whose end more mail was queued for it than it takes in a minute. 0 when there was none.
         */
        public double utilisation(String twin, int fromMinute) {
            return share(twin, fromMinute, minute -> capacity(twin, minute));
        }

        /** The same of what it would have taken at the reputation that the sources had. */
        public double utilisationOfOffer(String twin, int fromMinute) {
            return share(twin, fromMinute, minute -> offer(twin, minute));
        }

        private double share(String twin, int fromMinute, IntToDoubleFunction would) {
            Figures.Series figures = figures(twin);
            double could = 0;
            long taken = 0;
            long left = 0;
            for (int minute = 0; minute < (int) length.toMinutes(); minute++) {
                left += figures.submitted(minute) - figures.ended(minute);
                if (left > capacity(twin, minute) && minute >= fromMinute) {
                    taken += figures.delivered(minute);
                    could += would.applyAsDouble(minute);
                }
            }
            return could == 0 ? 0 : taken / could;
        }

        /** Messages that the receiver would have taken in that minute since the start, from all sources together. */
        public double capacity(String twin, int minute) {
            double capacity = 0;
            for (TwinReport report : twins.getOrDefault(twin, List.of())) {
                int at = minute - first(report);
                capacity += at >= 0 && at < report.capacity().size() ? report.capacity().get(at) : 0;
            }
            return capacity;
        }

        private double offer(String twin, int minute) {
            double offer = 0;
            for (TwinReport report : twins.getOrDefault(twin, List.of())) {
                int at = minute - first(report);
                offer += at >= 0 && at < report.minutes().size() ? report.minutes().get(at).offered() : 0;
            }
            return offer;
        }

        /** The minute of the run in which the source was seen first. */
        private static int first(TwinReport report) {
            return (int) ((report.firstNanos() / NANOS_PER_SECOND - World.START.getEpochSecond()) / SECONDS_PER_MINUTE);
        }

        /** Blocks, of all sources. */
        public int blocks(String twin) {
            return twins.getOrDefault(twin, List.of()).stream().mapToInt(TwinReport::blocks).sum();
        }

        public Figures.Series figures(String twin) {
            Figures.Series figures = series.get(twin);
            if (figures == null) {
                throw new IllegalArgumentException("no mail goes to " + twin);
            }
            return figures;
        }
    }

    private final Mix mix;
    private final GatewayConfig config;
    private final Duration length;
    private final boolean trusted;

    /**
     * @param length  of virtual time
     * @param trusted whether the receivers know the sources for long: reputation 1 at the start
     */
    public Simulation(Mix mix, GatewayConfig config, Duration length, boolean trusted) {
        this.mix = mix;
        this.config = config;
        this.length = length;
        this.trusted = trusted;
    }

    /** Those that pools have; the default one where there are none. */
    private List<String> sources() {
        Set<String> names = new TreeSet<>();
        config.pools().values().forEach(pool -> names.addAll(pool.sources().keySet()));
        return names.isEmpty() ? List.of(SourceConfig.DEFAULT_NAME) : List.copyOf(names);
    }

    public Result run(Mode mode, long seed) {
        List<String> sources = sources();
        World world = new World(mix, seed, trusted ? sources : List.of());
        Sender sender = switch (mode) {
            case Mode.Gateway(_, Supplier < Steering > steering) ->
                new GatewaySender(world, config, steering.get(), seed);
            case Mode.Postfix() -> new PostfixSender(world, sources);
        };
        feed(world, sender, 0);
        long events = world.time.runUntil(length);
        Map<String, List<TwinReport>> twins = new TreeMap<>();
        for (Map.Entry<String, Twin> each : world.twins().entrySet()) {
            twins.put(each.getKey(), each.getValue().reports(world.time.nanosSince1970()));
        }
        return new Result(mode.name(), sender.steering(), seed, length, world.figures.series(), twins, sender.queued(),
                events);
    }

    /** Each message asks for the next, so that few events wait. */
    private void feed(World world, Sender sender, int at) {
        if (at < mix.messages().size()) {
            SimulatedMessage message = mix.messages().get(at);
            world.time.at(message.arrivalNanos(), () -> {
                world.figures.submitted(world.twin(message.domain()).profile().name(), world.time.nanos());
                sender.submit(message);
                feed(world, sender, at + 1);
            });
        }
    }
}
