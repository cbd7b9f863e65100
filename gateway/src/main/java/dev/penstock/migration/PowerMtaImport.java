package dev.penstock.migration;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SequencedSet;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.google.re2j.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

import dev.penstock.config.Problem;
import dev.penstock.migration.Finding.Kind;
import dev.penstock.migration.PowerMtaKeys.Counterpart;
import dev.penstock.migration.PowerMtaKeys.Form;
import dev.penstock.migration.PowerMtaSyntax.Block;
import dev.penstock.migration.PowerMtaSyntax.Directive;
import dev.penstock.migration.PowerMtaSyntax.Item;
import dev.penstock.units.Durations;
import dev.penstock.units.Rate;

/**
 * Turns PowerMTA's configuration into a shaping file, tables for the configuration file and classification rules. Confined
 * to one thread.
 *
 * <p>A virtual MTA is a source, and a pool of its own name; a pool is a pool. A domain's limits are those of a section, or,
 * for hosts that are rolled up, of a provider; in a virtual MTA they are those of the section for its source. Patterns that
 * switch to back-off mode become automation with the back-off limits.
 */
public final class PowerMtaImport {
    private static final String ANY = "*";
    private static final String DEFAULT = "\"default\"";
    private static final String ROLLUP = ".rollup";
    private static final String NEVER = "never";
    private static final Duration BACK_OFF = Duration.ofHours(1); // PowerMTA's backoff-retry-after
    private static final Duration DISABLED = Duration.ofDays(1); // our choice for what would never end
    private static final Duration DEFERRED = Duration.ofMinutes(10); // PowerMTA's retry-after
    private static final Duration BOUNCING = Duration.ofMinutes(1); // our choice: what is queued now
    private static final Pattern DOMAIN = Pattern.compile("[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*");
    /** A code in front of what follows it. */
    private static final Pattern CODE_FIRST = Pattern.compile("\\^?([45]\\d\\d)(?:[ -]|\\\\s)?(.*)");
    /** A status in front: {@code ^[45]\.1\.1;}. */
    private static final Pattern STATUS_FIRST = Pattern.compile("\\^((?:\\[45]|[45])\\\\\\..*)");
    /** A status in front of what follows it, in a pattern for what stands behind the code. */
    private static final Pattern STATUS = Pattern
            .compile("(\\[45]|[45])\\\\?\\.(\\d{1,3})\\\\?\\.(\\d{1,3})(?:[ ;]|\\\\s)?(.*)");
    private static final String GLOBAL_SOURCE = "global";

    private final List<Problem> problems = new ArrayList<>();
    private final List<Finding> report = new ArrayList<>();
    private final Draft shaping = new Draft();
    private final Draft tables = new Draft();
    private final Draft rules = new Draft();
    private final Map<String, List<String>> macros = new LinkedHashMap<>();
    private final Map<String, Block> patternLists = new LinkedHashMap<>();
    private final SequencedMap<String, SequencedSet<String>> rollups = new LinkedHashMap<>();
    private final SequencedMap<String, SequencedSet<String>> pools = new LinkedHashMap<>();
    private final SequencedSet<String> sources = new LinkedHashSet<>();
    /** Names of virtual MTAs and pools, wherever they stand. */
    private final SequencedSet<String> senders = new LinkedHashSet<>();
    /** Pattern lists that a domain has. */
    private final SequencedSet<String> namedLists = new LinkedHashSet<>();
    /** Domains within virtual MTAs, which are for sections that others begin; those for all domains come first. */
    private final List<Nested> nested = new ArrayList<>();
    private final SequencedSet<String> relayNetworks = new LinkedHashSet<>();
    private final SequencedMap<String, SequencedSet<String>> classes = new LinkedHashMap<>();
    /** What {@code <domain *>} at the top says, by name: other domains back off as it says unless they say otherwise. */
    private final Map<String, String> everywhere = new LinkedHashMap<>();

    private record Nested(Block domain, String source) {
        boolean isForAll() {
            return domain.argument().equals(ANY);
        }
    }

    private PowerMtaImport() {}

    /** Blocks while it reads the file and those that it includes. */
    public static Conversion of(Path file) {
        return new PowerMtaImport().convert(file);
    }

    private Conversion convert(Path file) {
        List<Item> items = new PowerMtaSyntax(problems).read(file);
        if (items.isEmpty() && problems.isEmpty()) {
            problems.add(new Problem(file, 0, 0, "", "has no directive in it; expected PowerMTA's configuration"));
        }
        items.forEach(this::collect);
        items.forEach(this::top);
        nested.stream().filter(Nested::isForAll).forEach(this::nested);
        nested.stream().filter(each -> !each.isForAll()).forEach(this::nested);
        classes.forEach((name, texts) -> rules.put("[rules]", name,
                texts.stream().map(Draft::literal).collect(Collectors.joining(",\n  ", "[\n  ", "\n]"))));
        sources();
        report.sort(Comparator.comparing(Finding::file).thenComparingInt(Finding::line));
        return problems.isEmpty()
                ? new Conversion.Done(shaping.text(heading(file, "limits")),
                        tables.isEmpty() ? "" : tables.text(heading(file, "tables for the configuration file")),
                        rules.isEmpty() ? "" : rules.text(heading(file, "rules for replies")), report)
                : new Conversion.Refused(problems.stream().distinct().sorted(Comparator.comparing(Problem::file)
                        .thenComparingInt(Problem::line).thenComparingInt(Problem::column)).toList());
    }

