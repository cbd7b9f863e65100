package dev.penstock.shaping.rules;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.config.ShapingReader;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;

/** Random shaping files, one to three over one another, against a naive merge of maps, written from KumoMTA's description alone. */
class RulesModelTest {
    private static final int FILES = 150;
    private static final List<String> SOURCES = List.of("ip-1", "ip-2", "ip-3");
    private static final List<Site> SITES = List.of(Site.ofHosts(List.of("a.one.example", "b.one.example")),
            Site.ofHosts(List.of("mx.two.example")), Site.ofHosts(List.of("mx.three.example")));
    private static final List<String> PROVIDERS = List.of("one", "two", "");
    private static final List<String> KEYS = List.of("connection_limit", "max_deliveries_per_connection",
            "consecutive_connection_failures_before_delay");
    private static final List<String> NAMES = List.of("x", "y", "z");
    private static final String ADDITIONAL = "additional_connection_limits.";

    @TempDir
    Path directory;

    private static final class Section {
        String domain = "";
        boolean rollsUp;
        boolean replaces;
        final Map<String, Integer> values = new LinkedHashMap<>();
        final Map<String, Map<String, Integer>> sources = new LinkedHashMap<>();
    }

    @Test
    void whatHoldsForAPathIsWhatTheNaiveMergeSays() throws IOException {
        int compared = 0;
        for (int seed = 0; seed < FILES; seed++) {
            compared += file(new Random(seed), seed);
        }
        assertThat(compared).isGreaterThan(FILES * SOURCES.size() * SITES.size());
    }

    /** One file of those that lie over one another. */
    private static final class Layer {
        Section defaults = new Section();
        final Map<String, Section> providers = new LinkedHashMap<>();
        final List<Section> sections = new ArrayList<>();
    }

    private int file(Random random, int seed) throws IOException {
        Map<String, Site> sites = new HashMap<>();
        Map<String, Boolean> rollUps = new HashMap<>();
        List<Layer> layers = new ArrayList<>();
        List<Path> files = new ArrayList<>();
        for (int i = 0; i <= seed % 3; i++) {
            Layer layer = layer(random, sites, rollUps, i);
            layers.add(layer);
            files.add(Files.writeString(directory.resolve("shaping-" + i + ".toml"),
                    toml(layer.defaults, layer.providers, layer.sections)));
        }
        ShapingReader.Result read = ShapingReader.read(files.subList(0, files.size() - 1), files.getLast());
        assertThat(read.errors()).isEmpty();
        Rules rules = new Rules(read.config(), sites);
        int compared = 0;
        for (String source : SOURCES) {
            for (int i = 0; i < SITES.size(); i++) {
                Site site = SITES.get(i);
                String provider = PROVIDERS.get(i);
                for (String domain : List.of("other.example", "d0.example", "d1.example", "d2.example", "d3.example")) {
                    Map<String, Integer> expected = naive(domain, site, source, provider, layers, sites);
                    PathLimits limits = rules.of(new EgressPath(source, rules.key(domain, site)), provider);
                    assertThat(actual(limits)).as("seed %d: %s at %s by %s%n%s", seed, domain, site, source,
                            files.stream().map(RulesModelTest::text).toList()).isEqualTo(expected);
                    compared++;
                }
            }
        }
        return compared;
    }

