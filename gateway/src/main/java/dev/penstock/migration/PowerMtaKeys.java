package dev.penstock.migration;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import dev.penstock.migration.Finding.Kind;

/** PowerMTA's directives (its User's Guide 5.0) and what each becomes here. Stateless. */
final class PowerMtaKeys {
    /** What a value is written like. */
    enum Form {
        /** A whole number; {@code unlimited} where that is allowed. */
        COUNT,
        /** {@code 100/h}, {@code 10/30s}, {@code unlimited}. */
        RATE,
        /** {@code 4d12h}. */
        TIME,
        /** {@code yes}, {@code no}, {@code true}, {@code false}. */
        FLAG,
        TEXT,
        /** Read by code of its own. */
        OWN
    }

    /**
     * @param target the key of a section of the shaping file; empty when {@link Form#OWN} or nothing
     * @param text   what is different, or why there is none and what to do instead; empty when it means the same
     */
    record Counterpart(Kind kind, Form form, String target, String text) {}

    /** In {@code <domain>}, wherever that stands. */
    static final Map<String, Counterpart> DOMAIN = domain();
    /** At the top. */
    static final Map<String, Counterpart> GLOBAL = global();
    /** In {@code <virtual-mta>}. */
    static final Map<String, Counterpart> VIRTUAL_MTA = virtualMta();
    /** In {@code <source>}. */
    static final Map<String, Counterpart> SOURCE = source();
    /** Blocks that nothing is made of. */
    static final Map<String, String> BLOCKS = blocks();

    private PowerMtaKeys() {}

    private static void same(Map<String, Counterpart> keys, String name, Form form, String target) {
        keys.put(name, new Counterpart(Kind.CONVERTED, form, target, ""));
    }

    private static void differs(Map<String, Counterpart> keys, String name, Form form, String target, String text) {
        keys.put(name, new Counterpart(Kind.DIFFERS, form, target, text));
    }

    private static void none(Map<String, Counterpart> keys, String text, String... names) {
        for (String name : names) {
            keys.put(name, new Counterpart(Kind.NONE, Form.TEXT, "", text));
        }
    }