    /** A virtual MTA may have become several sources. */
    private void nested(Nested each) {
        pools.getOrDefault(each.source, new LinkedHashSet<>(List.of(each.source)))
                .forEach(source -> domain(each.domain, source));
    }

    private static List<String> heading(Path file, String what) {
        return List.of("From PowerMTA's " + file.getFileName() + " by penstock shaping import pmta: " + what + ".");
    }

    // First what others refer to

    private void collect(Item item) {
        switch (item) {
            case Directive macro when macro.name().equals("domain-macro") -> {
                String[] parts = macro.value().split("[\\s,]+", -1);
                if (parts.length < 2) {
                    problems.add(macro.place().problem(macro.name(), "expected a name and domains, like hotmail "
                            + "hotmail.com,live.com"));
                } else {
                    macros.put(parts[0].toLowerCase(Locale.ROOT),
                            Stream.of(parts).skip(1).filter(part -> !part.isEmpty()).toList());
                }
            }
            case Block list when list.name().equals("smtp-pattern-list") ->
                patternLists.put(list.argument().toLowerCase(Locale.ROOT), list);
            case Block list when list.name().equals("mx-rollup-list") -> list.items().forEach(this::rollup);
            case Block domain when domain.name().equals("domain") && domain.argument().equals(ANY) ->
                directives(domain).forEach(each -> everywhere.put(each.name(), each.value()));
            case Directive _, Block _ -> {
            }
        }
        if (item instanceof Block block) {
            switch (block.name()) {
                case "virtual-mta", "virtual-mta-pool" -> {
                    senders.add(block.argument());
                    block.items().forEach(this::collectList);
                }
                case "domain" -> collectList(block);
                default -> {
                }
            }
        }
    }

    private void collectList(Item item) {
        if (item instanceof Block block && block.name().equals("domain")) {
            directives(block).filter(each -> each.name().equals("smtp-pattern-list"))
                    .forEach(each -> namedLists.add(each.value().toLowerCase(Locale.ROOT)));
        }
    }

    private static Stream<Directive> directives(Block block) {
        return block.items().stream().filter(Directive.class::isInstance).map(Directive.class::cast);
    }

    private void rollup(Item item) {
        if (!(item instanceof Directive mx) || !mx.name().equals("mx")) {
            unknown(item, "expected mx PATTERN NAME" + ROLLUP);
            return;
        }
        String[] parts = mx.value().toLowerCase(Locale.ROOT).split("\\s+", -1);
        if (parts.length < 2 || !mx.pattern().isEmpty()) {
            problems.add(mx.place().problem("mx", "expected the name of a host or its end, and that of the roll-up, like "
                    + "mx *.yahoodns.net yahoo" + ROLLUP));
            return;
        }
        String host = parts[0];
        boolean isSuffix = host.startsWith(ANY);
        String name = isSuffix ? host.substring(1) : host;
        if (!DOMAIN.matcher(name.startsWith(".") ? name.substring(1) : name).matches()) {
            found(mx, Kind.NONE, "only a host's name or its end makes a provider, not " + parts[0]);
            return;
        }
        SequencedSet<String> matches = rollups.computeIfAbsent(parts[1], _ -> new LinkedHashSet<>());
        matches.add("{" + (isSuffix ? "MXSuffix" : "HostName") + "=" + Draft.quoted(name) + "}");
        shaping.put(header(provider(parts[1])), "match", "[ " + String.join(", ", matches) + " ]");
        found(mx, parts.length > 2 ? Kind.DIFFERS : Kind.CONVERTED, header(provider(parts[1]))
                + " match" + (parts.length > 2 ? "; hosts aren't told apart by their addresses (" + parts[2] + ")" : ""));
    }

    // Then in the order of the file

    private void top(Item item) {
        switch (item) {
            case Directive directive -> global(directive);
            case Block block -> {
                switch (block.name()) {
                    case "domain" -> domain(block, "");
                    case "virtual-mta" -> virtualMta(block);
                    case "virtual-mta-pool" -> pool(block);
                    case "bounce-category-patterns" -> block.items().forEach(this::category);
                    case "source" -> source(block);
                    case "spool" -> {
                        tables.put("[spool]", "directory", Draft.quoted(block.argument()));
                        found(block, Kind.DIFFERS, "[spool] directory; one directory; mail is not taken over, drain it "
                                + "first");
                        block.items().forEach(each -> found(each, Kind.NONE, "a spool has its limits in [spool]"));
                    }
                    case "smtp-pattern-list" -> patternListItself(block);
                    case "mx-rollup-list" -> {
                    }
                    default -> other(block);
                }
            }
        }
    }

    private void other(Block block) {
        String why = PowerMtaKeys.BLOCKS.get(block.name());
        if (why == null) {
            unknown(block, "a block that nobody here knows");
            block.items().forEach(each -> unknown(each, "in <" + block.name() + ">"));
        } else {
            found(block, Kind.NONE, why);
            block.items().forEach(each -> found(each, Kind.NONE, "in <" + block.name() + ">: " + why));
        }
    }

