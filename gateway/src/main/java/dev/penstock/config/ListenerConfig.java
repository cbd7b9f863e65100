package dev.penstock.config;

import java.time.Duration;
import java.util.List;
import java.util.Set;

/**
 * One way in: its addresses and what is true of sessions that come by them.
 *
 * @param name            in logs, rules and metrics; unique
 * @param addresses       at least one
 * @param tls             whether and how TLS is spoken
 * @param withheld        EHLO keywords not offered here though the gateway knows them, of {@link #WITHHOLDABLE}
 * @param mechanisms      SASL mechanisms offered, of those that the credentials allow
 * @param authRequired    MAIL is refused (530 5.7.0) before AUTH, or a client certificate that is an identity
 * @param proxyNetworks   whose connections must begin with a PROXY protocol header, version 1 or 2
 * @param proxyTimeout    for that header to come
 * @param xclientNetworks whose clients may use XCLIENT
 * @param tenant          of messages that no stronger rule gives one, empty for none
 * @param campaign        likewise
 * @param limits          what differs here from {@code [inbound]}
 */
public record ListenerConfig(String name, List<ListenAddress> addresses, ListenerTls tls, Set<String> withheld,
        List<String> mechanisms, boolean authRequired, List<String> proxyNetworks, Duration proxyTimeout,
        List<String> xclientNetworks, String tenant, String campaign, ListenerLimits limits) {
    /** Of what Penstock knows, strongest first; OAUTHBEARER and passwords need TLS besides. */
    public static final List<String> MECHANISMS = AuthConfig.MECHANISMS;
    /** EHLO keywords that a listener may leave out; STARTTLS, AUTH and XCLIENT follow from keys of their own. */
    public static final List<String> WITHHOLDABLE = List.of("8BITMIME", "CHUNKING", "DELIVERBY", "DSN",
            "ENHANCEDSTATUSCODES", "FUTURERELEASE", "LIMITS", "PIPELINING", "REQUIRETLS", "SIZE", "SMTPUTF8");
    private static final Duration PROXY_TIMEOUT = Duration.ofSeconds(5); // smtpd_upstream_proxy_timeout of Postfix

    public static final ListenerConfig DEFAULT = new ListenerConfig("127.0.0.1", 2525);

    public ListenerConfig {
        addresses = List.copyOf(addresses);
        withheld = Set.copyOf(withheld);
        mechanisms = List.copyOf(mechanisms);
        proxyNetworks = List.copyOf(proxyNetworks);
        xclientNetworks = List.copyOf(xclientNetworks);
    }

    /** With defaults for all else. */
    public ListenerConfig(String address, int port) {
        this("smtp", List.of(new ListenAddress(address, port)), ListenerTls.NONE, Set.of(), MECHANISMS, false,
                List.of(), PROXY_TIMEOUT, List.of(), "", "", ListenerLimits.NONE);
    }
}
