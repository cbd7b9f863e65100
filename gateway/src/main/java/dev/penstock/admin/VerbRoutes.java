package dev.penstock.admin;

import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.delivery.Verbs.Words;
import dev.penstock.egress.Pools;
import dev.penstock.http.Problem;
import dev.penstock.queue.OperatorSuspension;
import dev.penstock.queue.Selection;
import dev.penstock.smtp.Idna;
import dev.penstock.units.Durations;
import dev.penstock.verbs.Drain;
import dev.penstock.verbs.JobCount;
import dev.penstock.verbs.JobRequest;
import dev.penstock.verbs.JobRequest.Details;
import dev.penstock.verbs.JobView;
import dev.penstock.verbs.Jobs;
import dev.penstock.verbs.Suspensions;
import dev.penstock.verbs.Verb;

/** What changes what is queued: {@code /suspensions}, {@code /jobs}, {@code /drain}. Thread-safe. */
public final class VerbRoutes {
    /** For a balancer that looks every few seconds. */
    private static final Duration ANNOUNCE = Duration.ofSeconds(10);
    private static final Duration LONGEST = Duration.ofHours(1);
    /** Longer than mail is tried. */
    private static final Duration MOST = Duration.ofDays(7);
    /** Of a selection: each is kept in a file that is read whole at a start. */
    private static final int MOST_VALUES = 1_000;
    /** Of all values of a selection, characters: for as many domains or addresses as usual ones are long. */
    private static final int MOST_SELECTED = 64 * 1024;
    /** Of a reason, characters: a paragraph. */
    private static final int MOST_REASON = 1_000;
    /** Of a name, characters: a domain's octets (RFC 1035, 2.3.4) and one to spare. */
    private static final int MOST_NAME = 255;
    /** Of a reply's text: a reply line's octets (RFC 5321, 4.5.3.1.5) without code, status and end. */
    private static final int MOST_REPLY = 495;
    /** RFC 3463: as the words that stand when nothing is said. */
    private static final Words USUAL = Details.NONE.words();

    private final Suspensions suspensions;
    private final Jobs jobs;
    private final Drain drain;
    private final Supplier<Pools> pools;

    /**
     * Mail to be kept back.
     *
     * @param selection values by attribute, like {@code {"domain": ["*.example.com"]}}
     * @param until     null for until it is resumed
     */
    public record SuspensionOrder(Map<String, List<String>> selection, @Nullable Instant until, String reason) {}

    /**
     * Mail that is kept back.
     *
     * @param until null for until it is resumed
     */
    public record SuspensionAnswer(String id, Map<String, List<String>> selection, Instant since,
            @Nullable Instant until, String who, String reason) {
        static SuspensionAnswer of(OperatorSuspension of) {
            return new SuspensionAnswer(of.id(), of.mail().parameters(), Instant.ofEpochMilli(of.sinceMillis()),
                    time(of.untilMillis()), of.who(), of.why());
        }
    }

    public record SuspensionsAnswer(List<SuspensionAnswer> suspensions) {}

    /**
     * A verb to be done.
     *
     * @param verb        hold, release, retry, delay, bounce, delete or rebind
     * @param selection   values by attribute; all that is queued when {@code everything} is true instead
     * @param dryRun      whether it is only counted
     * @param key         of the client's own: the same order under it is the same job
     * @param expires     when the job ends though it isn't through
     * @param until       of a hold: when it ends; of a delay: no attempt before
     * @param report      of a bounce: whether senders are told
     * @param code        of a bounce or deletion: 5xx, like the next three; what isn't said is as usual
     * @param enhanced    5.x.x
     * @param pool        of a rebinding: one that is configured, empty for none by name
     * @param route       of a rebinding: the domain by whose route the mail goes, empty for its own
     */
    public record JobOrder(String verb, @Nullable Map<String, List<String>> selection, @Nullable Boolean everything,
            String reason, @Nullable Boolean dryRun, @Nullable String key, @Nullable Instant expires,
            @Nullable Instant until, @Nullable Boolean report, @Nullable Integer code, @Nullable String enhanced,
            @Nullable String text, @Nullable String bounceClass, @Nullable String tenant, @Nullable String campaign,
            @Nullable String pool, @Nullable String route) {}

