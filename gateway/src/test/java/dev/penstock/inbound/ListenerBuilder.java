package dev.penstock.inbound;

import java.time.Duration;
import java.util.List;
import java.util.Set;

import dev.penstock.config.ListenAddress;
import dev.penstock.config.ListenerConfig;
import dev.penstock.config.ListenerLimits;
import dev.penstock.config.ListenerTls;

/** A listener on a free port of 127.0.0.1, with what a test wants otherwise. */
final class ListenerBuilder {
    private ListenerTls tls = ListenerTls.NONE;
    private Set<String> withheld = Set.of();
    private List<String> mechanisms = ListenerConfig.MECHANISMS;
    private boolean authRequired;
    private List<String> proxyNetworks = List.of();
    private Duration proxyTimeout = Duration.ofSeconds(5);
    private List<String> xclientNetworks = List.of();
    private String tenant = "";
    private String campaign = "";
    private ListenerLimits limits = ListenerLimits.NONE;

    ListenerConfig build() {
        return ListenerConfig.DEFAULT.with(ListenerConfig.ADDRESSES, List.of(new ListenAddress("127.0.0.1", 0)))
                .with(ListenerConfig.TLS, tls).with(ListenerConfig.WITHHELD, withheld)
                .with(ListenerConfig.OFFERED_MECHANISMS, mechanisms).with(ListenerConfig.AUTH_REQUIRED, authRequired)
                .with(ListenerConfig.PROXY_NETWORKS, proxyNetworks).with(ListenerConfig.PROXY_TIMEOUT, proxyTimeout)
                .with(ListenerConfig.XCLIENT_NETWORKS, xclientNetworks).with(ListenerConfig.TENANT, tenant)
                .with(ListenerConfig.CAMPAIGN, campaign).with(ListenerConfig.LIMITS, limits);
    }

    ListenerBuilder tls(ListenerTls config) {
        tls = config;
        return this;
    }

    ListenerBuilder withheld(String... keywords) {
        withheld = Set.of(keywords);
        return this;
    }

    ListenerBuilder mechanisms(String... names) {
        mechanisms = List.of(names);
        return this;
    }

    ListenerBuilder authRequired() {
        authRequired = true;
        return this;
    }

    ListenerBuilder proxies(Duration timeout, String... networks) {
        proxyTimeout = timeout;
        proxyNetworks = List.of(networks);
        return this;
    }

    ListenerBuilder xclient(String... networks) {
        xclientNetworks = List.of(networks);
        return this;
    }

    ListenerBuilder names(String ofTenant, String ofCampaign) {
        tenant = ofTenant;
        campaign = ofCampaign;
        return this;
    }

    ListenerBuilder limits(ListenerLimits own) {
        limits = own;
        return this;
    }
}
