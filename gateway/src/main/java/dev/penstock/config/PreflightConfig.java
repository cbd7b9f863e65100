package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.map;
import static dev.penstock.config.Types.texts;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * Judging messages by what their receivers demand. Each component is the key of its name.
 *
 * @param tenants what is otherwise for some, by name
 */
public record PreflightConfig(Mode mode, Kind kind, Receivers receivers, List<String> addresses, Duration deadline,
        Duration recheck, Map<String, Tenant> tenants) implements TableRecord<PreflightConfig> {
    static final Table<PreflightConfig> TABLE = Table.of(PreflightConfig.class, PreflightConfig::new,
            "Judging messages by what their receivers demand, see gateway/docs/preflight.md.");
    public static final Key<PreflightConfig, Mode> MODE = TABLE.key("mode", PreflightConfig::mode, choice(Mode.OFF),
            "What becomes of messages of tenants that have no mode of their own: \"off\" (they aren't judged), \"tag\" "
                    + "(a header field says the verdict), \"hold\" (what would be refused waits until it is mended), "
                    + "\"refuse\" (550 5.7.1 with the reply that it would get).");
    public static final Key<PreflightConfig, Kind> KIND = TABLE.key("kind", PreflightConfig::kind,
            choice(Kind.MARKETING),
            "What they send: \"marketing\" (bulk, one-click unsubscribe is demanded), \"transactional\" (bulk without "
                    + "it), \"personal\" (what is demanded of everybody).");
    public static final Key<PreflightConfig, Receivers> RECEIVERS = TABLE.key("receivers", PreflightConfig::receivers,
            choice(Receivers.RECIPIENTS),
            "Whose demands count: those of the providers that a message has \"recipients\" at, or of \"all\".");
    public static final Key<PreflightConfig, List<String>> ADDRESSES = TABLE.key("addresses",
            PreflightConfig::addresses, texts(Syntax::addressAlone),
            "The addresses that receivers see, for SPF and their names. Empty: neither is judged.");
    public static final Key<PreflightConfig, Duration> DEADLINE = TABLE.key("deadline", PreflightConfig::deadline,
            duration("500ms", "1ms", "30s"),
            "How long a message waits for DNS. What isn't known then counts neither for nor against it.");
    public static final Key<PreflightConfig, Duration> RECHECK = TABLE.key("recheck", PreflightConfig::recheck,
            duration("5m", "1s", "1d"),
            "How often what is held is judged anew. It is given up at queue.max-age.");
    public static final Key<PreflightConfig, Map<String, Tenant>> TENANTS = TABLE.key("tenants",
            PreflightConfig::tenants, map(Tenant.TABLE, (parent, key) -> tenants(parent.table(key))),
            "What is otherwise for the tenant of this name.");

    public static final PreflightConfig DEFAULT = TABLE.defaults();

    /** What becomes of a message that a receiver would refuse. */
    public enum Mode {
        /** It isn't judged. */
        OFF,
        /** Goes on, with a header field. */
        TAG,
        /** Is ours, and waits. */
        HOLD,
        /** Isn't taken. */
        REFUSE
    }

    /** What a tenant sends. */
    public enum Kind {
        MARKETING, TRANSACTIONAL, PERSONAL;

        /** Whether receivers' rules for bulk mail hold. */
        public boolean isBulk() {
            return this != PERSONAL;
        }
    }

    /** Whose demands count. */
    public enum Receivers {
        RECIPIENTS, ALL
    }

    public PreflightConfig {
        addresses = List.copyOf(addresses);
        tenants = Map.copyOf(tenants);
    }

    private PreflightConfig(Values<PreflightConfig> values) {
        this(values.get(MODE), values.get(KIND), values.get(RECEIVERS), values.get(ADDRESSES), values.get(DEADLINE),
                values.get(RECHECK), values.get(TENANTS));
    }

    /** @param tenant empty when unknown */
    public Mode mode(String tenant) {
        @Nullable
        Tenant own = tenants.get(tenant);
        return own == null || own.mode() == null ? mode : own.mode();
    }

    /** @param tenant empty when unknown */
    public Kind kind(String tenant) {
        @Nullable
        Tenant own = tenants.get(tenant);
        return own == null || own.kind() == null ? kind : own.kind();
    }

    /** Whether no message is ever judged. */
    public boolean isOff() {
        return mode == Mode.OFF
                && tenants.values().stream().allMatch(own -> own.mode() == null || own.mode() == Mode.OFF);
    }

    private static Map<String, Tenant> tenants(TableBinder table) {
        Map<String, Tenant> tenants = new LinkedHashMap<>();
        for (String name : table.keys()) {
            TableBinder own = table.table(name);
            if (table.hasTable(name)) {
                tenants.put(name, new Tenant(Tenant.MODE.read(own), Tenant.KIND.read(own)));
                own.end();
            }
        }
        return tenants;
    }

    /**
     * What is otherwise for one tenant. Each component is the key of its name.
     *
     * @param mode null for what all have
     * @param kind likewise
     */
    public record Tenant(@Nullable Mode mode, @Nullable Kind kind) implements TableRecord<Tenant> {
        static final Table<Tenant> TABLE = Table.of(Tenant.class, Tenant::new, "");
        public static final Key<Tenant, @Nullable Mode> MODE = TABLE
                .key("mode", Tenant::mode, Types.orNone(choice(Mode.OFF)), "Instead of preflight.mode.")
                .example("\"hold\"");
        public static final Key<Tenant, @Nullable Kind> KIND = TABLE
                .key("kind", Tenant::kind, Types.orNone(choice(Kind.MARKETING)), "Instead of preflight.kind.")
                .example("\"transactional\"");

        private Tenant(Values<Tenant> values) {
            this(values.get(MODE), values.get(KIND));
        }
    }
}