    /**
     * What became of an order: the job, or the count if it was a dry run.
     *
     * @param job   null after a dry run
     * @param count null when a job was begun
     */
    public record Ordered(@Nullable JobAnswer job, @Nullable CountAnswer count) {}

    /**
     * How much is selected.
     *
     * @param oldest null when nothing is
     */
    public record CountAnswer(long destinations, long octets, long inHand, @Nullable Instant oldest,
            List<JobCount.OfDomain> domains) {
        static CountAnswer of(JobCount count) {
            return new CountAnswer(count.destinations(), count.octets(), count.inHand(),
                    time(count.oldestMillis()), count.domains());
        }
    }

    /**
     * A job as it stands.
     *
     * @param details what the verb does besides
     * @param counted what was selected when it began; null while that is counted
     * @param inHand  that sessions have in hand
     * @param error   the last one; null for none
     */
    public record JobAnswer(String id, String verb, Map<String, List<String>> selection, JobDetails details, String who,
            String reason, String state, Instant created, @Nullable Instant ended, @Nullable Long counted, long done,
            long skipped, long failed, long inHand, @Nullable String error) {
        static JobAnswer of(JobView job) {
            JobRequest request = job.request();
            return new JobAnswer(job.id(), request.verb().word(), request.mail().parameters(), JobDetails.of(request),
                    request.who(), request.why(), job.state().word(), Instant.ofEpochMilli(job.createdMillis()),
                    time(job.endedMillis()), job.counted() < 0 ? null : job.counted(), job.done(), job.skipped(),
                    job.failed(), job.inHand(), job.error().isEmpty() ? null : job.error());
        }
    }

    /** What a job's verb does besides, as {@link JobOrder} has it; null is what its order didn't say, or its verb doesn't take. */
    public record JobDetails(@Nullable Instant expires, @Nullable Instant until, @Nullable Boolean report,
            @Nullable Integer code, @Nullable String enhanced, @Nullable String text, @Nullable String bounceClass,
            @Nullable String tenant, @Nullable String campaign, @Nullable String pool, @Nullable String route) {
        static JobDetails of(JobRequest request) {
            Details of = request.details();
            Words words = request.verb().isDestructive() ? of.words() : null;
            return new JobDetails(time(request.expiresMillis()), time(of.untilMillis()),
                    request.verb() == Verb.BOUNCE ? of.report() : null, words == null ? null : words.code(),
                    words == null ? null : words.enhanced(), words == null ? null : words.text(),
                    words == null ? null : words.bounceClass(), of.tenant(), of.campaign(), of.pool(),
                    of.routingDomain());
        }
    }

    /** Null for 0. */
    private static @Nullable Instant time(long millis) {
        return millis == 0 ? null : Instant.ofEpochMilli(millis);
    }

    public record JobsAnswer(List<JobAnswer> jobs) {}

    /**
     * The gateway is to be emptied.
     *
     * @param announce for how long mail is still taken while readiness says no, like {@code 30s}; null for 10 s, 7 d at most
     * @param longest  after which it stops though mail is left; null for 1 h, 7 d at most
     */
    public record DrainOrder(@Nullable String announce, @Nullable String longest, String reason) {}

    /**
     * How far a drain is.
     *
     * @param phase   open (nobody drains), announced, refusing or stopping
     * @param refuses when no new mail is taken; null when nobody drains, like the next three
     * @param stops   when it stops at the latest
     */
    public record DrainAnswer(String phase, @Nullable Instant refuses, @Nullable Instant stops, @Nullable String who,
            @Nullable String reason) {
        static DrainAnswer of(Drain.View view) {
            return view.isAnnounced()
                    ? new DrainAnswer(view.phase(), Instant.ofEpochMilli(view.refusesMillis()),
                            Instant.ofEpochMilli(view.stopsMillis()), view.who(), view.why())
                    : new DrainAnswer(view.phase(), null, null, null, null);
        }
    }

