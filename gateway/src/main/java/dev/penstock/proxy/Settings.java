package dev.penstock.proxy;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;

import dev.penstock.config.ProxyConfig;
import dev.penstock.http.ConnectionGate;
import dev.penstock.units.Networks;

/**
 * A configuration, ready for use. Immutable.
 *
 * @param password of {@code config.username()}
 */
record Settings(ProxyConfig config, Networks clients, String password, ConnectionGate.Limits limits) {
    /** @throws IllegalArgumentException when the password's file can't be read any more */
    static Settings of(ProxyConfig config) {
        try {
            return new Settings(config, Networks.parse(config.clients()),
                    config.login(),
                    new ConnectionGate.Limits(config.maxConnections(), config.maxConnectionsPerClient(),
                            Networks.parse(List.of())));
        } catch (IOException e) {
            throw new IllegalArgumentException("proxy.password-file: " + e.getMessage(), e);
        }
    }

    boolean allows(InetAddress client) {
        return clients.contains(client);
    }

    boolean wantsLogin() {
        return !config.username().isEmpty();
    }

    /** In a time that doesn't tell how much of it is right. */
    boolean isRight(String username, String given) {
        boolean rightName = MessageDigest.isEqual(username.getBytes(StandardCharsets.UTF_8),
                config.username().getBytes(StandardCharsets.UTF_8));
        boolean rightPassword = MessageDigest.isEqual(given.getBytes(StandardCharsets.UTF_8),
                password.getBytes(StandardCharsets.UTF_8));
        return rightName && rightPassword;
    }

    /** Without the password, so that it never gets into a log. */
    @Override
    public String toString() {
        return config.toString();
    }
}
