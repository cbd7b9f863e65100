package dev.penstock.shaping.rules;

import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.AutomationRule;
import dev.penstock.config.LimitConfig;
import dev.penstock.config.LimitConfig.Dimension;
import dev.penstock.config.ProviderMatch;
import dev.penstock.config.ShapingConfig;
import dev.penstock.config.ShapingLayer;
import dev.penstock.config.ShapingLayer.Said;
import dev.penstock.config.ShapingLayers;
import dev.penstock.config.ShapingLayers.Value;
import dev.penstock.config.ShapingLimit;
import dev.penstock.config.ShapingRules;
import dev.penstock.config.ShapingSection;
import dev.penstock.routing.Providers;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;
import dev.penstock.shaping.SharedLimit.Measure;
import dev.penstock.units.Rate;

/**
 * What the shaping files say of each path, as long as the domains of its sections have certain sites. Thread-safe;
 * immutable but for what it remembers of its own answers.
 *
 * <p>Layers are put over one another as KumoMTA does (docs/reference/kumo.shaping/load.md): {@code ["default"]}, the
 * provider, the provider for the source, the site, the domain alone, the site for the source, the domain for the
 * source; each of these file by file, the shaping file over those under it. A section is for the site of its domain, and so are all others of that site, in the file's order; one with
 * {@code mx_rollup = false} is for its domain alone. A domain whose site isn't known is shaped by itself, by its section.
 */
public final class Rules implements LimitBook {
    /** Answers remembered; then all are forgotten. */
    static final int REMEMBERED = 10_000;

    private final ShapingConfig config;
    private final ShapingRules sections;
    private final Map<String, Site> sites;
    private final Providers providers;
    /** Whether any provider is said to have domains by their end. */
    private final boolean namesDomains;
    private final Map<Site, List<ShapingSection>> rolledUp = new HashMap<>();
    /** Of limits by name: those that have several values in the file, which are counted apart. */
    private final Set<String> ambiguous;
    private final List<LimitConfig> ofPaths;
    private final List<LimitConfig> ofSenders;
    private final ConcurrentHashMap<ChainNames, Merged> remembered = new ConcurrentHashMap<>();

    /**
     * What is put over one another, and for which source and provider.
     *
     * @param ofSite   sections for the site, in the file's order
     * @param ofDomain for a domain that is shaped by itself
     */
    private record Chain(String source, String provider, List<ShapingSection> ofSite,
            @Nullable ShapingSection ofDomain) {}

    /** A chain by the names of its sections, of which no two are alike. */
    private record ChainNames(String source, String provider, List<String> ofSite, String ofDomain) {
        static ChainNames of(Chain chain) {
            return new ChainNames(chain.source(), chain.provider(),
                    chain.ofSite().stream().map(ShapingSection::name).toList(),
                    chain.ofDomain() == null ? "" : chain.ofDomain().name());
        }
    }

    /**
     * What came of a chain.
     *
     * @param limits    the path's own and those shared that don't depend on the site
     * @param selection {@code source_selection_rate}, which is the path's own; null for none
     */
    private record Merged(PathLimits limits, @Nullable Said selection) {}

    /** Of a file of which no domain's site is known. */
    public Rules(ShapingConfig config) {
        this(config, Map.of());
    }

    /** @param sites of the domains that have sections, as far as they are known */
    public Rules(ShapingConfig config, Map<String, Site> sites) {
        this.config = config;
        this.sections = config.rules();
        this.sites = sites;
        this.providers = new Providers(config.providers());
        this.namesDomains = config.providers().stream().flatMap(provider -> provider.match().stream())
                .anyMatch(match -> match.kind() == ProviderMatch.Kind.DOMAIN_SUFFIX);
        for (ShapingSection section : sections.sections().values()) {
            Site site = sites.get(section.name());
            if (section.rollsUp() && section.isDomain() && site != null) {
                rolledUp.computeIfAbsent(site, _ -> new ArrayList<>()).add(section);
            }
        }
        this.ambiguous = ambiguous(sections);
        this.ofPaths = config.limits().stream().filter(limit -> !limit.isOfSender()).toList();
        this.ofSenders = config.limits().stream().filter(LimitConfig::isOfSender).toList();
    }

