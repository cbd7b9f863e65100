package dev.penstock.admin;

import dev.penstock.meters.PartMeters;

/** What metrics tell of the administration. Stateless. */
public final class AdminMetrics {
    private AdminMetrics() {}

    public static PartMeters<AuditLog> of(AuditLog audit) {
        PartMeters<AuditLog> part = PartMeters.of("penstock.admin.", () -> audit);
        part.counter("audit.refused", "Requests that weren't done because they couldn't be recorded",
                AuditLog::refused);
        part.counter("audit.unfinished", "Requests that were done and whose result couldn't be recorded",
                AuditLog::unfinished);
        return part;
    }
}
