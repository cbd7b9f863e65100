package dev.penstock.policy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.auth.Identity;

/** Clients of every kind. Stateless. */
final class Clients {
    static final Client STRANGER = client("192.0.2.1", "smtp", null, false);
    static final Client RELAY = client("10.0.0.1", "smtp", null, true);
    static final Client BOB = client("192.0.2.2", "submission", new Identity("bob", "", List.of()), false);

    private Clients() {}

    static Client client(String address, String listener, @Nullable Identity identity, boolean relayNetwork) {
        return new Client("s-1", listener, new InetSocketAddress(InetAddress.ofLiteral(address), 40_000),
                "client.example", "ESMTP", "", identity, relayNetwork, "", "");
    }

    /** Logged in as {@code ann}. */
    static Client restrictedTo(String... domains) {
        return client("192.0.2.3", "submission", new Identity("ann", "", List.of(domains)), false);
    }

    static Client ofTenant(@Nullable Identity identity, boolean relayNetwork, String tenant, String campaign) {
        return new Client("s-1", "smtp", new InetSocketAddress(InetAddress.ofLiteral("192.0.2.4"), 40_000),
                "client.example", "ESMTP", "", identity, relayNetwork, tenant, campaign);
    }
}
