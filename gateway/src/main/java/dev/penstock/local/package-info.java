/**
 * Domains of our own: which recipients there are, and the stores their mail is handed to.
 */
@NullMarked
package dev.penstock.local;

import org.jspecify.annotations.NullMarked;
