/** What MIME (RFC 2045, RFC 2046) makes of content that has to change for a host: 8-bit content as 7-bit. */
@NullMarked
package dev.penstock.mime;

import org.jspecify.annotations.NullMarked;
