package dev.penstock.admin;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;

import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;
import reactor.core.scheduler.Schedulers;

import dev.penstock.admin.StandingAnswer.Status;

/**
 * {@code GET /live}: how the gateway stands, again and again. It is looked at once for all who listen, and not at all
 * while nobody does. Thread-safe.
 */
public final class LiveRoutes {
    private static final Duration BEAT = Duration.ofSeconds(1);

    private final Flux<AdminRoute.Event> beats;

    public LiveRoutes(Standing standing) {
        this(standing::status, Flux.interval(Duration.ZERO, BEAT));
    }

    /** @param when each is a moment to look at */
    LiveRoutes(Callable<Status> status, Flux<?> when) {
        Scheduler threads = Schedulers.fromExecutor(task -> Thread.ofVirtual().name("live").start(task));
        beats = when.onBackpressureDrop()
                .concatMap(_ -> Mono.fromCallable(status).subscribeOn(threads), 1)
                .map(each -> new AdminRoute.Event("status", each))
                .share();
    }

    public List<AdminRoute> routes() {
        return List.of(AdminRoute.get("/live", Role.READ, "How the gateway stands, each second, as /status has it.")
                // Who reads slowly gets the latest, and holds up nobody.
                .events(Status.class, _ -> new AdminRoute.Opened(beats.onBackpressureLatest(), () -> {})));
    }
}
