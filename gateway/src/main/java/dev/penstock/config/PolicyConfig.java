package dev.penstock.config;

import java.util.List;

/**
 * Who may send what to whom, and for which tenant.
 *
 * @param relay the first rule that fits decides; where none fits, relay networks and identities may send to any domain,
 *              and everybody to local domains
 */
public record PolicyConfig(List<RelayRule> relay) {
    public static final PolicyConfig DEFAULT = new PolicyConfig(List.of());

    public PolicyConfig {
        relay = List.copyOf(relay);
    }

    /**
     * Fits when every list that isn't empty has something that fits.
     *
     * @param permit           else 554 5.7.1
     * @param listeners        names of listeners
     * @param networks         the client's, as CIDR blocks
     * @param identities       who has logged in; {@code *} for anybody who has
     * @param senderDomains    {@code example.com}, {@code .example.com} for those below it, {@code <>} for reports
     * @param recipientDomains likewise; {@code local} for all local domains
     */
    public record RelayRule(boolean permit, List<String> listeners, List<String> networks, List<String> identities,
            List<String> senderDomains, List<String> recipientDomains) {}
}
