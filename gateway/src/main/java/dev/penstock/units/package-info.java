/**
 * Byte sizes, rates and durations as configuration files write them. Knows nothing of anything else.
 */
@NullMarked
package dev.penstock.units;

import org.jspecify.annotations.NullMarked;