    private VerbRoutes(Suspensions suspensions, Jobs jobs, Drain drain, Supplier<Pools> pools) {
        this.suspensions = suspensions;
        this.jobs = jobs;
        this.drain = drain;
        this.pools = pools;
    }

    /** @param pools that are configured */
    public static List<AdminRoute> of(Suspensions suspensions, Jobs jobs, Drain drain, Supplier<Pools> pools) {
        VerbRoutes routes = new VerbRoutes(suspensions, jobs, drain, pools);
        return List.of(
                AdminRoute.get("/suspensions", Role.READ, "What operators have suspended.").answers(
                        SuspensionsAnswer.class,
                        _ -> new SuspensionsAnswer(suspensions.standing().stream().map(SuspensionAnswer::of).toList())),
                AdminRoute.post("/suspensions", Role.OPERATE, "Keeps mail back, what is queued and what comes.")
                        .takes(SuspensionOrder.class).answers(SuspensionAnswer.class, routes::suspend),
                AdminRoute.delete("/suspensions/{id}", Role.OPERATE, "Lets mail go on, at the pace that it may.")
                        .query("reason", String.class, "why")
                        .answers(SuspensionAnswer.class, routes::resume),
                AdminRoute.get("/jobs", Role.READ, "Jobs that aren't over, and such as were; the last first.")
                        .query("limit", Integer.class, "how many at most, 100 unless said")
                        .answers(JobsAnswer.class, routes::list),
                AdminRoute
                        .post("/jobs", Role.OPERATE, "Begins a job on queued mail, or counts what it would be done to.")
                        .takes(JobOrder.class).answers(Ordered.class, routes::begin),
                AdminRoute.get("/jobs/{id}", Role.READ, "How far a job is.").answers(JobAnswer.class,
                        request -> JobAnswer.of(found(jobs.find(request.path("id")), "job", request.path("id")))),
                AdminRoute.delete("/jobs/{id}", Role.OPERATE, "Stops a job; what it has done stays done.")
                        .query("reason", String.class, "why").answers(JobAnswer.class, routes::cancel),
                AdminRoute.get("/drain", Role.READ, "Whether the gateway is being emptied.").answers(DrainAnswer.class,
                        _ -> DrainAnswer.of(drain.view())),
                AdminRoute.post("/drain", Role.OPERATE, "Empties the gateway, and stops it.").takes(DrainOrder.class)
                        .answers(DrainAnswer.class, routes::drain),
                AdminRoute.delete("/drain", Role.OPERATE, "Calls a drain off: mail is taken again.")
                        .query("reason", String.class, "why").answers(DrainAnswer.class, routes::callOff));
    }

    private SuspensionAnswer suspend(AdminRequest request) {
        SuspensionOrder order = request.body(SuspensionOrder.class);
        Selection mail = selection(order.selection, false);
        reason(order.reason);
        try {
            return SuspensionAnswer.of(suspensions.suspend(mail,
                    order.until == null ? 0 : order.until.toEpochMilli(), request.operator().name(), order.reason));
        } catch (IllegalArgumentException e) {
            throw invalid("", e);
        } catch (IOException e) {
            throw unrecorded("the suspension", e);
        }
    }

    private SuspensionAnswer resume(AdminRequest request) {
        String id = request.path("id");
        try {
            return SuspensionAnswer
                    .of(found(suspensions.resume(id, request.operator().name(), reason(request)), "suspension", id));
        } catch (IOException e) {
            throw unrecorded("its end", e);
        }
    }

    private JobsAnswer list(AdminRequest request) {
        int limit = request.integer("limit", 100, 1, 10_000);
        return new JobsAnswer(jobs.all().stream().limit(limit).map(JobAnswer::of).toList());
    }

