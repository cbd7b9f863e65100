/**
 * {@code penstock proxy}: clients' connections go on to hosts from addresses of this machine. A program of its own, which
 * knows nothing of mail.
 */
@NullMarked
package dev.penstock.proxy;

import org.jspecify.annotations.NullMarked;
