package dev.penstock.config;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import dev.penstock.config.ProviderMatch.Kind;

/** Reads the provider sections of a shaping file. Confined to the thread that reads the configuration. */
final class ProviderReader {
    private static final String SHIPPED = "providers.toml";
    private static final Pattern SHIPPED_FORMS = Pattern
            .compile("(?m)^\\[provider\\.\"([^\"]+)\"]|\\{(\\w+)=\"([^\"]+)\"}");

    private ProviderReader() {}

    /**
     * Those that are known without being told, in the order of their file. That is read by its two forms alone, since a
     * TOML parser takes a start a tenth of a second and more; a test holds this against the parser.
     */
    static List<ProviderConfig> shipped() {
        List<ProviderConfig> providers = new ArrayList<>();
        Matcher found = SHIPPED_FORMS.matcher(shippedText());
        String name = "";
        List<ProviderMatch> matches = new ArrayList<>();
        while (found.find()) {
            if (found.group(1) == null) {
                Kind kind = Stream.of(Kind.values()).filter(each -> each.key().equals(found.group(2))).findFirst()
                        .orElseThrow();
                matches.add(ProviderMatch.parse(kind, found.group(3)));
                continue;
            }
            if (!matches.isEmpty()) {
                providers.add(new ProviderConfig(name, matches));
            }
            name = found.group(1);
            matches.clear();
        }
        providers.add(new ProviderConfig(name, matches));
        return List.copyOf(providers);
    }

    static String shippedText() {
        try (InputStream file = ProviderReader.class.getResourceAsStream(SHIPPED)) {
            if (file == null) {
                throw new IllegalStateException("without its " + SHIPPED);
            }
            return new String(file.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Those of the file, then those of {@code shipped} that it has none of the name of.
     *
     * @param rest what else a section says is read by this, with the provider's name
     */
    static List<ProviderConfig> read(TableBinder file, List<ProviderConfig> shipped,
            BiConsumer<TableBinder, String> rest) {
        return over(read(file, List.of(), shipped, rest), shipped);
    }

    /**
     * Those of the file, then those of {@code below}, the files under it, that it has none of the name of.
     *
     * @param shipped whose match one has that no file says any of
     */
    static List<ProviderConfig> read(TableBinder file, List<ProviderConfig> below, List<ProviderConfig> shipped,
            BiConsumer<TableBinder, String> rest) {
        return file.has(ShapingReader.PROVIDER)
                ? over(sections(file.table(ShapingReader.PROVIDER), below, shipped, rest), below)
                : below;
    }

    /** Those that are tried first, and those of the others that have another name. */
    static List<ProviderConfig> over(List<ProviderConfig> first, List<ProviderConfig> others) {
        Set<String> named = first.stream().map(ProviderConfig::name).collect(Collectors.toSet());
        return Stream.concat(first.stream(), others.stream().filter(provider -> !named.contains(provider.name())))
                .toList();
    }

    private static List<ProviderMatch> match(List<ProviderConfig> providers, String name) {
        return providers.stream().filter(provider -> provider.name().equals(name)).map(ProviderConfig::match)
                .findFirst().orElse(List.of());
    }

    private static List<ProviderConfig> sections(TableBinder table, List<ProviderConfig> below,
            List<ProviderConfig> shipped, BiConsumer<TableBinder, String> rest) {
        List<ProviderConfig> providers = new ArrayList<>();
        for (String name : table.keys()) {
            if (name.isBlank()) {
                table.reject(name, "a provider needs a name: [provider.\"example\"]");
                continue;
            }
            TableBinder section = table.table(name);
            if (!table.hasTable(name)) {
                continue;
            }
            boolean replaces = section.flag(ShapingReader.REPLACE_BASE, false);
            List<ProviderMatch> ofBelow = replaces ? List.of() : match(below, name);
            List<ProviderMatch> known = replaces || !ofBelow.isEmpty() ? List.of() : match(shipped, name);
            table.means(name, name);
            List<ProviderMatch> match = Stream
                    .concat(ofBelow.stream(), ProviderConfig.MATCH.read(section, known).stream()).distinct().toList();
            if (match.isEmpty() && !section.isEmptyArray(ProviderConfig.MATCH_KEY)) {
                table.warn(name, "matches nothing: it has no match, and no provider of this name is known; "
                        + "match = [] says so without this warning");
            }
            rest.accept(section, name);
            section.end();
            providers.add(new ProviderConfig(name, match));
        }
        return providers;
    }
}
