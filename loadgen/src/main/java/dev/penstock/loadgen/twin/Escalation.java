package dev.penstock.loadgen.twin;

import java.time.Duration;
import java.util.List;

/**
 * Who goes on though he is refused is blocked. Immutable. A leaky bucket of excess: refusals that count as such fill it,
 * and {@code after} of them flow off in {@code within}; when more than {@code after} are in it the source is blocked.
 *
 * @param phase   where one who is blocked hears of it
 * @param replies one of these; not empty
 * @param block   for how long
 */
public record Escalation(double after, Duration within, Duration block, TwinPhase phase, List<TwinReply> replies) {
    public Escalation {
        replies = List.copyOf(replies);
    }
}