    private void global(Directive directive) {
        Counterpart known = PowerMtaKeys.GLOBAL.get(directive.name());
        if (known == null) {
            unknown(directive, "");
            return;
        }
        if (known.kind() == Kind.NONE) {
            found(directive, Kind.NONE, known.text());
            return;
        }
        String value = directive.value();
        String[] parts = value.split("\\s+", -1);
        switch (directive.name()) {
            case "domain-macro" -> found(directive, known.kind(), known.text());
            case "host-name" -> put(directive, known, "[gateway]", "hostname", () -> Draft.quoted(domainName(value)));
            case "smtp-listener" -> listener(directive, known, parts[0]);
            case "smtp-source-host" -> {
                sourceAddress(directive, GLOBAL_SOURCE, parts);
                tables.put("[delivery]", "pool", Draft.quoted(GLOBAL_SOURCE));
            }
            case "total-max-smtp-out" -> put(directive, known, "[delivery]", "max-sessions",
                    () -> Integer.toString(Values.count(value, Values.MOST)));
            case "total-max-smtp-in" -> put(directive, known, "[inbound]", "max-sessions",
                    () -> Integer.toString(Values.count(value, Values.MOST)));
            case "default-smtp-port" -> put(directive, known, "[delivery]", "port",
                    () -> Integer.toString(Values.count(value, 65_535)));
            case "spool" -> put(directive, known, "[spool]", "directory", () -> Draft.quoted(value));
            case "mx-connection-limit" -> mxLimit(directive, parts);
            default -> throw new IllegalStateException("of PowerMtaKeys, and not known here: " + directive.name());
        }
    }

    private void mxLimit(Directive directive, String[] parts) {
        String host = parts[0].toLowerCase(Locale.ROOT);
        if (parts.length != 2 || !DOMAIN.matcher(host).matches()) {
            problems.add(directive.place().problem(directive.name(), "expected a host and a number, like mx.example.net 20"));
            return;
        }
        String header = header(provider(host));
        shaping.put(header, "match", "[ {HostName=" + Draft.quoted(host) + "} ]");
        try {
            shaping.put(header, "provider_connection_limit", Integer.toString(Values.count(parts[1], Values.MOST)));
            found(directive, Kind.CONVERTED, header + " provider_connection_limit");
        } catch (IllegalArgumentException e) {
            wrong(directive, e);
        }
    }

    private void listener(Directive directive, Counterpart known, String address) {
        String full = address.replaceFirst("^0/0(?=:|$)", "0.0.0.0");
        if (!full.matches(".+:\\d{1,5}")) {
            full += ":25";
        }
        Map<String, String> table = new LinkedHashMap<>();
        table.put("addresses", Draft.array(List.of(full)));
        tables.add("[[listener]]", table);
        found(directive, known.kind(), "[[listener]] addresses = " + table.get("addresses") + "; " + known.text());
    }

    // Sources and pools

    private void virtualMta(Block block) {
        String name = sourceName(block);
        if (name == null) {
            return;
        }
        sources.add(name);
        tables.table(sourceHeader(name));
        pools.computeIfAbsent(name, _ -> new LinkedHashSet<>()).add(name);
        for (Item item : block.items()) {
            switch (item) {
                case Block domain when domain.name().equals("domain") -> nested.add(new Nested(domain, name));
                case Block other -> other(other);
                case Directive directive -> {
                    Counterpart known = PowerMtaKeys.VIRTUAL_MTA.get(directive.name());
                    if (known == null || directive.name().equals("virtual-mta")) {
                        unknown(directive, "in <virtual-mta>");
                    } else if (known.kind() == Kind.NONE) {
                        found(directive, Kind.NONE, known.text());
                    } else if (directive.name().equals("host-name")) {
                        put(directive, known, sourceHeader(name), "ehlo-name",
                                () -> Draft.quoted(domainName(directive.value())));
                    } else {
                        sourceAddress(directive, name, directive.value().split("\\s+", -1));
                    }
                }
            }
        }
    }

    private @Nullable String sourceName(Block block) {
        try {
            String name = Values.name(block.argument());
            if (!name.equals(block.argument())) {
                found(block, Kind.DIFFERS, "is called " + name + " here");
            }
            return name;
        } catch (IllegalArgumentException e) {
            problems.add(block.place().problem("<" + block.name() + ">", String.valueOf(e.getMessage())));
            return null;
        }
    }

    private static String sourceHeader(String name) {
        return "[source." + Draft.quoted(name) + "]";
    }

