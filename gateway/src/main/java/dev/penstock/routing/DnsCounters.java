package dev.penstock.routing;

import java.util.concurrent.atomic.LongAdder;

/** Thread-safe. What look-ups and answers add up to since the start; read by {@link DnsRouter#stats()}. */
final class DnsCounters {
    final LongAdder hits = new LongAdder();
    final LongAdder misses = new LongAdder();
    final LongAdder staleServed = new LongAdder();
    final LongAdder refreshes = new LongAdder();
    final LongAdder failedRefreshes = new LongAdder();

    final LongAdder queries = new LongAdder();
    final LongAdder overTcp = new LongAdder();
    final LongAdder mismatched = new LongAdder();
    final LongAdder timeouts = new LongAdder();
    final LongAdder serverFailures = new LongAdder();

    final LongAdder badDomains = new LongAdder();
    final LongAdder noSuchDomain = new LongAdder();
    final LongAdder noMailHost = new LongAdder();
    final LongAdder nullMx = new LongAdder();
    final LongAdder loops = new LongAdder();
    final LongAdder ignored = new LongAdder();
    final LongAdder trouble = new LongAdder();
    final LongAdder unasked = new LongAdder();
}
