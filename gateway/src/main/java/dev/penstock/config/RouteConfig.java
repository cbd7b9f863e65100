package dev.penstock.config;

import static dev.penstock.config.Types.flag;
import static dev.penstock.config.Types.optionalPath;
import static dev.penstock.config.Types.secret;
import static dev.penstock.config.Types.text;
import static dev.penstock.config.Types.texts;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

import org.jspecify.annotations.Nullable;

/**
 * A configured route, used instead of MX records. Each component but two is the key of its name.
 *
 * @param tls     instead of the shaping file's and {@code delivery.tls}; null for what those say
 * @param user    whom to log in to the hosts as, empty for nobody; then there is a password too
 * @param maildir write into Maildirs, and speak to nobody; only a local domain has this
 * @param login   what user, password and the rest come to, the password's file read
 */
public record RouteConfig(List<String> hosts, boolean lmtp, @Nullable TlsPolicy tls, String user, String password,
        Optional<Path> passwordFile, boolean authWithoutTls, Optional<MaildirConfig> maildir,
        Optional<RouteLogin> login) {
    static final Table<RouteConfig> TABLE = Table.of(RouteConfig.class, RouteConfig::new, "");
    public static final Key<RouteConfig, List<String>> HOSTS = TABLE
            .key("hosts", RouteConfig::hosts, texts(Syntax::host).allowing("", "minItems", 1),
                    "\"name\", \"name:port\", \"address:port\", \"[v6]:port\" or \"unix:/path\", tried in order.")
            .required().example("[\"mx.internal.example:2526\", \"192.0.2.7\"]");
    public static final Key<RouteConfig, Boolean> LMTP = TABLE.key("lmtp", RouteConfig::lmtp, flag(false),
            "Speak LMTP (RFC 2033).");
    public static final Key<RouteConfig, @Nullable TlsPolicy> TLS = TABLE
            .key("tls", RouteConfig::tls, Types.orNone(TlsPolicy.type()),
                    "Instead of what delivery.tls and the shaping file say.")
            .example("\"opportunistic\"");
    public static final Key<RouteConfig, String> USER = TABLE
            .key("user", RouteConfig::user, text("a text in quotes", "", RouteConfig::loginText),
                    "Whom to log in to the hosts as (AUTH, RFC 4954): by SCRAM-SHA-256, PLAIN or LOGIN, the first of "
                            + "these that the host offers. Empty: without a login.")
            .example("\"smarthost-user\"");
    public static final Key<RouteConfig, String> PASSWORD = TABLE.key("password", RouteConfig::password,
            secret("a text in quotes", RouteConfig::loginText), "The password for it …");
    public static final Key<RouteConfig, Optional<Path>> PASSWORD_FILE = TABLE.key("password-file",
            RouteConfig::passwordFile, optionalPath(SourceReader::passwordFile),
            "… or the file whose first line it is, read at a start and at each reload.");
    public static final Key<RouteConfig, Boolean> AUTH_WITHOUT_TLS = TABLE.key("auth-without-tls",
            RouteConfig::authWithoutTls, flag(false),
            "Whether the password may be said in clear. To hosts on this machine it is in any case.");

    public RouteConfig {
        hosts = List.copyOf(hosts);
    }

    private RouteConfig(Values<RouteConfig> values) {
        this(values.get(HOSTS), values.get(LMTP), values.get(TLS), values.get(USER), values.get(PASSWORD),
                values.get(PASSWORD_FILE), values.get(AUTH_WITHOUT_TLS), Optional.empty(), Optional.empty());
    }

    /** To hosts, with TLS as everywhere. */
    public RouteConfig(List<String> hosts, boolean lmtp) {
        this(hosts, lmtp, null);
    }

    /** To hosts. */
    public RouteConfig(List<String> hosts, boolean lmtp, @Nullable TlsPolicy tls) {
        this(hosts, lmtp, tls, "", "", Optional.empty(), false, Optional.empty(), Optional.empty());
    }

    /** The same with {@code policy} where it says nothing about TLS. */
    RouteConfig orTls(TlsPolicy policy) {
        return tls == null && maildir.isEmpty()
                ? new RouteConfig(hosts, lmtp, policy, user, password, passwordFile, authWithoutTls, maildir, login)
                : this;
    }

    /** Into Maildirs. */
    public static RouteConfig of(MaildirConfig maildir) {
        return new RouteConfig(List.of(), false, null, "", "", Optional.empty(), false, Optional.of(maildir),
                Optional.empty());
    }

    /** What a user or a password may be: each mechanism has a place for it. */
    static String loginText(String text) {
        if (text.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException("has a control character; allowed: a text without any");
        }
        return SourceReader.login(text);
    }

    /** The login of a table, which is rejected where its keys don't fit together. */
    static Optional<RouteLogin> login(TableBinder table, String user, String password, Optional<Path> file,
            boolean withoutTls) {
        boolean hasPassword = table.says("password") || table.says("password-file");
        if (!password.isEmpty() && file.isPresent()) {
            table.reject("password-file", "password is there as well; allowed: one of the two");
        } else if (!user.isEmpty() && !hasPassword) {
            table.reject("user", "needs password or password-file");
        } else if (user.isEmpty() && hasPassword) {
            table.reject(table.says("password") ? "password" : "password-file", "needs user");
        } else if (user.isEmpty() && table.has("auth-without-tls")) {
            table.reject("auth-without-tls", "has no meaning without user");
        }
        if (user.isEmpty() || password.isEmpty() && file.isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(new RouteLogin(user,
                    file.isPresent() ? loginText(SourceReader.password(file.get())) : password, withoutTls));
        } catch (IOException | IllegalArgumentException e) {
            table.reject("password-file", "can't be used: " + e.getMessage());
            return Optional.empty();
        }
    }

    /** Without the password, so that it never gets into a log. */
    @Override
    public String toString() {
        return "RouteConfig[hosts=" + hosts + ", lmtp=" + lmtp + ", tls=" + tls + ", login=" + login + ", maildir="
                + maildir + "]";
    }
}
