package dev.penstock.testing;

import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Router;
import dev.penstock.routing.Site;

/**
 * A router that answers what it was told: at once, or when the test says so. Thread-safe. A domain nothing was said
 * about has a site of its own name.
 */
public final class FakeRouter implements Router {
    private static final int SMTP_PORT = 25;

    private final Map<String, Route> routes = new ConcurrentHashMap<>();
    private final Map<String, Queue<CompletableFuture<Route>>> held = new ConcurrentHashMap<>();
    private final Map<String, AtomicInteger> asked = new ConcurrentHashMap<>();

    public static Route.Hosts hosts(String site) {
        MailHost host = new MailHost("mx." + site, InetAddress.getLoopbackAddress(), SMTP_PORT, 0);
        return new Route.Hosts(new Site(site), List.of(host), false);
    }

    /** From now on {@code domain} is answered so. */
    public void set(String domain, Route route) {
        routes.put(domain, route);
    }

    public void setSite(String domain, String site) {
        set(domain, hosts(site));
    }

    /** From now on questions for {@code domain} wait for {@link #answer}. */
    public void hold(String domain) {
        held.put(domain, new ArrayDeque<>());
    }

    /** Answers what waits, and from now on at once. */
    public void answer(String domain, Route route) {
        set(domain, route);
        Queue<CompletableFuture<Route>> waiting = held.remove(domain);
        if (waiting != null) {
            waiting.forEach(future -> future.complete(route));
        }
    }

    /** How often {@code domain} was asked for. */
    public int asked(String domain) {
        AtomicInteger count = asked.get(domain);
        return count == null ? 0 : count.get();
    }

    @Override
    public CompletableFuture<Route> route(String domain) {
        asked.computeIfAbsent(domain, _ -> new AtomicInteger()).incrementAndGet();
        Queue<CompletableFuture<Route>> waiting = held.get(domain);
        if (waiting != null) {
            CompletableFuture<Route> future = new CompletableFuture<>();
            waiting.add(future);
            return future;
        }
        Route known = routes.get(domain);
        return CompletableFuture.completedFuture(known == null ? hosts(domain) : known);
    }
}
