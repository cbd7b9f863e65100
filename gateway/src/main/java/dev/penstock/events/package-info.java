/**
 * The delivery log: one JSON line per event.
 */
@NullMarked
package dev.penstock.events;

import org.jspecify.annotations.NullMarked;
