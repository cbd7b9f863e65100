/** Reports to receivers about TLS with their hosts (TLSRPT, RFC 8460). */
@NullMarked
package dev.penstock.tlsreport;

import org.jspecify.annotations.NullMarked;
