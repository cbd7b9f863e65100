package dev.penstock.config;

import static dev.penstock.config.Types.orNone;
import static dev.penstock.config.Types.text;

import java.time.ZoneId;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ValueType.Plain;
import dev.penstock.units.ByteSize;
import dev.penstock.units.Rate;

/**
 * A table {@code [[limit]]} of the shaping file: a limit that all mail of a kind shares. Each component but the last is
 * the key of its name; a filter that is empty lets everything through, a value that is null limits nothing.
 *
 * @param by    of what it has one each, in the file's order; none for one of all
 * @param place {@code FILE:LINE}
 */
public record LimitConfig(String name, List<Dimension> by, String source, String pool, String tenant, String campaign,
        String domain, String site, String provider, String host, @Nullable Integer connectionLimit,
        @Nullable Rate maxConnectionRate, @Nullable Rate maxMessageRate, @Nullable Rate maxRecipientRate,
        @Nullable Rate maxOctetRate, @Nullable Integer dailyLimit, @Nullable ZoneId timeZone, String place) {
    /** What mail is told apart by. */
    public enum Dimension {
        SOURCE, POOL, TENANT, CAMPAIGN, DOMAIN, SITE, PROVIDER, HOST;

        private String filter(LimitConfig limit) {
            return switch (this) {
                case SOURCE -> limit.source();
                case POOL -> limit.pool();
                case TENANT -> limit.tenant();
                case CAMPAIGN -> limit.campaign();
                case DOMAIN -> limit.domain();
                case SITE -> limit.site();
                case PROVIDER -> limit.provider();
                case HOST -> limit.host();
            };
        }

        /** Whether it says who sends, not by which way. */
        public boolean isOfSender() {
            return switch (this) {
                case POOL, TENANT, CAMPAIGN, DOMAIN -> true;
                case SOURCE, SITE, PROVIDER, HOST -> false;
            };
        }

        /** As the file has it. */
        public String word() {
            return Types.word(this);
        }

        static Dimension parse(String text) {
            return Stream.of(values()).filter(each -> each.word().equals(text)).findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("unknown; allowed: " + String.join(", ", WORDS)));
        }
    }

    private static final List<String> WORDS = Stream.of(Dimension.values()).map(Dimension::word).toList();
    private static final int MOST = Integer.MAX_VALUE;

    static final Table<LimitConfig> TABLE = Table.of(LimitConfig.class, LimitConfig::new,
            "A sender's connection_limit counts its messages in delivery at one time.");
    static final Key<LimitConfig, String> NAME = TABLE
            .key("name", LimitConfig::name, text("a name in quotes", "", LimitConfig::named),
                    "What it is called where it holds mail up.")
            .required().example("\"acme to google\"");
    static final Key<LimitConfig, List<Dimension>> BY = TABLE.key("by", LimitConfig::by, words(),
            "Of what it has one each; none for one of all.").example("[\"tenant\", \"provider\"]");
    static final Key<LimitConfig, String> SOURCE = filter("source", LimitConfig::source, "by this source");
    static final Key<LimitConfig, String> POOL = filter("pool", LimitConfig::pool, "by this pool of sources");
    static final Key<LimitConfig, String> TENANT = filter("tenant", LimitConfig::tenant, "of this tenant");
    static final Key<LimitConfig, String> CAMPAIGN = filter("campaign", LimitConfig::campaign,
            "of this campaign of the tenant");
    static final Key<LimitConfig, String> DOMAIN = filter("domain", LimitConfig::domain, "to this domain");
    static final Key<LimitConfig, String> SITE = filter("site", LimitConfig::site,
            "to this site, as the delivery log names it");
    static final Key<LimitConfig, String> PROVIDER = filter("provider", LimitConfig::provider, "to this provider");
    static final Key<LimitConfig, String> HOST = filter("host", LimitConfig::host, "to sites that this host is one of");
    static final Key<LimitConfig, @Nullable Integer> CONNECTION_LIMIT = TABLE.key("connection_limit",
            LimitConfig::connectionLimit, orNone(ShapingReader.connectionLimit(1)), "Sessions open at one time.")
            .example("20");
    static final Key<LimitConfig, @Nullable Rate> MAX_CONNECTION_RATE = TABLE.key("max_connection_rate",
            LimitConfig::maxConnectionRate, rate(), "Sessions opened.").example("\"60/min\"");
    static final Key<LimitConfig, @Nullable Rate> MAX_MESSAGE_RATE = TABLE.key("max_message_rate",
            LimitConfig::maxMessageRate, rate(), "Messages.").example("\"50/s\"");
    static final Key<LimitConfig, @Nullable Rate> MAX_RECIPIENT_RATE = TABLE.key("max_recipient_rate",
            LimitConfig::maxRecipientRate, rate(), "Recipients.").example("\"100/s\"");
    static final Key<LimitConfig, @Nullable Rate> MAX_OCTET_RATE = TABLE.key("max_octet_rate",
            LimitConfig::maxOctetRate, octetRate(), "Octets of messages.").example("\"50 MB/s\"");
    static final Key<LimitConfig, @Nullable Integer> DAILY_LIMIT = TABLE.key("daily_limit", LimitConfig::dailyLimit,
            orNone(Types.integer(1, 1, MOST)), "Messages on a calendar day.").example("1000000");
    static final Key<LimitConfig, @Nullable ZoneId> TIME_ZONE = TABLE.key("time_zone", LimitConfig::timeZone,
            orNone(text("a time zone in quotes", ZoneId.of("UTC"), WarmUpReader::zone, ZoneId::toString)),
            "Where the day begins; UTC when it isn't said.").example("\"Europe/Berlin\"");

    public LimitConfig {
        by = List.copyOf(by);
    }

    private LimitConfig(Values<LimitConfig> values) {
        this(values.get(NAME), values.get(BY), values.get(SOURCE), values.get(POOL), values.get(TENANT),
                values.get(CAMPAIGN), values.get(DOMAIN), values.get(SITE), values.get(PROVIDER), values.get(HOST),
                values.get(CONNECTION_LIMIT), values.get(MAX_CONNECTION_RATE), values.get(MAX_MESSAGE_RATE),
                values.get(MAX_RECIPIENT_RATE), values.get(MAX_OCTET_RATE), values.get(DAILY_LIMIT),
                values.get(TIME_ZONE), "");
    }

    LimitConfig at(String filePlace) {
        return new LimitConfig(name, by, source, pool, tenant, campaign, domain, site, provider, host, connectionLimit,
                maxConnectionRate, maxMessageRate, maxRecipientRate, maxOctetRate, dailyLimit, timeZone, filePlace);
    }

    /** What only it is for; empty for everything. */
    public String filter(Dimension dimension) {
        return dimension.filter(this);
    }

    /** Those that it tells mail apart by, or lets through some of alone. */
    public Set<Dimension> dimensions() {
        EnumSet<Dimension> all = EnumSet.noneOf(Dimension.class);
        Stream.of(Dimension.values()).filter(each -> by.contains(each) || !filter(each).isEmpty()).forEach(all::add);
        return all;
    }

    /** Whether it takes knowing who sends. */
    public boolean isOfSender() {
        return dimensions().stream().anyMatch(Dimension::isOfSender);
    }

    /** What each key says that says something, as a file could have it; without the name. */
    public Map<String, String> texts() {
        Map<String, String> texts = new LinkedHashMap<>();
        TABLE.keys().stream().filter(key -> key != NAME).forEach(key -> {
            Object written = written(key);
            if (written != null && !written.equals("") && !written.equals(List.of())) {
                texts.put(key.name(), TomlText.of(written));
            }
        });
        return texts;
    }

    private <T> @Nullable Object written(Key<LimitConfig, T> key) {
        return key.type() instanceof Plain<T> plain ? plain.written().apply(key.in(this)) : null;
    }

    /** The value of the key of that name. */
    public @Nullable Object value(String key) {
        return TABLE.keys().stream().filter(each -> each.name().equals(key)).findFirst().orElseThrow().in(this);
    }

    private static Key<LimitConfig, String> filter(String name, Function<LimitConfig, String> accessor, String what) {
        return TABLE.key(name, accessor, text("a name in quotes", "", written -> written),
                "Only for mail " + what + "; empty for all.");
    }

    private static String named(String text) {
        if (text.isBlank()) {
            throw new IllegalArgumentException("expected a name");
        }
        return text;
    }

    private static Plain<List<Dimension>> words() {
        return new Plain<>(List.of(), (table, key, otherwise) -> table.list(key, otherwise, Dimension::parse),
                by -> by.stream().map(Dimension::word).toList(),
                () -> Types.schema("array", "items", Types.schema("string", "enum", WORDS), "uniqueItems", true),
                "array of " + String.join(", ", WORDS), false);
    }

    @SuppressWarnings("NullAway") // doesn't see that the type argument is nullable
    private static Plain<@Nullable Rate> rate() {
        Plain<Rate> rate = new Plain<>(Rate.parse("1/s"),
                (table, key, otherwise) -> table.text(key, otherwise, "a rate in quotes, like \"100/s\"",
                        text -> Rate.parse(ShapingReader.withoutScope(text))),
                Rate::toString, () -> Types.schema("string", "pattern", Patterns.rate("(local:\\s*)?")), "a rate",
                false);
        return orNone(rate);
    }

    @SuppressWarnings("NullAway") // doesn't see that the type argument is nullable
    private static Plain<@Nullable Rate> octetRate() {
        Plain<Rate> rate = new Plain<>(Rate.parse("1/s"),
                (table, key, otherwise) -> table.text(key, otherwise, "a rate in quotes, like \"50 MB/s\"",
                        LimitConfig::octets),
                Rate::toString, () -> Types.schema("string"), "octets in a time: \"50 MB/s\", \"10 GB/day\"", false);
        return orNone(rate);
    }

    private static Rate octets(String text) {
        int slash = text.indexOf('/');
        if (slash < 0) {
            throw new IllegalArgumentException("expected octets in a time, like 50 MB/s or 10 GB/day");
        }
        long octets = ByteSize.parse(text.substring(0, slash)).bytes();
        return Rate.parse(octets + text.substring(slash));
    }
}
