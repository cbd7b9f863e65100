package dev.penstock.mtasts;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiPredicate;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import dev.penstock.routing.MailHost;
import dev.penstock.routing.Route;
import dev.penstock.routing.Router;
import dev.penstock.routing.Site;
import dev.penstock.routing.StsPolicy;
import dev.penstock.tls.TlsResult;

/**
 * Routes with the domain's MTA-STS policy in them. An enforced one takes away the hosts that it doesn't name; when none is
 * left, the mail waits. Configured routes have no policy. Thread-safe; never blocks.
 */
public final class StsRouter implements Router {
    private final Router router;
    private final StsPolicies policies;
    private final BiPredicate<String, Site> wanted;
    private final TlsResult.Listener results;

    /** @param wanted whether policies are kept to for mail to the domain, taken at the site */
    public StsRouter(Router router, StsPolicies policies, BiPredicate<String, Site> wanted,
            TlsResult.Listener results) {
        this.router = router;
        this.policies = policies;
        this.wanted = wanted;
        this.results = results;
    }

    @Override
    public CompletableFuture<Route> route(String domain) {
        return router.route(domain).thenCompose(route -> route instanceof Route.Hosts hosts && !hosts.configured()
                && !domain.startsWith("[") && wanted.test(domain, hosts.site())
                        ? policies.find(domain).thenApply(policy -> with(domain, hosts, policy))
                        : CompletableFuture.completedFuture(route));
    }

    @Override
    public String awaited(String domain) {
        return policies.isAwaited(domain) ? "the MTA-STS policy of " + domain : router.awaited(domain);
    }

    private Route with(String domain, Route.Hosts route, @Nullable StsPolicy policy) {
        if (policy == null) {
            return route;
        }
        List<MailHost> hosts = route.hosts();
        if (policy.mode() == StsPolicy.Mode.ENFORCE) {
            hosts = hosts.stream().filter(host -> policy.admits(host.name())).toList();
        }
        if (hosts.isEmpty()) {
            String names = route.hosts().stream().map(MailHost::name).distinct().collect(Collectors.joining(", "));
            String why = "the MTA-STS policy of " + domain + " names none of its mail hosts (" + names + ")";
            results.on(new TlsResult(domain, new TlsResult.Policy(TlsResult.Kind.STS, policy.lines(), policy.mx()),
                    new TlsResult.Failure("validation-failure", route.hosts().getFirst().name(), "", "", why)));
            return new Route.Failure(false, 451, "4.7.5", why);
        }
        return new Route.Hosts(route.site(), hosts, route.lmtp(), false, route.tls(), route.proof().with(policy),
                route.login());
    }
}
