package dev.penstock.top;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.AdminProblem;
import dev.penstock.admin.LatencyRoutes.Latencies;
import dev.penstock.admin.QueueAnswer.Queues;
import dev.penstock.admin.QueueAnswer.WhyOf;
import dev.penstock.admin.StandingAnswer;
import dev.penstock.admin.StandingAnswer.Providers;
import dev.penstock.admin.StandingAnswer.Sources;
import dev.penstock.admin.StandingAnswer.Status;
import dev.penstock.admin.StandingAnswer.Tenants;
import dev.penstock.queue.Grouping;

/**
 * What the gateway has said of one view. Immutable.
 *
 * @param at        when all of it had come, by the clock of this machine
 * @param queues    null where the screen has none; as the next ones
 * @param latencies of all mail, or of the one provider that the filter names
 * @param detail    lines of what is known of the target; none without one
 */
record Answers(Question question, Instant at, Status status, @Nullable Queues queues, @Nullable Providers providers,
        @Nullable Sources sources, @Nullable Tenants tenants, @Nullable WhyOf why, Latencies latencies,
        List<String> detail) {
    Answers {
        detail = List.copyOf(detail);
    }

    /**
     * What is asked for a view.
     *
     * @param target of which a detail is shown; null for none
     * @param rows   at most
     */
    record Question(Screen screen, Grouping by, String order, Filter filter, @Nullable Target target, int rows) {
        /** As many as the API gives at once. */
        static final int MOST_ROWS = 1_000;

        static Question of(View view) {
            return new Question(view.screen(), view.grouping(), view.order(), view.filter(),
                    view.mode() instanceof Mode.Detail detail ? detail.target() : null, USUAL_ROWS);
        }

        /** More than a screen has, so that one can go down in them. */
        private static final int USUAL_ROWS = 200;
    }

    /**
     * Asks for all that a view shows.
     *
     * @throws AdminProblem when the gateway answers with one
     * @throws IOException  when there is no gateway to ask
     */
    static Answers ask(AdminClient gateway, Question question, Details details) throws AdminProblem, IOException {
        Screen screen = question.screen;
        boolean overview = screen == Screen.OVERVIEW;
        Status status = gateway.get("/status", Status.class);
        Queues queues = screen.hasQueues() ? gateway.get("/queues" + selected(question, true), Queues.class) : null;
        Providers providers = overview || screen == Screen.PROVIDERS
                ? gateway.get("/providers" + most(), Providers.class)
                : null;
        Sources sources = screen == Screen.SOURCES ? gateway.get("/sources", Sources.class) : null;
        Tenants tenants = screen == Screen.TENANTS ? gateway.get("/tenants" + most(), Tenants.class) : null;
        WhyOf why = screen == Screen.HELD ? gateway.get("/why" + selected(question, false), WhyOf.class) : null;
        String provider = question.filter.provider();
        List<String[]> whose = new ArrayList<>();
        if (!provider.isEmpty()) {
            whose.add(new String[]{"provider", provider});
        }
        Latencies latencies = gateway.get("/latencies" + AdminClient.query(whose), Latencies.class);
        List<String> detail = question.target == null ? List.of() : detail(gateway, question.target, details);
        return new Answers(question, Instant.now(), status, queues, providers, sources, tenants, why, latencies,
                detail);
    }

    private static String most() {
        return "?limit=" + Question.MOST_ROWS;
    }

    private static String selected(Question question, boolean rows) {
        List<String[]> query = question.filter.query();
        if (rows) {
            query.add(new String[]{"by", question.by.word()});
            query.add(new String[]{"sort", question.order});
            query.add(new String[]{"limit", String.valueOf(question.rows)});
        }
        return AdminClient.query(query);
    }

    private static List<String> detail(AdminClient gateway, Target target, Details details)
            throws AdminProblem, IOException {
        return switch (target) {
            case Target.Provider _ ->
                details.provider(gateway.get(target.path(), StandingAnswer.Provider.class));
            case Target.Source _ -> details.source(gateway.get(target.path(), StandingAnswer.Source.class));
            case Target.Mail _ -> details.why(gateway.get(target.path(), WhyOf.class));
        };
    }
}
