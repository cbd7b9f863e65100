/**
 * Who we are to a receiver: sources, which addresses of theirs are plumbed here, and connections from them, directly or
 * through proxies.
 */
@NullMarked
package dev.penstock.egress;

import org.jspecify.annotations.NullMarked;
