package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.orNone;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.MailClass;

/**
 * What a campaign's mail is worth: {@code [campaign."shop/spring"]}. Each component is the key of its name.
 *
 * @param mailClass null when nothing is said
 */
public record CampaignConfig(int weight, @Nullable MailClass mailClass) implements TableRecord<CampaignConfig> {
    static final Table<CampaignConfig> TABLE = Table.of(CampaignConfig.class, CampaignConfig::new, "");
    public static final Key<CampaignConfig, Integer> WEIGHT = TABLE.key("weight", CampaignConfig::weight,
            integer(1, 1, TenantConfig.MAX_WEIGHT),
            "Of its tenant's turns it has so many while a campaign of weight 1 has one.");
    public static final Key<CampaignConfig, @Nullable MailClass> MAIL_CLASS = TABLE
            .key("mail-class", CampaignConfig::mailClass, orNone(choice(MailClass.BULK)),
                    "\"transactional\" or \"bulk\": of its mail, where the message doesn't say so.")
            .example("\"transactional\"");

    public static final CampaignConfig DEFAULT = TABLE.defaults();

    private CampaignConfig(Values<CampaignConfig> values) {
        this(values.get(WEIGHT), values.get(MAIL_CLASS));
    }
}
