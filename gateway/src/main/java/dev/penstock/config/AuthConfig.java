package dev.penstock.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * Who may log in, over SMTP and HTTP.
 *
 * @param users    the credentials file, which {@code penstock user} writes; looked at again when it changes
 * @param callout  asked about names that the file doesn't have
 * @param bearer   asked about the tokens of OAUTHBEARER
 */
public record AuthConfig(Optional<Path> users, Optional<CalloutConfig> callout, Optional<CalloutConfig> bearer) {
    public static final AuthConfig DEFAULT = new AuthConfig(Optional.empty(), Optional.empty(), Optional.empty());
}
