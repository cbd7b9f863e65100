/**
 * Twins of receivers: what Gmail, Outlook, Yahoo and others take from a source, and what they say to who sends more, as
 * data files and one state machine. Pure: no sockets, no threads, and the time is given. The measuring sink answers by
 * them over real connections, the simulation asks them in virtual time.
 */
@NullMarked
package dev.penstock.loadgen.twin;

import org.jspecify.annotations.NullMarked;
