package dev.penstock.admin;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Executor;

import org.jspecify.annotations.Nullable;
import reactor.core.publisher.Flux;
import reactor.core.scheduler.Schedulers;

import dev.penstock.http.Problem;
import dev.penstock.smtp.Idna;
import dev.penstock.trace.TooManyWatchersException;
import dev.penstock.trace.TraceFilter;
import dev.penstock.trace.TraceHub;
import dev.penstock.trace.TraceLine;
import dev.penstock.trace.Watch;
import dev.penstock.units.Durations;

/** {@code GET /trace}: SMTP dialogues as they happen. Thread-safe. */
public final class TraceRoutes {
    /** So long an idle watch waits for lines before it looks whether anybody still listens. */
    private static final Duration LOOK = Duration.ofSeconds(5);

    private final TraceHub hub;

    public TraceRoutes(TraceHub hub) {
        this.hub = hub;
    }

    /**
     * An event of the stream: {@code begin} has {@code seconds}, {@code line} a line, {@code left-out} how many had no
     * room behind those before, {@code end} nothing.
     *
     * @param seconds after which the watch ends by itself
     * @param session its id
     * @param nanos   since the session began
     * @param speaker {@code client}, {@code server}, or {@code penstock} for what nobody said
     * @param text    printable, without secrets and without line end
     */
    public record TraceEvent(@Nullable Long seconds, @Nullable String session, @Nullable String direction,
            @Nullable Long nanos, @Nullable String speaker, @Nullable String text, @Nullable Long leftOut) {
        static final TraceEvent NOTHING = new TraceEvent(null, null, null, null, null, null, null);

        static TraceEvent of(TraceLine line) {
            return new TraceEvent(null, line.session(), line.direction().word(), line.nanos(), line.speaker().word(),
                    line.text(), null);
        }

        static TraceEvent leftOut(long lines) {
            return new TraceEvent(null, null, null, null, null, null, lines);
        }

        static TraceEvent begin(Duration time) {
            return new TraceEvent(time.toSeconds(), null, null, null, null, null, null);
        }
    }

    public List<AdminRoute> routes() {
        return List.of(AdminRoute
                .get("/trace", Role.OPERATE,
                        "SMTP dialogues line by line as they happen, without contents and secrets.")
                .query("direction", String.class, "in or out; left out: both")
                .query("session", List.class, "by id; may be repeated")
                .query("address", List.class, "of the client or the host, or their network; may be repeated")
                .query("domain", String.class, "of the sender or of a recipient")
                .query("tenant", String.class, "whose message is in hand")
                .query("listener", String.class, "that the client has come to")
                .query("source", String.class, "that is sent from")
                .query("site", String.class, "that is sent to")
                .query("provider", String.class, "whose hosts these are")
                .query("headers", Boolean.class, "whether the header sections of messages are shown")
                .query("for", String.class,
                        "like 60s; the watch ends then, after 10m unless told otherwise, 1h at most")
                .events(TraceEvent.class, this::trace));
    }

    private AdminRoute.Opened trace(AdminRequest request) {
        Watch watch;
        Duration time = time(request);
        try {
            watch = hub.open(filter(request), request.flag("headers"), time);
        } catch (TooManyWatchersException e) {
            throw Problem.of(Problem.Kind.TOO_MANY, String.valueOf(e.getMessage()));
        }
        return new AdminRoute.Opened(events(watch, time), watch::close);
    }

    /** Batches are made one by one as they are wanted: what a slow client doesn't take stays in the watch's ring. */
    private static Flux<AdminRoute.Event> events(Watch watch, Duration time) {
        Executor threads = task -> Thread.ofVirtual().name("trace").start(task);
        return Flux.just(new AdminRoute.Event("begin", TraceEvent.begin(time)))
                .concatWith(Flux.<List<AdminRoute.Event>>generate(sink -> {
                    try {
                        Watch.Batch batch = watch.take(LOOK);
                        List<AdminRoute.Event> events = events(batch);
                        sink.next(events);
                        if (batch.over()) {
                            sink.complete();
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                        sink.complete();
                    }
                }).subscribeOn(Schedulers.fromExecutor(threads)).concatMapIterable(events -> events, 1));
    }

    private static List<AdminRoute.Event> events(Watch.Batch batch) {
        List<AdminRoute.Event> events = new ArrayList<>(batch.lines().size() + 1);
        batch.lines().forEach(line -> events.add(new AdminRoute.Event("line", TraceEvent.of(line))));
        if (batch.leftOut() > 0) {
            events.add(new AdminRoute.Event("left-out", TraceEvent.leftOut(batch.leftOut())));
        }
        if (batch.over()) {
            events.add(new AdminRoute.Event("end", TraceEvent.NOTHING));
        }
        return events;
    }

    private static TraceFilter filter(AdminRequest request) {
        return new TraceFilter(SessionRoutes.direction(request), request.queries("session"),
                SessionRoutes.networks(request), domain(request.query("domain").orElse("")),
                request.query("tenant").orElse(""), request.query("listener").orElse(""),
                request.query("source").orElse(""), request.query("site").orElse(""),
                request.query("provider").orElse(""));
    }

    private static String domain(String name) {
        try {
            return name.isEmpty() ? "" : Idna.toAscii(name).toLowerCase(Locale.ROOT);
        } catch (IllegalArgumentException e) {
            throw Problem.of(Problem.Kind.INVALID, "domain \"" + name + "\" is none: " + e.getMessage());
        }
    }

    private static Duration time(AdminRequest request) {
        String text = request.query("for").orElse("");
        if (text.isEmpty()) {
            return Watch.USUAL_TIME;
        }
        Duration time;
        try {
            time = Durations.parse(text);
        } catch (IllegalArgumentException e) {
            throw Problem.of(Problem.Kind.INVALID, "for must be a time like 60s: " + e.getMessage());
        }
        if (!time.isPositive() || time.compareTo(Watch.LONGEST_TIME) > 0) {
            throw Problem.of(Problem.Kind.INVALID, "for must be more than nothing and at most "
                    + Durations.format(Watch.LONGEST_TIME) + ", not \"" + text + "\"");
        }
        return time;
    }
}
