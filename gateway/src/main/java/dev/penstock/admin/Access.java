package dev.penstock.admin;

import java.util.concurrent.CompletableFuture;

import dev.penstock.http.HttpExchange;
import dev.penstock.http.Problem;

/** Who sends a request. Thread-safe; called on event loops, so it never blocks. */
@FunctionalInterface
public interface Access {
    /** Fails with a {@link Problem} when nobody may come so. */
    CompletableFuture<Operator> operator(HttpExchange exchange);
}
