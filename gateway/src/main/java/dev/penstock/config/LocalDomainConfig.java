package dev.penstock.config;

import static dev.penstock.config.Types.choice;
import static dev.penstock.config.Types.duration;
import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.text;
import static dev.penstock.config.Types.texts;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A domain of our own: its recipients are verified at RCPT and its mail is handed to a store. Each component but the
 * store, which several keys name, is the key of its name.
 *
 * @param recipients present when {@code verify} is {@link Verify#FILE}
 */
public record LocalDomainConfig(Store store, Verify verify, Optional<Path> recipients, String recipientDelimiter,
        boolean caseSensitive, Duration positiveTtl, Duration negativeTtl, Duration verifyDeadline,
        OnFailure onFailure) implements TableRecord<LocalDomainConfig> {
    static final Table<LocalDomainConfig> TABLE = Table.of(LocalDomainConfig.class, LocalDomainConfig::new, "");
    static final Key<LocalDomainConfig, List<String>> LMTP = TABLE
            .key("lmtp", domain -> domain.store() instanceof Lmtp(List<String> hosts) ? hosts : List.of(),
                    texts(LocalDomainReader::lmtpHost).allowing("", "minItems", 1),
                    "The store, one of three: hosts as in [routes] or \"unix:/path\" for LMTP …")
            .example("[\"unix:/run/dovecot/lmtp\", \"127.0.0.1:24\"]");
    static final Key<LocalDomainConfig, List<String>> SMTP = TABLE.key("smtp",
            domain -> domain.store() instanceof Smtp(List<String> hosts) ? hosts : List.of(),
            texts(Syntax::host).allowing("", "minItems", 1), "… the same for SMTP …")
            .example("[\"mail.internal.example:2525\"]");
    static final Key<LocalDomainConfig, String> MAILDIR = TABLE
            .key("maildir", domain -> domain.store() instanceof Maildir(MaildirConfig maildir)
                    ? maildir.template()
                    : "",
                    text("a path in quotes", "", LocalDomainReader::template),
                    "… or Maildirs to write into; {domain} and {local} stand for the recipient's.")
            .example("\"/var/mail/{domain}/{local}/Maildir\"");
    static final Key<LocalDomainConfig, Boolean> MAILDIR_CREATE = TABLE.key("maildir-create",
            domain -> !(domain.store() instanceof Maildir(MaildirConfig maildir)) || maildir.create(), flag(true),
            "Whether a Maildir that isn't there is made. What stands before the first {…} never is.");
    public static final Key<LocalDomainConfig, Verify> VERIFY = TABLE.key("verify", LocalDomainConfig::verify,
            choice(Verify.CALL_AHEAD, LocalDomainReader::verifyWord),
            "\"file\", \"call-ahead\" (the store is asked), \"none\". Left out: \"file\" with recipients or a Maildir, "
                    + "else \"call-ahead\".");
    public static final Key<LocalDomainConfig, Optional<Path>> RECIPIENTS = TABLE
            .key("recipients", LocalDomainConfig::recipients,
                    text("a path in quotes", Optional.<Path>empty(), text -> Optional.of(TableBinder.toPath(text)),
                            path -> path.map(Path::toString).orElse(null)),
                    "For \"file\": a line for each local part or address; \"*\" or \"@example.com\" for everybody. Read "
                            + "anew when it changes.")
            .example("\"config/recipients\"");
    public static final Key<LocalDomainConfig, String> RECIPIENT_DELIMITER = TABLE.key("recipient-delimiter",
            LocalDomainConfig::recipientDelimiter,
            text("characters in quotes, like \"+\"", "+", LocalDomainReader::delimiter),
            "Characters that begin a tag: user+tag is verified, and kept in a Maildir, as user (Dovecot: "
                    + "recipient_delimiter). Empty: no tags.");
    public static final Key<LocalDomainConfig, Boolean> CASE_SENSITIVE = TABLE.key("case-sensitive",
            LocalDomainConfig::caseSensitive, flag(false), "Whether User and user are two recipients.");
    public static final Key<LocalDomainConfig, Duration> POSITIVE_TTL = TABLE.key("positive-ttl",
            LocalDomainConfig::positiveTtl, duration("1h", "0s", "30d"),
            "How long the store's yes to a call-ahead is remembered.");
    public static final Key<LocalDomainConfig, Duration> NEGATIVE_TTL = TABLE.key("negative-ttl",
            LocalDomainConfig::negativeTtl, duration("5m", "0s", "30d"),
            "How long the store's no to a call-ahead is remembered.");
    /** RFC 5321 4.5.3.2.3: clients wait five minutes for the reply to RCPT. */
    public static final Key<LocalDomainConfig, Duration> VERIFY_DEADLINE = TABLE.key("verify-deadline",
            LocalDomainConfig::verifyDeadline, duration("10s", "100ms", "2m"), "For a call-ahead as a whole.");
    public static final Key<LocalDomainConfig, OnFailure> ON_FAILURE = TABLE.key("on-failure",
            LocalDomainConfig::onFailure, choice(OnFailure.DEFER, LocalDomainReader::onFailureWord),
            "When it can't be told whether there is such a recipient: \"defer\" (451 4.1.1) or \"accept\".");

    private LocalDomainConfig(Values<LocalDomainConfig> values) {
        this(store(values), values.get(VERIFY), values.get(RECIPIENTS), values.get(RECIPIENT_DELIMITER),
                values.get(CASE_SENSITIVE), values.get(POSITIVE_TTL), values.get(NEGATIVE_TTL),
                values.get(VERIFY_DEADLINE), values.get(ON_FAILURE));
    }

    /** Where the mail goes, by the keys that name it; the reader has seen to it that one does. */
    private static Store store(Values<LocalDomainConfig> values) {
        String maildir = values.get(MAILDIR);
        if (!maildir.isEmpty()) {
            return new Maildir(new MaildirConfig(maildir, values.get(MAILDIR_CREATE), values.get(RECIPIENT_DELIMITER),
                    values.get(CASE_SENSITIVE)));
        }
        List<String> smtp = values.get(SMTP);
        return smtp.isEmpty() ? new Lmtp(values.get(LMTP)) : new Smtp(smtp);
    }

    /** With the defaults of all that isn't asked for. */
    public static LocalDomainConfig of(Store store, Verify verify, Optional<Path> recipients) {
        return new LocalDomainConfig(store, verify, recipients, RECIPIENT_DELIMITER.fallback(),
                CASE_SENSITIVE.fallback(), POSITIVE_TTL.fallback(), NEGATIVE_TTL.fallback(),
                VERIFY_DEADLINE.fallback(), ON_FAILURE.fallback());
    }

    /** How recipients are verified. */
    public enum Verify {
        /** They stand in a file. */
        FILE,
        /** The store is asked, by a transaction that ends after RCPT. */
        CALL_AHEAD,
        /** All are taken. */
        NONE
    }

    /** What is said while it can't be told whether there is such a recipient. */
    public enum OnFailure {
        /** 451 4.1.1: the client is to come again. */
        DEFER,
        /** As if there were. */
        ACCEPT
    }

    /** Where the domain's mail goes. */
    public sealed interface Store {
        /** The same as a route. */
        RouteConfig route();
    }

    /** @param hosts as those of a route, {@code unix:/path} too; tried in order */
    public record Lmtp(List<String> hosts) implements Store {
        public Lmtp {
            hosts = List.copyOf(hosts);
        }

        @Override
        public RouteConfig route() {
            return new RouteConfig(hosts, true);
        }
    }

    /** @param hosts as those of a route, {@code unix:/path} too; tried in order */
    public record Smtp(List<String> hosts) implements Store {
        public Smtp {
            hosts = List.copyOf(hosts);
        }

        @Override
        public RouteConfig route() {
            return new RouteConfig(hosts, false);
        }
    }

    /** Directories on this machine. */
    public record Maildir(MaildirConfig maildir) implements Store {
        @Override
        public RouteConfig route() {
            return RouteConfig.of(maildir);
        }
    }
}
