/**
 * How every message comes in, by SMTP, over HTTP or as a report made here: edits of its header section, what goes before
 * its content, the envelope, the commit into the spool, the Reception event, and the hand-over to the queue.
 */
@NullMarked
package dev.penstock.reception;

import org.jspecify.annotations.NullMarked;