    private static Layer layer(Random random, Map<String, Site> sites, Map<String, Boolean> rollUps, int file) {
        Layer layer = new Layer();
        layer.defaults = section(random, "default");
        layer.defaults.replaces = file > 0 && random.nextInt(5) == 0;
        for (String name : List.of("one", "two")) {
            if (file == 0 || random.nextBoolean()) {
                Section provider = section(random, name);
                provider.replaces = random.nextInt(5) == 0;
                layer.providers.put(name, provider);
            }
        }
        for (int i = 0; i < 1 + random.nextInt(6); i++) {
            Section section = section(random, "d" + i + ".example");
            section.rollsUp = rollUps.computeIfAbsent(section.domain, _ -> random.nextBoolean());
            section.replaces = random.nextInt(5) == 0;
            layer.sections.add(section);
            if (random.nextInt(5) > 0 && file == 0) {
                sites.put(section.domain, SITES.get(random.nextInt(SITES.size())));
            }
        }
        return layer;
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Section section(Random random, String domain) {
        Section section = new Section();
        section.domain = domain;
        say(random, section.values);
        for (String source : SOURCES) {
            if (!domain.equals("default") && random.nextInt(3) == 0) {
                say(random, section.sources.computeIfAbsent(source, _ -> new LinkedHashMap<>()));
            }
        }
        return section;
    }

    private static void say(Random random, Map<String, Integer> values) {
        KEYS.stream().filter(_ -> random.nextInt(3) > 0).forEach(key -> values.put(key, 1 + random.nextInt(1_000)));
        NAMES.stream().filter(_ -> random.nextInt(3) == 0)
                .forEach(name -> values.put(ADDITIONAL + name, 1 + random.nextInt(1_000)));
    }

    private static String toml(Section defaults, Map<String, Section> providers, List<Section> sections) {
        StringBuilder toml = new StringBuilder();
        toml(toml, "\"default\"", defaults, defaults.replaces ? "replace_base = true\n" : "");
        providers.forEach((name, provider) -> toml(toml, "provider.\"" + name + "\"", provider,
                "match = [ {MXSuffix=\"." + name + ".example\"} ]\n"
                        + (provider.replaces ? "replace_base = true\n" : "")));
        sections.forEach(section -> toml(toml, '"' + section.domain + '"', section,
                (section.rollsUp ? "" : "mx_rollup = false\n") + (section.replaces ? "replace_base = true\n" : "")));
        return toml.toString();
    }

    private static void toml(StringBuilder toml, String name, Section section, String more) {
        toml.append('[').append(name).append("]\n").append(more);
        section.values.forEach((key, value) -> toml.append(key).append(" = ").append(value).append('\n'));
        section.sources.forEach((source, values) -> {
            toml.append('[').append(name).append(".sources.\"").append(source).append("\"]\n");
            values.forEach((key, value) -> toml.append(key).append(" = ").append(value).append('\n'));
        });
    }

    /** Merging into a map in the order of the documentation, at each step file by file. */
    private static Map<String, Integer> naive(String domain, Site site, String source, String provider,
            List<Layer> layers, Map<String, Site> sites) {
        List<Section> own = layers.stream().flatMap(layer -> layer.sections.stream())
                .filter(section -> section.domain.equals(domain)).toList();
        boolean alone = !own.isEmpty() && (!own.getFirst().rollsUp || !Objects.equals(site, sites.get(domain)));
        // Whose site counts: the mail's; of a domain that stands alone on purpose, that which it is known to have.
        Site counted = !alone ? site : own.getFirst().rollsUp ? null : sites.get(domain);
        List<Section> ofSite = layers.stream().flatMap(layer -> layer.sections.stream())
                .filter(section -> section.rollsUp && counted != null
                        && Objects.equals(counted, sites.get(section.domain)))
                .toList();
        List<Section> ofDomain = alone ? own : List.of();
        Map<String, Integer> merged = new TreeMap<>(Map.of("connection_limit", 10, "max_deliveries_per_connection",
                1_000, "consecutive_connection_failures_before_delay", 10));
        Map<String, Integer> builtIn = Map.copyOf(merged);
        kept(layers.stream().map(layer -> layer.defaults).toList()).forEach(section -> merged.putAll(section.values));
        List<Section> providers = kept(layers.stream().map(layer -> layer.providers.get(provider))
                .filter(Objects::nonNull).toList());
        providers.forEach(section -> merged.putAll(section.values));
        providers.forEach(section -> merged.putAll(section.sources.getOrDefault(source, Map.of())));
        for (List<Section> each : List.of(ofSite, ofDomain)) {
            for (Section section : each) {
                if (section.replaces) {
                    merged.clear();
                    merged.putAll(builtIn);
                }
                merged.putAll(section.values);
            }
        }
        for (List<Section> each : List.of(ofSite, ofDomain)) {
            for (Section section : each) {
                List<Section> ofName = each.stream().filter(other -> other.domain.equals(section.domain)).toList();
                if (kept(ofName).contains(section)) {
                    merged.putAll(section.sources.getOrDefault(source, Map.of()));
                }
            }
        }
        return merged;
    }

    /** What the files say of one name from the last on that replaces what is below. */
    private static List<Section> kept(List<Section> ofName) {
        int from = 0;
        for (int i = 0; i < ofName.size(); i++) {
            from = ofName.get(i).replaces ? i : from;
        }
        return ofName.subList(from, ofName.size());
    }

    private static Map<String, Integer> actual(PathLimits limits) {
        Map<String, Integer> actual = new TreeMap<>();
        TrafficLimits own = limits.own();
        actual.put("connection_limit", own.connectionLimit());
        actual.put("max_deliveries_per_connection", own.maxDeliveriesPerConnection());
        actual.put("consecutive_connection_failures_before_delay", own.consecutiveConnectionFailuresBeforeDelay());
        for (SharedLimit limit : limits.shared()) {
            Bound.Count count = (Bound.Count) limit.bound();
            assertThat(actual.put(ADDITIONAL + limit.id().name(), count.most())).isNull();
        }
        return actual;
    }
}
