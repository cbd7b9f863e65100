/**
 * SMTP dialogues as watchers see them, live: who watches what, what is shown of a line, and what is left out. Knows neither
 * servers nor clients of SMTP: sessions tell it their lines.
 */
@NullMarked
package dev.penstock.trace;

import org.jspecify.annotations.NullMarked;
