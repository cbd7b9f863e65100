package dev.penstock.injection;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

import org.jspecify.annotations.Nullable;

import dev.penstock.http.Problem;

/** Places for requests that are worked on, shared fairly between those whose requests they are. Thread-safe. */
final class RequestPlaces {
    private static final int SHARE = 3;

    private final AtomicInteger taken = new AtomicInteger();
    private final ConcurrentHashMap<String, Integer> owners = new ConcurrentHashMap<>();

    /**
     * Takes a place, of which nobody has more than {@value #SHARE} times as many as are left for others: one alone gets
     * three quarters of them, and whoever comes next finds some.
     *
     * @param most places there are
     * @return why there is none, else null
     */
    @Nullable
    Problem enter(String owner, int most) {
        int all = taken.incrementAndGet();
        int own = owners.merge(owner, 1, Integer::sum);
        if (all <= most && own - 1 <= SHARE * (most - all + 1)) {
            return null;
        }
        leave(owner);
        return Problem.of(Problem.Kind.TOO_MANY, all > most
                ? "more than " + most + " requests at one time"
                : "more than a fair part of " + most + " requests at one time").with("Retry-After", "1");
    }

    void leave(String owner) {
        taken.decrementAndGet();
        owners.computeIfPresent(owner, (_, count) -> count == 1 ? null : count - 1);
    }

    int taken() {
        return taken.get();
    }
}
