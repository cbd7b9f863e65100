package dev.penstock.config;

import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.list;
import static dev.penstock.config.Types.map;
import static dev.penstock.config.Types.table;
import static dev.penstock.config.Types.text;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The whole configuration, one record per table of the file. Immutable and valid: the reader has refused everything
 * else.
 *
 * @param hostname  the name this gateway greets with and puts into trace lines
 * @param node      the number of this gateway, unlike that of any other it shares mail with; message ids carry it
 * @param listeners at least one
 * @param routes    by recipient domain, or {@code *} for all that have none of their own
 * @param shaping   the contents of the shaping file
 * @param auth      who may log in
 * @param policy    who may send what to whom
 * @param localDomains domains whose mail is handed to a store, by domain
 * @param injection mail taken over HTTP
 * @param sources   identities to send from, by name
 * @param pools     of sources, by name
 * @param dkim      which messages are signed
 * @param preflight how messages are judged by what their receivers demand
 * @param warmUps   schedules by which sources are warmed up, by name
 * @param tlsReports reports to receivers about TLS
 * @param tenants   by name, {@code *} for all that have no table of their own
 * @param campaigns by {@code spring} or {@code shop/spring}
 * @param curfews   hours in which mail waits, by name
 * @param control   how limits follow what receivers answer
 * @param history   the index of the delivery log
 * @param admin     who may look after the gateway, and by which ways
 */
