package dev.penstock.simulation;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

import dev.penstock.loadgen.twin.TwinProfile;
import dev.penstock.loadgen.twin.Twins;

/**
 * A delivery log as a mix: each Reception comes again at its time, for each of its recipients a message; whose hosts a
 * domain has is taken from the other events. Confined to one reading.
 */
final class Replay {
    /** Where nobody is named for a domain's provider, and for domains of nobody known. */
    private static final String OTHERS = "steady";
    /** Names of providers that a twin is called otherwise than. */
    private static final Map<String, String> TWIN_OF = Map.of("google", "gmail", "office365", "outlook", "tencent",
            "qq",
            "netease", "qq");
    private static final JsonFactory FACTORY = new JsonFactory();

    private record Arrival(long millis, String recipient, String tenant, String campaign, long size) {}

    /** One line, as far as it matters here. */
    private static final class Line {
        String type = "";
        String tenant = "";
        String campaign = "";
        String domain = "";
        String provider = "";
        String createdTime = "";
        long created;
        long size = Mix.SIZE;
        final List<String> recipients = new ArrayList<>();
    }

    private final Map<String, String> providers = new HashMap<>();
    private final List<Arrival> arrivals = new ArrayList<>();
    private long badLines;

    private Replay() {}

    /**
     * Blocks while it reads. A torn last line is passed over.
     *
     * @param overrides twins to take in the place of others, by the provider's name
     * @throws IllegalArgumentException when there is nothing to send in it, or a line in the middle is no event
     */
    static Mix read(Path log, Map<String, String> overrides) throws IOException {
        Replay replay = new Replay();
        try (BufferedReader in = Files.newBufferedReader(log)) {
            long number = 0;
            long badAt = 0;
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                number++;
                if (replay.badLines > 0) {
                    throw new IllegalArgumentException(
                            log + ":" + badAt + ":1: no JSON object; allowed: the lines of a "
                                    + "delivery log");
                }
                if (!line.isBlank() && !replay.line(line)) {
                    replay.badLines++;
                    badAt = number;
                }
            }
        }
        return replay.mix(log, overrides);
    }

    private Mix mix(Path log, Map<String, String> overrides) {
        if (arrivals.isEmpty()) {
            throw new IllegalArgumentException(log + " has no Reception; allowed: a delivery log with one at least");
        }
        arrivals.sort(Comparator.comparingLong(Arrival::millis));
        long first = arrivals.getFirst().millis;
        List<SimulatedMessage> messages = new ArrayList<>(arrivals.size());
        Map<String, TwinProfile> twins = new TreeMap<>();
        Map<String, TwinProfile> read = new HashMap<>();
        for (Arrival arrival : arrivals) {
            String domain = arrival.recipient.substring(arrival.recipient.lastIndexOf('@') + 1)
                    .toLowerCase(Locale.ROOT);
            twins.computeIfAbsent(domain, each -> read.computeIfAbsent(twin(each, overrides), Twins::read));
            messages.add(new SimulatedMessage(messages.size() + 1, domain, arrival.tenant, arrival.campaign,
                    arrival.size, (arrival.millis - first) * 1_000_000));
        }
        return new Mix(messages, twins);
    }

    private String twin(String domain, Map<String, String> overrides) {
        String provider = providers.getOrDefault(domain, "");
        String own = overrides.get(provider);
        if (own != null) {
            return own;
        }
        String twin = TWIN_OF.getOrDefault(provider, provider);
        return overrides.getOrDefault(twin, Twins.SHIPPED.contains(twin) ? twin : overrides.getOrDefault("*", OTHERS));
    }

    private boolean line(String text) {
        Line line = new Line();
        try (JsonParser json = FACTORY.createParser(ObjectReadContext.empty(), text)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                return false;
            }
            while (json.nextToken() == JsonToken.PROPERTY_NAME) {
                property(json, json.currentName(), line);
            }
        } catch (JacksonException _) {
            return false;
        }
        if (!line.provider.isEmpty()) {
            providers.put(line.domain, line.provider);
        }
        if (line.type.equals("Reception")) {
            long millis = millis(line);
            for (String recipient : line.recipients) {
                arrivals.add(new Arrival(millis, recipient, line.tenant, line.campaign, line.size));
            }
        }
        return true;
    }

    private static void property(JsonParser json, String name, Line line) {
        JsonToken value = json.nextToken();
        switch (name) {
            case "type" -> line.type = string(json, value);
            case "tenant" -> line.tenant = string(json, value);
            case "campaign" -> line.campaign = string(json, value);
            case "domain" -> line.domain = string(json, value);
            case "provider_name" -> line.provider = string(json, value);
            case "created_time" -> line.createdTime = string(json, value);
            case "created" -> line.created = value == JsonToken.VALUE_NUMBER_INT ? json.getLongValue() : 0;
            case "size" ->
                line.size = value == JsonToken.VALUE_NUMBER_INT ? Math.max(1, json.getLongValue()) : Mix.SIZE;
            case "recipient" -> {
                if (value == JsonToken.START_ARRAY) {
                    while (json.nextToken() == JsonToken.VALUE_STRING) {
                        line.recipients.add(json.getString());
                    }
                } else if (value == JsonToken.VALUE_STRING) {
                    line.recipients.add(json.getString());
                }
            }
            default -> json.skipChildren();
        }
    }

    private static String string(JsonParser json, JsonToken value) {
        return value == JsonToken.VALUE_STRING ? json.getString() : "";
    }

    private static long millis(Line line) {
        try {
            return line.createdTime.isEmpty()
                    ? line.created * 1_000
                    : Instant.parse(line.createdTime).toEpochMilli();
        } catch (DateTimeException _) {
            return line.created * 1_000;
        }
    }
}