    private static Map<String, Counterpart> domain() {
        Map<String, Counterpart> keys = new LinkedHashMap<>();
        same(keys, "max-smtp-out", Form.COUNT, "connection_limit");
        differs(keys, "source-ip-max-smtp-out", Form.COUNT, "connection_limit",
                "limits are by source here, so the smaller of this and max-smtp-out counts");
        differs(keys, "max-msg-rate", Form.RATE, "max_message_rate",
                "messages are counted, not recipients, and they are spaced evenly");
        differs(keys, "source-ip-max-msg-rate", Form.RATE, "max_message_rate",
                "messages are counted, not recipients; limits are by source here");
        same(keys, "max-connect-rate", Form.RATE, "max_connection_rate");
        differs(keys, "source-ip-max-connect-rate", Form.RATE, "max_connection_rate", "limits are by source here");
        same(keys, "max-msg-per-connection", Form.COUNT, "max_deliveries_per_connection");
        same(keys, "max-rcpt-per-transaction", Form.COUNT, "max_recipients_per_batch");
        same(keys, "max-rcpt-per-message", Form.COUNT, "max_recipients_per_batch");
        same(keys, "connection-idle-timeout", Form.TIME, "idle_timeout");
        same(keys, "connect-timeout", Form.TIME, "connect_timeout");
        same(keys, "smtp-greeting-timeout", Form.TIME, "banner_timeout");
        same(keys, "smtp-data-termination-timeout", Form.TIME, "data_dot_timeout");
        differs(keys, "use-starttls", Form.OWN, "enable_tls",
                "\"OpportunisticInsecure\" and \"Disabled\" are yes and no");
        differs(keys, "require-starttls", Form.OWN, "enable_tls", "\"RequiredInsecure\", with any certificate, is yes");
        same(keys, "use-dane", Form.FLAG, "enable_dane");
        same(keys, "auth-username", Form.TEXT, "smtp_auth_plain_username");
        same(keys, "auth-password", Form.TEXT, "smtp_auth_plain_password");
        differs(keys, "disable-mx-rollup", Form.OWN, "mx_rollup",
                "every section of a domain is for that domain alone: mx_rollup = false");
        differs(keys, "smtp-pattern-list", Form.OWN, "automation", "its replies become automation of the section");
        differs(keys, "backoff-max-smtp-out", Form.OWN, "automation", "a SetConfig of the automation of its patterns");
        differs(keys, "backoff-max-msg-rate", Form.OWN, "automation", "a SetConfig of the automation of its patterns");
        differs(keys, "backoff-max-connect-rate", Form.OWN, "automation",
                "a SetConfig of the automation of its patterns");
        differs(keys, "backoff-retry-after", Form.OWN, "automation",
                "how long the automation of its patterns suspends where no back-off rate is set");
        differs(keys, "backoff-to-normal-after", Form.OWN, "automation",
                "the duration of the automation of its patterns; \"never\" becomes an hour, since it always ends here");
        differs(keys, "reenable-source-ip-after", Form.OWN, "automation",
                "how long disable-source-ip suspends; \"never\" becomes a day, since it always ends here");
        differs(keys, "retry-after", Form.OWN, "queue.retry-intervals", "there is one schedule for all domains");
        differs(keys, "bounce-after", Form.OWN, "queue.max-age", "there is one age for all domains");
        differs(keys, "notify-of-delay-every", Form.OWN, "queue.delay-warning",
                "one age for all domains; the sender is told once");
        none(keys, "a domain's section says nothing of octets: a [[limit]] with max_octet_rate does, see throttling.md",
                "max-data-volume-rate", "source-ip-max-data-volume-rate", "backoff-max-data-volume-rate");
        none(keys, "while a queue backs off its limits of all sources are the lower ones, see automation",
                "backoff-source-ip-max-smtp-out", "backoff-source-ip-max-msg-rate",
                "backoff-source-ip-max-connect-rate");
        none(keys, "a session isn't counted by its errors; one that a reply ends is opened anew",
                "max-errors-per-connection");
        none(keys, "no more sessions come up than have come up, so load rises by itself", "smtp-out-rampup-interval");
        none(keys, "a recipient that is deferred waits as its message does: queue.retry-interval",
                "retry-recipients-after");
        none(keys, "failures of DNS are asked again after dns.failure-ttl", "retry-after-dns-error");
        none(keys, "new mail never wakes what waits for its retry", "retry-upon-new-mail");
        none(keys, "the log line event=suspension, and automation, tell of it", "backoff-notify");
        none(keys, "automation ends by its duration, whatever is delivered meanwhile",
                "backoff-to-normal-after-delivery");
        none(keys, "sources of a pool stand in for each other; with none left mail waits",
                "backoff-upon-all-sources-disabled");
        none(keys, "sources of a pool stand in for each other; mail never changes its pool",
                "reroute-to-virtual-mta", "backoff-reroute-to-virtual-mta");
        none(keys, "name the domain's hosts in [routes] instead", "queue-to", "smtp-hosts", "route");
        none(keys, "classes (transactional before bulk) and weights of tenants say what comes first",
                "queue-priority", "allow-priority-interruption");
        none(keys, "a 421 is classified by its text; another host is tried before MAIL is answered",
                "smtp-421-means-mx-unavailable");
        none(keys, "a domain without MX and address bounces (RFC 5321 5.1)", "bounce-upon-no-mx");
        none(keys, "a greeting is about us and no message: mail waits", "bounce-upon-5xx-greeting");
        none(keys, "a session that breaks off never bounces: mail waits", "bounce-upon-transfer-failure");
        none(keys, "what isn't answered for is tried again; nothing is assumed to be delivered",
                "assume-delivery-upon-data-termination-timeout");
        none(keys, "delivery.data-block-timeout is for all domains", "data-send-timeout");
        none(keys, "say it in [warm-up.\"name\"], and warm-up in the table of the source", "max-cold-virtual-mta-msg");
        none(keys, "signatures are in [dkim], by the domain of From", "dkim-sign", "dkim-algorithm", "dkim-headers",
                "dkim-add-body-limit", "dkim-body-canon", "dkim-header-canon", "dkim-identity", "dk-sign");
        none(keys, "8-bit content is converted where a host wants it: delivery.convert-eight-bit", "ignore-8bitmime");
        none(keys, "CHUNKING and PIPELINING are used where a host offers them; enable_pipelining = false forbids it",
                "ignore-chunking", "use-chunking");
        none(keys, "replies are classified by code, status and text: penstock classify",
                "smtp-553-means-invalid-mailbox");
        none(keys, "every attempt is in the delivery log", "log-connections", "log-commands", "log-data",
                "log-resolution", "log-transfer-failures");
        none(keys, "reports go as other mail; queue.tenants-without-reports names who gets none", "deliver-local-dsn",
                "suppress-local-dsn");
        none(keys, "name the domain in [local] or [routes] for that", "type", "file-destination", "deliver-only");
        return Map.copyOf(keys);
    }

