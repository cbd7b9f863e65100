package dev.penstock.mtasts;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executor;

/**
 * Lets a bounded number of fetches out at one time, and of those no more than a few to one address: a host that is slow for
 * all the domains that it has the policies of keeps only those waiting. Thread-safe; never blocks.
 *
 * <p>Invariant: at most {@value #MAX_AT_ONCE} run, at most {@value #MAX_PER_HOST} of one host; a host is in line just when one
 * of its fetches waits and it has fewer than {@value #MAX_PER_HOST} out; and hosts are only in line while
 * {@value #MAX_AT_ONCE} run. Hosts in line take turns, the fetches of each go in their order.
 *
 * @param <K> what tells hosts apart
 */
final class FetchGate<K> {
    static final int MAX_AT_ONCE = 32;
    static final int MAX_PER_HOST = 4;

    private final Executor executor;

    /** Guards all that follows. */
    private final Object lock = new Object();
    private final Map<K, Host> hosts = new HashMap<>();
    private final ArrayDeque<Host> line = new ArrayDeque<>();
    private int running;

    /** Guarded by lock. */
    private final class Host {
        private final K key;
        private final ArrayDeque<Runnable> waiting = new ArrayDeque<>(2);
        private int out;
        private boolean inLine;

        Host(K key) {
            this.key = key;
        }
    }

    private record Leaving<K>(K host, Runnable fetch) {}

    /** @param executor a thread per task */
    FetchGate(Executor executor) {
        this.executor = executor;
    }

    /** Sooner or later the fetch is run; its end makes room for others. */
    void submit(K host, Runnable fetch) {
        List<Leaving<K>> leaving;
        synchronized (lock) {
            Host its = hosts.computeIfAbsent(host, Host::new);
            its.waiting.add(fetch);
            lineUp(its);
            leaving = admit();
        }
        start(leaving);
    }

    private void ended(K host) {
        List<Leaving<K>> leaving;
        synchronized (lock) {
            running--;
            Host its = hosts.get(host);
            if (its != null) {
                its.out--;
                lineUp(its);
                if (its.out == 0 && its.waiting.isEmpty()) {
                    hosts.remove(host);
                }
            }
            leaving = admit();
        }
        start(leaving);
    }

    private void lineUp(Host host) {
        if (!host.inLine && !host.waiting.isEmpty() && host.out < MAX_PER_HOST) {
            host.inLine = true;
            line.add(host);
        }
    }

    private List<Leaving<K>> admit() {
        List<Leaving<K>> leaving = new ArrayList<>(1);
        while (running < MAX_AT_ONCE && !line.isEmpty()) {
            Host next = line.remove();
            next.inLine = false;
            next.out++;
            running++;
            leaving.add(new Leaving<>(next.key, next.waiting.remove()));
            lineUp(next);
        }
        return leaving;
    }

    private void start(List<Leaving<K>> leaving) {
        for (Leaving<K> one : leaving) {
            executor.execute(() -> {
                try {
                    one.fetch.run();
                } finally {
                    ended(one.host);
                }
            });
        }
    }
}
