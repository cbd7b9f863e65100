package dev.penstock.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A section of the shaping file: {@code ["default"]}, one for a domain or site, or one for a provider; of several files
 * over one another what comes of all of them. Immutable.
 *
 * @param name       the domain, lower case; the site's name; the provider's
 * @param isDomain   whether the name can be one of a domain
 * @param rollsUp    of a domain: whether it is for all domains of the same hosts (KumoMTA's {@code mx_rollup})
 * @param layer      what it says for every source
 * @param sources    what it says for one, by its name
 * @param automation in the file's order
 * @param files      what each file says of it, lowest first; none where there is one file
 */
public record ShapingSection(String name, boolean isDomain, boolean rollsUp, ShapingLayer layer,
        Map<String, ShapingLayer> sources, List<AutomationRule> automation, List<ShapingSection> files) {
    public static final ShapingSection NONE = new ShapingSection("", false, false, ShapingLayer.NONE, Map.of(),
            List.of());

    public ShapingSection {
        sources = Collections.unmodifiableMap(new LinkedHashMap<>(sources));
        automation = List.copyOf(automation);
        files = List.copyOf(files);
    }

    /** Of one file. */
    ShapingSection(String name, boolean isDomain, boolean rollsUp, ShapingLayer layer,
            Map<String, ShapingLayer> sources, List<AutomationRule> automation) {
        this(name, isDomain, rollsUp, layer, sources, automation, List.of());
    }

    /**
     * What comes of the files.
     *
     * @param files lowest first; {@link #NONE} for one that has no such section
     */
    static ShapingSection over(List<ShapingSection> files) {
        if (files.size() == 1) {
            return files.getFirst();
        }
        ShapingSection merged = files.stream().filter(file -> !file.equals(NONE)).reduce(ShapingSection::under)
                .orElse(NONE);
        return new ShapingSection(merged.name, merged.isDomain, merged.rollsUp, merged.layer, merged.sources,
                merged.automation, files);
    }

    private ShapingSection under(ShapingSection later) {
        Map<String, ShapingLayer> merged = new LinkedHashMap<>(sources);
        later.sources.forEach((source, said) -> merged.merge(source, said, ShapingLayer::under));
        return new ShapingSection(later.name, later.isDomain, later.rollsUp, layer.under(later.layer), merged,
                Stream.concat(automation.stream(), later.automation.stream()).toList());
    }

    /** What that file says, lowest first. */
    public ShapingSection of(int file) {
        return files.isEmpty() ? this : files.get(file);
    }

    /** What each file says for every source, lowest first. */
    public List<ShapingLayer> layers() {
        return files.isEmpty() ? List.of(layer) : files.stream().map(ShapingSection::layer).toList();
    }

    /** What it says for that source. */
    public ShapingLayer layer(String source) {
        return sources.getOrDefault(source, ShapingLayer.NONE);
    }

    /** What each file says for that source, lowest first. */
    public List<ShapingLayer> layers(String source) {
        return files.isEmpty() ? List.of(layer(source)) : files.stream().map(file -> file.layer(source)).toList();
    }

    /** For a domain alone, or for the site of that name. */
    static ShapingSection of(String name, TrafficLimits limits) {
        return new ShapingSection(name, ShapingReader.isDomain(name), false,
                ShapingLayer.of("[\"" + name + "\"]", limits), Map.of(),
                List.of());
    }
}
