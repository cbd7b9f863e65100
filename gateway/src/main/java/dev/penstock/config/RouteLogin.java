package dev.penstock.config;

/**
 * How the hosts of a route, or of a path, are logged in to (RFC 4954). Immutable.
 *
 * @param user       not empty
 * @param password   not empty
 * @param withoutTls whether it may be said in clear to hosts that aren't on this machine
 * @param withoutCertificate whether it may be said under TLS to a host whose certificate isn't good for its name
 */
public record RouteLogin(String user, String password, boolean withoutTls, boolean withoutCertificate) {
    /** Of a route, which says by its {@code tls} what certificate it wants. */
    public RouteLogin(String user, String password, boolean withoutTls) {
        this(user, password, withoutTls, true);
    }

    /** Without the password, so that it never gets into a log. */
    @Override
    public String toString() {
        return "RouteLogin[user=" + user + ", withoutTls=" + withoutTls + "]";
    }
}
