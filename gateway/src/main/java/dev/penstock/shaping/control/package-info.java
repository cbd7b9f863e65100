/**
 * What receivers' answers make of limits: rates and windows that are learned, probes of what is blocked, incidents, and the
 * automation rules of the shaping file. State machines without sockets; docs/adaptive-control.md says why.
 */
@NullMarked
package dev.penstock.shaping.control;

import org.jspecify.annotations.NullMarked;
