package dev.penstock.admin;

import java.net.InetSocketAddress;
import java.util.concurrent.CompletableFuture;

import dev.penstock.http.HttpExchange;
import dev.penstock.http.Problem;

/** Lets in who comes from this machine: over the Unix socket to do everything, over loopback to read. Stateless. */
public final class LocalAccess implements Access {
    @Override
    public CompletableFuture<Operator> operator(HttpExchange exchange) {
        if (exchange.isOverUnixSocket()) {
            return CompletableFuture.completedFuture(new Operator("local", Role.CONFIGURE, "socket"));
        }
        InetSocketAddress client = exchange.client();
        return client.getAddress().isLoopbackAddress()
                ? CompletableFuture.completedFuture(new Operator("local", Role.READ, "loopback"))
                : CompletableFuture.failedFuture(
                        Problem.of(Problem.Kind.UNAUTHORIZED, "only this machine itself is let in"));
    }
}
