/**
 * Other servers' configuration turned into Penstock's, with a report of every key. Pure but for reading the files.
 */
@NullMarked
package dev.penstock.migration;

import org.jspecify.annotations.NullMarked;
