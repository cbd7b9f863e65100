package dev.penstock.routing;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ProviderConfig;
import dev.penstock.config.ProviderMatch;
import dev.penstock.config.ProviderMatch.Kind;

/**
 * Whose hosts take a domain's mail: the name of a provider, for domains that share one reputation and one set of limits
 * although their hosts have different names. Immutable; pure; asks no name server.
 *
 * <p>A host belongs to a provider when one of the provider's {@code HostName} or {@code MXSuffix} says so, and a domain
 * when all its hosts do, as KumoMTA has it: a domain that blends providers belongs to none of them. Of several
 * providers one that names a host comes first, then one that names the domain's end, then one that names the hosts'
 * end; among equals the first in the configuration.
 */
public final class Providers {
    /** What no provider is named. */
    public static final String NONE = "";

    private final List<String> names;
    private final Index hostNames = new Index();
    private final Index domainSuffixes = new Index();
    private final Index mxSuffixes = new Index();

    /**
     * A provider that was found, and by what.
     *
     * @param name  of the provider
     * @param match what made the domain its own
     */
    public record Found(String name, ProviderMatch match) {}

    /** @param providers those that come first win */
    public Providers(List<ProviderConfig> providers) {
        names = providers.stream().map(ProviderConfig::name).toList();
        for (int i = 0; i < providers.size(); i++) {
            for (ProviderMatch match : providers.get(i).match()) {
                index(match.kind()).add(match.text(), i);
            }
        }
    }

    private Index index(Kind kind) {
        return switch (kind) {
            case HOST_NAME -> hostNames;
            case DOMAIN_SUFFIX -> domainSuffixes;
            case MX_SUFFIX -> mxSuffixes;
        };
    }

    /**
     * @param domain of the recipients, lower case
     * @param site   where its mail goes, by DNS or as configured
     * @return {@link #NONE} when it is nobody's
     */
    public String name(String domain, Site site) {
        Found found = find(domain, site);
        return found == null ? NONE : found.name();
    }

    /** As {@link #name}, by the hosts alone: whose they are, whatever domain they take mail for. */
    public String ofHosts(Site site) {
        return name("", site);
    }

    /**
     * As {@link #name}, of mail that is shaped together.
     *
     * @param key  a site, or a domain by itself ({@link Site#ofDomain})
     * @param site where the mail goes
     */
    public String ofKey(Site key, Site site) {
        return key.domain().map(domain -> name(domain, site)).orElseGet(() -> ofHosts(site));
    }

    /** As {@link #name}, with the reason; null when it is nobody's. */
    public @Nullable Found find(String domain, Site site) {
        BitSet byHosts = new BitSet();
        BitSet named = new BitSet();
        boolean first = true;
        for (String written : site.hosts()) {
            String host = withoutPort(written);
            BitSet exactly = new BitSet();
            hostNames.exactly(host, exactly);
            BitSet ofHost = (BitSet) exactly.clone();
            mxSuffixes.endsOf(host, ofHost);
            if (first) {
                byHosts.or(ofHost);
                first = false;
            } else {
                byHosts.and(ofHost);
            }
            named.or(exactly);
        }
        named.and(byHosts);
        if (!named.isEmpty()) {
            return found(named.nextSetBit(0), Kind.HOST_NAME, site.hosts());
        }
        BitSet byDomain = new BitSet();
        domainSuffixes.endsOf(domain, byDomain);
        if (!byDomain.isEmpty()) {
            return found(byDomain.nextSetBit(0), Kind.DOMAIN_SUFFIX, List.of(domain));
        }
        return byHosts.isEmpty() ? null : found(byHosts.nextSetBit(0), Kind.MX_SUFFIX, site.hosts());
    }

    private Found found(int provider, Kind kind, List<String> texts) {
        for (String text : texts) {
            String match = index(kind).matching(withoutPort(text), provider, kind != Kind.HOST_NAME);
            if (match != null) {
                return new Found(names.get(provider), new ProviderMatch(kind, match));
            }
        }
        throw new AssertionError("what was found isn't there: " + kind + " of " + names.get(provider));
    }

    /** A host of a configured route may have a port behind it. */
    private static String withoutPort(String host) {
        int colon = host.indexOf(':');
        return colon > 0 && colon == host.lastIndexOf(':') ? host.substring(0, colon) : host;
    }

    /** Which providers name a text. Written by the constructor alone. */
    private static final class Index {
        private final Map<String, BitSet> providers = new HashMap<>();
        private final TreeSet<Integer> lengths = new TreeSet<>();

        void add(String text, int provider) {
            providers.computeIfAbsent(text, _ -> new BitSet()).set(provider);
            lengths.add(text.length());
        }

        void exactly(String text, BitSet into) {
            BitSet those = providers.get(text);
            if (those != null) {
                into.or(those);
            }
        }

        /** One look-up per length that some suffix has. */
        void endsOf(String text, BitSet into) {
            for (int length : lengths) {
                if (length > text.length()) {
                    return;
                }
                exactly(text.substring(text.length() - length), into);
            }
        }

        /** The longest that {@code provider} names {@code text} by; null for none. */
        @Nullable
        String matching(String text, int provider, boolean ends) {
            List<String> candidates = new ArrayList<>();
            for (int length : lengths.descendingSet()) {
                if (length == text.length() || ends && length < text.length()) {
                    candidates.add(text.substring(text.length() - length));
                }
            }
            for (String candidate : candidates) {
                BitSet those = providers.get(candidate);
                if (those != null && those.get(provider)) {
                    return candidate;
                }
            }
            return null;
        }
    }
}