    private static Map<String, Counterpart> global() {
        Map<String, Counterpart> keys = new LinkedHashMap<>();
        differs(keys, "host-name", Form.OWN, "gateway.hostname", "");
        differs(keys, "smtp-listener", Form.OWN, "listener.addresses", "TLS and the rest of it stand in [[listener]]");
        differs(keys, "smtp-source-host", Form.OWN, "source",
                "becomes the source \"global\" of the pool \"global\", which is delivery.pool");
        same(keys, "total-max-smtp-out", Form.OWN, "delivery.max-sessions");
        same(keys, "total-max-smtp-in", Form.OWN, "inbound.max-sessions");
        same(keys, "mx-connection-limit", Form.OWN, "provider_connection_limit");
        differs(keys, "default-smtp-port", Form.OWN, "delivery.port", "");
        differs(keys, "spool", Form.OWN, "spool.directory", "one directory; mail is not taken over, drain it first");
        differs(keys, "domain-macro", Form.OWN, "", "each domain of it has a section of its own");
        none(keys, "limits are by host name or domain, not by address", "ip-connection-limit");
        none(keys, "queue.memory-limit bounds what is queued, in octets of heap", "spool-max-recipients");
        none(keys, "spool.min-free-space is in octets", "min-free-space");
        none(keys, "mail is on disk before it is acknowledged, always", "sync-msg-create", "sync-msg-update");
        none(keys, "the operator's port is [http]; who may reach it is a matter of its address", "http-mgmt-port",
                "http-access", "http-redirect-to-https");
        none(keys, "reports come from postmaster at gateway.hostname", "postmaster");
        none(keys, "the log goes to standard output, for journald", "log-file", "log-rotate", "audit-log-file");
        none(keys, "started as the user that the service manager says", "run-as-root", "run-as-user");
        none(keys, "keys are in [dkim]", "domain-key");
        none(keys, "dns.cache-size and its neighbours", "edns-udp-length", "precached-domains", "dns-cache-size",
                "dns-use-tcp", "name-server");
        none(keys, "there is no licence file", "license-file");
        none(keys, "use penstock sink of the load generator", "dummy-smtp-port", "dummy-smtp-ip", "dummy-smtp-latency",
                "dummy-smtp-blackhole");
        none(keys, "a relay domain is one of [local], or has a route", "relay-domain", "relay-address");
        return Map.copyOf(keys);
    }

    private static Map<String, Counterpart> virtualMta() {
        Map<String, Counterpart> keys = new LinkedHashMap<>();
        same(keys, "smtp-source-host", Form.OWN, "source-address");
        same(keys, "smtp-source-ip", Form.OWN, "source-address");
        same(keys, "host-name", Form.OWN, "ehlo-name");
        differs(keys, "virtual-mta", Form.OWN, "sources", "in a pool: its weight is 1");
        none(keys, "over all domains of a source there is a [[limit]] by = [\"source\"], see throttling.md",
                "max-smtp-out", "max-smtp-msg-rate");
        none(keys, "keys are in [dkim], by domain and not by source", "domain-key");
        none(keys, "put warm and cold sources into one pool, and say warm-up in the table of the cold one",
                "cold-virtual-mta", "auto-cold-virtual-mta", "max-cold-virtual-mta-msg");
        none(keys, "say proxy = \"socks5\" or \"proxy-v2\", and proxy-server, in the table of the source",
                "smtp-proxy-server", "use-proxy");
        return Map.copyOf(keys);
    }

