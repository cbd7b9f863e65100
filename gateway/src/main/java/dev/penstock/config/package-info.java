/**
 * Typed configuration records with their defaults, and the TOML reader that fills them.
 */
@NullMarked
package dev.penstock.config;

import org.jspecify.annotations.NullMarked;
