/**
 * The command line: run, check-config, spool.
 */
@NullMarked
package dev.penstock.cli;

import org.jspecify.annotations.NullMarked;
