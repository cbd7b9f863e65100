/**
 * The server behind every port for HTTP: who may have how many connections and how long they wait, TLS, which path is
 * answered by whom, who the client is.
 */
@NullMarked
package dev.penstock.http;

import org.jspecify.annotations.NullMarked;
