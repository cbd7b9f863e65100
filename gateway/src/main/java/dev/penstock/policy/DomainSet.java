package dev.penstock.policy;

import java.util.Collection;
import java.util.Set;

/** Domains, each alone or with all that are below it. Immutable. */
final class DomainSet {
    private final Set<String> domains;
    private final boolean hasParents;

    /** @param domains {@code example.com}, or {@code .example.com} for those below it; lower case, A-labels */
    DomainSet(Collection<String> domains) {
        this.domains = Set.copyOf(domains);
        this.hasParents = domains.stream().anyMatch(domain -> domain.startsWith("."));
    }

    boolean contains(String domain) {
        if (domains.contains(domain)) {
            return true;
        }
        if (hasParents) {
            for (int dot = domain.indexOf('.', 1); dot > 0; dot = domain.indexOf('.', dot + 1)) {
                if (domains.contains(domain.substring(dot))) {
                    return true;
                }
            }
        }
        return false;
    }
}
