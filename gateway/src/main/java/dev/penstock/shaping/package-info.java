/**
 * How fast: connection limits, rates and the rules that choose them per site and domain. Knows no sockets.
 */
@NullMarked
package dev.penstock.shaping;

import org.jspecify.annotations.NullMarked;
