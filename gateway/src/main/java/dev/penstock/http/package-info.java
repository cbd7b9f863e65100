/** What the ports for HTTP have in common: who may have how many connections, how long they wait, what a path is. */
@NullMarked
package dev.penstock.http;

import org.jspecify.annotations.NullMarked;
