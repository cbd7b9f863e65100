package dev.penstock.policy;

import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

import dev.penstock.meters.PartMeters;

/** Policies, as metrics name it. Stateless. */
public final class PolicyMetrics {
    private PolicyMetrics() {}

    public static PartMeters<PolicyStats> of(Supplier<PolicyStats> source) {
        PartMeters<PolicyStats> part = PartMeters.of("penstock.policy.", source);
        part.counter("relay.denied", "Recipients refused by the relay rules", PolicyStats::relayDenied);
        part.counter("senders.refused", "Senders that weren't the user's, in MAIL or in the From field",
                PolicyStats::sendersRefused);
        part.counter("headers.refused", "Messages whose tenant or campaign field can't be one",
                PolicyStats::headersRefused);
        part.counter("questions", "Questions to plug-ins and the call-out", PolicyStats::questions);
        part.counter("refusals", "Of these, those answered by a refusal", PolicyStats::refusals);
        unanswered(part, "timeout", PolicyStats::timeouts);
        unanswered(part, "overload", PolicyStats::overloads);
        unanswered(part, "failure", PolicyStats::failures);
        part.gauge("questions.open", "Questions that plug-ins and the call-out are at, late ones included",
                PolicyStats::inFlight);
        return part;
    }

    private static void unanswered(PartMeters<PolicyStats> part, String reason, ToDoubleFunction<PolicyStats> value) {
        part.counter("unanswered", "Questions answered as on-failure says, by the reason", value, "reason", reason);
    }
}
