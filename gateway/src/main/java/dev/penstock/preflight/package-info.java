/**
 * What receivers demand of a message, judged before they are asked: facts, DNS, findings. Nothing here refuses or holds
 * mail, it says what would happen.
 */
@NullMarked
package dev.penstock.preflight;

import org.jspecify.annotations.NullMarked;
