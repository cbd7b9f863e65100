package dev.penstock.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Who may log in, over SMTP and HTTP.
 *
 * @param mechanisms SASL mechanisms that may be offered; which are depends on TLS and on what there is to check against
 * @param users      the credentials file, which {@code penstock user} writes; looked at again when it changes
 * @param callout    asked about names that the file doesn't have
 * @param bearer     asked about the tokens of OAUTHBEARER
 */
public record AuthConfig(List<String> mechanisms, Optional<Path> users, Optional<CalloutConfig> callout,
        Optional<CalloutConfig> bearer) {
    /** All there are, in the order in which they are offered: strongest first. */
    public static final List<String> MECHANISMS = List.of("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "OAUTHBEARER",
            "XOAUTH2",
            "PLAIN", "LOGIN");
    public static final AuthConfig DEFAULT = new AuthConfig(Optional.empty(), Optional.empty(), Optional.empty());

    public AuthConfig {
        mechanisms = List.copyOf(mechanisms);
    }

    /** With all mechanisms. */
    public AuthConfig(Optional<Path> users, Optional<CalloutConfig> callout, Optional<CalloutConfig> bearer) {
        this(MECHANISMS, users, callout, bearer);
    }
}
