package dev.penstock.config;

import java.util.List;
import java.util.Optional;

/**
 * One table of the credentials file. Immutable.
 *
 * @param name             prepared by SASLprep (RFC 4013); letter case counts
 * @param password         for PLAIN, LOGIN and HTTP
 * @param scramSha256      for SCRAM-SHA-256 and SCRAM-SHA-256-PLUS
 * @param tenant           whom the user's mail belongs to, empty for none
 * @param senderDomains    domains the user may send as, {@code *} for any, {@code .example.com} for those below it; empty
 *                         when that isn't restricted
 * @param certificateNames names in client certificates that log this user in
 * @param disabled         refused like a wrong password
 */
public record UserConfig(String name, Optional<PasswordHash> password, Optional<ScramVerifier> scramSha256,
        String tenant,
        List<String> senderDomains, List<String> certificateNames, boolean disabled) {
    public UserConfig {
        senderDomains = List.copyOf(senderDomains);
        certificateNames = List.copyOf(certificateNames);
    }
}
