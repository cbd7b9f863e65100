package dev.penstock.routing;

import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Domains whose mail goes to the same set of hosts: the unit that connection limits and rates apply to. Immutable.
 *
 * <p>Its identity is the hosts themselves, compared name by name; two sets are never one site because their short names
 * are alike. {@link #name()} is for people.
 */
public final class Site {
    /** What {@link #hosts} are. */
    private enum Kind {
        /** A set of host names, in alphabetical order; also the single host of a configured route. */
        HOSTS,
        /** The hosts of a configured route, as they are written and in that order. */
        ROUTE,
        /** One domain that is shaped by itself, wherever its mail goes. */
        DOMAIN
    }

    private final Kind kind;
    private final List<String> hosts;
    private final String section;
    private final String name;
    private final int hash;

    /** @param host a mail host, a domain that is its own host, an address literal, or a domain with a store */
    public Site(String host) {
        this(Kind.HOSTS, List.of(host), host, host);
    }

    private Site(Kind kind, List<String> hosts, String section, String name) {
        this.kind = kind;
        this.hosts = hosts;
        this.section = section;
        this.name = name;
        hash = hosts.hashCode();
    }

    /** Of MX hosts: neither order nor preference counts. */
    public static Site ofHosts(Collection<String> hosts) {
        List<String> sorted = List.copyOf(new TreeSet<>(hosts));
        String name = SiteNames.of(sorted);
        return new Site(Kind.HOSTS, sorted, name, name);
    }

    /** Of a configured route, its hosts as they are written. A single one is the same site as that host found by MX. */
    static Site ofRoute(List<String> hosts) {
        String name = SiteNames.ofRoute(hosts);
        return new Site(hosts.size() == 1 ? Kind.HOSTS : Kind.ROUTE, List.copyOf(hosts), name, name);
    }

    /** Stands for {@code domain} alone, where it isn't to be counted with the other domains of its hosts. */
    public static Site ofDomain(String domain) {
        return new Site(Kind.DOMAIN, List.of(domain), domain, "domain:" + domain);
    }

    /** The same site under a name that holds a digest of all hosts: for one whose short name another site has. */
    Site fullyNamed() {
        return new Site(kind, hosts, section, SiteNames.full(hosts));
    }

    /** Names of hosts; of a configured route as they are written, with ports; of a domain by itself that domain. */
    public List<String> hosts() {
        return hosts;
    }

    /** The domain that it stands for by itself; empty when it is a set of hosts. */
    public Optional<String> domain() {
        return kind == Kind.DOMAIN ? Optional.of(section) : Optional.empty();
    }

    /**
     * For people: logs, metrics, tables. The hosts in short, {@code (mx1|mx2).example.net} or
     * {@code mx1.example.net+59~0f1e2d3c4b}. Of the sites known at one time no two have the same.
     */
    public String name() {
        return name;
    }

    /** The section of the shaping file that is meant for it: its short name, or the domain it stands for. */
    public String section() {
        return section;
    }

    @Override
    public boolean equals(Object o) {
        return this == o || o instanceof Site other && hash == other.hash && kind == other.kind
                && hosts.equals(other.hosts);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    /** The name. */
    @Override
    public String toString() {
        return name;
    }
}
