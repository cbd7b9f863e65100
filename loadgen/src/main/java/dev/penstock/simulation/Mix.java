package dev.penstock.simulation;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.tomlj.Toml;
import org.tomlj.TomlArray;
import org.tomlj.TomlParseResult;
import org.tomlj.TomlPosition;
import org.tomlj.TomlTable;

import dev.penstock.loadgen.twin.TwinProfile;
import dev.penstock.loadgen.twin.Twins;
import dev.penstock.units.Durations;

/**
 * The mail of a simulation, and who takes it. Immutable.
 *
 * @param messages by arrival
 * @param twins    by the recipients' domain
 */
public record Mix(List<SimulatedMessage> messages, Map<String, TwinProfile> twins) {
    /** Of one message where nothing else is said. */
    static final long SIZE = 20_000;
    private static final long MOST_MESSAGES = 20_000_000;
    private static final Pattern SHORT = Pattern.compile("([^=,]+)=(\\d{1,9})(?:/([0-9a-wyz]+))?(?:x(\\d{1,4}))?");
    private static final Set<String> KEYS = Set.of("twin", "domains", "messages", "from", "over", "tenants", "campaign",
            "size");

    public Mix {
        messages = List.copyOf(messages);
        twins = Map.copyOf(twins);
    }

    /** @param overrides twins to take in the place of others, by the name in the mix */
    public static Mix of(List<Stream> streams, Map<String, String> overrides) {
        Map<String, TwinProfile> twins = new TreeMap<>();
        Map<String, TwinProfile> read = new LinkedHashMap<>();
        List<SimulatedMessage> messages = new ArrayList<>();
        long total = streams.stream().mapToLong(Stream::messages).sum();
        if (total == 0 || total > MOST_MESSAGES) {
            throw new IllegalArgumentException(
                    "the mix has " + total + " messages; allowed: 1 to " + MOST_MESSAGES);
        }
        record Arrival(long atNanos, Stream stream, long number, List<String> domains) {}
        List<Arrival> arrivals = new ArrayList<>((int) total);
        for (Stream stream : streams) {
            String name = overrides.getOrDefault(stream.twin(), stream.twin());
            TwinProfile profile = read.computeIfAbsent(name, Twins::read);
            List<String> domains = stream.domains().isEmpty() ? profile.domains() : stream.domains();
            for (String domain : domains) {
                TwinProfile other = twins.put(domain, profile);
                if (other != null && !other.equals(profile)) {
                    throw new IllegalArgumentException("mail to " + domain + " goes to the twin " + other.name()
                            + " and to " + profile.name() + "; allowed: one for each domain");
                }
            }
            for (long i = 0; i < stream.messages(); i++) {
                arrivals.add(new Arrival(
                        stream.from().toNanos() + (long) ((double) stream.over().toNanos() * i / stream.messages()),
                        stream, i, domains));
            }
        }
        arrivals.sort(Comparator.comparingLong(Arrival::atNanos));
        for (Arrival arrival : arrivals) {
            Stream stream = arrival.stream;
            List<String> tenants = stream.tenants();
            String tenant = tenants.isEmpty() ? "" : tenants.get((int) (arrival.number % tenants.size()));
            messages.add(new SimulatedMessage(messages.size() + 1,
                    arrival.domains.get((int) (arrival.number / Math.max(1, tenants.size()) % arrival.domains.size())),
                    tenant, stream.campaign(), stream.size(), arrival.atNanos));
        }
        return new Mix(messages, twins);
    }

    /**
     * Reads streams, from a file or as they are written on a command line:
     * {@code outlook=50000/30m,gmail=100000/1hx10}: twin, messages, the time over which they come, tenants.
     *
     * @throws IllegalArgumentException with what is wrong and what is allowed
     */
    public static List<Stream> read(String text) {
        Path file = Path.of(text);
        if (Files.isRegularFile(file)) {
            try {
                return readFile(file.toString(), Files.readString(file));
            } catch (java.io.IOException e) {
                throw new IllegalArgumentException(file + " can't be read: " + e.getMessage(), e);
            }
        }
        List<Stream> streams = new ArrayList<>();
        for (String part : text.split(",", -1)) {
            Matcher matcher = SHORT.matcher(part.strip());
            if (!matcher.matches()) {
                throw new IllegalArgumentException("\"" + part + "\" is no file and no part of a mix; allowed: "
                        + "TWIN=MESSAGES, TWIN=MESSAGES/TIME, TWIN=MESSAGES/TIMExTENANTS, like outlook=50000/30m");
            }
            Duration over = matcher.group(3) == null ? Duration.ZERO : Durations.parse(matcher.group(3));
            int tenants = matcher.group(4) == null ? 0 : Integer.parseInt(matcher.group(4));
            streams.add(new Stream(matcher.group(1), List.of(), Long.parseLong(matcher.group(2)), Duration.ZERO, over,
                    tenants(tenants), "", SIZE));
        }
        return streams;
    }