public record GatewayConfig(String hostname, int node, List<ListenerConfig> listeners, InboundConfig inbound,
        SpoolConfig spool,
        DnsConfig dns, Map<String, RouteConfig> routes, QueueConfig queue, DeliveryConfig delivery,
        ShapingConfig shaping,
        EventsConfig events, HttpConfig http, AuthConfig auth, PolicyConfig policy,
        Map<String, LocalDomainConfig> localDomains, InjectionConfig injection, Map<String, SourceConfig> sources,
        Map<String, PoolConfig> pools, DkimConfig dkim, PreflightConfig preflight,
        Map<String, WarmUpConfig> warmUps, TlsReportsConfig tlsReports, Map<String, TenantConfig> tenants,
        Map<String, CampaignConfig> campaigns, Map<String, CurfewConfig> curfews, ControlConfig control,
        HistoryConfig history, AdminConfig admin)
        implements
            TableRecord<GatewayConfig> {
    /** Message ids have ten bits for it. */
    public static final int MAX_NODE = 1023;

    static final Table<GatewayConfig> GATEWAY = Table.of(GatewayConfig.class, GatewayConfig::new, "");
    public static final Key<GatewayConfig, String> HOSTNAME = GATEWAY
            .key("hostname", GatewayConfig::hostname,
                    text("a domain name in quotes", "", name -> name.isEmpty() ? "" : Syntax.domain(name)),
                    "The name in greetings, EHLO and trace lines. Empty: the machine's own.")
            .restart();
    public static final Key<GatewayConfig, Integer> NODE = GATEWAY
            .key("node", GatewayConfig::node, integer(0, 0, MAX_NODE),
                    "This gateway's number: message ids carry it, so gateways that share mail or logs each need one of "
                            + "their own.")
            .restart();
    public static final Key<GatewayConfig, ShapingConfig> SHAPING = GATEWAY
            .key("shaping-file", GatewayConfig::shaping, ShapingReader.file(),
                    "Limits per destination, see shaping.toml. Empty: built-in limits for all.");

    /** Is in force as a part of {@link #SHAPING}. */
    public static final Key<GatewayConfig, List<Path>> SHAPING_BASE = GATEWAY
            .key("shaping-base", config -> config.shaping().base(), ShapingReader.base(),
                    "Files of the same format under it, lowest first: of a key of a section the last file that says it "
                            + "holds, and the shaping file is the last. Commands and console change the shaping file alone.")
            .example("[\"config/community-shaping.toml\"]");

    static final Table<GatewayConfig> TABLE = Table.of(GatewayConfig.class, GatewayConfig::new, "");
    static final Key<GatewayConfig, GatewayConfig> OWN = TABLE.key("gateway", config -> config, Types.own(GATEWAY),
            "");
    public static final Key<GatewayConfig, List<ListenerConfig>> LISTENERS = TABLE
            .key("listener", GatewayConfig::listeners,
                    list(ListenerConfig.TABLE, List.of(ListenerConfig.DEFAULT), (file, _) -> ListenerReader.read(file)),
                    "");
    public static final Key<GatewayConfig, InboundConfig> INBOUND = TABLE.key("inbound", GatewayConfig::inbound,
            table(InboundConfig.TABLE, InboundConfig.DEFAULT), "");
    public static final Key<GatewayConfig, SpoolConfig> SPOOL = TABLE.key("spool", GatewayConfig::spool,
            table(SpoolConfig.TABLE, SpoolConfig.DEFAULT), "");
    public static final Key<GatewayConfig, DnsConfig> DNS = TABLE.key("dns", GatewayConfig::dns,
            table(DnsConfig.TABLE, DnsConfig.DEFAULT), "");
    public static final Key<GatewayConfig, Map<String, RouteConfig>> ROUTES = TABLE.key("routes",
            GatewayConfig::routes, map(RouteConfig.TABLE, (file, key) -> ConfigReader.routes(file.table(key))),
            "Routes that are used instead of MX records, per recipient domain; \"*\" is for all that have none of their "
                    + "own.");
    public static final Key<GatewayConfig, Map<String, LocalDomainConfig>> LOCAL_DOMAINS = TABLE
            .key("local", GatewayConfig::localDomains,
                    map(LocalDomainConfig.TABLE, (file, key) -> LocalDomainReader.read(file.table(key))),
                    "Domains of our own: recipients are verified at RCPT (an unknown one gets 550 5.1.1), mail is handed "
                            + "to a store on this machine or near it, and no MX is asked for. Anybody may send to them. "
                            + "See gateway/docs/local-domains.md.");
    public static final Key<GatewayConfig, QueueConfig> QUEUE = TABLE.key("queue", GatewayConfig::queue,
            table(QueueConfig.TABLE, QueueConfig.DEFAULT), "");
    public static final Key<GatewayConfig, DeliveryConfig> DELIVERY = TABLE.key("delivery", GatewayConfig::delivery,
            table(DeliveryConfig.TABLE, DeliveryConfig.DEFAULT), "");
    public static final Key<GatewayConfig, AuthConfig> AUTH = TABLE.key("auth", GatewayConfig::auth,
            table(AuthConfig.TABLE, AuthConfig.DEFAULT), "");
    public static final Key<GatewayConfig, EventsConfig> EVENTS = TABLE.key("events", GatewayConfig::events,
            table(EventsConfig.TABLE, EventsConfig.DEFAULT), "");
    public static final Key<GatewayConfig, HttpConfig> HTTP = TABLE.key("http", GatewayConfig::http,
            table(HttpConfig.TABLE, HttpConfig.DEFAULT), "");
    public static final Key<GatewayConfig, PolicyConfig> POLICY = TABLE.key("policy", GatewayConfig::policy,
            table(PolicyConfig.TABLE, PolicyConfig.DEFAULT), "");
    public static final Key<GatewayConfig, InjectionConfig> INJECTION = TABLE.key("injection",
            GatewayConfig::injection, table(InjectionConfig.TABLE, InjectionConfig.DEFAULT), "");
    public static final Key<GatewayConfig, Map<String, SourceConfig>> SOURCES = TABLE
            .key("source", GatewayConfig::sources,
                    map(SourceConfig.TABLE, (file, key) -> SourceReader.read(file.table(key))),
                    "Identities to send from. A source called \"default\" has what no pool is named for; without its "
                            + "table it is delivery.source-address and gateway.hostname. See gateway/docs/sources.md.")
            .example("ip-17");
    public static final Key<GatewayConfig, Map<String, PoolConfig>> POOLS = TABLE.key("pool", GatewayConfig::pools,
            map(PoolConfig.TABLE, (file, key) -> PoolReader.read(file.table(key))),
            "Pools of sources, see gateway/docs/sources.md. Mail goes by the pool that was named for it, else by that of "
                    + "its campaign, else of its tenant, else by delivery.pool.")
            .example("marketing");
    public static final Key<GatewayConfig, DkimConfig> DKIM = TABLE.key("dkim", GatewayConfig::dkim,
            table(DkimConfig.TABLE, DkimConfig.DEFAULT), "");
    public static final Key<GatewayConfig, PreflightConfig> PREFLIGHT = TABLE.key("preflight",
            GatewayConfig::preflight, table(PreflightConfig.TABLE, PreflightConfig.DEFAULT), "");
    public static final Key<GatewayConfig, Map<String, WarmUpConfig>> WARM_UPS = TABLE.key("warm-up",
            GatewayConfig::warmUps, map(WarmUpConfig.TABLE, (file, key) -> WarmUpReader.read(file.table(key))),
            "Schedules by which new sources are warmed up, see gateway/docs/warm-up.md: how many messages a day a source "
                    + "may send to one provider.")
            .example("gentle");
    public static final Key<GatewayConfig, TlsReportsConfig> TLS_REPORTS = TABLE.key("tls-reports",
            GatewayConfig::tlsReports, table(TlsReportsConfig.TABLE, TlsReportsConfig.DEFAULT), "");
    public static final Key<GatewayConfig, Map<String, TenantConfig>> TENANTS = TABLE
            .key("tenant", GatewayConfig::tenants,
                    map(TenantConfig.TABLE, (file, key) -> TenantReader.tenants(file.table(key))),
                    "What a tenant's mail is worth and how much of it is taken, by the tenant's name; \"*\" is for all "
                            + "tenants that have no table of their own. See gateway/docs/policy.md and queue.md.")
            .example("shop");
    public static final Key<GatewayConfig, Map<String, CampaignConfig>> CAMPAIGNS = TABLE
            .key("campaign", GatewayConfig::campaigns,
                    map(CampaignConfig.TABLE, (file, key) -> TenantReader.campaigns(file.table(key))),
                    "What a campaign's mail is worth: \"spring\" of whichever tenant, or \"shop/spring\" of one, which "
                            + "comes first.")
            .example("shop/spring");
    public static final Key<GatewayConfig, Map<String, CurfewConfig>> CURFEWS = TABLE
            .key("curfew", GatewayConfig::curfews,
                    map(CurfewConfig.TABLE, (file, key) -> CurfewReader.read(file.table(key))),
                    "Hours in which mail waits: what fits all lists of a curfew isn't sent while it lasts. See "
                            + "gateway/docs/queue.md.")
            .example("night");
    public static final Key<GatewayConfig, ControlConfig> CONTROL = TABLE.key("control", GatewayConfig::control,
            table(ControlConfig.TABLE, ControlConfig.DEFAULT), "");
    public static final Key<GatewayConfig, HistoryConfig> HISTORY = TABLE.key("history", GatewayConfig::history,
            table(HistoryConfig.TABLE, HistoryConfig.DEFAULT), "");
    public static final Key<GatewayConfig, AdminConfig> ADMIN = TABLE.key("admin", GatewayConfig::admin,
            table(AdminConfig.TABLE, AdminConfig.DEFAULT), "");

    public GatewayConfig {
        listeners = List.copyOf(listeners);
        routes = Map.copyOf(routes);
        localDomains = Map.copyOf(localDomains);
        sources = Map.copyOf(sources);
        pools = Map.copyOf(pools);
        warmUps = Map.copyOf(warmUps);
        tenants = Map.copyOf(tenants);
        campaigns = Map.copyOf(campaigns);
        curfews = Map.copyOf(curfews);
    }

    private GatewayConfig(Values<GatewayConfig> values) {
        this(values.get(HOSTNAME), values.get(NODE), values.get(LISTENERS), values.get(INBOUND), values.get(SPOOL),
                values.get(DNS),
                values.get(ROUTES), values.get(QUEUE), values.get(DELIVERY), values.get(SHAPING), values.get(EVENTS),
                values.get(HTTP), values.get(AUTH), values.get(POLICY), values.get(LOCAL_DOMAINS),
                values.get(INJECTION), values.get(SOURCES), values.get(POOLS), values.get(DKIM),
                values.get(PREFLIGHT), values.get(WARM_UPS), values.get(TLS_REPORTS), values.get(TENANTS),
                values.get(CAMPAIGNS), values.get(CURFEWS), values.get(CONTROL), values.get(HISTORY),
                values.get(ADMIN));
    }

    /**
     * The configured routes and those of the local domains, which have no other. The shaping file says nothing about
     * TLS towards stores of our own: {@code delivery.tls} does.
     */
    public Map<String, RouteConfig> allRoutes() {
        if (localDomains.isEmpty()) {
            return routes;
        }
        Map<String, RouteConfig> all = new HashMap<>(routes);
        localDomains.forEach((domain, local) -> all.put(domain, local.store().route().orTls(delivery.tls())));
        return all;
    }

    /** What {@code ./penstock run} starts with when no file is named: all defaults. */
    public static GatewayConfig embedded(String hostname) {
        return TABLE.defaults().with(HOSTNAME, hostname);
    }
}
