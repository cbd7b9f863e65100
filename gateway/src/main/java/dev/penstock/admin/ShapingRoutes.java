package dev.penstock.admin;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

import dev.penstock.http.Problem;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook.Sender;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.rules.Explanation;
import dev.penstock.shaping.rules.Rules;
import dev.penstock.shaping.rules.SiteFinder;
import dev.penstock.smtp.Idna;

/** {@code GET /shaping/explain}: what holds for mail to a domain, and where that is written. Thread-safe. */
public final class ShapingRoutes {
    /** A person waits; as long as dns.deadline. */
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private final Supplier<Rules> rules;
    private final SiteFinder sites;

    /**
     * What holds for mail to a domain. See {@link Explanation}.
     *
     * @param hosts    of the site
     * @param provider empty for nobody known
     * @param path     what its limits are of: {@code ip-1->mx.example.net}
     * @param sections of the shaping file that say something of it, lowest first
     * @param shared   limits that others share
     * @param bounds   for people: what binds first, and then
     */
    public record Explained(String domain, String site, List<String> hosts, String provider, String providerMatch,
            String source, String path, List<String> sections, List<ShapingSetting> settings,
            List<ShapingShared> shared, List<String> bounds) {
        static Explained of(Explanation explained) {
            return new Explained(explained.domain(), explained.site().name(), explained.site().hosts(),
                    explained.provider(), explained.providerMatch(), explained.path().source(),
                    explained.path().toString(), explained.layers(),
                    explained.settings().stream().map(ShapingSetting::of).toList(),
                    explained.shared().stream().map(ShapingShared::of).toList(), explained.bounds());
        }
    }

    /** See {@link Explanation.Setting}. */
    public record ShapingSetting(String key, String value, String place, String section, List<String> overrides) {
        static ShapingSetting of(Explanation.Setting setting) {
            return new ShapingSetting(setting.key(), setting.value(), setting.place(), setting.section(),
                    setting.overrides());
        }
    }

    /**
     * A limit that others share.
     *
     * @param measure {@code sessions}, {@code messages}, …
     * @param scope   who shares it: {@code ip-1->google}
     */
    public record ShapingShared(String name, String measure, String scope, String value, String place) {
        static ShapingShared of(SharedLimit limit) {
            return new ShapingShared(limit.id().name(), limit.id().measure().name().toLowerCase(Locale.ROOT),
                    limit.id().scope(), Explanation.value(limit.bound()), limit.place());
        }
    }

    private ShapingRoutes(Supplier<Rules> rules, SiteFinder sites) {
        this.rules = rules;
        this.sites = sites;
    }

    /** @param rules those in force */
    public static List<AdminRoute> of(Supplier<Rules> rules, SiteFinder sites) {
        ShapingRoutes routes = new ShapingRoutes(rules, sites);
        return List.of(AdminRoute
                .get("/shaping/explain", Role.READ, "What holds for mail to a domain, each value with the "
                        + "place it is written at and what it overrode; without what adaptive control has learned.")
                .query("domain", String.class, "of the recipients")
                .query("source", String.class, "by which it goes, " + EgressPath.DEFAULT_SOURCE + " unless said")
                .query("tenant", String.class, "whose it is").query("campaign", String.class, "of which it is")
                .query("pool", String.class, "of sources, by which it goes")
                .answers(Explained.class, routes::explain));
    }

    private Explained explain(AdminRequest request) {
        String domain = SelectionQuery.parsed(() -> Idna.toAscii(request.query("domain").orElse("").strip()));
        if (domain.isEmpty()) {
            throw Problem.of(Problem.Kind.INVALID, "domain is missing: of which one?");
        }
        SiteFinder.Answer answer = sites.find(domain)
                .completeOnTimeout(new SiteFinder.Answer.Unknown("no answer in time"),
                        PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .join();
        return switch (answer) {
            case SiteFinder.Answer.Nowhere(String why) ->
                throw Problem.of(Problem.Kind.NOT_FOUND, domain + ": no mail goes there: " + why);
            case SiteFinder.Answer.Unknown(String why) ->
                throw Problem.of(Problem.Kind.UNAVAILABLE, domain + ": " + why);
            case SiteFinder.Answer.At(var site) -> Explained.of(Explanation.of(rules.get(), domain, site,
                    request.query("source").orElse(EgressPath.DEFAULT_SOURCE),
                    new Sender(request.query("tenant").orElse(""), request.query("campaign").orElse(""),
                            request.query("pool").orElse(""), domain)));
        };
    }
}
