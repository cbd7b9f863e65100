package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.list;
import static dev.penstock.config.Types.text;
import static dev.penstock.config.Types.texts;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** Which messages are signed, by whom and how. Each component is the key of its name. */
public record DkimConfig(MissingKey missingKey, List<Signature> signatures) implements TableRecord<DkimConfig> {
    static final Table<DkimConfig> TABLE = Table.of(DkimConfig.class, DkimConfig::new,
            "Signatures over messages that are received (DKIM), see gateway/docs/dkim.md.");
    public static final Key<DkimConfig, MissingKey> MISSING_KEY = TABLE.key("missing-key", DkimConfig::missingKey,
            choice(MissingKey.SEND_UNSIGNED),
            "When a signature is configured and its key can't be had: \"send-unsigned\"; \"refuse\" (550 5.7.1 without a "
                    + "file, 451 4.7.1 when it can't be used); \"hold\" (451 4.7.1: the client keeps the message).");
    public static final Key<DkimConfig, List<Signature>> SIGNATURES = TABLE.key("signature", DkimConfig::signatures,
            list(Signature.TABLE, List.of(), DkimReader::signatures),
            "Each adds a signature to the messages that it is for. Of those that fit the tenant, the ones with the nearest "
                    + "domain are used, all of them; of these, those that name the tenant, if any do.");

    public static final DkimConfig DEFAULT = TABLE.defaults();

    public DkimConfig {
        signatures = List.copyOf(signatures);
    }

    private DkimConfig(Values<DkimConfig> values) {
        this(values.get(MISSING_KEY), values.get(SIGNATURES));
    }

    /** What becomes of a message that can't be signed. */
    public enum MissingKey {
        SEND_UNSIGNED, REFUSE, HOLD
    }

