/**
 * {@code penstock top}: a running gateway on a terminal, as it goes on. What is shown is made of answers by pure functions,
 * and what a key does by a state machine; one thread has the screen.
 */
@NullMarked
package dev.penstock.top;

import org.jspecify.annotations.NullMarked;
