/** MTA-STS (RFC 8461): which hosts a domain says its mail may go to, and whether it insists on their certificates. */
@NullMarked
package dev.penstock.mtasts;

import org.jspecify.annotations.NullMarked;