    /**
     * One signature. Each component is the key of its name.
     *
     * @param domains  From domains that it is for: {@code example.com}, {@code .example.com} for those below it, {@code *}
     * @param tenants  that it is for; empty for all
     * @param domain   {@code d=}; empty for the From domain
     * @param key      where the key is, with {@code {domain}} and {@code {selector}}
     * @param identity {@code i=}, with {@code {domain}}; empty for none
     */
    public record Signature(List<String> domains, List<String> tenants, String domain, String selector, String key,
            Canonicalization headerCanonicalization, Canonicalization bodyCanonicalization, List<String> headers,
            List<String> oversign, Duration expiry, String identity) implements TableRecord<Signature> {
        /** RFC 6376 5.4.1, and what bulk senders have besides. */
        private static final String[] USUAL_HEADERS = {"from", "reply-to", "subject", "date", "to", "cc", "message-id",
            "in-reply-to", "references", "mime-version", "content-type", "content-transfer-encoding", "list-id",
            "list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner",
            "list-archive", "feedback-id", "resent-date", "resent-from", "resent-to", "resent-cc"};
        /** RFC 6376 8.15: a second one of these would be shown in place of the signed one. */
        private static final String[] SINGULAR = {"from", "reply-to", "subject", "date", "to", "cc", "message-id",
            "mime-version", "content-type", "list-unsubscribe", "list-unsubscribe-post"};

        static final Table<Signature> TABLE = Table.of(Signature.class, Signature::new, "");
        public static final Key<Signature, List<String>> DOMAINS = TABLE
                .key("domains", Signature::domains,
                        texts(DkimReader::fromDomain, "*").allowing("", "minItems", 1),
                        "Domains in the From field: \"example.com\", \".example.com\" for all below it, \"*\" for all.");
        public static final Key<Signature, List<String>> TENANTS = TABLE.key("tenants", Signature::tenants,
                texts(DkimReader::tenant), "Tenants; empty for all.").example("[\"acme\"]");
        public static final Key<Signature, String> DOMAIN = TABLE.key("domain", Signature::domain,
                text("a domain in quotes", "", name -> name.isEmpty() ? "" : Syntax.domain(name)),
                "Who signs (d=). Empty: the From domain.");
        public static final Key<Signature, String> SELECTOR = TABLE
                .key("selector", Signature::selector, text("a selector in quotes", "", DkimReader::selector),
                        "Names the key in the DNS: SELECTOR._domainkey.DOMAIN.")
                .required().example("\"s1\"");
        public static final Key<Signature, String> KEY = TABLE.key("key", Signature::key,
                text("a path in quotes", "keys/{domain}/{selector}.key", DkimReader::keyPath),
                "The private key: PEM, PKCS #8 or PKCS #1, RSA of 1024 bits at least or Ed25519, which decides the "
                        + "algorithm. {domain} is that of d=. Read anew when it changes.");
        public static final Key<Signature, Canonicalization> HEADER_CANONICALIZATION = TABLE.key(
                "header-canonicalization", Signature::headerCanonicalization, choice(Canonicalization.RELAXED),
                "\"relaxed\": header fields may be folded anew on the way; \"simple\": nothing may change.");
        public static final Key<Signature, Canonicalization> BODY_CANONICALIZATION = TABLE.key("body-canonicalization",
                Signature::bodyCanonicalization, choice(Canonicalization.RELAXED),
                "The same for white space in the body.");
        public static final Key<Signature, List<String>> HEADERS = TABLE.key("headers", Signature::headers,
                texts(DkimReader::fieldName, USUAL_HEADERS),
                "Fields that are signed when they are there; From and both List-Unsubscribe fields always are.");
        public static final Key<Signature, List<String>> OVERSIGN = TABLE.key("oversign", Signature::oversign,
                texts(DkimReader::fieldName, SINGULAR),
                "Fields of which none may be added on the way: signed once more often than they are there.");
        public static final Key<Signature, Duration> EXPIRY = TABLE.key("expiry", Signature::expiry,
                duration("0s", "0s", "365d"), "How long the signature is good for (x=). 0s: for ever.");
        public static final Key<Signature, String> IDENTITY = TABLE.key("identity", Signature::identity,
                text("an address in quotes, like \"@{domain}\"", "", DkimReader::identity),
                "On whose behalf (i=): \"@{domain}\", \"news@{domain}\" or \"@sub.{domain}\". Empty: not said.");

        public Signature {
            domains = List.copyOf(domains);
            tenants = List.copyOf(tenants);
            headers = List.copyOf(headers);
            oversign = List.copyOf(oversign);
        }

        private Signature(Values<Signature> values) {
            this(values.get(DOMAINS), values.get(TENANTS), values.get(DOMAIN), values.get(SELECTOR), values.get(KEY),
                    values.get(HEADER_CANONICALIZATION), values.get(BODY_CANONICALIZATION), values.get(HEADERS),
                    values.get(OVERSIGN), values.get(EXPIRY), values.get(IDENTITY));
        }

        /** With the defaults of all else. */
        public static Signature of(String fromDomain, String selector, String key) {
            return TABLE.defaults().with(DOMAINS, List.of(fromDomain)).with(SELECTOR, selector).with(KEY, key);
        }

        /** The {@code d=} for a From domain. */
        public String domainFor(String fromDomain) {
            return domain.isEmpty() ? fromDomain : domain;
        }

        /** The key's file for a {@code d=}. */
        public Path keyFile(String signingDomain) {
            return Path.of(key.replace(DkimReader.DOMAIN, signingDomain).replace(DkimReader.SELECTOR, selector));
        }

        /** Whether the file is the same for all From domains. */
        public boolean hasOneKey() {
            return !domain.isEmpty() || !key.contains(DkimReader.DOMAIN);
        }

        /** The {@code i=} for a {@code d=}; empty for none. */
        public String identityFor(String signingDomain) {
            return identity.replace(DkimReader.DOMAIN, signingDomain);
        }
    }
}
