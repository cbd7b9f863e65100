/**
 * The load generator, the measuring sink and the ledger that proves what happened between them. Of the gateway they know
 * only its units: they read and write SMTP by code of their own, since a flaw that both ends of a measurement shared
 * with what is measured would cancel out.
 */
@NullMarked
package dev.penstock.loadgen;

import org.jspecify.annotations.NullMarked;
