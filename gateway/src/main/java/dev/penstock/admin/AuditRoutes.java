package dev.penstock.admin;

import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import java.util.function.Predicate;

import dev.penstock.http.Problem;

/** {@code GET /audit}. Stateless. */
public final class AuditRoutes {
    private static final int PAGE = 100;
    private static final int MOST = 1_000;

    private AuditRoutes() {}

    public static List<AdminRoute> of(AuditLog audit) {
        Semaphore turn = new Semaphore(1);
        return List.of(AdminRoute.get("/audit", Role.READ, "Who has changed what, and why; newest first.")
                .query("who", String.class, "the operator's name")
                .query("verb", String.class, "a part of method and path, like \"POST /jobs\"")
                .query("since", Instant.class, "no older ones; ISO 8601")
                .query("until", Instant.class, "no newer ones; ISO 8601")
                .query("failed", Boolean.class, "only what wasn't done, or isn't known to have been")
                .query("before", String.class, "an id: only older ones; next of the page before")
                .query("limit", Integer.class, "how many at most, " + PAGE + " when left out")
                .answers(AuditLog.Page.class, request -> alone(turn, () -> audit.read(wanted(request),
                        request.query("before").orElse(null), request.integer("limit", PAGE, 1, MOST)))));
    }

    /** All files may have to be read. */
    static <T> T alone(Semaphore turn, Callable<T> reading) throws Exception {
        if (!turn.tryAcquire()) {
            throw Problem.of(Problem.Kind.TOO_MANY, "somebody reads the audit log just now: ask again");
        }
        try {
            return reading.call();
        } finally {
            turn.release();
        }
    }

    private static Predicate<Audit.Entry> wanted(AdminRequest request) {
        Optional<String> who = request.query("who");
        Optional<String> verb = request.query("verb");
        Optional<Instant> since = time(request, "since");
        Optional<Instant> until = time(request, "until");
        boolean failed = request.flag("failed");
        return entry -> who.filter(name -> !name.equals(entry.request().who())).isEmpty()
                && verb.filter(text -> !entry.request().verb().contains(text)).isEmpty()
                && since.filter(entry.at()::isBefore).isEmpty() && until.filter(entry.at()::isAfter).isEmpty()
                && (!failed || entry.result() == null || entry.result().status() >= 400);
    }

    private static Optional<Instant> time(AdminRequest request, String name) {
        return request.query(name).map(text -> {
            try {
                return Instant.parse(text);
            } catch (DateTimeParseException _) {
                throw Problem.of(Problem.Kind.INVALID,
                        name + " must be a time like 2026-12-01T08:00:00Z, not \"" + text + "\"");
            }
        });
    }
}
