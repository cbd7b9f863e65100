/**
 * DKIM (RFC 6376, RFC 8463): signatures over messages that are received, the keys for them, and a verifier. Pure over octets
 * but for the key files.
 */
@NullMarked
package dev.penstock.dkim;

import org.jspecify.annotations.NullMarked;
