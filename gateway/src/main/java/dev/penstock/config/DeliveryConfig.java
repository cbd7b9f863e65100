package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.optionalPath;
import static dev.penstock.config.Types.size;
import static dev.penstock.config.Types.text;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

import dev.penstock.units.ByteSize;

/**
 * The SMTP client. Time-outs are deadlines for a whole phase (RFC 5321 4.5.3.2). Each component is the key of its name.
 */
public record DeliveryConfig(int port, String sourceAddress, String pool, AddressPreference addressPreference,
        int maxSessions, int maxRecipientsPerTransaction, int messagesInFlight,
        Duration connectTimeout, Duration greetingTimeout, Duration commandTimeout, Duration dataInitTimeout,
        Duration dataBlockTimeout, Duration dataDoneTimeout, Duration quitTimeout, Duration badHostTime,
        Duration stopTimeout, ByteSize memoryLimit, TlsPolicy tls, Optional<Path> tlsCa, Optional<Path> httpsCa,
        boolean convertEightBit, ReplyRules classificationFiles)
        implements
            TableRecord<DeliveryConfig> {
    static final Table<DeliveryConfig> TABLE = Table.of(DeliveryConfig.class, DeliveryConfig::new,
            "Deliveries: the SMTP client. The time-outs are deadlines for the phases of a session (RFC 5321 4.5.3.2).");
    public static final Key<DeliveryConfig, Integer> PORT = TABLE.key("port", DeliveryConfig::port, Types.port(25, 1),
            "The port of MX hosts.");
    public static final Key<DeliveryConfig, String> SOURCE_ADDRESS = TABLE
            .key("source-address", DeliveryConfig::sourceAddress,
                    text("an IP address in quotes", "", address -> address.isEmpty()
                            ? address
                            : Syntax.addressAlone(address)),
                    "The local address to send from. Empty: the system chooses. Hosts are then reached by addresses of "
                            + "its family alone, and those that have none wait.")
            .restart();
    public static final Key<DeliveryConfig, String> POOL = TABLE.key("pool", DeliveryConfig::pool,
            text("the name of a pool in quotes", "", pool -> pool.isEmpty() ? pool : PoolReader.poolName(pool)),
            "The pool of mail that no other is meant for. Empty: it goes by source-address.");
    public static final Key<DeliveryConfig, AddressPreference> ADDRESS_PREFERENCE = TABLE.key("address-preference",
            DeliveryConfig::addressPreference, choice(AddressPreference.IPV4),
            "Which address of a host is tried first where it has both families; \"none\": either. The next is tried "
                    + "when that has failed or hasn't answered within 250 ms, and the first to answer is taken (RFC "
                    + "8305).");
    public static final Key<DeliveryConfig, Integer> MAX_SESSIONS = TABLE
            .key("max-sessions", DeliveryConfig::maxSessions, integer(5_000, 1, 1_000_000),
                    "Open at one time, over all destinations; half of them may be coming up. Limits per destination are "
                            + "in the shaping file.")
            .restart();
    public static final Key<DeliveryConfig, Integer> MAX_RECIPIENTS_PER_TRANSACTION = TABLE
            .key("max-recipients-per-transaction", DeliveryConfig::maxRecipientsPerTransaction,
                    integer(100, 1, 50_000),
                    "A message with more recipients in one domain takes several transactions.")
            .restart();
    /** Each may double when a session dies; eight are enough for a host 50 ms away that takes 160 messages a second. */
    public static final Key<DeliveryConfig, Integer> MESSAGES_IN_FLIGHT = TABLE
            .key("messages-in-flight", DeliveryConfig::messagesInFlight, integer(8, 0, 100),
                    "Messages sent over one session, envelope and content in one write, before the first of them is "
                            + "answered for, to hosts that offer PIPELINING and CHUNKING. When the session dies, these "
                            + "are in doubt. 0: by DATA alone.")
            .restart();
    public static final Key<DeliveryConfig, Duration> CONNECT_TIMEOUT = TABLE
            .key("connect-timeout", DeliveryConfig::connectTimeout, duration("30s", "1ms", "1h"),
                    "For the TCP connection to one address.")
            .restart();
    public static final Key<DeliveryConfig, Duration> GREETING_TIMEOUT = TABLE
            .key("greeting-timeout", DeliveryConfig::greetingTimeout, duration("5m", "1ms", "1h"), "For the 220.")
            .restart();
    public static final Key<DeliveryConfig, Duration> COMMAND_TIMEOUT = TABLE
            .key("command-timeout", DeliveryConfig::commandTimeout, duration("5m", "1ms", "1h"),
                    "For EHLO, MAIL, RCPT, RSET.")
            .restart();
    public static final Key<DeliveryConfig, Duration> DATA_INIT_TIMEOUT = TABLE
            .key("data-init-timeout", DeliveryConfig::dataInitTimeout, duration("2m", "1ms", "1h"), "For the 354.")
            .restart();
    public static final Key<DeliveryConfig, Duration> DATA_BLOCK_TIMEOUT = TABLE
            .key("data-block-timeout", DeliveryConfig::dataBlockTimeout, duration("3m", "1ms", "1h"),
                    "For each 64 KB of content to be taken.")
            .restart();
    public static final Key<DeliveryConfig, Duration> DATA_DONE_TIMEOUT = TABLE
            .key("data-done-timeout", DeliveryConfig::dataDoneTimeout, duration("10m", "1ms", "1h"),
                    "For the reply to the final dot.")
            .restart();
    public static final Key<DeliveryConfig, Duration> QUIT_TIMEOUT = TABLE
            .key("quit-timeout", DeliveryConfig::quitTimeout, duration("5s", "1ms", "1h"), "For the reply to QUIT.")
            .restart();
    public static final Key<DeliveryConfig, Duration> BAD_HOST_TIME = TABLE
            .key("bad-host-time", DeliveryConfig::badHostTime, duration("1m", "0s", "1d"),
                    "A host that could not be reached isn't tried again for this long when there is another.")
            .restart();
    public static final Key<DeliveryConfig, Duration> STOP_TIMEOUT = TABLE
            .key("stop-timeout", DeliveryConfig::stopTimeout, duration("20s", "0s", "1h"),
                    "Deliveries under way when Penstock stops get this long to finish.")
            .restart();
    /** Eight megabytes are eighty sessions under TLS. */
    public static final Key<DeliveryConfig, ByteSize> MEMORY_LIMIT = TABLE
            .key("memory-limit", DeliveryConfig::memoryLimit, size("192 MB", "8 MB", "1 TB"),
                    "Octets that sessions and their messages hold while hosts take their time: 24 KB a session, 72 KB "
                            + "more under TLS, content up to half of the limit. Beyond it content is read from the spool "
                            + "in small pieces, and sessions have to wait: there is room for 2,048 under TLS.")
            .restart();
    public static final Key<DeliveryConfig, TlsPolicy> TLS = TABLE
            .key("tls", DeliveryConfig::tls, TlsPolicy.type(),
                    "\"opportunistic\": TLS when the host offers it, with any certificate, in clear when it doesn't or "
                            + "the handshake fails; \"opportunistic-verified\": when the host offers it, and then only "
                            + "with a certificate for its name; \"none\"; \"required\": always, with any certificate; "
                            + "\"verified\": always, with a certificate for the host's name; \"dane\": as the host's TLSA records "
                            + "say where signed ones are there (takes dns.dnssec), else \"opportunistic\". What receivers "
                            + "demand by MTA-STS or DANE comes on top, see enable_mta_sts and enable_dane of the shaping "
                            + "file. A route's tls comes first, "
                            + "then enable_tls of the shaping file.")
            .restart();
    public static final Key<DeliveryConfig, Optional<Path>> TLS_CA = TABLE
            .key("tls-ca", DeliveryConfig::tlsCa, optionalPath(ListenerReader::authorities),
                    "PEM file of the authorities that hosts' certificates are checked against. Empty: those that come "
                            + "with Java.")
            .restart();
    public static final Key<DeliveryConfig, Optional<Path>> HTTPS_CA = TABLE
            .key("https-ca", DeliveryConfig::httpsCa, optionalPath(ListenerReader::authorities),
                    "PEM file of the authorities that certificates are checked against where MTA-STS policies are fetched "
                            + "and reports about TLS sent by HTTPS. Empty: those that come with Java.")
            .restart();

    public static final Key<DeliveryConfig, Boolean> CONVERT_EIGHT_BIT = TABLE
            .key("convert-eight-bit", DeliveryConfig::convertEightBit, flag(true),
                    "Whether 8-bit content is converted to quoted-printable and base64 for hosts without 8BITMIME, where "
                            + "no signature breaks by it. false: it bounces.")
            .restart();

    public static final Key<DeliveryConfig, ReplyRules> CLASSIFICATION_FILES = TABLE
            .key("classification-files", DeliveryConfig::classificationFiles, ReplyRulesReader.files(),
                    "Files of rules that say what replies mean, asked in this order, before those that come with "
                            + "Penstock. KumoMTA's bounce files will do.");

    public static final DeliveryConfig DEFAULT = TABLE.defaults();

    private DeliveryConfig(Values<DeliveryConfig> values) {
        this(values.get(PORT), values.get(SOURCE_ADDRESS), values.get(POOL), values.get(ADDRESS_PREFERENCE),
                values.get(MAX_SESSIONS), values.get(MAX_RECIPIENTS_PER_TRANSACTION), values.get(MESSAGES_IN_FLIGHT),
                values.get(CONNECT_TIMEOUT), values.get(GREETING_TIMEOUT),
                values.get(COMMAND_TIMEOUT), values.get(DATA_INIT_TIMEOUT), values.get(DATA_BLOCK_TIMEOUT),
                values.get(DATA_DONE_TIMEOUT), values.get(QUIT_TIMEOUT), values.get(BAD_HOST_TIME),
                values.get(STOP_TIMEOUT), values.get(MEMORY_LIMIT), values.get(TLS), values.get(TLS_CA),
                values.get(HTTPS_CA), values.get(CONVERT_EIGHT_BIT), values.get(CLASSIFICATION_FILES));
    }
}
