package dev.penstock.routing;

import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.TlsPolicy;

/** Where a domain's mail goes, as known now. */
public sealed interface Route {
    /**
     * Hosts to try.
     *
     * @param site  what the domain is grouped under
     * @param hosts in the order to try: by preference, equal preferences shuffled anew for each call; not empty
     * @param lmtp  speak LMTP instead of SMTP
     * @param configured whether the configuration names the hosts, instead of DNS
     * @param tls   how to use TLS, null for the same as everywhere
     */
    record Hosts(Site site, List<MailHost> hosts, boolean lmtp, boolean configured,
            @Nullable TlsPolicy tls) implements Route {
        /** As DNS has them. */
        public Hosts(Site site, List<MailHost> hosts, boolean lmtp) {
            this(site, hosts, lmtp, false, null);
        }
    }

    /**
     * No hosts.
     *
     * @param permanent whether trying again is useless
     * @param code      SMTP reply code that says so: 556 for a null MX, 550 for no such domain, 451 for DNS trouble …
     * @param enhanced  enhanced status code (RFC 3463, RFC 7505), {@code 5.1.10}
     * @param text      what is wrong, naming the domain
     */
    record Failure(boolean permanent, int code, String enhanced, String text) implements Route {}
}
