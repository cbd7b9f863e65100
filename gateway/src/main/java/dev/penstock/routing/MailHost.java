package dev.penstock.routing;

import java.net.InetAddress;

/**
 * An address to open a connection to.
 *
 * @param name       the MX or route host, without a trailing dot; an address literal's text when there is no name
 * @param address    resolved
 * @param port       25 unless a route says otherwise
 * @param preference the MX preference; 0 for routes and implicit MX
 */
public record MailHost(String name, InetAddress address, int port, int preference) {}