    public ShapingConfig config() {
        return config;
    }

    /** Domains whose sites are to be known. */
    static List<String> domains(ShapingConfig config) {
        return config.rules().sections().values().stream().filter(ShapingSection::isDomain).map(ShapingSection::name)
                .toList();
    }

    private static Set<String> ambiguous(ShapingRules sections) {
        Map<String, String> texts = new HashMap<>();
        Set<String> several = new HashSet<>();
        layers(sections).forEach(layer -> layer.said().forEach((key, said) -> {
            ShapingLimit limit = ShapingLimit.of(key);
            if (limit != null && limit.isNamed()
                    && !Objects.requireNonNullElse(texts.putIfAbsent(key, said.text()), said.text())
                            .equals(said.text())) {
                several.add(key);
            }
        }));
        return several;
    }

    private static List<ShapingLayer> layers(ShapingRules sections) {
        List<ShapingLayer> layers = new ArrayList<>();
        List<ShapingSection> all = new ArrayList<>(sections.sections().values());
        all.add(sections.defaults());
        all.addAll(sections.providers().values());
        all.forEach(section -> {
            layers.add(section.layer());
            layers.addAll(section.sources().values());
        });
        return layers;
    }

    /** The shaping key for mail to {@code domain}, which is taken at {@code site}. */
    public Site key(String domain, Site site) {
        ShapingSection section = sections.sections().get(domain);
        if (section != null && section.isDomain()) {
            return section.rollsUp() && Objects.equals(site, sites.get(domain)) ? site : Site.ofDomain(domain);
        }
        boolean isAnothers = namesDomains && !providers.name(domain, site).equals(providers.ofHosts(site));
        return isAnothers ? Site.ofDomain(domain) : site;
    }

    /** Whether a section is for {@code domain}, which has another site than the section was last known to have. */
    boolean disagrees(String domain, Site site) {
        ShapingSection section = sections.sections().get(domain);
        return section != null && section.isDomain() && !Objects.equals(site, sites.get(domain));
    }

    /** Whose limits mail to {@code domain} has: of its key, as ready queues have it; empty for nobody known. */
    public String provider(String domain, Site site) {
        return providers.ofKey(key(domain, site), site);
    }

    /** As {@link #provider}, with the reason; null for nobody known. */
    public Providers.@Nullable Found providerMatch(String domain, Site site) {
        return providers.find(key(domain, site).domain().orElse(""), site);
    }

    private Chain chain(EgressPath path, String provider) {
        String domain = path.site().domain().orElse("");
        if (domain.isEmpty()) {
            return new Chain(path.source(), provider, ofSite(path.site()), null);
        }
        ShapingSection section = sections.sections().get(domain);
        Site site = sites.get(domain);
        // One that rolls up stands alone only while it isn't known where its mail goes.
        boolean isKnown = site != null && (section == null || !section.rollsUp());
        return new Chain(path.source(), provider, isKnown ? ofSite(Objects.requireNonNull(site)) : List.of(), section);
    }

    /** Those that roll up to it, and the one that is named by it. */
    private List<ShapingSection> ofSite(Site site) {
        List<ShapingSection> rolled = rolledUp.getOrDefault(site, List.of());
        ShapingSection named = sections.sections().get(site.section());
        if (named == null || rolled.contains(named)) {
            return rolled;
        }
        List<ShapingSection> all = new ArrayList<>(rolled);
        all.add(named);
        return all;
    }

