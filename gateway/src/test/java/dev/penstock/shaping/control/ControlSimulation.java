package dev.penstock.shaping.control;

import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.Random;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ControlConfig;
import dev.penstock.shaping.control.ReceiverShapes.Receiver;

/**
 * One source that always has mail for one receiver, in virtual time: sessions, round trips that vary, a slot for each
 * message as GCRA has it. Only the controller says how fast. Confined to its test.
 */
final class ControlSimulation {
    private static final double NANOS = 1e9;
    /** From when a session is refused until another is opened. */
    private static final double REOPEN = 1;

    private record Event(double at, long number, Runnable what) {}

    private final Receiver receiver;
    private final Controller controller;
    private final Goodput meter = new Goodput(0);
    private final Random random;
    private final int mostSessions;
    private final double roundTrip;
    private final double jitter;
    private final PriorityQueue<Event> events = new PriorityQueue<>(
            Comparator.comparingDouble(Event::at).thenComparingLong(Event::number));
    private long numbers;
    private double now;
    private double arrival;
    private boolean ticking;
    /** Of the slot that is waited for; others are of a rate that isn't any more. */
    private long tick;
    private int open;
    private int free;
    private double nextOpening;
    private double measuredFrom;

    long delivered;
    long deferred;
    long refusedSessions;
    double offered;
    int changes;
    String violation = "";

    ControlSimulation(Receiver receiver, ControlConfig config, int mostSessions, double roundTrip, double jitter,
            long seed) {
        this.receiver = receiver;
        this.controller = new Controller(config, 0);
        this.mostSessions = mostSessions;
        this.roundTrip = roundTrip;
        this.jitter = jitter;
        this.random = new Random(seed);
    }

    /** @param from what comes before it isn't counted */
    ControlSimulation run(double from, double until) {
        measuredFrom = from;
        for (double at = from; at < until; at++) {
            offered += Math.min(receiver.capacity(at), mostSessions / roundTrip);
        }
        go();
        while (!events.isEmpty() && events.peek().at <= until) {
            Event event = events.remove();
            now = event.at;
            event.what.run();
            check();
        }
        return this;
    }

    private void check() {
        double rate = controller.rate();
        if (!(rate > 0) || controller.window() < 1) {
            violation = "rate " + rate + ", window " + controller.window() + " at " + now;
        }
    }

    private void at(double time, Runnable what) {
        events.add(new Event(time, numbers++, what));
    }

    private long nanos() {
        return (long) (now * NANOS);
    }

    private void go() {
        int most = Math.min(mostSessions, controller.window());
        if (open > most && free > 0) { // one that idles ends
            open--;
            free--;
        }
        while (open < most && free == 0 && now >= nextOpening) {
            long begun = nanos();
            open++;
            if (receiver.session(open)) {
                free++;
            } else {
                refusedSessions += counted();
                deferred += counted();
                int before = open;
                open--;
                nextOpening = now + REOPEN;
                at(nextOpening, this::go);
                changed(controller.refused(Signal.CONCURRENCY, answer(begun + 1, before)));
                break;
            }
        }
        if (!ticking && free > 0) {
            awaitSlot();
        }
    }

    private void awaitSlot() {
        ticking = true;
        long mine = ++tick;
        at(Math.max(now, arrival), () -> tick(mine));
    }

    private void tick(long of) {
        if (of != tick) {
            return;
        }
        ticking = false;
        if (free == 0) {
            return;
        }
        free--;
        arrival = now + 1 / controller.rate();
        double time = Math.max(0.01, roundTrip * (1 + jitter * random.nextGaussian()));
        long sent = nanos();
        at(now + time / 2, () -> {
            Signal signal = receiver.message(now);
            at(now + time / 2, () -> answered(signal, sent));
        });
        go();
    }

    private void answered(@Nullable Signal signal, long sent) {
        free++;
        if (signal == null) {
            meter.add(nanos());
            delivered += counted();
            changed(controller.delivered(answer(sent, open)));
            controller.mostSessions(mostSessions);
        } else {
            deferred += counted();
            changed(controller.refused(signal, answer(sent, open)));
        }
        double next = now + 1 / controller.rate();
        if (next < arrival) {
            arrival = next;
            if (ticking) {
                awaitSlot();
            }
        }
        go();
    }

    private Controller.Answer answer(long sent, int sessions) {
        return new Controller.Answer(sent, sessions, meter.rate(nanos()), Double.POSITIVE_INFINITY, nanos());
    }

    private void changed(Controller.@Nullable Change change) {
        if (change != null) {
            changes++;
            if (Boolean.getBoolean("penstock.control.trace")) {
                System.out.printf("%10.2f %s%n", now, change);
            }
        }
    }

    private int counted() {
        return now >= measuredFrom ? 1 : 0;
    }

    double deferralShare() {
        return delivered + deferred == 0 ? 0 : (double) deferred / (delivered + deferred);
    }

    double utilisation() {
        return delivered / offered;
    }

    Controller controller() {
        return controller;
    }
}
