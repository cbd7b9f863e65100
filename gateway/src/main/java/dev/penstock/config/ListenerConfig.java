package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.inline;
import static dev.penstock.config.Types.networks;
import static dev.penstock.config.Types.table;
import static dev.penstock.config.Types.text;
import static dev.penstock.config.Types.words;

import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

import dev.penstock.units.MailClass;

/** One way in: its addresses and what is true of sessions that come by them. Each component is the key of its name. */
public record ListenerConfig(String name, List<ListenAddress> addresses, ListenerTls tls, Set<String> withheld,
        List<String> mechanisms, boolean authRequired, List<String> proxyNetworks, Duration proxyTimeout,
        List<String> xclientNetworks, String tenant, String campaign, MailClass mailClass,
        ListenerLimits limits)
        implements
            TableRecord<ListenerConfig> {
    /** Of what Penstock knows, strongest first; OAUTHBEARER and passwords need TLS besides. */
    public static final List<String> MECHANISMS = AuthConfig.MECHANISMS;
    /** EHLO keywords that a listener may leave out; STARTTLS, AUTH and XCLIENT follow from keys of their own. */
    public static final List<String> WITHHOLDABLE = List.of("8BITMIME", "CHUNKING", "DELIVERBY", "DSN",
            "ENHANCEDSTATUSCODES", "FUTURERELEASE", "LIMITS", "PIPELINING", "REQUIRETLS", "SIZE", "SMTPUTF8");

    static final Table<ListenerConfig> TABLE = Table.of(ListenerConfig.class, ListenerConfig::new,
            "One table for each way in; what it leaves out has these defaults.");
    public static final Key<ListenerConfig, String> NAME = TABLE
            .key("name", ListenerConfig::name, text("a name in quotes", "smtp", ListenerReader::name)
                    .allowing("1 to 63 letters, digits, dots, hyphens and underscores", "pattern",
                            ListenerReader.NAME_PATTERN),
                    "In logs, metrics and rules. The first is \"smtp\", the next \"smtp-2\" … unless said.")
            .restart();
    public static final Key<ListenerConfig, List<ListenAddress>> ADDRESSES = TABLE
            .key("addresses", ListenerConfig::addresses, ListenerReader.addressesType(),
                    "Port 0 lets the system choose. A second listener needs addresses of its own. address = "
                            + "\"127.0.0.1:2525\" is the same as addresses with one item.")
            .alias("address", Types.schema("string")).restart();
    public static final Key<ListenerConfig, ListenerTls> TLS = TABLE.key("tls", ListenerConfig::tls,
            inline(ListenerTls.TABLE, ListenerTls.NONE, ListenerReader::tls), "");
    public static final Key<ListenerConfig, Set<String>> WITHHELD = TABLE.key("withheld", ListenerConfig::withheld,
            words(WITHHOLDABLE, ListenerReader::withholdable)
                    .as(list -> (Set<String>) new LinkedHashSet<>(list), set -> set.stream().sorted().toList()),
            "EHLO keywords not to offer here: " + String.join(", ", WITHHOLDABLE) + ".");
    public static final Key<ListenerConfig, List<String>> OFFERED_MECHANISMS = TABLE
            .key("mechanisms", ListenerConfig::mechanisms,
                    words(MECHANISMS, ListenerReader::mechanism, MECHANISMS.toArray(String[]::new)),
                    "What AUTH offers, of what [auth] allows; all but SCRAM only after TLS.");
    public static final Key<ListenerConfig, Boolean> AUTH_REQUIRED = TABLE.key("auth-required",
            ListenerConfig::authRequired, flag(false), "MAIL gets 530 5.7.0 from clients without an identity.");
    public static final Key<ListenerConfig, List<String>> PROXY_NETWORKS = TABLE.key("proxy-networks",
            ListenerConfig::proxyNetworks, networks(),
            "Connections from these networks must begin with a PROXY protocol header, version 1 or 2.");
    public static final Key<ListenerConfig, Duration> PROXY_TIMEOUT = TABLE.key("proxy-timeout",
            ListenerConfig::proxyTimeout, duration("5s", "1s", "1m"),
            "For a PROXY protocol header to come (Postfix: smtpd_upstream_proxy_timeout).");
    public static final Key<ListenerConfig, List<String>> XCLIENT_NETWORKS = TABLE.key("xclient-networks",
            ListenerConfig::xclientNetworks, networks(), "Clients in these networks may use XCLIENT.");
    public static final Key<ListenerConfig, String> TENANT = TABLE.key("tenant", ListenerConfig::tenant,
            text("a text", "", ListenerReader::label), "The tenant of messages that no stronger rule gives one.");
    public static final Key<ListenerConfig, String> CAMPAIGN = TABLE.key("campaign", ListenerConfig::campaign,
            text("a text", "", ListenerReader::label), "The campaign of messages that no stronger rule gives one.");
    public static final Key<ListenerConfig, MailClass> MAIL_CLASS = TABLE.key("mail-class", ListenerConfig::mailClass,
            choice(MailClass.BULK),
            "\"transactional\" or \"bulk\": the class of messages that no stronger rule gives one.");
    public static final Key<ListenerConfig, ListenerLimits> LIMITS = TABLE.key("limits", ListenerConfig::limits,
            table(ListenerLimits.TABLE, ListenerLimits.NONE), "");

    public static final ListenerConfig DEFAULT = TABLE.defaults();

    public ListenerConfig {
        addresses = List.copyOf(addresses);
        withheld = Set.copyOf(withheld);
        mechanisms = List.copyOf(mechanisms);
        proxyNetworks = List.copyOf(proxyNetworks);
        xclientNetworks = List.copyOf(xclientNetworks);
    }

    private ListenerConfig(Values<ListenerConfig> values) {
        this(values.get(NAME), values.get(ADDRESSES), values.get(TLS), values.get(WITHHELD),
                values.get(OFFERED_MECHANISMS), values.get(AUTH_REQUIRED), values.get(PROXY_NETWORKS),
                values.get(PROXY_TIMEOUT), values.get(XCLIENT_NETWORKS), values.get(TENANT), values.get(CAMPAIGN),
                values.get(MAIL_CLASS), values.get(LIMITS));
    }

    /** With defaults for all else. */
    public static ListenerConfig at(String address, int port) {
        return DEFAULT.with(ADDRESSES, List.of(new ListenAddress(address, port)));
    }
}
