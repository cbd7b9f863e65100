/**
 * Questions asked over HTTP, with a deadline.
 */
@NullMarked
package dev.penstock.callout;

import org.jspecify.annotations.NullMarked;
