package dev.penstock.inbound;

import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.penstock.meters.DurationHistogram;
import dev.penstock.reception.IncomingMessage;

/** What {@link InboundStats} tells of the past. Thread-safe. */
final class Counters {
    final LongAdder sessionsTotal = new LongAdder();
    final LongAdder sessionsRefused = new LongAdder();
    final LongAdder messages = new LongAdder();
    final LongAdder octets = new LongAdder();
    final LongAdder recipients = new LongAdder();
    final LongAdder recipientsRefused = new LongAdder();
    final LongAdder messagesRefused = new LongAdder();
    final LongAdder messagesDeferred = new LongAdder();
    final LongAdder messagesAborted = new LongAdder();
    final LongAdder errors = new LongAdder();
    final LongAdder timeouts = new LongAdder();
    final LongAdder tlsSessions = new LongAdder();
    final LongAdder tlsFailures = new LongAdder();
    final LongAdder logins = new LongAdder();
    final LongAdder loginsFailed = new LongAdder();

    /** From the sync of a fast disk to the deadlines of policies. */
    final DurationHistogram acceptTimes = DurationHistogram.of(Duration.ofMillis(1), Duration.ofNanos(2_500_000),
            Duration.ofMillis(5), Duration.ofMillis(10), Duration.ofMillis(25), Duration.ofMillis(50),
            Duration.ofMillis(100), Duration.ofMillis(250), Duration.ofMillis(500), Duration.ofSeconds(1),
            Duration.ofMillis(2500), Duration.ofSeconds(5), Duration.ofSeconds(10), Duration.ofSeconds(30));

    final LongAdder messagesLimited = new LongAdder();
    final LongAdder recipientsLimited = new LongAdder();
    final LongAdder proxyFailures = new LongAdder();
    final LongAdder earlyTalkers = new LongAdder();
    final LongAdder foreignCommands = new LongAdder();
    final LongAdder outOfStep = new LongAdder();
    final LongAdder stressed = new LongAdder();
    private final Map<SessionRefusal, LongAdder> refused = adders(SessionRefusal.class);
    private final Map<Slowness, LongAdder> slow = adders(Slowness.class);
    private volatile boolean stress;

    private static <E extends Enum<E>> Map<E, LongAdder> adders(Class<E> type) {
        return Stream.of(type.getEnumConstants()).collect(Collectors.toMap(Function.identity(), _ -> new LongAdder(),
                (one, _) -> one, () -> new EnumMap<>(type)));
    }

    private static <E extends Enum<E>> Map<E, Long> sums(Map<E, LongAdder> adders) {
        Map<E, Long> sums = new EnumMap<>(adders.keySet().iterator().next().getDeclaringClass());
        adders.forEach((key, adder) -> sums.put(key, adder.sum()));
        return sums;
    }

    /** A message is durable. */
    void accepted(IncomingMessage message) {
        messages.increment();
        octets.add(message.size());
        recipients.add(message.envelope().recipients().size());
    }

    void refused(SessionRefusal refusal) {
        sessionsRefused.increment();
        count(refused, refusal);
    }

    void slow(Slowness slowness) {
        timeouts.increment();
        count(slow, slowness);
    }

    void stress(boolean now) {
        stress = now;
        if (now) {
            stressed.increment();
        }
    }

    private static <E> void count(Map<E, LongAdder> adders, E key) {
        LongAdder adder = adders.get(key);
        if (adder != null) {
            adder.increment();
        }
    }

    InboundStats snapshot(long sessions, long receivingOctets) {
        return new InboundStats(sessions, sessionsTotal.sum(), sessionsRefused.sum(), messages.sum(), octets.sum(),
                recipients.sum(), recipientsRefused.sum(), messagesRefused.sum(), messagesDeferred.sum(),
                messagesAborted.sum(), errors.sum(), timeouts.sum(), tlsSessions.sum(), tlsFailures.sum(),
                logins.sum(), loginsFailed.sum(), receivingOctets,
                new InboundStats.Hostility(sums(refused), messagesLimited.sum(), recipientsLimited.sum(), sums(slow),
                        proxyFailures.sum(), earlyTalkers.sum(), foreignCommands.sum(), outOfStep.sum(), stressed.sum(),
                        stress));
    }
}
