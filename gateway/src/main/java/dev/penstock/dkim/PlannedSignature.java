package dev.penstock.dkim;

import java.util.List;

/**
 * A signature that a message gets, or would get. Immutable.
 *
 * @param domain   {@code d=}
 * @param selector {@code s=}
 * @param fields   {@code h=}: lower case names, each as often as it is covered
 */
public record PlannedSignature(String domain, String selector, List<String> fields) {
    public PlannedSignature {
        fields = List.copyOf(fields);
    }

    /** Whether a field of this name that is there is signed. */
    public boolean covers(String lowerCaseName) {
        return fields.contains(lowerCaseName);
    }
}
