package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.inline;
import static dev.penstock.config.Types.integer;
import static dev.penstock.config.Types.list;
import static dev.penstock.config.Types.optional;
import static dev.penstock.config.Types.optionalPath;
import static dev.penstock.config.Types.text;
import static dev.penstock.config.Types.texts;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

import dev.penstock.smtp.Mailbox;

/** Who may send what to whom, and for which tenant. Each component is the key of its name. */
public record PolicyConfig(List<RelayRule> relay, boolean allowNullSender, boolean checkFromHeader,
        String tenantHeader, String campaignHeader, String poolHeader, boolean headersFromAnybody,
        boolean removeHeaders,
        Optional<Path> plugins, Duration deadline, OnFailure onFailure, int maxInFlight, Optional<Callout> callout,
        Optional<Mailbox> postmaster, String classHeader) implements TableRecord<PolicyConfig> {
    static final Table<PolicyConfig> TABLE = Table
            .of(PolicyConfig.class, PolicyConfig::new,
                    "Who may send what to whom, and for which tenant, see gateway/docs/policy.md.")
            .rule(PolicyReader::check);
    public static final Key<PolicyConfig, Boolean> ALLOW_NULL_SENDER = TABLE.key("allow-null-sender",
            PolicyConfig::allowNullSender, flag(true),
            "Whether users that have sender domains may use the null reverse path <> as well.");
    public static final Key<PolicyConfig, Boolean> CHECK_FROM_HEADER = TABLE.key("check-from-header",
            PolicyConfig::checkFromHeader, flag(false),
            "Whether the addresses in the From field of users that have sender domains must be in these, too.");
    public static final Key<PolicyConfig, String> TENANT_HEADER = TABLE.key("tenant-header",
            PolicyConfig::tenantHeader, PolicyReader.nameField(),
            "Header field that names a message's tenant, like \"X-Tenant\". Empty: none. With one, the header section of "
                    + "every message is held back until it is read.");
    public static final Key<PolicyConfig, String> CAMPAIGN_HEADER = TABLE.key("campaign-header",
            PolicyConfig::campaignHeader, PolicyReader.nameField(),
            "Header field that names a message's campaign, like \"X-Campaign\"; as tenant-header.");
    public static final Key<PolicyConfig, String> POOL_HEADER = TABLE.key("pool-header", PolicyConfig::poolHeader,
            PolicyReader.nameField(),
            "Header field that names the pool of sources that a message goes by, like \"X-Pool\"; as "
                    + "tenant-header. A name that no pool has is refused (550 5.7.1).");
    public static final Key<PolicyConfig, String> CLASS_HEADER = TABLE.key("class-header", PolicyConfig::classHeader,
            PolicyReader.nameField(),
            "Header field that says a message's class, \"transactional\" or \"bulk\", like \"X-Class\"; as "
                    + "tenant-header. Anything else in it is refused (550 5.6.0).");
    public static final Key<PolicyConfig, Boolean> HEADERS_FROM_ANYBODY = TABLE.key("headers-from-anybody",
            PolicyConfig::headersFromAnybody, flag(false),
            "Whether these fields count from clients, too, that are neither in relay-networks nor logged in.");
    public static final Key<PolicyConfig, Boolean> REMOVE_HEADERS = TABLE.key("remove-headers",
            PolicyConfig::removeHeaders, flag(true), "Whether these fields are left out of the message.");
    public static final Key<PolicyConfig, Optional<Path>> PLUGINS = TABLE
            .key("plugins", PolicyConfig::plugins, optionalPath(PolicyReader::plugins),
                    "A directory of jars with policies of your own. Empty: none.")
            .restart();
    public static final Key<PolicyConfig, Duration> DEADLINE = TABLE.key("deadline", PolicyConfig::deadline,
            duration("2s", "10ms", "1m"), "For the answer of a policy of your own to one question.");
    public static final Key<PolicyConfig, OnFailure> ON_FAILURE = TABLE.key("on-failure", PolicyConfig::onFailure,
            choice(OnFailure.DEFER, PolicyReader::onFailure),
            "What is answered when such a policy gives none: \"defer\" (451 4.7.1) or \"accept\".");
    public static final Key<PolicyConfig, Integer> MAX_IN_FLIGHT = TABLE.key("max-in-flight",
            PolicyConfig::maxInFlight, integer(1_024, 1, 100_000),
            "Questions to one such policy at a time; more fail at once.");
    public static final Key<PolicyConfig, Optional<Mailbox>> POSTMASTER = TABLE.key("postmaster",
            PolicyConfig::postmaster,
            text("an address in quotes", Optional.empty(), PolicyReader::postmaster,
                    mailbox -> mailbox.map(Mailbox::address).orElse("")),
            "Where mail to <Postmaster> and to postmaster at gateway.hostname goes; anybody may send to this address. "
                    + "Empty: nowhere, so that they are refused to strangers unless the hostname is a local domain.");
    public static final Key<PolicyConfig, List<RelayRule>> RELAY = TABLE.key("relay", PolicyConfig::relay,
            list(RelayRule.TABLE, List.of(), PolicyReader::relay),
            "Relay rules, the first that fits decides. A rule fits when all its lists have something that fits; what is "
                    + "left out fits always. Where no rule fits, relay-networks and users may send anywhere, and "
                    + "everybody to local domains.");
    public static final Key<PolicyConfig, Optional<Callout>> CALLOUT = TABLE.key("callout", PolicyConfig::callout,
            optional(Callout.TABLE, (parent, key) -> CalloutReader.read(parent, key, Callout.TABLE)),
            "A policy that is asked over HTTP.");

    public static final PolicyConfig DEFAULT = TABLE.defaults();

    public PolicyConfig {
        relay = List.copyOf(relay);
    }

    private PolicyConfig(Values<PolicyConfig> values) {
        this(values.get(RELAY), values.get(ALLOW_NULL_SENDER), values.get(CHECK_FROM_HEADER), values.get(TENANT_HEADER),
                values.get(CAMPAIGN_HEADER), values.get(POOL_HEADER), values.get(HEADERS_FROM_ANYBODY),
                values.get(REMOVE_HEADERS),
                values.get(PLUGINS), values.get(DEADLINE), values.get(ON_FAILURE), values.get(MAX_IN_FLIGHT),
                values.get(CALLOUT), values.get(POSTMASTER), values.get(CLASS_HEADER));
    }

    /** What is answered when a policy can't be asked, fails or is late. */
    public enum OnFailure {
        /** 451 4.7.1. */
        DEFER,
        /** As if it had said yes. */
        ACCEPT
    }

    /** When a policy is asked. */
    public enum Event {
        CONNECT, MAIL, RECIPIENT, MESSAGE
    }

    /** Fits when every list that isn't empty has something that fits. Each component is the key of its name. */
    public record RelayRule(boolean permit, List<String> listeners, List<String> networks, List<String> identities,
            List<String> senderDomains, List<String> recipientDomains) implements TableRecord<RelayRule> {
        private static final List<String> ACTIONS = List.of("permit", "refuse");

        static final Table<RelayRule> TABLE = Table.of(RelayRule.class, RelayRule::new, "");
        static final Key<RelayRule, Boolean> ACTION = TABLE
                .key("action", RelayRule::permit,
                        text("\"permit\" or \"refuse\"", false, PolicyReader::action,
                                permit -> permit ? "permit" : "refuse")
                                .allowing(Types.quoted(ACTIONS), "enum", ACTIONS),
                        "\"permit\" or \"refuse\" (554 5.7.1).")
                .required().example("\"permit\"");
        public static final Key<RelayRule, List<String>> LISTENERS = TABLE.key("listeners", RelayRule::listeners,
                some(text -> text), "Names of listeners.").example("[\"smtp\"]");
        public static final Key<RelayRule, List<String>> NETWORKS = TABLE.key("networks", RelayRule::networks,
                some(Syntax::network), "Networks of clients.").example("[\"192.0.2.0/24\"]");
        public static final Key<RelayRule, List<String>> IDENTITIES = TABLE.key("identities", RelayRule::identities,
                some(PolicyReader::identity), "Users who have logged in; \"*\" is anybody who has.")
                .example("[\"*\"]");
        public static final Key<RelayRule, List<String>> SENDER_DOMAINS = TABLE
                .key("sender-domains", RelayRule::senderDomains, some(name -> PolicyReader.domain(name, "<>")),
                        "\"example.com\", \".example.com\" for what is below it, \"<>\" for the null reverse path.")
                .example("[\"example.com\", \"<>\"]");
        public static final Key<RelayRule, List<String>> RECIPIENT_DOMAINS = TABLE
                .key("recipient-domains", RelayRule::recipientDomains,
                        some(name -> PolicyReader.domain(name, "local")),
                        "As sender-domains; \"local\" is all local domains.")
                .example("[\"local\", \".example.net\"]");

        /** Left out, or at least one. */
        private static ValueType.Plain<List<String>> some(TableBinder.TextParser<String> parser) {
            return texts(parser).allowing("", "minItems", 1);
        }

        public RelayRule {
            listeners = List.copyOf(listeners);
            networks = List.copyOf(networks);
            identities = List.copyOf(identities);
            senderDomains = List.copyOf(senderDomains);
            recipientDomains = List.copyOf(recipientDomains);
        }

        private RelayRule(Values<RelayRule> values) {
            this(values.get(ACTION), values.get(LISTENERS), values.get(NETWORKS), values.get(IDENTITIES),
                    values.get(SENDER_DOMAINS), values.get(RECIPIENT_DOMAINS));
        }
    }

    /**
     * A policy asked over HTTP. Each component but the first is the key of its name.
     *
     * @param http whom, and how long
     */
    public record Callout(CalloutConfig http, Set<Event> events, List<String> headers, OnFailure onFailure)
            implements
                TableRecord<Callout> {
        private static final List<String> EVENTS = Stream.of(Event.values()).map(Types::word).toList();

        static final Table<Callout> TABLE = Table.of(Callout.class, Callout::new, "");
        public static final Key<Callout, CalloutConfig> HTTP = TABLE
                .key("", Callout::http, inline(CalloutConfig.TABLE, CalloutConfig.TABLE.defaults(),
                        CalloutConfig.TABLE::readKeys), "");
        public static final Key<Callout, Set<Event>> ASKED_AT = TABLE
                .key("events", Callout::events, PolicyReader.events().allowing("", "items", Map.of("enum", EVENTS)),
                        "When it is asked: \"connect\", \"mail\", \"recipient\", \"message\".");
        public static final Key<Callout, List<String>> HEADERS = TABLE.key("headers", Callout::headers,
                texts(PolicyReader::lowerFieldName, "from", "subject"), "Header fields it is told with \"message\".");
        public static final Key<Callout, OnFailure> ON_FAILURE = TABLE.key("on-failure", Callout::onFailure,
                choice(OnFailure.DEFER, PolicyReader::onFailure),
                "What is answered when it doesn't: \"defer\" (451 4.7.1) or \"accept\".");

        public Callout {
            events = Set.copyOf(events);
            headers = List.copyOf(headers);
        }

        private Callout(Values<Callout> values) {
            this(values.get(HTTP), values.get(ASKED_AT), values.get(HEADERS), values.get(ON_FAILURE));
        }
    }
}