    private List<ShapingLayer> layers(Chain chain) {
        List<ShapingLayer> layers = new ArrayList<>();
        layers.addAll(sections.defaults().layers());
        ShapingSection provider = sections.providers().get(chain.provider());
        if (provider != null) {
            layers.addAll(provider.layers());
            layers.addAll(provider.layers(chain.source()));
        }
        layers.addAll(ofSite(chain, ShapingSection::layer));
        if (chain.ofDomain() != null) {
            layers.addAll(chain.ofDomain().layers());
        }
        layers.addAll(ofSite(chain, section -> section.layer(chain.source())));
        if (chain.ofDomain() != null) {
            layers.addAll(chain.ofDomain().layers(chain.source()));
        }
        return layers;
    }

    /** File by file: what a later one says of a domain comes over what earlier ones say of others at its site. */
    private List<ShapingLayer> ofSite(Chain chain, Function<ShapingSection, ShapingLayer> layer) {
        List<ShapingLayer> layers = new ArrayList<>();
        for (int file = 0; file < sections.files(); file++) {
            for (ShapingSection section : chain.ofSite()) {
                layers.add(layer.apply(section.of(file)));
            }
        }
        return layers;
    }

    private ShapingLayers put(Chain chain) {
        ShapingLayers layers = new ShapingLayers();
        layers(chain).forEach(layers::put);
        return layers;
    }

    @Override
    public PathLimits of(EgressPath path, String provider) {
        Chain chain = chain(path, provider);
        ChainNames names = ChainNames.of(chain);
        Merged merged = remembered.get(names);
        if (merged == null) {
            if (remembered.size() >= REMEMBERED) {
                remembered.clear();
            }
            merged = merged(chain);
            remembered.put(names, merged);
        }
        List<SharedLimit> more = new ArrayList<>();
        if (merged.selection() != null) {
            more.add(spaced(new SharedLimit.Id(Measure.SOURCE_SELECTION_RATE, ShapingLimit.SOURCE_SELECTION_RATE.key(),
                    path.toString()), merged.selection()));
        }
        for (LimitConfig limit : ofPaths) {
            more.addAll(shared(limit, path, provider, null));
        }
        if (more.isEmpty()) {
            return merged.limits();
        }
        more.addAll(0, merged.limits().shared());
        return new PathLimits(merged.limits().own(), more);
    }

    private Merged merged(Chain chain) {
        ShapingLayers layers = put(chain);
        List<SharedLimit> shared = new ArrayList<>();
        Said selection = null;
        for (Map.Entry<String, List<Value>> each : layers.values().entrySet()) {
            ShapingLimit limit = ShapingLimit.of(each.getKey());
            Said said = each.getValue().getFirst().said();
            if (limit == null || said.value() == null) {
                continue;
            }
            if (limit == ShapingLimit.SOURCE_SELECTION_RATE) {
                selection = said;
            } else {
                shared.add(shared(limit, each.getKey(), said, chain));
            }
        }
        return new Merged(new PathLimits(layers.limits(), shared), selection);
    }

    private SharedLimit shared(ShapingLimit limit, String key, Said said, Chain chain) {
        String scope = limit.isOfProvider() ? chain.source() + "->" + chain.provider() : "";
        if (ambiguous.contains(key)) {
            scope = (scope + " " + said.text()).strip();
        }
        Measure measure = switch (limit.of()) {
            case CONNECTIONS -> Measure.CONNECTIONS;
            case MESSAGES -> Measure.MESSAGE_RATE;
            case SELECTIONS -> Measure.SOURCE_SELECTION_RATE;
        };
        SharedLimit.Id id = new SharedLimit.Id(measure, limit.nameIn(key), scope);
        return said.value() instanceof Integer most
                ? new SharedLimit(id, new Bound.Count(most), said.place())
                : spaced(id, said);
    }

    private static SharedLimit spaced(SharedLimit.Id id, Said said) {
        return new SharedLimit(id, new Bound.Spaced((Rate) Objects.requireNonNull(said.value())), said.place());
    }

