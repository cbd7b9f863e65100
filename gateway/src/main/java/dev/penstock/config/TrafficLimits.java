package dev.penstock.config;

import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.text;

import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import org.jspecify.annotations.Nullable;

import dev.penstock.units.Rate;

/**
 * How fast one site or domain may be sent to, and how sessions with its hosts are spoken; null means no limit, or what is
 * configured for all. Keys are KumoMTA's. Each component is the key of its name.
 *
 * @param enableTls how TLS is used, null for {@code delivery.tls}
 */
public record TrafficLimits(int connectionLimit, @Nullable Rate maxMessageRate, @Nullable Rate maxConnectionRate,
        int maxDeliveriesPerConnection, Duration idleTimeout, Duration maxConnectionAge,
        int consecutiveConnectionFailuresBeforeDelay, @Nullable TlsPolicy enableTls, boolean enableMtaSts,
        boolean enableDane, @Nullable Duration connectTimeout, @Nullable Duration bannerTimeout,
        @Nullable Duration ehloTimeout, @Nullable Duration starttlsTimeout, @Nullable Duration tlsHandshakeTimeout,
        @Nullable Duration authTimeout, @Nullable Duration rsetTimeout, @Nullable Duration mailFromTimeout,
        @Nullable Duration rcptToTimeout, @Nullable Duration dataTimeout, @Nullable Duration dataDotTimeout,
        int maxRecipientsPerBatch, int smtpPort, String ehloDomain, boolean enablePipelining, boolean enableRset,
        IpLookupStrategy ipLookupStrategy, List<String> skipHosts, List<String> prohibitedHosts,
        ReconnectStrategy reconnectStrategy, boolean tryNextHostOnTransportError, String smtpAuthPlainUsername,
        Secret smtpAuthPlainPassword, boolean allowSmtpAuthPlainWithoutTls,
        boolean allowSmtpAuthPlainWithoutValidCertificate, boolean useLmtp, @Nullable Duration rememberBrokenTls,
        Optional<Path> tlsCertificate, Optional<Path> tlsPrivateKey)
        implements
            TableRecord<TrafficLimits> {
    static final int MAX_COUNT = 1_000_000;
    private static final int MAX_RECIPIENTS = 50_000; // as delivery.max-recipients-per-transaction

    static final Table<TrafficLimits> TABLE = Table.of(TrafficLimits.class, TrafficLimits::new, "");
    public static final Key<TrafficLimits, Integer> CONNECTION_LIMIT = TABLE.key("connection_limit",
            TrafficLimits::connectionLimit, ShapingReader.connectionLimit(10), "Sessions open at one time.");
    public static final Key<TrafficLimits, @Nullable Rate> MAX_MESSAGE_RATE = TABLE.key("max_message_rate",
            TrafficLimits::maxMessageRate, ShapingReader.rate(), "Messages; \"none\" is no limit.");
    public static final Key<TrafficLimits, @Nullable Rate> MAX_CONNECTION_RATE = TABLE.key("max_connection_rate",
            TrafficLimits::maxConnectionRate, ShapingReader.rate(), "Sessions opened; \"none\" is no limit.");
    public static final Key<TrafficLimits, Integer> MAX_DELIVERIES_PER_CONNECTION = TABLE.key(
            "max_deliveries_per_connection", TrafficLimits::maxDeliveriesPerConnection, integer(1_000, 1, MAX_COUNT),
            "Messages, then the session is closed.");
    public static final Key<TrafficLimits, Duration> IDLE_TIMEOUT = TABLE.key("idle_timeout",
            TrafficLimits::idleTimeout, duration("5s", "0s", "1h"),
            "A session with nothing to send is kept this long.");
    public static final Key<TrafficLimits, Duration> MAX_CONNECTION_AGE = TABLE.key("max_connection_age",
            TrafficLimits::maxConnectionAge, duration("5m", "1s", "1d"),
            "A session is closed when it is this old (Postfix: smtp_connection_reuse_time_limit).");
    public static final Key<TrafficLimits, Integer> CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY = TABLE.key(
            "consecutive_connection_failures_before_delay", TrafficLimits::consecutiveConnectionFailuresBeforeDelay,
            integer(10, 1, MAX_COUNT),
            "After so many failed connections in a row, all mail of the destination waits for its retry.");
    public static final Key<TrafficLimits, @Nullable TlsPolicy> ENABLE_TLS = TABLE.key("enable_tls",
            TrafficLimits::enableTls, ShapingReader.enableTls(),
            "How TLS is used: \"Required\" (with a certificate for the host's name), \"RequiredInsecure\" (with any), "
                    + "\"Opportunistic\" (when it is offered, and then only with a certificate for the host's name), "
                    + "\"OpportunisticInsecure\" (when it is offered, with any; in clear when that fails), \"Disabled\". "
                    + "Empty: as delivery.tls says. A route's tls comes before it.");

    public static final Key<TrafficLimits, Boolean> ENABLE_MTA_STS = TABLE.key("enable_mta_sts",
            TrafficLimits::enableMtaSts, Types.flag(true),
            "Whether a domain's MTA-STS policy (RFC 8461) is asked for and kept.");
    public static final Key<TrafficLimits, Boolean> ENABLE_DANE = TABLE.key("enable_dane",
            TrafficLimits::enableDane, Types.flag(false),
            "Whether hosts are authenticated by their TLSA records (RFC 7672) where they have some. Takes dns.dnssec.");

    // How sessions are spoken; it holds for those that are opened from then on

    public static final Key<TrafficLimits, @Nullable Duration> CONNECT_TIMEOUT = TABLE.key(
            "connect_timeout", TrafficLimits::connectTimeout,
            PathTypes.time(),
            "For the TCP connection to one address. Empty, as each of these times may be: as "
                    + "delivery.connect-timeout says.");
    public static final Key<TrafficLimits, @Nullable Duration> BANNER_TIMEOUT = TABLE.key(
            "banner_timeout", TrafficLimits::bannerTimeout,
            PathTypes.time(),
            "For the 220. Empty: delivery.greeting-timeout.");
    public static final Key<TrafficLimits, @Nullable Duration> EHLO_TIMEOUT = TABLE.key(
            "ehlo_timeout", TrafficLimits::ehloTimeout,
            PathTypes.time(),
            "For the answer to EHLO. Empty: delivery.command-timeout.");
    public static final Key<TrafficLimits, @Nullable Duration> STARTTLS_TIMEOUT = TABLE.key(
            "starttls_timeout", TrafficLimits::starttlsTimeout,
            PathTypes.time(),
            "For the answer to STARTTLS. Empty: delivery.command-timeout.");
    public static final Key<TrafficLimits, @Nullable Duration> TLS_HANDSHAKE_TIMEOUT = TABLE.key(
            "tls_handshake_timeout", TrafficLimits::tlsHandshakeTimeout,
            PathTypes.time(),
            "For the handshake. Empty: delivery.command-timeout, a minute at most.");
    public static final Key<TrafficLimits, @Nullable Duration> AUTH_TIMEOUT = TABLE.key(
            "auth_timeout", TrafficLimits::authTimeout,
            PathTypes.time(),
            "For each answer of a login. Empty: delivery.command-timeout.");
    public static final Key<TrafficLimits, @Nullable Duration> RSET_TIMEOUT = TABLE.key(
            "rset_timeout", TrafficLimits::rsetTimeout,
            PathTypes.time(),
            "For the answer to RSET. Empty: delivery.command-timeout.");
    public static final Key<TrafficLimits, @Nullable Duration> MAIL_FROM_TIMEOUT = TABLE.key(
            "mail_from_timeout", TrafficLimits::mailFromTimeout,
            PathTypes.time(),
            "For the answer to MAIL. Empty: delivery.command-timeout.");
    public static final Key<TrafficLimits, @Nullable Duration> RCPT_TO_TIMEOUT = TABLE.key(
            "rcpt_to_timeout", TrafficLimits::rcptToTimeout,
            PathTypes.time(),
            "For each answer to RCPT. Empty: delivery.command-timeout.");
    public static final Key<TrafficLimits, @Nullable Duration> DATA_TIMEOUT = TABLE.key(
            "data_timeout", TrafficLimits::dataTimeout,
            PathTypes.time(),
            "For the 354. Empty: delivery.data-init-timeout.");
    public static final Key<TrafficLimits, @Nullable Duration> DATA_DOT_TIMEOUT = TABLE.key(
            "data_dot_timeout", TrafficLimits::dataDotTimeout,
            PathTypes.time(),
            "For the reply to the final dot; with less than RFC 5321's 10 min, mail that a slow host "
                    + "takes all the same is sent again. Empty: delivery.data-done-timeout.");
    public static final Key<TrafficLimits, Integer> MAX_RECIPIENTS_PER_BATCH = TABLE.key(
            "max_recipients_per_batch", TrafficLimits::maxRecipientsPerBatch,
            integer(0, 0, MAX_RECIPIENTS),
            "Recipients of one transaction. 0: delivery.max-recipients-per-transaction.");
    public static final Key<TrafficLimits, Integer> SMTP_PORT = TABLE.key(
            "smtp_port", TrafficLimits::smtpPort,
            Types.port(0, 0),
            "The port of MX hosts; hosts of a route have theirs there. 0: delivery.port.");
    public static final Key<TrafficLimits, String> EHLO_DOMAIN = TABLE.key(
            "ehlo_domain", TrafficLimits::ehloDomain,
            text("a domain name in quotes", "", name -> name.isEmpty() ? name : Syntax.domain(name)),
            "The name in EHLO. Empty: that of the source, else gateway.hostname.");
    public static final Key<TrafficLimits, Boolean> ENABLE_PIPELINING = TABLE.key(
            "enable_pipelining", TrafficLimits::enablePipelining,
            Types.flag(true),
            "Whether commands go together, and messages one behind the other, to hosts that offer it.");
    public static final Key<TrafficLimits, Boolean> ENABLE_RSET = TABLE.key(
            "enable_rset", TrafficLimits::enableRset,
            Types.flag(true),
            "Whether RSET is said where a transaction came to nothing. false: a new session is opened for "
                    + "the next.");
    public static final Key<TrafficLimits, IpLookupStrategy> IP_LOOKUP_STRATEGY = TABLE.key(
            "ip_lookup_strategy", TrafficLimits::ipLookupStrategy,
            PathTypes.kumoChoice(IpLookupStrategy.IPV4_AND_IPV6),
            "Addresses of which family MX hosts are connected to. With none left mail waits (451 4.4.4).");
    public static final Key<TrafficLimits, List<String>> SKIP_HOSTS = TABLE.key(
            "skip_hosts", TrafficLimits::skipHosts,
            Types.networks(),
            "Networks and addresses of MX hosts that aren't connected to. With no host left mail is "
                    + "returned (550 5.4.4).");
    public static final Key<TrafficLimits, List<String>> PROHIBITED_HOSTS = TABLE.key(
            "prohibited_hosts", TrafficLimits::prohibitedHosts,
            Types.networks(),
            "Networks and addresses: mail for a domain with an MX host in one is returned (550 5.4.4). "
                    + "dns.ignore-networks holds besides.");
    public static final Key<TrafficLimits, ReconnectStrategy> RECONNECT_STRATEGY = TABLE.key(
            "reconnect_strategy", TrafficLimits::reconnectStrategy,
            PathTypes.kumoChoice(ReconnectStrategy.CONNECT_NEXT_HOST),
            "After a session that broke off from MAIL on, by 421, a time-out or the connection: "
                    + "\"ConnectNextHost\" leaves that host out for delivery.bad-host-time where there are others, "
                    + "\"ReconnectSameHost\" doesn't, \"TerminateSession\" doesn't either and tries its message at no "
                    + "other host now.");
    public static final Key<TrafficLimits, Boolean> TRY_NEXT_HOST_ON_TRANSPORT_ERROR = TABLE.key(
            "try_next_host_on_transport_error", TrafficLimits::tryNextHostOnTransportError,
            Types.flag(true),
            "Whether a message whose session broke off before its content is tried at the next host at "
                    + "once (KumoMTA's default is false).");
    public static final Key<TrafficLimits, String> SMTP_AUTH_PLAIN_USERNAME = TABLE.key(
            "smtp_auth_plain_username", TrafficLimits::smtpAuthPlainUsername,
            text("a text in quotes", "", RouteConfig::loginText),
            "Whom to log in as, by SCRAM-SHA-256, PLAIN or LOGIN, the first of these that the host "
                    + "offers. A route's user comes before it. Empty: without a login.");
    public static final Key<TrafficLimits, Secret> SMTP_AUTH_PLAIN_PASSWORD = TABLE.key(
            "smtp_auth_plain_password", TrafficLimits::smtpAuthPlainPassword,
            PathTypes.password(),
            "The password for it.");
    public static final Key<TrafficLimits, Boolean> ALLOW_SMTP_AUTH_PLAIN_WITHOUT_TLS = TABLE.key(
            "allow_smtp_auth_plain_without_tls", TrafficLimits::allowSmtpAuthPlainWithoutTls,
            Types.flag(false),
            "Whether it may be said in clear. To hosts on this machine it is in any case.");
    public static final Key<TrafficLimits, Boolean> ALLOW_SMTP_AUTH_PLAIN_WITHOUT_VALID_CERTIFICATE = TABLE.key(
            "allow_smtp_auth_plain_without_valid_certificate", TrafficLimits::allowSmtpAuthPlainWithoutValidCertificate,
            Types.flag(false),
            "Whether it may be said under TLS to a host whose certificate isn't good for its name.");
    public static final Key<TrafficLimits, Boolean> USE_LMTP = TABLE.key(
            "use_lmtp", TrafficLimits::useLmtp,
            Types.flag(false),
            "Speak LMTP (RFC 2033). A route's lmtp says the same for its hosts.");
    public static final Key<TrafficLimits, @Nullable Duration> REMEMBER_BROKEN_TLS = TABLE.key(
            "remember_broken_tls", TrafficLimits::rememberBrokenTls,
            PathTypes.duration("1s", "30d"),
            "How long a host whose TLS is broken gets its mail in clear; with any time here "
                    + "\"Opportunistic\" goes on in clear at once. Empty: an hour, where mail goes on in clear at "
                    + "all.");

    public static final Key<TrafficLimits, Optional<Path>> TLS_CERTIFICATE = TABLE.key("tls_certificate",
            TrafficLimits::tlsCertificate, PathTypes.file(),
            "The certificate that hosts are shown in STARTTLS when they ask for one: a PEM file, those that vouch for it "
                    + "behind it. A changed file is taken up with the next handshake. Empty: none.");
    public static final Key<TrafficLimits, Optional<Path>> TLS_PRIVATE_KEY = TABLE.key("tls_private_key",
            TrafficLimits::tlsPrivateKey, PathTypes.file(), "The PEM file with its key, in PKCS #8, unencrypted.");

    public static final TrafficLimits DEFAULT = TABLE.defaults();

    public TrafficLimits {
        skipHosts = List.copyOf(skipHosts);
        prohibitedHosts = List.copyOf(prohibitedHosts);
    }

    TrafficLimits(Values<TrafficLimits> values) {
        this(values.get(CONNECTION_LIMIT), values.get(MAX_MESSAGE_RATE), values.get(MAX_CONNECTION_RATE),
                values.get(MAX_DELIVERIES_PER_CONNECTION), values.get(IDLE_TIMEOUT), values.get(MAX_CONNECTION_AGE),
                values.get(CONSECUTIVE_CONNECTION_FAILURES_BEFORE_DELAY), values.get(ENABLE_TLS),
                values.get(ENABLE_MTA_STS), values.get(ENABLE_DANE), values.get(CONNECT_TIMEOUT),
                values.get(BANNER_TIMEOUT), values.get(EHLO_TIMEOUT), values.get(STARTTLS_TIMEOUT),
                values.get(TLS_HANDSHAKE_TIMEOUT), values.get(AUTH_TIMEOUT), values.get(RSET_TIMEOUT),
                values.get(MAIL_FROM_TIMEOUT), values.get(RCPT_TO_TIMEOUT), values.get(DATA_TIMEOUT),
                values.get(DATA_DOT_TIMEOUT), values.get(MAX_RECIPIENTS_PER_BATCH), values.get(SMTP_PORT),
                values.get(EHLO_DOMAIN), values.get(ENABLE_PIPELINING), values.get(ENABLE_RSET),
                values.get(IP_LOOKUP_STRATEGY), values.get(SKIP_HOSTS), values.get(PROHIBITED_HOSTS),
                values.get(RECONNECT_STRATEGY), values.get(TRY_NEXT_HOST_ON_TRANSPORT_ERROR),
                values.get(SMTP_AUTH_PLAIN_USERNAME), values.get(SMTP_AUTH_PLAIN_PASSWORD),
                values.get(ALLOW_SMTP_AUTH_PLAIN_WITHOUT_TLS),
                values.get(ALLOW_SMTP_AUTH_PLAIN_WITHOUT_VALID_CERTIFICATE), values.get(USE_LMTP),
                values.get(REMEMBER_BROKEN_TLS), values.get(TLS_CERTIFICATE), values.get(TLS_PRIVATE_KEY));
    }

    /** Whom a path's hosts are logged in to as; null for nobody. */
    public @Nullable RouteLogin login() {
        return smtpAuthPlainUsername.isEmpty() || smtpAuthPlainPassword.isEmpty()
                ? null
                : new RouteLogin(smtpAuthPlainUsername, smtpAuthPlainPassword.text(), allowSmtpAuthPlainWithoutTls,
                        allowSmtpAuthPlainWithoutValidCertificate);
    }

    /** What each key is where nothing is said, as a file could have it. */
    public static Map<String, String> texts() {
        Map<String, String> texts = new LinkedHashMap<>();
        TABLE.keys().forEach(key -> texts.put(key.name(), ShapingLayer.text(key, DEFAULT)));
        return texts;
    }
}
