package dev.penstock.loadgen;

import java.time.Duration;

import dev.penstock.units.Durations;

/**
 * How the sink treats a domain's mail. Immutable. Written {@code stall} or as a list like
 * {@code defer=5%,bounce=1%,drop=0.1%,lose-reply=0.1%,delay=20ms,dot-delay=100ms}.
 *
 * @param delay     before each reply
 * @param dotDelay  before the reply to the final dot, in addition
 * @param defer     share of recipients that get 451 4.2.0
 * @param bounce    share of recipients that get 550 5.1.1
 * @param drop      share of messages whose connection is closed while their content arrives
 * @param loseReply share of messages that are taken, and whose connection is closed before the 250
 * @param stall     never answer again: at once for an address, from RCPT on for a domain
 */
public record Behaviour(Duration delay, Duration dotDelay, double defer, double bounce, double drop, double loseReply,
        boolean stall) {
    public static final Behaviour ACCEPT = new Behaviour(Duration.ZERO, Duration.ZERO, 0, 0, 0, 0, false);

    public Behaviour {
        if (delay.isNegative() || dotDelay.isNegative()) {
            throw new IllegalArgumentException("a delay can't be negative");
        }
        for (double share : new double[]{defer, bounce, drop, loseReply}) {
            if (!(share >= 0 && share <= 1)) {
                throw new IllegalArgumentException("a share lies between 0% and 100%");
            }
        }
        if (defer + bounce > 1) {
            throw new IllegalArgumentException("defer and bounce together are more than 100%");
        }
    }

    /** @throws IllegalArgumentException when the text doesn't follow the class's syntax */
    public static Behaviour parse(String text) {
        Behaviour result = ACCEPT;
        for (String item : text.split(",", -1)) {
            int equals = item.indexOf('=');
            String name = (equals < 0 ? item : item.substring(0, equals)).strip();
            String value = equals < 0 ? "100%" : item.substring(equals + 1).strip();
            result = switch (name) {
                case "accept" -> result;
                case "stall" -> result.withStall(true);
                case "delay" -> result.withDelay(Durations.parse(value));
                case "dot-delay" -> result.withDotDelay(Durations.parse(value));
                case "defer" -> result.withDefer(share(value));
                case "bounce" -> result.withBounce(share(value));
                case "drop" -> result.withDrop(share(value));
                case "lose-reply" -> result.withLoseReply(share(value));
                default -> throw new IllegalArgumentException("expected accept, stall, delay, dot-delay, defer, "
                        + "bounce, drop or lose-reply, got: " + name);
            };
        }
        return result;
    }

    public Behaviour withStall(boolean value) {
        return new Behaviour(delay, dotDelay, defer, bounce, drop, loseReply, value);
    }

    public Behaviour withDelay(Duration value) {
        return new Behaviour(value, dotDelay, defer, bounce, drop, loseReply, stall);
    }

    public Behaviour withDotDelay(Duration value) {
        return new Behaviour(delay, value, defer, bounce, drop, loseReply, stall);
    }

    public Behaviour withDefer(double share) {
        return new Behaviour(delay, dotDelay, share, bounce, drop, loseReply, stall);
    }

    public Behaviour withBounce(double share) {
        return new Behaviour(delay, dotDelay, defer, share, drop, loseReply, stall);
    }

    public Behaviour withDrop(double share) {
        return new Behaviour(delay, dotDelay, defer, bounce, share, loseReply, stall);
    }

    public Behaviour withLoseReply(double share) {
        return new Behaviour(delay, dotDelay, defer, bounce, drop, share, stall);
    }

    private static double share(String text) {
        String number = text.endsWith("%") ? text.substring(0, text.length() - 1) : text;
        try {
            return Double.parseDouble(number) / (text.endsWith("%") ? 100 : 1);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("expected a share like 5% or 0.05, got: " + text, e);
        }
    }
}
