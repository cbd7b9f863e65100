/**
 * Counters of every part for Prometheus, and the health endpoints.
 */
@NullMarked
package dev.penstock.metrics;

import org.jspecify.annotations.NullMarked;
