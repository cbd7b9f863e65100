/** What benchmarks of this package need from inside it. */
@NullMarked
package dev.penstock.queue;

import org.jspecify.annotations.NullMarked;
