package dev.penstock.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A section of the shaping file: {@code ["default"]}, one for a domain or site, or one for a provider. Immutable.
 *
 * @param name       the domain, lower case; the site's name; the provider's
 * @param isDomain   whether the name can be one of a domain
 * @param rollsUp    of a domain: whether it is for all domains of the same hosts (KumoMTA's {@code mx_rollup})
 * @param layer      what it says for every source
 * @param sources    what it says for one, by its name
 * @param automation in the file's order
 */
public record ShapingSection(String name, boolean isDomain, boolean rollsUp, ShapingLayer layer,
        Map<String, ShapingLayer> sources, List<AutomationRule> automation) {
    public static final ShapingSection NONE = new ShapingSection("", false, false, ShapingLayer.NONE, Map.of(),
            List.of());

    public ShapingSection {
        sources = Collections.unmodifiableMap(new LinkedHashMap<>(sources));
        automation = List.copyOf(automation);
    }

    /** For a domain alone, or for the site of that name. */
    static ShapingSection of(String name, TrafficLimits limits) {
        return new ShapingSection(name, ShapingReader.isDomain(name), false, ShapingLayer.of("[\"" + name + "\"]", limits), Map.of(),
                List.of());
    }
}
