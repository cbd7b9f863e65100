package dev.penstock.dkim;

import java.util.List;

/** Where keys of others are published. */
@FunctionalInterface
public interface PublicKeys {
    /** What was found under a name. */
    sealed interface Answer {}

    /** @param texts of each record, its strings joined; one at least */
    record Found(List<String> texts) implements Answer {}

    /** There is no such record. */
    record None() implements Answer {}

    /** It can't be told now. */
    record Failed(String why) implements Answer {}

    /** @param name {@code SELECTOR._domainkey.DOMAIN} */
    Answer find(String name);
}
