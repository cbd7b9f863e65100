/**
 * Mail taken over HTTP.
 */
@NullMarked
package dev.penstock.injection;

import org.jspecify.annotations.NullMarked;
