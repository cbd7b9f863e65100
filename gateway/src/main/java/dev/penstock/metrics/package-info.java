/**
 * What Prometheus scrapes, as the parts register it, with the process; and the health endpoints.
 */
@NullMarked
package dev.penstock.metrics;

import org.jspecify.annotations.NullMarked;
