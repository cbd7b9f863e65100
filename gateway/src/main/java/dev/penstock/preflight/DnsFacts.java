package dev.penstock.preflight;

import java.util.List;
import java.util.Map;

/**
 * What DNS says of a message's domains and of our addresses. Immutable. What isn't known yet is there as unknown, so that a
 * judgement can always be made.
 *
 * @param keys  by {@link SignatureFacts#keyName}
 * @param walks by domain: the author's, the return path's, those of signatures
 * @param spf   for each of our addresses
 * @param names likewise
 */
record DnsFacts(Map<String, KeyFacts> keys, Map<String, TreeWalk.Found> walks, List<SpfFacts> spf,
        List<AddressFacts> names) {
    DnsFacts {
        keys = Map.copyOf(keys);
        walks = Map.copyOf(walks);
        spf = List.copyOf(spf);
        names = List.copyOf(names);
    }
}
