/**
 * The configuration of a running gateway as it changes: which files there are, the versions of them that were in force, who
 * changed them and why, and how another one comes into force, whole or not at all.
 */
@NullMarked
package dev.penstock.revision;

import org.jspecify.annotations.NullMarked;
