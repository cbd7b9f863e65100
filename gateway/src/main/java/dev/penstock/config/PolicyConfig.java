package dev.penstock.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

import dev.penstock.smtp.Mailbox;

/**
 * Who may send what to whom, and for which tenant.
 *
 * @param relay              the first rule that fits decides; where none fits, relay networks and identities may send
 *                           to any domain, and everybody to local domains
 * @param allowNullSender    whether an identity that has sender domains may use the null reverse path as well
 * @param checkFromHeader    whether the addresses of its From field must be in its domains, too
 * @param tenantHeader       the header field that names the tenant, empty for none
 * @param campaignHeader     likewise
 * @param headersFromAnybody whether these fields count from clients, too, that are neither in a relay network nor
 *                           logged in
 * @param removeHeaders      whether these fields are left out of the message
 * @param plugins            a directory of jars with implementations of the plug-in interface
 * @param deadline           for the answer of a plug-in
 * @param onFailure          what is answered when a plug-in doesn't
 * @param maxInFlight        questions to one plug-in at a time; more fail at once
 * @param callout            asked as well
 * @param postmaster         where mail for this server's own postmaster goes; anybody may send to it
 */
public record PolicyConfig(List<RelayRule> relay, boolean allowNullSender, boolean checkFromHeader,
        String tenantHeader, String campaignHeader, boolean headersFromAnybody, boolean removeHeaders,
        Optional<Path> plugins, Duration deadline, OnFailure onFailure, int maxInFlight, Optional<Callout> callout,
        Optional<Mailbox> postmaster) {
    public static final PolicyConfig DEFAULT = new PolicyConfig(List.of());

    public PolicyConfig {
        relay = List.copyOf(relay);
    }

    /** Without an address for the postmaster. */
    public PolicyConfig(List<RelayRule> relay, boolean allowNullSender, boolean checkFromHeader, String tenantHeader,
            String campaignHeader, boolean headersFromAnybody, boolean removeHeaders, Optional<Path> plugins,
            Duration deadline, OnFailure onFailure, int maxInFlight, Optional<Callout> callout) {
        this(relay, allowNullSender, checkFromHeader, tenantHeader, campaignHeader, headersFromAnybody, removeHeaders,
                plugins, deadline, onFailure, maxInFlight, callout, Optional.empty());
    }

    /** With defaults for all else. */
    public PolicyConfig(List<RelayRule> relay) {
        this(relay, true, false, "", "", false, true, Optional.empty(), Duration.ofSeconds(2),
                OnFailure.DEFER, 1_024, Optional.empty());
    }

    /** What is answered when a policy can't be asked, fails or is late. */
    public enum OnFailure {
        /** 451 4.7.1. */
        DEFER,
        /** As if it had said yes. */
        ACCEPT
    }

    /** When a policy is asked. */
    public enum Event {
        CONNECT, MAIL, RECIPIENT, MESSAGE
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
            List<String> senderDomains, List<String> recipientDomains) {
        public RelayRule {
            listeners = List.copyOf(listeners);
            networks = List.copyOf(networks);
            identities = List.copyOf(identities);
            senderDomains = List.copyOf(senderDomains);
            recipientDomains = List.copyOf(recipientDomains);
        }
    }

    /**
     * A policy asked over HTTP.
     *
     * @param http      whom, and how long
     * @param events    when
     * @param headers   names of header fields that it is told at the message's end
     * @param onFailure what is answered when it doesn't
     */
    public record Callout(CalloutConfig http, Set<Event> events, List<String> headers, OnFailure onFailure) {
        public Callout {
            events = Set.copyOf(events);
            headers = List.copyOf(headers);
        }
    }
}
