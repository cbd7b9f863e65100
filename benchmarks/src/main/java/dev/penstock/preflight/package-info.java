/** What benchmarks of this package need from inside it. */
@NullMarked
package dev.penstock.preflight;

import org.jspecify.annotations.NullMarked;