    /**
     * {@code smtp-source-host 192.0.2.1 mta1.example.net}, or one of the two. A source has one address of each family, so a
     * further one makes another source of the same pool.
     */
    private void sourceAddress(Directive directive, String virtualMta, String[] parts) {
        String address = "";
        String name = "";
        try {
            for (String part : parts) {
                if (part.matches("[0-9.]+|.*:.*")) {
                    address = Values.network(part);
                } else {
                    name = domainName(part);
                }
            }
        } catch (IllegalArgumentException e) {
            wrong(directive, e);
            return;
        }
        String source = virtualMta;
        for (int i = 2; !address.isEmpty() && hasOfFamily(source, address); i++) {
            source = virtualMta + "-" + i;
        }
        sources.add(source);
        pools.computeIfAbsent(virtualMta, _ -> new LinkedHashSet<>()).add(source);
        String header = sourceHeader(source);
        if (!address.isEmpty()) {
            List<String> addresses = new ArrayList<>(addresses(source));
            addresses.add(address);
            tables.put(header, "source-address", Draft.array(addresses));
        }
        if (!name.isEmpty()) {
            tables.put(header, "ehlo-name", Draft.quoted(name));
        }
        found(directive, source.equals(virtualMta) ? Kind.CONVERTED : Kind.DIFFERS,
                header + (source.equals(virtualMta) ? "" : " of the pool " + virtualMta + ", as a source of its own"));
    }

    private List<String> addresses(String source) {
        String written = tables.table(sourceHeader(source)).get("source-address");
        return written == null ? List.of() : List.of(written.replaceAll("[\\[\\]\" ]", "").split(",", -1));
    }

    private boolean hasOfFamily(String source, String address) {
        return addresses(source).stream().anyMatch(each -> each.contains(":") == address.contains(":"));
    }

    private void pool(Block block) {
        String name = sourceName(block);
        if (name == null) {
            return;
        }
        SequencedSet<String> members = pools.computeIfAbsent(name, _ -> new LinkedHashSet<>());
        List<Block> domains = new ArrayList<>();
        for (Item item : block.items()) {
            switch (item) {
                case Block domain when domain.name().equals("domain") -> domains.add(domain);
                case Block other -> other(other);
                case Directive directive when directive.name().equals("virtual-mta") -> {
                    String member = directive.value();
                    if (senders.contains(member)) {
                        members.addAll(pools.getOrDefault(Values.name(member),
                                new LinkedHashSet<>(List.of(Values.name(member)))));
                        found(directive, Kind.DIFFERS, "[pool." + Draft.quoted(name) + "] sources; its weight is 1");
                    } else {
                        problems.add(directive.place().problem(directive.name(), "there is no <virtual-mta " + member
                                + ">"));
                    }
                }
                case Directive directive -> {
                    Counterpart known = PowerMtaKeys.VIRTUAL_MTA.get(directive.name());
                    if (known == null || known.kind() != Kind.NONE) {
                        unknown(directive, "in <virtual-mta-pool>");
                    } else {
                        found(directive, Kind.NONE, known.text());
                    }
                }
            }
        }
        domains.forEach(domain -> members.forEach(member -> nested.add(new Nested(domain, member))));
    }

    /** Each source has a table, and each pool those sources that have one. */
    private void sources() {
        sources.forEach(name -> tables.table(sourceHeader(name)));
        pools.forEach((name, members) -> {
            SequencedSet<String> there = new LinkedHashSet<>(members);
            there.retainAll(sources);
            if (there.isEmpty()) {
                return;
            }
            tables.put("[pool." + Draft.quoted(name) + "]", "sources", there.stream()
                    .map(source -> Draft.quoted(source) + " = 1").collect(Collectors.joining(", ", "{ ", " }")));
        });
        if (!relayNetworks.isEmpty()) {
            tables.put("[inbound]", "relay-networks", Draft.array(List.copyOf(relayNetworks)));
        }
    }

    private void source(Block block) {
        for (Item item : block.items()) {
            if (!(item instanceof Directive directive)) {
                unknown(item, "in <source>");
                continue;
            }
            Counterpart known = PowerMtaKeys.SOURCE.get(directive.name());
            if (known == null) {
                unknown(directive, "in <source>");
            } else if (known.kind() == Kind.NONE) {
                found(directive, Kind.NONE, known.text());
            } else {
                try {
                    source(block, directive, known);
                } catch (IllegalArgumentException e) {
                    wrong(directive, e);
                }
            }
        }
    }

    private void source(Block block, Directive directive, Counterpart known) {
        switch (directive.name()) {
            case "always-allow-relaying" -> {
                if (!Values.flag(directive.value())) {
                    found(directive, Kind.CONVERTED, "nobody relays who isn't listed");
                    return;
                }
                String network = block.argument().equals("localhost") ? "127.0.0.1" : block.argument();
                if (network.startsWith("0/0") || network.startsWith("0.0.0.0/0") || network.startsWith("::/0")) {
                    found(directive, Kind.NONE, "the whole world may not relay; name your clients' networks in "
                            + "inbound.relay-networks, or have them log in");
                    return;
                }
                try {
                    relayNetworks.add(Values.network(network));
                    found(directive, Kind.CONVERTED, "[inbound] relay-networks has " + network);
                } catch (IllegalArgumentException _) {
                    found(directive, Kind.NONE, block.argument() + " is no network; clients that log in may send to any "
                            + "domain");
                }
            }
            case "process-x-virtual-mta" -> {
                if (Values.flag(directive.value())) {
                    tables.put("[policy]", "pool-header", Draft.quoted("X-Virtual-MTA"));
                    found(directive, known.kind(), "[policy] pool-header; " + known.text());
                } else {
                    found(directive, Kind.CONVERTED, "no field names a pool unless policy.pool-header says which");
                }
            }
            case "default-virtual-mta" -> {
                if (!senders.contains(directive.value())) {
                    throw new IllegalArgumentException("there is no <virtual-mta> or <virtual-mta-pool> of this name");
                }
                tables.put("[delivery]", "pool", Draft.quoted(Values.name(directive.value())));
                found(directive, known.kind(), "[delivery] pool; " + known.text());
            }
            default -> throw new IllegalStateException("of PowerMtaKeys, and not known here: " + directive.name());
        }
    }

