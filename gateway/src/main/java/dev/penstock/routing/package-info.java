/**
 * Recipient domain to hosts: configured routes, MX resolution, the answer cache, sites.
 */
@NullMarked
package dev.penstock.routing;

import org.jspecify.annotations.NullMarked;