    private Ordered begin(AdminRequest request) {
        JobOrder order = request.body(JobOrder.class);
        boolean everything = Boolean.TRUE.equals(order.everything);
        Selection mail = selection(order.selection == null ? Map.of() : order.selection, everything);
        JobRequest wanted = wanted(order, mail, request.operator().name());
        if (Boolean.TRUE.equals(order.dryRun)) {
            return new Ordered(null, CountAnswer.of(jobs.count(mail)));
        }
        try {
            return new Ordered(JobAnswer.of(jobs.begin(wanted)), null);
        } catch (IllegalStateException e) {
            throw Problem.of(Problem.Kind.INVALID, String.valueOf(e.getMessage()));
        } catch (IOException e) {
            throw unrecorded("the job", e);
        }
    }

    /** A dry run is refused for what the job would be. */
    private JobRequest wanted(JobOrder order, Selection mail, String who) {
        List<Problem.Wrong> wrongs = new ArrayList<>();
        bound(wrongs, "/reason", order.reason, MOST_REASON);
        bound(wrongs, "/key", order.key, MOST_NAME);
        bound(wrongs, "/text", order.text, MOST_REPLY);
        bound(wrongs, "/bounce_class", order.bounceClass, MOST_NAME);
        bound(wrongs, "/tenant", order.tenant, MOST_NAME);
        bound(wrongs, "/campaign", order.campaign, MOST_NAME);
        bound(wrongs, "/pool", order.pool, MOST_NAME);
        bound(wrongs, "/route", order.route, MOST_NAME);
        checkPool(wrongs, order.pool);
        String route = route(wrongs, order.route);
        Verb verb = read("/verb", wrongs, () -> Verb.of(order.verb));
        int code = order.code == null ? USUAL.code() : order.code;
        String enhanced = or(order.enhanced, USUAL.enhanced());
        String text = or(order.text, USUAL.text());
        String bounceClass = or(order.bounceClass, USUAL.bounceClass());
        // One by one, so that each error has its place.
        read("/code", wrongs, () -> new Words(code, USUAL.enhanced(), USUAL.text(), bounceClass));
        read("/enhanced", wrongs, () -> new Words(USUAL.code(), enhanced, USUAL.text(), bounceClass));
        read("/text", wrongs, () -> new Words(USUAL.code(), USUAL.enhanced(), text, bounceClass));
        if (verb == Verb.DELAY && order.until == null) {
            wrongs.add(new Problem.Wrong("/until", "delay wants a time until when"));
        }
        if (verb == null || !wrongs.isEmpty()) {
            throw Problem.invalid(wrongs);
        }
        Details details = Details.NONE.until(order.until == null ? 0 : order.until.toEpochMilli())
                .report(Boolean.TRUE.equals(order.report)).words(new Words(code, enhanced, text, bounceClass))
                .bind(order.tenant, order.campaign, order.pool, route);
        try {
            return new JobRequest(verb, mail, who, order.reason, order.key,
                    order.expires == null ? 0 : order.expires.toEpochMilli(), details);
        } catch (IllegalArgumentException e) {
            throw invalid("", e);
        }
    }

    /** By one that isn't there mail would wait for good. */
    private void checkPool(List<Problem.Wrong> wrongs, @Nullable String pool) {
        Pools now = pools.get();
        if (pool != null && !pool.isEmpty() && !now.has(pool)) {
            wrongs.add(new Problem.Wrong("/pool",
                    "there is no pool \"" + pool + "\"; there are: " + String.join(", ", now.names())));
        }
    }

    /** @return the domain as it is routed */
    private static @Nullable String route(List<Problem.Wrong> wrongs, @Nullable String domain) {
        if (domain == null || domain.isEmpty()) {
            return domain;
        }
        try {
            return Idna.domain(domain);
        } catch (IllegalArgumentException e) {
            wrongs.add(new Problem.Wrong("/route", "\"" + domain + "\": " + e.getMessage()));
            return null;
        }
    }

    private static void bound(List<Problem.Wrong> wrongs, String pointer, @Nullable String text, int most) {
        if (text != null && text.length() > most) {
            wrongs.add(new Problem.Wrong(pointer, "has " + text.length() + " characters; at most " + most));
        }
    }

