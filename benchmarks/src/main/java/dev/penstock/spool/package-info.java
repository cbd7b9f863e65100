/** What benchmarks of this package need from inside it. */
@NullMarked
package dev.penstock.spool;

import org.jspecify.annotations.NullMarked;
