package dev.penstock.top;

import java.util.List;

import dev.penstock.admin.LatencyRoutes;
import dev.penstock.admin.LatencyRoutes.Latency;

/** Of what the heat map is. */
enum Times {
    DELIVERY("from acceptance to delivery", LatencyRoutes.DELIVERY, ""),
    TRANSACTIONAL("from acceptance to delivery, transactional mail", LatencyRoutes.DELIVERY, "transactional"),
    FIRST_ATTEMPT("from acceptance to the first attempt", LatencyRoutes.FIRST_ATTEMPT, ""),
    SESSION("to open a session, TLS and EHLO included", LatencyRoutes.SESSION, "");

    final String title;
    private final String what;
    private final String mailClass;

    /** @param mailClass empty for all */
    Times(String title, String what, String mailClass) {
        this.title = title;
        this.what = what;
        this.mailClass = mailClass;
    }

    boolean counts(Latency latency) {
        return latency.what().equals(what) && (mailClass.isEmpty() || latency.mailClass().equals(mailClass));
    }

    Times next() {
        List<Times> all = List.of(values());
        return all.get((all.indexOf(this) + 1) % all.size());
    }
}