    @Override
    public boolean limitsSenders() {
        return !ofSenders.isEmpty();
    }

    @Override
    public List<SharedLimit> of(EgressPath path, String provider, Sender sender) {
        List<SharedLimit> limits = new ArrayList<>();
        ofSenders.forEach(limit -> limits.addAll(shared(limit, path, provider, sender)));
        return limits;
    }

    /** What a table {@code [[limit]]} has for that mail: for each host of the site where it tells hosts apart. */
    private List<SharedLimit> shared(LimitConfig limit, EgressPath path, String provider, @Nullable Sender sender) {
        Map<Dimension, String> of = new LinkedHashMap<>();
        for (Dimension dimension : limit.dimensions()) {
            if (dimension == Dimension.HOST) {
                continue;
            }
            String value = value(dimension, path, provider, sender);
            String filter = limit.filter(dimension);
            boolean isNobodys = dimension == Dimension.PROVIDER && value.isEmpty();
            if (isNobodys || !filter.isEmpty() && !passes(dimension, filter, value, path)) {
                return List.of();
            }
            of.put(dimension, value);
        }
        List<String> hosts = hosts(path.site());
        if (!limit.host().isEmpty() && !hosts.contains(limit.host().toLowerCase(Locale.ROOT))) {
            return List.of();
        }
        List<SharedLimit> shared = new ArrayList<>();
        if (limit.by().contains(Dimension.HOST)) {
            for (String host : hosts) {
                of.put(Dimension.HOST, host);
                bounds(limit, scope(limit, of), shared);
            }
        } else {
            bounds(limit, scope(limit, of), shared);
        }
        return shared;
    }

    private static String value(Dimension dimension, EgressPath path, String provider, @Nullable Sender sender) {
        return switch (dimension) {
            case SOURCE -> path.source();
            case SITE -> path.site().name();
            case PROVIDER -> provider;
            case HOST -> "";
            case POOL -> sender == null ? "" : sender.pool();
            case TENANT -> sender == null ? "" : sender.tenant();
            case CAMPAIGN -> sender == null ? "" : sender.campaign();
            case DOMAIN -> sender == null ? "" : sender.domain();
        };
    }

    private static boolean passes(Dimension dimension, String filter, String value, EgressPath path) {
        return switch (dimension) {
            case DOMAIN -> filter.equalsIgnoreCase(value);
            case SITE -> filter.equalsIgnoreCase(value) || filter.equalsIgnoreCase(path.site().section());
            case SOURCE, POOL, TENANT, CAMPAIGN, PROVIDER, HOST -> filter.equals(value);
        };
    }

    /** Of a domain that is shaped by itself those of its site where it is known. */
    private List<String> hosts(Site site) {
        String domain = site.domain().orElse("");
        Site known = domain.isEmpty() ? site : sites.get(domain);
        return known == null ? List.of() : known.hosts();
    }

    /** {@code tenant=acme provider=google}. */
    private static String scope(LimitConfig limit, Map<Dimension, String> of) {
        return limit.by().stream().map(dimension -> dimension.word() + "="
                + of.getOrDefault(dimension, "").replace("%", "%25").replace(" ", "%20"))
                .collect(Collectors.joining(" "));
    }

