/**
 * What a package registers its figures with, so that a scrape reads them: counters and gauges read from a snapshot, and
 * histograms that are counted into on the way of a message.
 */
@NullMarked
package dev.penstock.meters;

import org.jspecify.annotations.NullMarked;