    // Domains

    private static String header(String path) {
        return "[" + path + "]";
    }

    private static String provider(String name) {
        return "provider." + Draft.quoted(name);
    }

    /** The sections that a domain's name stands for, as paths; empty when it names none, which is a problem. */
    private List<String> paths(Block block) {
        String name = block.argument().toLowerCase(Locale.ROOT);
        if (name.equals(ANY)) {
            return List.of(DEFAULT);
        }
        List<String> names = List.of(name);
        if (name.startsWith("$")) {
            names = macros.getOrDefault(name.substring(1), List.of());
            if (names.isEmpty()) {
                problems.add(block.place().problem("<domain>", "there is no domain-macro " + name.substring(1)));
            }
        }
        List<String> paths = new ArrayList<>();
        for (String each : names) {
            String domain = each.toLowerCase(Locale.ROOT);
            if (rollups.containsKey(domain)) {
                paths.add(provider(domain));
            } else if (domain.endsWith(ROLLUP)) {
                problems.add(block.place().problem("<domain>", "no <mx-rollup-list> makes the roll-up " + domain));
            } else if (domain.startsWith("*.") && DOMAIN.matcher(domain.substring(2)).matches()) {
                String path = provider("below." + domain.substring(2));
                shaping.put(header(path), "match", "[ {DomainSuffix=" + Draft.quoted(domain.substring(1)) + "} ]");
                paths.add(path);
            } else if (DOMAIN.matcher(domain).matches()) {
                paths.add(Draft.quoted(domain));
            } else {
                problems.add(block.place().problem("<domain>", "\"" + each + "\": expected a domain, *, *.example.com, "
                        + "a roll-up or $ and a macro"));
            }
        }
        return paths;
    }

    /** @param source whose limits these are alone; empty for everybody's */
    private void domain(Block block, String source) {
        List<String> paths = paths(block);
        if (paths.isEmpty()) {
            return;
        }
        if (!source.isEmpty() && paths.getFirst().equals(DEFAULT)) {
            // there is no section of a source for all domains: those that have a section get it
            paths = shaping.headers().stream().map(header -> header.substring(1, header.length() - 1))
                    .filter(path -> !path.equals(DEFAULT) && !path.contains(".sources.")).toList();
            if (paths.isEmpty()) {
                directives(block).forEach(each -> found(each, Kind.NONE, "limits of a source are said in a section of a "
                        + "domain, or of a provider, and there is none in the file so far"));
                return;
            }
        }
        Map<String, String> said = new LinkedHashMap<>();
        directives(block).forEach(each -> said.put(each.name(), each.value()));
        for (String path : paths) {
            if (!path.startsWith("provider.") && !path.equals(DEFAULT)) {
                shaping.put(header(path), "mx_rollup", "false");
            }
        }
        Limits limits = new Limits(paths, source, said);
        for (Item item : block.items()) {
            if (item instanceof Directive directive) {
                limits.add(directive);
            } else {
                unknown(item, "in <domain>");
            }
        }
    }

    /** One {@code <domain>} becoming sections. */
    private final class Limits {
        private final List<String> paths;
        private final String source;
        private final Map<String, String> said;
        private final Map<String, String> written = new LinkedHashMap<>();

        Limits(List<String> paths, String source, Map<String, String> said) {
            this.paths = paths;
            this.source = source;
            this.said = said;
        }

        private boolean isEverywhere() {
            return source.isEmpty() && paths.getFirst().equals(DEFAULT);
        }

        private String places() {
            String first = header(path(paths.getFirst()));
            return paths.size() == 1 ? first : first + " and " + (paths.size() - 1) + " more";
        }

        private String path(String section) {
            return source.isEmpty() ? section : section + ".sources." + Draft.quoted(source);
        }

        void add(Directive directive) {
            Counterpart known = PowerMtaKeys.DOMAIN.get(directive.name());
            if (known == null) {
                unknown(directive, "in <domain>");
                return;
            }
            if (known.kind() == Kind.NONE) {
                found(directive, Kind.NONE, known.text());
                return;
            }
            try {
                if (known.form() == Form.OWN) {
                    special(directive, known);
                } else {
                    limit(directive, known, toml(directive, known));
                }
            } catch (IllegalArgumentException e) {
                wrong(directive, e);
            }
        }

        private String toml(Directive directive, Counterpart known) {
            String value = directive.value();
            return switch (known.form()) {
                case COUNT -> Integer.toString(Values.count(value,
                        known.target().equals("max_recipients_per_batch") ? Values.MOST_RECIPIENTS : Values.MOST));
                case RATE -> Draft.quoted(Values.rate(value));
                case TIME -> Draft.quoted(Durations.format(Values.wait(value)));
                case FLAG -> Boolean.toString(Values.flag(value));
                case TEXT -> Draft.quoted(value);
                case OWN -> throw new IllegalStateException("isn't simply written: " + directive.name());
            };
        }

