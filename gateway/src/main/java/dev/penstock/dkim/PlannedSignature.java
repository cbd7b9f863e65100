package dev.penstock.dkim;

import java.util.List;

/**
 * A signature that a message gets, or would get. Immutable.
 *
 * @param domain   {@code d=}
 * @param selector {@code s=}
 * @param algorithm {@code a=}; empty while the key hasn't been read
 * @param fields   {@code h=}: lower case names, each as often as it is covered
 */
public record PlannedSignature(String domain, String selector, String algorithm, List<String> fields) {
    public PlannedSignature {
        fields = List.copyOf(fields);
    }

    /** Whether a field of this name that is there is signed. */
    public boolean covers(String lowerCaseName) {
        return fields.contains(lowerCaseName);
    }
}
