/** Measures the index of the delivery log, in its package for its parts. */
@NullMarked
package dev.penstock.history;

import org.jspecify.annotations.NullMarked;
