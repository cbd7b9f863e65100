/**
 * The segment log: append, read, mark, recover, reclaim. Knows nothing of SMTP and queues.
 */
@NullMarked
package dev.penstock.spool;

import org.jspecify.annotations.NullMarked;
