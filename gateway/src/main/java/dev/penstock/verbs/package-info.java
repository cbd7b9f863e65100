/**
 * What operators order: mail suspended, verbs as jobs, a drain. Everything is recorded before it begins, and a restart goes on
 * with what wasn't over.
 */
@NullMarked
package dev.penstock.verbs;

import org.jspecify.annotations.NullMarked;