        private void limit(Directive directive, Counterpart known, String value) {
            String before = written.get(known.target());
            String counts = before == null ? value : stricter(known.form(), before, value);
            written.put(known.target(), counts);
            String overwritten = null;
            for (String section : paths) {
                String was = shaping.put(header(path(section)), target(section, known), counts);
                overwritten = before == null && was != null && source.isEmpty() ? was : overwritten;
            }
            String text = places() + " " + target(paths.getFirst(), known) + " = "
                    + (known.target().contains("password") ? "…" : counts)
                    + (known.text().isEmpty() ? "" : "; " + known.text())
                    + (overwritten == null ? "" : "; it was " + overwritten + " before, the later one counts");
            found(directive, overwritten == null ? known.kind() : Kind.DIFFERS, text);
        }

        /** Hosts that are rolled up have one limit together, which is the provider's. */
        private String target(String section, Counterpart known) {
            boolean rolledUp = section.startsWith("provider.") && section.endsWith(ROLLUP + "\"") && source.isEmpty();
            return rolledUp && (known.target().equals("connection_limit") || known.target().equals("max_message_rate"))
                    ? "provider_" + known.target()
                    : known.target();
        }

        private static String stricter(Form form, String a, String b) {
            if (form == Form.COUNT) {
                return Integer.parseInt(a) <= Integer.parseInt(b) ? a : b;
            }
            if (form != Form.RATE || a.equals("\"none\"") || b.equals("\"none\"")) {
                return a.equals("\"none\"") || form != Form.RATE ? b : a;
            }
            return Rate.parse(a.replace("\"", "")).intervalNanos() >= Rate.parse(b.replace("\"", "")).intervalNanos()
                    ? a
                    : b;
        }

        private void special(Directive directive, Counterpart known) {
            switch (directive.name()) {
                case "use-starttls", "require-starttls" -> {
                    boolean yes = Values.flag(directive.value());
                    boolean required = directive.name().startsWith("require");
                    if (required && !yes) {
                        found(directive, Kind.CONVERTED, "TLS is never required unless enable_tls says so");
                    } else if (required || !"\"RequiredInsecure\"".equals(written.get(known.target()))) {
                        written.remove(known.target());
                        limit(directive, new Counterpart(known.kind(), Form.TEXT, known.target(), known.text()),
                                Draft.quoted(required ? "RequiredInsecure" : yes ? "OpportunisticInsecure" : "Disabled"));
                    } else {
                        found(directive, Kind.CONVERTED, "require-starttls says more");
                    }
                }
                case "disable-mx-rollup" -> found(directive, known.kind(), known.text());
                case "smtp-pattern-list" -> patterns(directive);
                case "backoff-max-smtp-out", "backoff-max-msg-rate", "backoff-max-connect-rate", "backoff-retry-after",
                        "backoff-to-normal-after", "reenable-source-ip-after" -> {
                    check(directive);
                    found(directive, known.kind(), known.text());
                }
                case "retry-after" -> ofQueue(directive, known, () -> {
                    List<String> waits = Stream.of(directive.value().split("[\\s,]+", -1)).filter(wait -> !wait.isEmpty())
                            .map(wait -> Durations.format(Values.time(wait))).toList();
                    return waits.size() == 1 ? Draft.quoted(waits.getFirst()) : Draft.array(waits);
                });
                case "bounce-after", "notify-of-delay-every" -> ofQueue(directive, known,
                        () -> Draft.quoted(Durations.format(Values.time(directive.value()))));
                default -> throw new IllegalStateException("of PowerMtaKeys, and not known here: " + directive.name());
            }
        }

        /** There is one queue: what isn't said of all domains can't be said. */
        private void ofQueue(Directive directive, Counterpart known, Supplier<String> toml) {
            String value = toml.get();
            if (!isEverywhere()) {
                found(directive, Kind.NONE, known.text() + ": " + known.target() + "; say it there");
                return;
            }
            String key = known.target().substring("queue.".length());
            if (key.equals("retry-intervals") && !value.startsWith("[")) {
                key = "retry-interval";
            }
            tables.put("[queue]", key, value);
            found(directive, known.kind(), "[queue] " + key + " = " + value
                    + (key.equals("retry-interval") ? "; each further wait is twice as long" : "; " + known.text()));
        }

        private void check(Directive directive) {
            String value = directive.value();
            switch (directive.name()) {
                case "backoff-max-smtp-out" -> Values.count(value, Values.MOST);
                case "backoff-max-msg-rate", "backoff-max-connect-rate" -> Values.rate(value);
                default -> {
                    if (!value.equals(NEVER)) {
                        Values.time(value);
                    }
                }
            }
        }

        private @Nullable String backOff(String name) {
            String own = said.get(name);
            return own == null ? everywhere.get(name) : own;
        }

