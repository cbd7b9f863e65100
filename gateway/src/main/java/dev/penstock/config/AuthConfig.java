package dev.penstock.config;

import static dev.penstock.config.Types.optional;
import static dev.penstock.config.Types.optionalPath;
import static dev.penstock.config.Types.words;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Who may log in, over SMTP and HTTP. Each component is the key of its name. */
public record AuthConfig(List<String> mechanisms, Optional<Path> users, Optional<CalloutConfig> callout,
        Optional<CalloutConfig> bearer) implements TableRecord<AuthConfig> {
    /** All there are, in the order in which they are offered: strongest first. */
    public static final List<String> MECHANISMS = List.of("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "OAUTHBEARER",
            "XOAUTH2",
            "PLAIN", "LOGIN");

    static final Table<AuthConfig> TABLE = Table.of(AuthConfig.class, AuthConfig::new,
            "Who may log in, see gateway/docs/authentication.md. Nobody, as long as nothing is named here.");
    public static final Key<AuthConfig, List<String>> ALLOWED_MECHANISMS = TABLE
            .key("mechanisms", AuthConfig::mechanisms,
                    words(MECHANISMS, AuthReader::mechanism, MECHANISMS.toArray(String[]::new)),
                    "SASL mechanisms that may be offered. Those that reveal a password or a token are offered only over "
                            + "TLS, each only when there is something to check it against.");
    public static final Key<AuthConfig, Optional<Path>> USERS = TABLE.key("users", AuthConfig::users,
            optionalPath(AuthReader::users),
            "The credentials file, which \"penstock user\" writes. A change is taken over within a second.");
    public static final Key<AuthConfig, Optional<CalloutConfig>> CALLOUT = TABLE.key("callout", AuthConfig::callout,
            optional(CalloutConfig.TABLE, CalloutReader::read),
            "Asked about the passwords of names that the file doesn't have; no answer is 454, never a login.");
    public static final Key<AuthConfig, Optional<CalloutConfig>> BEARER = TABLE.key("bearer", AuthConfig::bearer,
            optional(CalloutConfig.TABLE, CalloutReader::read),
            "Asked about the tokens of OAUTHBEARER and XOAUTH2; no answer is 454, never a login.");

    public static final AuthConfig DEFAULT = TABLE.defaults();

    public AuthConfig {
        mechanisms = List.copyOf(mechanisms);
    }

    private AuthConfig(Values<AuthConfig> values) {
        this(values.get(ALLOWED_MECHANISMS), values.get(USERS), values.get(CALLOUT), values.get(BEARER));
    }
}
