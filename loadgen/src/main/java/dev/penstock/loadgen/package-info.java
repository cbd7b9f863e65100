/**
 * The load generator, the measuring sink and the ledger that proves what happened between them. Knows the gateway's
 * SMTP grammar and nothing else of it.
 */
@NullMarked
package dev.penstock.loadgen;

import org.jspecify.annotations.NullMarked;
