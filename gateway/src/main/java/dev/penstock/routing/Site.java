package dev.penstock.routing;

/**
 * Domains whose mail goes to the same set of MX hosts: the unit that connection limits and rates apply to.
 *
 * @param name equal for equal host sets, readable: the hosts' common suffix form, {@code mx1.example.net+2}, or a
 *             configured route's name
 */
public record Site(String name) {}
