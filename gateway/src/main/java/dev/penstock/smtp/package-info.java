/**
 * The SMTP grammar (RFC 5321) as records and pure functions over bytes: no Netty, no sockets, no threads.
 */
@NullMarked
package dev.penstock.smtp;

import org.jspecify.annotations.NullMarked;