        private String time(String name, Duration otherwise) {
            String value = backOff(name);
            return Draft.quoted(Durations.format(
                    value == null || value.equals(NEVER) ? otherwise : Values.time(value)));
        }

        private void patterns(Directive directive) {
            Block list = patternLists.get(directive.value().toLowerCase(Locale.ROOT));
            if (list == null) {
                problems.add(directive.place().problem(directive.name(), "there is no <smtp-pattern-list "
                        + directive.value() + ">"));
                return;
            }
            int made = 0;
            for (Directive reply : directives(list).toList()) {
                made += reply.name().equals("reply") && !reply.pattern().isEmpty() ? automation(reply) : 0;
            }
            found(directive, Kind.DIFFERS, made + " [[" + paths.getFirst() + ".automation]]"
                    + (paths.size() == 1 ? "" : " and as many of " + (paths.size() - 1) + " more") + " of the patterns of "
                    + directive.value() + (source.isEmpty() ? "" : "; for all sources"));
        }

        /** @return how many it became */
        private int automation(Directive reply) {
            if (regexProblem(reply.pattern()) != null) {
                return 0; // said where the list stands
            }
            Map<String, String> actions = actions(reply);
            if (actions.containsKey("mode") && "backoff".equals(actions.get("mode"))) {
                List<String> changes = new ArrayList<>();
                change(changes, "backoff-max-smtp-out", "connection_limit",
                        text -> Integer.toString(Values.count(text, Values.MOST)));
                change(changes, "backoff-max-msg-rate", "max_message_rate", text -> Draft.quoted(Values.rate(text)));
                change(changes, "backoff-max-connect-rate", "max_connection_rate",
                        text -> Draft.quoted(Values.rate(text)));
                rule(reply, changes.isEmpty() ? "\"Suspend\"" : "[ " + String.join(", ", changes) + " ]",
                        changes.isEmpty()
                                ? time("backoff-retry-after", BACK_OFF)
                                : time("backoff-to-normal-after", BACK_OFF));
                return 1;
            }
            if (actions.containsKey("disable-source-ip")) {
                String after = actions.get("reenable-after");
                rule(reply, "\"Suspend\"", after == null
                        ? time("reenable-source-ip-after", DISABLED)
                        : Draft.quoted(Durations.format(Values.time(after))));
                return 1;
            }
            if (actions.containsKey("defer-queue")) {
                rule(reply, "\"Suspend\"", Draft.quoted(Durations.format(DEFERRED)));
                return 1;
            }
            if (actions.containsKey("bounce-queue")) {
                rule(reply, "\"Bounce\"", Draft.quoted(Durations.format(BOUNCING)));
                return 1;
            }
            return 0;
        }

        private void change(List<String> changes, String from, String key, UnaryOperator<String> toml) {
            String value = backOff(from);
            if (value != null) {
                changes.add("{SetConfig={name=" + Draft.quoted(key) + ", value=" + toml.apply(value) + "}}");
            }
        }

        private void rule(Directive reply, String action, String duration) {
            for (String section : paths) {
                Map<String, String> table = new LinkedHashMap<>();
                table.put("regex", Draft.literal(reply.pattern()));
                table.put("action", action);
                table.put("duration", duration);
                shaping.add("[[" + section + ".automation]]", table);
            }
        }
    }

    // Replies

    private static Map<String, String> actions(Directive reply) {
        Map<String, String> actions = new LinkedHashMap<>();
        for (String word : reply.value().split("[\\s,]+", -1)) {
            String[] parts = word.split("=", 2);
            if (!parts[0].isEmpty()) {
                actions.put(parts[0].toLowerCase(Locale.ROOT), parts.length == 1 ? "" : parts[1]);
            }
        }
        return actions;
    }

    /** What becomes of each reply, said once however many domains use the list. */
    private void patternListItself(Block list) {
        boolean used = namedLists.contains(list.argument().toLowerCase(Locale.ROOT));
        for (Item item : list.items()) {
            if (!(item instanceof Directive reply) || !reply.name().equals("reply") || reply.pattern().isEmpty()) {
                unknown(item, "in <smtp-pattern-list>; expected reply /regular expression/ and what is done");
                continue;
            }
            String wrong = regexProblem(reply.pattern());
            Map<String, String> actions = actions(reply);
            List<String> strange = actions.keySet().stream().filter(each -> !PowerMtaKeys.ACTIONS.contains(each)).toList();
            if (wrong != null) {
                found(reply, Kind.NONE, "/" + reply.pattern() + "/: " + wrong);
            } else if (actions.isEmpty() || !strange.isEmpty()) {
                problems.add(reply.place().problem("reply", (actions.isEmpty()
                        ? "says nothing that is done"
                        : String.join(", ", strange) + ": unknown") + "; allowed: "
                        + String.join(", ", PowerMtaKeys.ACTIONS)));
            } else {
                reply(reply, actions, used);
            }
        }
    }

