package dev.penstock.routing;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.random.RandomGenerator;

import org.jspecify.annotations.Nullable;

/**
 * What is known of one domain's route. Thread-safe; immutable but for the claim on its refresh.
 *
 * <p>Failures are values here, because a cache forgets failed futures. Only routes with hosts outlive their freshness: a
 * stale "no such domain" would bounce the mail of a domain that has just been made.
 */
final class CachedRoute {
    /** The MX records behind a route, kept for their own time while host addresses change more often. */
    record MxSet(List<Mx> hosts, boolean implicit, long freshUntil, boolean secure) {}

    /** @param host lower case, without a trailing dot */
    record Mx(int preference, String host) {}

    private static final int OVERHEAD = 200; // octets: the entry of the cache, its future and this
    private static final int MX = 40;
    private static final int ADDRESS = 140; // with MailHost and InetSocketAddress

    private final @Nullable MxSet mx;
    private final @Nullable Site site;
    private final @Nullable HostList hosts;
    private final @Nullable ConfiguredRoute configured;
    private final boolean uncertain;
    private final long freshUntil;
    private final long keptUntil;
    /** The answer itself, when it's the same for each call. */
    private final @Nullable CompletableFuture<Route> fixed;
    private final @Nullable LongAdder failureKind;
    private final AtomicBoolean refreshing = new AtomicBoolean();
    private volatile long refreshFrom;

    private CachedRoute(@Nullable MxSet mx, @Nullable Site site, @Nullable HostList hosts,
            @Nullable ConfiguredRoute configured, boolean uncertain, long freshUntil, long keptUntil,
            @Nullable CompletableFuture<Route> fixed,
            @Nullable LongAdder failureKind) {
        this.failureKind = failureKind;
        this.mx = mx;
        this.site = site;
        this.hosts = hosts;
        this.configured = configured;
        this.uncertain = uncertain;
        this.freshUntil = freshUntil;
        this.keptUntil = keptUntil;
        this.fixed = fixed;
        refreshFrom = freshUntil;
    }

    /**
     * @param configured what the configuration says, null for hosts that DNS told
     * @param uncertain  some hosts couldn't be looked up: a complete older answer is better while it lasts
     */
    static CachedRoute hosts(@Nullable MxSet mx, Site site, HostList hosts, @Nullable ConfiguredRoute configured,
            boolean uncertain,
            long freshUntil, long keptUntil) {
        @Nullable
        CompletableFuture<Route> fixed = hosts.isFixed()
                ? CompletableFuture.completedFuture(
                        route(mx, site, hosts.order(RandomGenerator.getDefault()), configured))
                : null;
        return new CachedRoute(mx, site, hosts, configured, uncertain, freshUntil, keptUntil, fixed, null);
    }

    /** @param kind counts the failures like this one that have been answered with */
    static CachedRoute failure(LongAdder kind, Route.Failure failure, long freshUntil) {
        return new CachedRoute(null, null, null, null, !failure.permanent(), freshUntil, freshUntil,
                CompletableFuture.completedFuture(failure), kind);
    }

    CompletableFuture<Route> future(RandomGenerator random) {
        return fixed != null ? fixed : CompletableFuture.completedFuture(route(random));
    }

    Route route(RandomGenerator random) {
        if (fixed != null) {
            return fixed.join();
        }
        if (site == null || hosts == null) {
            throw new IllegalStateException("a route is fixed or has hosts");
        }
        return route(mx, site, hosts.order(random), configured);
    }

    private static Route.Hosts route(@Nullable MxSet mx, Site site, List<MailHost> hosts,
            @Nullable ConfiguredRoute configured) {
        return configured == null
                ? new Route.Hosts(site, hosts, false, false, null,
                        mx != null && mx.secure() ? HostProof.SIGNED : HostProof.NONE)
                : new Route.Hosts(site, hosts, configured.lmtp(), true, configured.tls(), HostProof.NONE,
                        configured.login());
    }

    /** Once, when the look-up that made this answered before its deadline. */
    void count() {
        if (failureKind != null) {
            failureKind.increment();
        }
    }

    /** What this and its place in a cache take, octets. */
    int weight(String domain) {
        long octets = OVERHEAD;
        octets += domain.length();
        if (mx != null) {
            for (Mx host : mx.hosts()) {
                octets += MX + 2L * host.host().length(); // the site has the name too
            }
        }
        if (hosts != null) {
            octets += (long) ADDRESS * hosts.addresses();
        } else if (fixed != null && fixed.resultNow() instanceof Route.Failure failure) {
            octets += failure.text().length();
        }
        return (int) octets;
    }

    boolean isFresh(long now) {
        return now - freshUntil < 0;
    }

    long keptUntil() {
        return keptUntil;
    }

    boolean isUncertain() {
        return uncertain;
    }

    @Nullable
    MxSet mx() {
        return mx;
    }

    /** True for one caller, who then refreshes; the others go on with the stale answer. */
    boolean claimRefresh(long now) {
        return now - refreshFrom >= 0 && !refreshing.get() && refreshing.compareAndSet(false, true);
    }

    /** After a failed refresh. */
    void refreshAgainFrom(long time) {
        refreshFrom = time;
        refreshing.set(false);
    }
}
