/**
 * The gateway's queue, limiters, failure policy and reply rules against twins of receivers, in virtual time: hours in
 * seconds, the same for the same seed. Beside it, for comparison, what Postfix's queue manager would do with the same mail.
 */
@NullMarked
package dev.penstock.simulation;

import org.jspecify.annotations.NullMarked;
