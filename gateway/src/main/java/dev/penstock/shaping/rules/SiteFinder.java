package dev.penstock.shaping.rules;

import java.util.concurrent.CompletableFuture;

import dev.penstock.routing.Site;

/** Finds where a domain's mail goes. Thread-safe; never blocks; never fails exceptionally. */
@FunctionalInterface
public interface SiteFinder {
    /** @param domain lower case */
    CompletableFuture<Answer> find(String domain);

    /** What is known of a domain's hosts. */
    sealed interface Answer {
        /** They are these. */
        record At(Site site) implements Answer {}

        /** There are none: no such domain, or a null MX. */
        record Nowhere(String why) implements Answer {}

        /** Nobody could say. */
        record Unknown(String why) implements Answer {}
    }
}
