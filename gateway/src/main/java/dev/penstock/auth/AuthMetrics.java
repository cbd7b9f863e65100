package dev.penstock.auth;

import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

import dev.penstock.meters.PartMeters;

/** Logins, as metrics name it. Stateless. */
public final class AuthMetrics {
    private AuthMetrics() {}

    public static PartMeters<AuthStats> of(Supplier<AuthStats> source) {
        PartMeters<AuthStats> part = PartMeters.of("penstock.auth.", source);
        logins(part, "success", AuthStats::successes);
        logins(part, "refused", AuthStats::refused);
        logins(part, "malformed", AuthStats::malformed);
        logins(part, "undecided", AuthStats::undecided);
        part.counter("hashes", "Password hashes computed", AuthStats::hashes);
        part.counter("recalled", "Passwords that took no hash: they had been right a short while ago",
                AuthStats::recalled);
        part.counter("busy", "Password checks not made because too many waited", AuthStats::busy);
        part.counter("unanswered", "Questions to others about logins that weren't decided", AuthStats::unanswered);
        part.gauge("users", "Users in the credentials file", AuthStats::users);
        part.counter("reloads", "Changes of the credentials file taken over", AuthStats::reloads);
        part.counter("reloads.failed", "Changes of it that weren't, because of an error in it",
                AuthStats::reloadsRefused);
        return part;
    }

    private static void logins(PartMeters<AuthStats> part, String outcome, ToDoubleFunction<AuthStats> value) {
        part.counter("logins", "Logins by what they came to, those over HTTP included", value, "outcome", outcome);
    }
}