    private static void bounds(LimitConfig limit, String scope, List<SharedLimit> into) {
        Function<String, String> named = key -> limit.name() + "." + key;
        if (limit.connectionLimit() != null) {
            into.add(new SharedLimit(new SharedLimit.Id(Measure.CONNECTIONS, named.apply("connection_limit"), scope),
                    new Bound.Count(limit.connectionLimit()), limit.place()));
        }
        spaced(Measure.CONNECTION_RATE, named.apply("max_connection_rate"), limit.maxConnectionRate(), scope, limit,
                into);
        spaced(Measure.MESSAGE_RATE, named.apply("max_message_rate"), limit.maxMessageRate(), scope, limit, into);
        spaced(Measure.RECIPIENT_RATE, named.apply("max_recipient_rate"), limit.maxRecipientRate(), scope, limit, into);
        spaced(Measure.OCTET_RATE, named.apply("max_octet_rate"), limit.maxOctetRate(), scope, limit, into);
        if (limit.dailyLimit() != null) {
            ZoneId zone = Objects.requireNonNullElse(limit.timeZone(), ZoneId.of("UTC"));
            into.add(new SharedLimit(new SharedLimit.Id(Measure.MESSAGE_RATE, named.apply("daily_limit"), scope),
                    new Bound.Daily(limit.dailyLimit(), zone), limit.place()));
        }
    }

    private static void spaced(Measure measure, String name, @Nullable Rate rate, String scope, LimitConfig limit,
            List<SharedLimit> into) {
        if (rate != null) {
            into.add(new SharedLimit(new SharedLimit.Id(measure, name, scope), new Bound.Spaced(rate), limit.place()));
        }
    }

    /** What a key of a path has been said to be: what holds, then what that overrode, the nearest first. */
    public Map<String, List<Value>> said(EgressPath path, String provider) {
        return put(chain(path, provider)).values();
    }

    /** The layers that say something of a path, lowest first. */
    public List<String> layers(EgressPath path, String provider) {
        return put(chain(path, provider)).names();
    }

    /**
     * A rule, and how far its actions reach.
     *
     * @param site whether it is of a section for the whole site, not for its domain alone
     */
    public record Automation(AutomationRule rule, boolean site) {}

    /** What is to be done when replies come to mail of {@code key}: of the default, the provider, the site, the domain. */
    public List<Automation> automation(Site key, String provider) {
        List<Automation> all = new ArrayList<>();
        sections.defaults().automation().forEach(rule -> all.add(new Automation(rule, true)));
        ShapingSection ofProvider = sections.providers().get(provider);
        if (ofProvider != null) {
            ofProvider.automation().forEach(rule -> all.add(new Automation(rule, true)));
        }
        Chain chain = chain(new EgressPath("", key), provider);
        chain.ofSite().forEach(
                section -> section.automation().forEach(rule -> all.add(new Automation(rule, true))));
        ShapingSection ofDomain = chain.ofDomain();
        if (ofDomain != null && ofDomain.isDomain()) {
            ofDomain.automation().forEach(rule -> all.add(new Automation(rule, false)));
        }
        return all;
    }

    /**
     * What is doubtful about the file now that sites are known; KumoMTA's words.
     *
     * @param troubles of domains whose site couldn't be asked for
     */
    List<String> doubts(Map<String, String> troubles) {
        List<String> doubts = new ArrayList<>();
        rolledUp.forEach((site, rolled) -> {
            if (rolled.size() > 1) {
                doubts.add("aliased_site: " + rolled.stream().map(section -> place(section) + " [\"" + section.name()
                        + "\"]").collect(Collectors.joining(", ")) + " are for one site, " + site
                        + ": of what they say differently the last counts");
            }
        });
        for (ShapingSection section : sections.sections().values()) {
            Site site = sites.get(section.name());
            String trouble = troubles.get(section.name());
            if (section.isDomain() && section.rollsUp() && trouble != null && site == null) {
                doubts.add("no site: " + place(section) + " [\"" + section.name() + "\"] is for its domain alone, "
                        + "because its hosts aren't known: " + trouble);
            }
            String provider = site == null ? "" : provider(section.name(), site);
            if (sections.providers().containsKey(provider)) {
                doubts.add("provider_overlap: " + place(section) + " [\"" + section.name() + "\"] is over [provider.\""
                        + provider + "\"], which its domain is matched by, too");
            }
        }
        doubts.sort(null);
        return doubts;
    }

    private static String place(ShapingSection section) {
        return section.layer().place();
    }
}
