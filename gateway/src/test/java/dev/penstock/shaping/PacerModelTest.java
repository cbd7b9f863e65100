package dev.penstock.shaping;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.config.ShapingConfig;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.shaping.Pacer.Cost;
import dev.penstock.shaping.Pacer.Flow;
import dev.penstock.shaping.Pacer.Slot;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.testing.FakeLimitBook;
import dev.penstock.units.MailClass;
import dev.penstock.units.Rate;

/**
 * Twelve flows of six paths and five shared rates, driven through random schedules: slots are asked for, used, given back
 * and waited for no more, flows sleep and come up late or never, values and bindings change, time passes in and out of step.
 */
class PacerModelTest {
    private static final int STEPS = Integer.getInteger("penstock.model.steps", 20_000);
    private static final long MILLI = TimeUnit.MILLISECONDS.toNanos(1);
    private static final int PATHS = 6;
    private static final List<Measure> MEASURES = List.of(Measure.MESSAGE_RATE, Measure.MESSAGE_RATE,
            Measure.RECIPIENT_RATE, Measure.OCTET_RATE, Measure.MESSAGE_RATE);

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void whoWaitsDoesSoAtOneLimiterThatBindsHimAndIsGranted(long seed) {
        Model model = new Model(seed);
        model.run();
        assertThat(model.granted).as("slots that were waited for and came").isGreaterThan(STEPS / 100);
        assertThat(model.woken).as("flows that slept and were woken").isPositive();
        assertThat(model.changes).as("changes of values and bindings").isPositive();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void transactionalMailGoesFirstAndBulkKeepsItsShare(long seed) {
        Classes classes = new Classes(seed);
        classes.run();
        assertThat(classes.contested).as("slots that both waited for").isGreaterThan(STEPS / 20);
        assertThat(classes.bulkOfContested).as("of these bulk's").isPositive();
    }

    /**
     * Flows that share one rate, whose mail comes to be of the other class at any time, in their queues and in sessions'
     * hands. Who had each slot is compared with who waited for it.
     */
    private static final class Classes {
        private static final int FLOWS = 12;

        private final long seed;
        private final SplittableRandom random;
        private final FakeLimitBook book = new FakeLimitBook();
        private long now = Long.MAX_VALUE - 100 * MILLI; // the clock wraps on the way
        private final Shaper shaper = new Shaper(ShapingConfig.DEFAULT, book,
                () -> Instant.ofEpochSecond(1_796_000_000), () -> now);
        private final int percent;
        private final List<Flow> flows = new ArrayList<>();
        private final boolean[] inQueue = new boolean[FLOWS];
        private final Map<Slot, MailClass> inHand = new LinkedHashMap<>();
        private final Map<Slot, Integer> flowOf = new HashMap<>();
        private final List<Slot> came = new ArrayList<>();
        /** Transactional mail that went in a row while bulk waited. */
        private int inARow;
        private int contested;
        private int bulkOfContested;

        Classes(long seed) {
            this.seed = seed;
            this.random = new SplittableRandom(seed);
            this.percent = random.nextInt(1, 51);
            shaper.bulkShare(percent);
            book.others((_, _) -> new PathLimits(TrafficLimits.DEFAULT,
                    List.of(FakeLimitBook.messages("all", "50/s"))));
            for (int i = 0; i < FLOWS; i++) {
                flows.add(shaper.use("ip-1", Model.site(i), "").messages(() -> {}));
            }
        }

        void run() {
            for (int step = 0; step < STEPS; step++) {
                try {
                    act();
                    for (Flow flow : flows) {
                        assertThat(flow.violation(now)).isNull();
                    }
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError("seed " + seed + ", step " + step + ", bulk " + percent + " %", e);
                }
            }
        }

        private void act() {
            int flow = random.nextInt(FLOWS);
            switch (random.nextInt(8)) {
                case 0, 1, 2 -> asks(flow);
                case 3 -> {
                    inQueue[flow] = random.nextInt(4) == 0;
                    flows.get(flow).hasTransactional(inQueue[flow], now);
                }
                case 4 -> {
                    if (!inHand.isEmpty()) {
                        Slot slot = List.copyOf(inHand.keySet()).get(random.nextInt(inHand.size()));
                        if (random.nextBoolean()) {
                            inHand.remove(slot);
                            slot.giveBack(now);
                        } else {
                            inHand.put(slot, mailClass());
                            slot.take(Cost.ONE, inHand.get(slot), 0, now);
                        }
                    }
                }
                default -> oneSlotComes();
            }
        }

        private MailClass mailClass() {
            return random.nextInt(4) == 0 ? MailClass.TRANSACTIONAL : MailClass.BULK;
        }

        private void asks(int number) {
            Slot[] self = new Slot[1];
            self[0] = flows.get(number).slot(() -> came.add(self[0]));
            MailClass of = mailClass();
            self[0].take(Cost.ONE, of, Long.MAX_VALUE, now);
            if (self[0].isTaken()) {
                assertThat(inHand).as("who waits while another finds a slot").isEmpty();
                self[0].used();
            } else {
                inHand.put(self[0], of);
                flowOf.put(self[0], number);
            }
        }

        private MailClass classOf(int flow) {
            boolean urgent = inQueue[flow] || inHand.entrySet().stream()
                    .anyMatch(each -> requireNonNull(flowOf.get(each.getKey())) == flow
                            && each.getValue() == MailClass.TRANSACTIONAL);
            return urgent ? MailClass.TRANSACTIONAL : MailClass.BULK;
        }

        private boolean waits(MailClass mailClass) {
            return inHand.keySet().stream().anyMatch(slot -> classOf(requireNonNull(flowOf.get(slot))) == mailClass);
        }

        private void oneSlotComes() {
            boolean both = waits(MailClass.BULK) && waits(MailClass.TRANSACTIONAL);
            Map<Slot, MailClass> before = new LinkedHashMap<>(inHand);
            Map<Integer, MailClass> classes = new HashMap<>();
            for (int i = 0; i < FLOWS; i++) {
                classes.put(i, classOf(i));
            }
            long wait = shaper.turn();
            if (came.isEmpty()) {
                now += Math.min(wait, 20 * MILLI);
                shaper.turn();
            }
            shaper.runDue();
            assertThat(came).as("slots that came at once").hasSizeLessThanOrEqualTo(1);
            for (Slot slot : came) {
                inHand.remove(slot);
                int flow = requireNonNull(flowOf.remove(slot));
                MailClass went = requireNonNull(classes.get(flow));
                if (went == MailClass.TRANSACTIONAL && !inQueue[flow]) {
                    assertThat(before).as("what is in hand goes before its queue's bulk").containsEntry(slot, went);
                }
                if (both) {
                    contested++;
                    bulkOfContested += went == MailClass.BULK ? 1 : 0;
                    inARow = went == MailClass.BULK ? 0 : inARow + 1;
                    assertThat(100L * bulkOfContested).as("bulk of %d", contested)
                            .isBetween((long) percent * contested - 100, (long) percent * contested + 100);
                    assertThat(inARow).as("in a row").isLessThan(Math.ceilDiv(100, percent));
                }
                slot.used();
            }
            came.clear();
        }
    }

    private static final class Model {
        private final long seed;
        private final SplittableRandom random;
        private final FakeLimitBook book = new FakeLimitBook();
        private long now = Long.MAX_VALUE - 100 * MILLI; // the clock wraps on the way
        private final Shaper shaper = new Shaper(ShapingConfig.DEFAULT, book,
                () -> Instant.ofEpochSecond(1_796_000_000), () -> now);
        private final List<Flow> flows = new ArrayList<>();
        private final boolean[] asleep = new boolean[2 * PATHS];
        private final List<Slot> slots = new ArrayList<>();
        private final List<Slot> came = new ArrayList<>();
        private List<SharedLimit> limits = List.of();
        private final Map<Integer, List<SharedLimit>> bound = new HashMap<>();
        private int granted;
        private int woken;
        private int changes;

        Model(long seed) {
            this.seed = seed;
            this.random = new SplittableRandom(seed);
            draw(true);
            for (int i = 0; i < 2 * PATHS; i++) {
                int number = i;
                Throttle throttle = shaper.use("ip-1", site(i % PATHS), "");
                flows.add(throttle.messages(() -> {
                    asleep[number] = false;
                    woken++;
                }));
            }
        }

        private static Site site(int path) {
            return new Site("mx" + path + ".example");
        }

        /** @param values too, not only who is bound by them */
        private void draw(boolean values) {
            if (values) {
                limits = IntStream.range(0, MEASURES.size())
                        .mapToObj(i -> FakeLimitBook.rate(MEASURES.get(i), "rate" + i, "",
                                random.nextInt(1, 200) * (MEASURES.get(i) == Measure.OCTET_RATE ? 10_000L : 1) + "/s"
                                        + (random.nextInt(3) == 0 ? ",max_burst=" + random.nextInt(2, 9) : "")))
                        .toList();
                bound.replaceAll((_, before) -> before.stream().map(limit -> sameAs(limit)).toList());
            }
            for (int path = 0; path < PATHS; path++) {
                if (!values || bound.size() < PATHS) {
                    List<SharedLimit> some = new ArrayList<>(limits);
                    some.removeIf(_ -> random.nextBoolean());
                    bound.put(path, some);
                }
                TrafficLimits own = TrafficLimits.DEFAULT.with(TrafficLimits.MAX_MESSAGE_RATE,
                        random.nextInt(3) == 0 ? Rate.parse(random.nextInt(1, 100) + "/s") : null);
                book.put(new EgressPath("ip-1", site(path)), new PathLimits(own, requireNonNull(bound.get(path))));
            }
        }

        private SharedLimit sameAs(SharedLimit before) {
            return limits.stream().filter(limit -> limit.id().equals(before.id())).findAny().orElseThrow();
        }

        void run() {
            for (int step = 0; step < STEPS; step++) {
                try {
                    act();
                    check();
                } catch (AssertionError | RuntimeException e) {
                    throw new AssertionError("seed " + seed + ", step " + step, e);
                }
            }
            settle();
        }

        /** Nothing is asked for any more: all that waits is granted, and all that sleeps is woken. */
        private void settle() {
            long end = now + TimeUnit.HOURS.toNanos(3);
            while (end - now > 0 && (slots.stream().anyMatch(Slot::isWaiting) || sleepers() > 0)) {
                now += Math.clamp(shaper.turn(), 0, end - now);
                while (!came.isEmpty()) {
                    came.removeLast().used();
                }
            }
            assertThat(slots).as("seed %d: what waits still", seed).noneMatch(Slot::isWaiting);
            assertThat(sleepers()).as("seed %d: who sleeps still", seed).isZero();
        }

        private int sleepers() {
            int sleepers = 0;
            for (boolean each : asleep) {
                sleepers += each ? 1 : 0;
            }
            return sleepers;
        }

        private void act() {
            int flow = random.nextInt(flows.size());
            switch (random.nextInt(21)) {
                case 20 -> flows.get(flow).hasTransactional(random.nextInt(3) == 0, now);
                case 0, 1, 2, 3, 4, 5 -> asks(flow);
                case 6, 7, 8 -> settles(random.nextBoolean());
                case 9 -> waitsNoMore();
                case 10 -> {
                    asleep[flow] = true;
                    flows.get(flow).sleep(random.nextInt(2_000) * MILLI, now);
                }
                case 11 -> {
                    if (random.nextInt(10) == 0) {
                        changes++;
                        draw(random.nextBoolean());
                        shaper.changed();
                    }
                }
                default -> {
                    long wait = shaper.turn();
                    now += random.nextInt(4) == 0 ? random.nextLong(100 * MILLI) : Math.min(wait, 50 * MILLI);
                }
            }
            shaper.runDue();
        }

        private void asks(int number) {
            Slot[] self = new Slot[1];
            Cost cost = new Cost(random.nextInt(1, 20), random.nextInt(1, 50_000));
            self[0] = flows.get(number).slot(() -> {
                granted++;
                came.add(self[0]);
            });
            slots.removeIf(slot -> !slot.isWaiting());
            if (self[0].take(cost, mailClass(), random.nextInt(3) * 500L * MILLI - 1, now) == 0
                    && self[0].isTaken()) {
                came.add(self[0]);
            } else if (self[0].isWaiting()) {
                slots.add(self[0]);
            }
        }

        private MailClass mailClass() {
            return random.nextInt(4) == 0 ? MailClass.TRANSACTIONAL : MailClass.BULK;
        }

        private void settles(boolean use) {
            if (!came.isEmpty()) {
                Slot slot = came.remove(random.nextInt(came.size()));
                if (use) {
                    slot.used();
                } else {
                    slot.giveBack(now);
                }
            }
        }

        private void waitsNoMore() {
            slots.removeIf(slot -> !slot.isWaiting());
            if (!slots.isEmpty() && random.nextBoolean()) {
                slots.get(random.nextInt(slots.size())).take(Cost.ONE, mailClass(), -1, now);
            } else if (!slots.isEmpty()) {
                slots.remove(random.nextInt(slots.size())).giveBack(now);
            }
        }

        private void check() {
            for (Flow flow : flows) {
                assertThat(flow.violation(now)).isNull();
            }
        }
    }
}
