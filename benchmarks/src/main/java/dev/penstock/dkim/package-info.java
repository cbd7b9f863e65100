/** What benchmarks of this package need from inside it. */
@NullMarked
package dev.penstock.dkim;

import org.jspecify.annotations.NullMarked;
