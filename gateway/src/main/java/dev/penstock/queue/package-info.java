/**
 * What is sent next: timing wheel, ready queues with fair turns, retry schedule. Knows no sockets.
 */
@NullMarked
package dev.penstock.queue;

import org.jspecify.annotations.NullMarked;
