package dev.penstock.shaping.rules;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import dev.penstock.config.ShapingLayers.Value;
import dev.penstock.config.ShapingLimit;
import dev.penstock.config.TrafficLimits;
import dev.penstock.routing.Providers;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.LimitBook.Sender;
import dev.penstock.shaping.PathLimits;
import dev.penstock.shaping.SharedLimit;
import dev.penstock.shaping.SharedLimit.Bound;

/**
 * What holds for mail to a domain, and where that is written. Immutable.
 *
 * @param site          where its mail goes
 * @param path          what its limits are of
 * @param provider      empty for nobody known
 * @param providerMatch by what it is the provider's; empty for nobody known
 * @param layers        of the file that say something of it, lowest first
 * @param settings      the path's own
 * @param shared        what others share with it, in the order of the file
 * @param ceilings      what binds first comes first
 */
public record Explanation(String domain, Site site, EgressPath path, String provider, String providerMatch,
        List<String> layers, List<Setting> settings, List<SharedLimit> shared, List<Ceiling> ceilings) {
    private static final String BUILT_IN = "built in";

    public Explanation {
        layers = List.copyOf(layers);
        settings = List.copyOf(settings);
        shared = List.copyOf(shared);
        ceilings = List.copyOf(ceilings);
    }

    /**
     * One value.
     *
     * @param place     {@code FILE:LINE}, or that it is built in
     * @param section   of the file; empty where it is built in
     * @param overrides what would hold without it, the nearest first: {@code 10 at shaping.toml:3 ["default"]}
     */
    public record Setting(String key, String value, String place, String section, List<String> overrides) {
        public Setting {
            overrides = List.copyOf(overrides);
        }

        /** {@code key = value  # shaping.toml:12 ["example.com"], over 10 at shaping.toml:3 ["default"]}. */
        public String text() {
            return key + " = " + value + "  # " + (place + " " + section).strip()
                    + (overrides.isEmpty() ? "" : ", over " + String.join(", over ", overrides));
        }
    }

    /** Of mail of {@code sender} to {@code domain} at {@code site} by {@code source}. */
    public static Explanation of(Rules rules, String domain, Site site, String source, Sender sender) {
        EgressPath path = new EgressPath(source, rules.key(domain, site));
        Providers.Found found = rules.providerMatch(domain, site);
        String provider = found == null ? Providers.NONE : found.name();
        Map<String, List<Value>> said = rules.said(path, provider);
        PathLimits limits = rules.of(path, provider);
        List<SharedLimit> ofSender = rules.of(path, provider, sender);
        List<SharedLimit> shared = new ArrayList<>(limits.shared());
        shared.addAll(ofSender);
        return new Explanation(domain, site, path, provider, found == null ? "" : found.match().toString(),
                rules.layers(path, provider), settings(said), shared, Ceiling.of(limits, ofSender, said));
    }

    private static List<Setting> settings(Map<String, List<Value>> said) {
        List<Setting> settings = new ArrayList<>();
        TrafficLimits.texts().forEach((key, text) -> {
            if (!said.containsKey(key)) {
                settings.add(new Setting(key, text, BUILT_IN, "", List.of()));
            } else {
                settings.add(setting(key, said.get(key)));
            }
        });
        said.forEach((key, values) -> {
            if (settings.stream().noneMatch(setting -> setting.key().equals(key))) {
                ShapingLimit limit = ShapingLimit.of(key);
                settings.add(setting(limit == null || !limit.isNamed()
                        ? key
                        : limit.key() + ".\"" + limit.nameIn(key) + '"', values));
            }
        });
        return settings;
    }

    private static Setting setting(String key, List<Value> values) {
        Value holds = values.getFirst();
        return new Setting(key, holds.said().text(), place(holds), holds.layer(), values.stream().skip(1)
                .map(value -> value.said().text() + " at " + place(value) + " " + value.layer()).toList());
    }

    private static String place(Value value) {
        return value.said().place().isEmpty() ? BUILT_IN : value.said().place();
    }

    /** {@code provider_max_message_rate of ip-17->google: 50/s  # shaping.toml:12}. */
    public static String text(SharedLimit limit) {
        return limit.id() + ": " + value(limit.bound()) + "  # " + limit.place();
    }

    /** For people: {@code 20}, {@code 50/s}, {@code 1000/day in UTC}. */
    public static String value(Bound bound) {
        return switch (bound) {
            case Bound.Count(int most) -> String.valueOf(most);
            case Bound.Spaced(var rate) -> rate.toString();
            case Bound.Daily(long most, var zone) -> most + "/day in " + zone;
        };
    }

    /** Which limit of messages and which of sessions comes first, and what that means for how long a message may take. */
    public List<String> bounds() {
        List<String> bounds = new ArrayList<>();
        Ceiling first = ceilings.getFirst();
        Ceiling sessions = ceilings.stream().filter(ceiling -> ceiling.sessions() < Integer.MAX_VALUE).findFirst()
                .orElseThrow();
        if (Double.isInfinite(first.perSecond())) {
            bounds.add("binds: " + text(sessions) + "; no rate is limited, so how long a message takes decides");
        } else {
            bounds.add(String.format(Locale.ROOT, "binds: %s, %s; its %d sessions come to that while a message takes %s "
                    + "at most, and bind themselves when it takes longer: %s", text(first), rate(first.perSecond()),
                    sessions.sessions(), seconds(sessions.sessions() / first.perSecond()), text(sessions)));
        }
        for (Ceiling next : ceilings) {
            if (!next.equals(first) && !next.equals(sessions)) {
                bounds.add("then: " + text(next)
                        + (Double.isInfinite(next.perSecond()) ? "" : ", " + rate(next.perSecond())));
            }
        }
        return bounds;
    }

    private static String text(Ceiling ceiling) {
        return ceiling.name() + " " + ceiling.value() + " (" + ceiling.place() + ")";
    }

    private static String rate(double perSecond) {
        return String.format(Locale.ROOT, perSecond < 1 ? "%.4f messages/s" : "%.1f messages/s", perSecond);
    }

    private static String seconds(double seconds) {
        return seconds < 1
                ? String.format(Locale.ROOT, "%.0f ms", seconds * 1_000)
                : String.format(Locale.ROOT, "%.1f s", seconds);
    }
}
