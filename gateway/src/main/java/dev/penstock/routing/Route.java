package dev.penstock.routing;

import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.MaildirConfig;
import dev.penstock.config.RouteLogin;
import dev.penstock.config.TlsPolicy;

/** Where a domain's mail goes, as known now. */
public sealed interface Route {
    /** A route that leads somewhere. */
    sealed interface Open extends Route {
        /** What the domain is grouped under. */
        Site site();

        /** How its mail is handed over. */
        Protocol protocol();

        /** Whether the configuration names where it leads, instead of DNS. */
        boolean configured();

        /** How TLS is used, null for the same as everywhere. */
        @Nullable
        TlsPolicy tls();

        /** What vouches for its hosts. */
        HostProof proof();

        /** How its hosts are logged in to, null for not at all. */
        @Nullable
        RouteLogin login();
    }

    /** How mail is handed over. */
    enum Protocol {
        SMTP,
        LMTP,
        /** Files in a directory of this machine. */
        MAILDIR
    }

    /**
     * Hosts to try.
     *
     * @param site  what the domain is grouped under
     * @param hosts in the order to try: by preference, equal preferences shuffled anew for each call; not empty
     * @param lmtp  speak LMTP instead of SMTP
     * @param configured whether the configuration names the hosts, instead of DNS
     * @param tls   how to use TLS, null for the same as everywhere
     * @param proof what vouches for the hosts where DNS has them from
     * @param login how the hosts are logged in to, null for not at all
     */
    record Hosts(Site site, List<MailHost> hosts, boolean lmtp, boolean configured,
            @Nullable TlsPolicy tls, HostProof proof, @Nullable RouteLogin login) implements Open {
        /** Which nobody logs in to. */
        public Hosts(Site site, List<MailHost> hosts, boolean lmtp, boolean configured, @Nullable TlsPolicy tls,
                HostProof proof) {
            this(site, hosts, lmtp, configured, tls, proof, null);
        }

        /** Which nobody vouches for but the configuration, where it names them. */
        public Hosts(Site site, List<MailHost> hosts, boolean lmtp, boolean configured, @Nullable TlsPolicy tls) {
            this(site, hosts, lmtp, configured, tls, HostProof.NONE);
        }

        /** As DNS has them. */
        public Hosts(Site site, List<MailHost> hosts, boolean lmtp) {
            this(site, hosts, lmtp, false, null);
        }

        @Override
        public Protocol protocol() {
            return lmtp ? Protocol.LMTP : Protocol.SMTP;
        }
    }

    /** Maildirs of this machine. */
    record Store(Site site, MaildirConfig maildir) implements Open {
        @Override
        public Protocol protocol() {
            return Protocol.MAILDIR;
        }

        @Override
        public boolean configured() {
            return true;
        }

        @Override
        public @Nullable TlsPolicy tls() {
            return null;
        }

        @Override
        public HostProof proof() {
            return HostProof.NONE;
        }

        @Override
        public @Nullable RouteLogin login() {
            return null;
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
