/**
 * Listeners and the SMTP server's session state machine on reactor-netty event loops.
 */
@NullMarked
package dev.penstock.inbound;

import org.jspecify.annotations.NullMarked;