    private void reply(Directive reply, Map<String, String> actions, boolean used) {
        String re = "/" + reply.pattern() + "/ ";
        if (actions.containsKey("bounce-rcpt")) {
            bounce(reply);
            found(reply, Kind.DIFFERS, re + "[[rule]] action = \"bounce\", for all domains");
        } else if (actions.containsKey("skip-mx")) {
            found(reply, Kind.NONE, re + "the next host is tried where it may be about the host, see failure-policy.md");
        } else if ("normal".equals(actions.get("mode"))) {
            found(reply, Kind.NONE, re + "automation ends by its duration, and by no reply");
        } else if (actions.containsKey("mode") && !"backoff".equals(actions.get("mode"))) {
            problems.add(reply.place().problem("reply", "mode=" + actions.get("mode")
                    + ": unknown; allowed: mode=normal, mode=backoff"));
        } else {
            found(reply, used ? Kind.DIFFERS : Kind.NONE, re + (used
                    ? "automation of each section whose domain names the list"
                    : "no domain names this list"));
        }
    }

    private void bounce(Directive reply) {
        Map<String, String> rule = new LinkedHashMap<>();
        Matcher code = CODE_FIRST.matcher(reply.pattern());
        String text = reply.pattern();
        if (code.matches()) {
            rule.put("code", Draft.array(List.of(code.group(1))));
            text = code.group(2);
        }
        Matcher status = STATUS.matcher(text);
        if (status.matches()) {
            rule.put("enhanced", Draft.array(List.of((status.group(1).startsWith("[") ? "x" : status.group(1)) + "."
                    + status.group(2) + "." + status.group(3))));
            text = status.group(4);
        }
        text = text.replaceFirst("^(\\.\\*)+", "");
        if (!text.isEmpty() && !matchesNothing(text)) {
            rule.put("text", "[" + Draft.literal(text) + "]");
        }
        rule.put("class", Draft.quoted("InvalidRecipient"));
        rule.put("scope", Draft.quoted("recipient"));
        rule.put("action", Draft.quoted("bounce"));
        rules.add("[[rule]]", rule);
    }

    private static boolean matchesNothing(String regex) {
        return com.google.re2j.Pattern.compile(regex).matcher("").find();
    }

    /** @return what is wrong with it; null for nothing */
    private static @Nullable String regexProblem(String regex) {
        try {
            com.google.re2j.Pattern.compile(regex);
            return null;
        } catch (PatternSyntaxException e) {
            return "not a regular expression of RE2: " + e.getDescription();
        }
    }

    /** {@code /regular expression/ category}. */
    private void category(Item item) {
        if (!(item instanceof Directive line) || !line.name().isEmpty()) {
            unknown(item, "in <bounce-category-patterns>; expected /regular expression/ category");
            return;
        }
        String category = line.value().toLowerCase(Locale.ROOT);
        String kumo = PowerMtaKeys.CLASSES.get(category);
        if (kumo == null) {
            problems.add(line.place().problem("/" + line.pattern() + "/", "\"" + line.value() + "\": unknown; allowed: "
                    + PowerMtaKeys.CLASSES.keySet().stream().sorted().collect(Collectors.joining(", "))));
            return;
        }
        String regex = line.pattern();
        if (regex.isEmpty()) {
            found(line, Kind.CONVERTED, "// what no rule is for is Uncategorized");
            return;
        }
        Matcher status = STATUS_FIRST.matcher(regex);
        String whole = status.matches()
                ? "^[0-9]{3}[ -]" + status.group(1).replaceFirst(";", " ")
                : regex;
        String wrong = regexProblem(whole);
        if (wrong != null || matchesNothing(whole)) {
            found(line, Kind.NONE, "/" + regex + "/: " + (wrong == null ? "is found in every reply" : wrong));
            return;
        }
        boolean split = classes.containsKey(kumo) && !classes.lastEntry().getKey().equals(kumo);
        classes.computeIfAbsent(kumo, _ -> new LinkedHashSet<>()).add(whole);
        found(line, split || status.matches() ? Kind.DIFFERS : Kind.CONVERTED, "/" + regex + "/ [rules] " + kumo
                + (status.matches() ? "; looked for as " + whole : "")
                + (split ? "; stands with the others of its class now, before patterns that stood before it" : ""));
    }

    // The report

    private void put(Directive directive, Counterpart known, String header, String key,
            Supplier<String> toml) {
        try {
            String value = toml.get();
            tables.put(header, key, value);
            found(directive, Kind.CONVERTED, header + " " + key + " = " + value
                    + (known.text().isEmpty() ? "" : "; " + known.text()));
        } catch (IllegalArgumentException e) {
            wrong(directive, e);
        }
    }

    private static String domainName(String text) {
        String name = text.toLowerCase(Locale.ROOT);
        if (!DOMAIN.matcher(name).matches()) {
            throw new IllegalArgumentException("expected a domain name like mta1.example.net");
        }
        return name;
    }

    private void wrong(Directive directive, IllegalArgumentException why) {
        problems.add(directive.place().problem(directive.name(), "\"" + directive.value() + "\": " + why.getMessage()));
    }

    private void unknown(Item item, String text) {
        found(item, Kind.UNKNOWN, text);
    }

    private void found(Item item, Kind kind, String text) {
        String name = switch (item) {
            case Directive directive -> directive.name().isEmpty() ? "pattern" : directive.name();
            case Block block -> "<" + block.name() + ">";
        };
        report.add(new Finding(item.place().file(), item.place().line(), name, kind, text));
    }
}
