package dev.penstock.auth;

import java.util.List;

/**
 * Who a client has proved to be. Immutable.
 *
 * @param name          the authentication identity, or the name in a client certificate
 * @param tenant        whom it belongs to, empty for none
 * @param senderDomains domains it may send as, {@code *} for any; empty when that isn't restricted
 */
public record Identity(String name, String tenant, List<String> senderDomains) {
    public Identity {
        senderDomains = List.copyOf(senderDomains);
    }
}
