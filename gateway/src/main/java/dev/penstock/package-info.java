/** The gateway: its composition root. */
@NullMarked
package dev.penstock;

import org.jspecify.annotations.NullMarked;
