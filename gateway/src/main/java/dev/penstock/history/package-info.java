/**
 * The message story: an index beside the delivery log, built behind it from its files, that finds what became of a message.
 */
@NullMarked
package dev.penstock.history;

import org.jspecify.annotations.NullMarked;