    /** Null when it can't be read; {@code wrongs} says why then. */
    private static <T> @Nullable T read(String pointer, List<Problem.Wrong> wrongs, Supplier<T> reader) {
        try {
            return reader.get();
        } catch (IllegalArgumentException e) {
            wrongs.add(new Problem.Wrong(pointer, String.valueOf(e.getMessage())));
            return null;
        }
    }

    private static String or(@Nullable String said, String usual) {
        return said == null ? usual : said;
    }

    private JobAnswer cancel(AdminRequest request) {
        String id = request.path("id");
        return JobAnswer.of(found(jobs.cancel(id, request.operator().name(), reason(request)), "job", id));
    }

    private DrainAnswer drain(AdminRequest request) {
        DrainOrder order = request.body(DrainOrder.class);
        reason(order.reason);
        return DrainAnswer.of(drain.begin(duration("/announce", order.announce, ANNOUNCE),
                duration("/longest", order.longest, LONGEST), request.operator().name(), order.reason));
    }

    private DrainAnswer callOff(AdminRequest request) {
        if (!drain.cancel(request.operator().name(), reason(request))) {
            throw Problem.of(Problem.Kind.NOT_FOUND, "no drain is under way that could be called off");
        }
        return DrainAnswer.of(drain.view());
    }

    private static Duration duration(String pointer, @Nullable String text, Duration usual) {
        Duration said;
        try {
            said = text == null ? usual : Durations.parse(text);
        } catch (IllegalArgumentException e) {
            throw invalid(pointer, e);
        }
        if (said.compareTo(MOST) > 0) {
            throw Problem.invalid(List.of(new Problem.Wrong(pointer, "at most " + Durations.format(MOST))));
        }
        return said;
    }

    /** Nothing named, which is everything, has to be said: else a name that is forgotten would do it. */
    private static Selection selection(@Nullable Map<String, List<String>> parameters, boolean everything) {
        Selection mail;
        if (parameters != null) {
            int values = parameters.values().stream().mapToInt(List::size).sum();
            long characters = parameters.values().stream().flatMap(List::stream).mapToLong(String::length).sum();
            if (values > MOST_VALUES || characters > MOST_SELECTED) {
                throw Problem.invalid(List.of(new Problem.Wrong("/selection", "at most " + MOST_VALUES + " values of "
                        + MOST_SELECTED + " characters together; select in several parts")));
            }
        }
        try {
            mail = Selection.parse(parameters == null ? Map.of() : parameters);
        } catch (IllegalArgumentException e) {
            throw invalid("/selection", e);
        }
        if (mail.isEverything() && !everything) {
            throw Problem.invalid(List.of(new Problem.Wrong("/selection", "nothing is selected")));
        }
        if (everything && !mail.isEverything()) {
            throw Problem.invalid(List.of(new Problem.Wrong("/everything", "something else is selected")));
        }
        return mail;
    }

    private static void reason(@Nullable String reason) {
        if (reason == null || reason.isBlank()) {
            throw Problem.invalid(List.of(new Problem.Wrong("/reason", "a reason is missing")));
        }
        List<Problem.Wrong> wrongs = new ArrayList<>();
        bound(wrongs, "/reason", reason, MOST_REASON);
        if (!wrongs.isEmpty()) {
            throw Problem.invalid(wrongs);
        }
    }

    private static String reason(AdminRequest request) {
        return request.query("reason").filter(reason -> !reason.isBlank())
                .orElseThrow(() -> Problem.of(Problem.Kind.INVALID, "a reason is missing"));
    }

    private static <T> T found(Optional<T> one, String what, String id) {
        return one.orElseThrow(() -> Problem.of(Problem.Kind.NOT_FOUND, "there is no " + what + " " + id));
    }

    private static Problem invalid(String pointer, IllegalArgumentException e) {
        return Problem.invalid(List.of(new Problem.Wrong(pointer, String.valueOf(e.getMessage()))));
    }

    private static Problem unrecorded(String what, IOException e) {
        return Problem.of(Problem.Kind.UNAVAILABLE, what + " can't be recorded: " + e.getMessage());
    }
}
