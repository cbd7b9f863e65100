package dev.penstock.config;

/**
 * How a route's hosts are logged in to (RFC 4954). Immutable.
 *
 * @param user       not empty
 * @param password   not empty
 * @param withoutTls whether it may be said in clear to hosts that aren't on this machine
 */
public record RouteLogin(String user, String password, boolean withoutTls) {
    /** Without the password, so that it never gets into a log. */
    @Override
    public String toString() {
        return "RouteLogin[user=" + user + ", withoutTls=" + withoutTls + "]";
    }
}
