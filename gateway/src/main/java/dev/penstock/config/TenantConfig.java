package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.orNone;
import static dev.penstock.config.Types.rate;
import static dev.penstock.config.Types.size;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.ByteSize;
import dev.penstock.units.MailClass;
import dev.penstock.units.Rate;

/**
 * What a tenant's mail is worth, and how much of it is taken: {@code [tenant."shop"]}. Each component is the key of its name.
 *
 * @param mailClass   null when nothing is said
 * @param queueLimit  destinations; 0 for no limit
 * @param queueOctets of content; 0 for no limit
 * @param acceptRate  null for no limit
 */
public record TenantConfig(int weight, @Nullable MailClass mailClass, int queueLimit, ByteSize queueOctets,
        @Nullable Rate acceptRate) implements TableRecord<TenantConfig> {
    /** Takes turns of so many messages: with more the others of a ready queue would wait for too long. */
    static final int MAX_WEIGHT = 1_000;

    static final Table<TenantConfig> TABLE = Table.of(TenantConfig.class, TenantConfig::new, "")
            .rule(TenantReader::check);
    public static final Key<TenantConfig, Integer> WEIGHT = TABLE.key("weight", TenantConfig::weight,
            integer(1, 1, MAX_WEIGHT),
            "Where its mail and that of others wait for the same sessions, it sends so many messages while one of "
                    + "weight 1 sends one.");
    public static final Key<TenantConfig, @Nullable MailClass> MAIL_CLASS = TABLE
            .key("mail-class", TenantConfig::mailClass, orNone(choice(MailClass.BULK)),
                    "\"transactional\" or \"bulk\": of its mail, where neither the message nor its campaign says so.")
            .example("\"transactional\"");
    public static final Key<TenantConfig, Integer> QUEUE_LIMIT = TABLE.key("queue-limit", TenantConfig::queueLimit,
            integer(0, 0, Integer.MAX_VALUE),
            "The most messages of it that may be queued, one with recipients in several domains counted for each. "
                    + "Beyond it MAIL, RCPT and the end of data get 452 4.3.1, injection 503. 0: no limit.");
    public static final Key<TenantConfig, ByteSize> QUEUE_OCTETS = TABLE.key("queue-octets", TenantConfig::queueOctets,
            size("0", "0", "1 TB"), "The most octets of these, each message in whole kilobytes; likewise.");
    public static final Key<TenantConfig, @Nullable Rate> ACCEPT_RATE = TABLE.key("accept-rate",
            TenantConfig::acceptRate, rate("none"),
            "The most messages taken from it in a period, like \"100000/day\" or \"5000/h\"; the whole count may come at "
                    + "once, and counts anew when the period begins anew (UTC). Beyond it 451 4.7.1, injection 429.");

    public static final TenantConfig DEFAULT = TABLE.defaults();

    private TenantConfig(Values<TenantConfig> values) {
        this(values.get(WEIGHT), values.get(MAIL_CLASS), values.get(QUEUE_LIMIT), values.get(QUEUE_OCTETS),
                values.get(ACCEPT_RATE));
    }
}
