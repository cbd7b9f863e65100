package dev.penstock.routing;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;

/** Thread-safe. The sites in use: one object for each, and a name of its own. Forgets those that nobody holds. */
final class Sites {
    private final Cache<String, Site> byName = Caffeine.newBuilder().weakValues().build();

    /** The known site that equals {@code site}; else {@code site}, under a longer name if another has its short one. */
    Site intern(Site site) {
        Site holder = byName.get(site.name(), _ -> site);
        if (holder.equals(site)) {
            return holder;
        }
        Site longer = site.fullyNamed();
        Site known = byName.get(longer.name(), _ -> longer);
        return known.equals(site) ? known : longer;
    }
}
