/**
 * TLS on both sides: certificates that are looked at again when they change, SNI, client certificates.
 */
@NullMarked
package dev.penstock.tls;

import org.jspecify.annotations.NullMarked;