    private static Map<String, Counterpart> source() {
        Map<String, Counterpart> keys = new LinkedHashMap<>();
        same(keys, "always-allow-relaying", Form.OWN, "inbound.relay-networks");
        differs(keys, "process-x-virtual-mta", Form.OWN, "policy.pool-header",
                "X-Virtual-MTA names a pool; each virtual MTA has one of its own name");
        differs(keys, "default-virtual-mta", Form.OWN, "delivery.pool", "of all clients that no pool is named for");
        none(keys, "every listener takes mail", "smtp-service");
        none(keys, "auth-required of the listener", "require-auth", "allow-unencrypted-plain-auth");
        none(keys, "inbound.max-message-size is for all clients", "max-message-size");
        none(keys, "inject over HTTP instead: a message for many recipients with substitutions", "allow-mailmerge");
        none(keys, "every session's mail is in the delivery log", "log-connections", "log-commands", "log-data");
        none(keys, "a trace field is always added (RFC 5321 4.4)", "add-received-header", "remove-received-headers",
                "hide-message-source");
        none(keys, "missing fields are added to mail that is injected over HTTP", "add-message-id-header",
                "add-date-header", "date-header-time");
        none(keys, "queue.tenants-without-reports", "suppress-local-dsn");
        none(keys, "policy.campaign-header names the field that a campaign is taken from", "jobid-header",
                "process-x-job", "process-x-envid");
        none(keys, "say it in a policy", "retain-x-job", "verp-default", "pattern-list", "accept-invalid-recipients");
        return Map.copyOf(keys);
    }

    private static Map<String, String> blocks() {
        Map<String, String> blocks = new LinkedHashMap<>();
        blocks.put("acct-file",
                "the delivery log has every event as JSON, see [events] and migrating-from-powermta.md");
        blocks.put("bounce-processor", "bounces that come by mail are not read");
        blocks.put("feedback-loop-processor", "complaints that come by mail are not read");
        blocks.put("smtp-user", "make it with penstock user add, and name the file in [auth] users");
        blocks.put("address-list", "there is no list of addresses that mail isn't sent to");
        blocks.put("pattern-list", "patterns over messages are a policy's, see policy.md");
        blocks.put("dns", "name servers are dns.servers");
        blocks.put("http-api", "injection over HTTP is [injection]");
        blocks.put("webhook", "events are in the delivery log");
        blocks.put("snmp", "figures are at /metrics");
        return Map.copyOf(blocks);
    }

    /** All names of all tables, for the documentation. */
    static Map<String, Map<String, Counterpart>> tables() {
        Map<String, Map<String, Counterpart>> tables = new LinkedHashMap<>();
        tables.put("<domain>", DOMAIN);
        tables.put("at the top", GLOBAL);
        tables.put("<virtual-mta>, <virtual-mta-pool>", VIRTUAL_MTA);
        tables.put("<source>", SOURCE);
        return tables;
    }

    /** PowerMTA's bounce categories, and KumoMTA's classes that have them. */
    static final Map<String, String> CLASSES = Map.ofEntries(
            Map.entry("bad-configuration", "BadConfiguration"), Map.entry("bad-connection", "BadConnection"),
            Map.entry("bad-domain", "BadDomain"), Map.entry("bad-mailbox", "InvalidRecipient"),
            Map.entry("content-related", "ContentRelated"), Map.entry("inactive-mailbox", "InactiveMailbox"),
            Map.entry("invalid-sender", "InvalidSender"), Map.entry("message-expired", "MessageExpired"),
            Map.entry("no-answer-from-host", "NoAnswerFromHost"), Map.entry("other", "Uncategorized"),
            Map.entry("policy-related", "PolicyRelated"), Map.entry("protocol-errors", "ProtocolErrors"),
            Map.entry("quota-issues", "QuotaIssues"), Map.entry("relaying-issues", "RelayingIssues"),
            Map.entry("routing-errors", "RoutingErrors"), Map.entry("spam-related", "SpamRelated"),
            Map.entry("virus-related", "VirusRelated"));

    /** What a pattern does in a {@code <smtp-pattern-list>}. */
    static final List<String> ACTIONS = List.of("mode", "skip-mx", "bounce-queue", "bounce-rcpt", "disable-source-ip",
            "reenable-after", "defer-queue");

}