    private static List<String> tenants(int count) {
        return IntStream.rangeClosed(1, count).mapToObj(i -> "tenant" + i).toList();
    }

    /** @param name for messages */
    static List<Stream> readFile(String name, String toml) {
        List<String> problems = new ArrayList<>();
        List<Stream> streams = new ArrayList<>();
        TomlParseResult parsed = Toml.parse(toml);
        parsed.errors().forEach(error -> problems
                .add(name + ":" + error.position().line() + ":" + error.position().column() + ": "
                        + error.getMessage()));
        TomlArray tables = parsed.hasErrors() ? null : parsed.isArray("stream") ? parsed.getArray("stream") : null;
        if (problems.isEmpty() && (tables == null || !tables.toList().stream().allMatch(TomlTable.class::isInstance)
                || parsed.size() > 1)) {
            problems.add(name + ":1:1: stream: allowed: tables [[stream]], and nothing else");
        } else if (problems.isEmpty() && tables != null) {
            for (int i = 0; i < tables.size(); i++) {
                streams.add(stream(name, tables.getTable(i), problems));
            }
        }
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException(String.join("\n", problems));
        }
        return streams;
    }

    private static Stream stream(String name, TomlTable table, List<String> problems) {
        for (String key : new HashSet<>(table.keySet())) {
            if (!KEYS.contains(key)) {
                problems.add(place(name, table, key) + "unknown key; allowed: "
                        + KEYS.stream().sorted().collect(Collectors.joining(", ")));
            }
        }
        Object messages = table.get("messages");
        if (!(messages instanceof Long count) || count < 1 || count > MOST_MESSAGES) {
            problems.add(place(name, table, "messages") + "allowed: a number from 1 to " + MOST_MESSAGES);
            messages = 1L;
        }
        Object twin = table.get("twin");
        if (!(twin instanceof String)) {
            problems.add(place(name, table, "twin") + "allowed: the name of a twin or a file that describes one");
            twin = "";
        }
        Object size = table.contains("size") ? table.get("size") : (Object) SIZE;
        if (!(size instanceof Long octets) || octets < 1) {
            problems.add(place(name, table, "size") + "allowed: octets, from 1");
            size = SIZE;
        }
        Object campaign = table.contains("campaign") ? table.get("campaign") : "";
        if (!(campaign instanceof String)) {
            problems.add(place(name, table, "campaign") + "allowed: a text");
            campaign = "";
        }
        Object tenants = table.get("tenants");
        List<String> senders = tenants instanceof Long number && number >= 1 && number <= 100_000
                ? tenants((int) (long) number)
                : texts(name, table, "tenants", "the number of tenants, or an array of names", problems);
        return new Stream((String) twin, texts(name, table, "domains", "an array of domains", problems),
                (Long) messages, time(name, table, "from", problems), time(name, table, "over", problems), senders,
                (String) campaign, (Long) size);
    }

    private static List<String> texts(String name, TomlTable table, String key, String allowed,
            List<String> problems) {
        Object value = table.get(key);
        if (value == null) {
            return List.of();
        }
        if (value instanceof TomlArray array && array.toList().stream().allMatch(String.class::isInstance)) {
            return array.toList().stream().map(String.class::cast).toList();
        }
        problems.add(place(name, table, key) + "allowed: " + allowed);
        return List.of();
    }

    private static Duration time(String name, TomlTable table, String key, List<String> problems) {
        Object value = table.get(key);
        try {
            if (value == null) {
                return Duration.ZERO;
            }
            if (value instanceof String text) {
                return Durations.parse(text);
            }
        } catch (IllegalArgumentException _) {
            // said below
        }
        problems.add(place(name, table, key) + "allowed: a time like \"30m\"");
        return Duration.ZERO;
    }

    private static String place(String name, TomlTable table, String key) {
        TomlPosition at = table.contains(key) ? table.inputPositionOf(key) : null;
        return name + ":" + (at == null ? 1 : at.line()) + ":" + (at == null ? 1 : at.column()) + ": stream." + key
                + ": ";
    }
}
