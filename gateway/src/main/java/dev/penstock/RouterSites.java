package dev.penstock;

import java.util.concurrent.CompletableFuture;

import dev.penstock.routing.Route;
import dev.penstock.routing.Router;
import dev.penstock.shaping.rules.SiteFinder;

/**
 * The sites of domains as their routes have them. Thread-safe.
 *
 * @param router whom it asks
 */
public record RouterSites(Router router) implements SiteFinder {
    @Override
    public CompletableFuture<Answer> find(String domain) {
        return router.route(domain).thenApply(route -> switch (route) {
            case Route.Open open -> new Answer.At(open.site());
            case Route.Failure failure when failure.permanent() -> new Answer.Nowhere(failure.text());
            case Route.Failure failure -> new Answer.Unknown(failure.text());
        });
    }
}
