package dev.penstock.preflight;

import java.util.List;

/** Who knows what this gateway will sign a message with. Thread-safe; must return at once. */
@FunctionalInterface
public interface PlannedSignatures {
    /** Nothing is signed here: the signatures that a message has are all there are. */
    PlannedSignatures NONE = (_, _) -> List.of();

    /**
     * @param tenant     empty when unknown
     * @param fromDomain lower case; empty when the From field names none
     */
    List<SignatureFacts> of(String tenant, String fromDomain);
}
