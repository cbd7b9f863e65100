package dev.penstock.preflight;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

/**
 * A DMARC policy record (RFC 9989 4.7). Immutable. Only its version has to be right: what isn't known or has no valid value
 * is as if it weren't there, and of a tag that is there twice the first counts.
 *
 * @param policy     {@code p=} for the domain itself; {@code none} where it isn't valid
 * @param sub        {@code sp=} for domains below that exist; {@code p=} without one
 * @param absent     {@code np=} for domains below that don't exist; {@code sp=} without one
 * @param isTest     {@code t=y}: of each policy the one below it is to be applied, quarantine for reject and none for quarantine
 * @param hasPolicy  whether {@code p=} is there and all policies are valid: receivers of the older rules ignore the record
 *                   else
 * @param isOfUse    whether they are, or reports are asked for: the record stands for {@code p=none} then; without either
 *                   receivers go on as if there were none (RFC 9989 4.10.1)
 * @param strictDkim {@code adkim=s}
 * @param strictSpf  {@code aspf=s}
 */
record DmarcRecord(String policy, String sub, String absent, boolean isTest, boolean hasPolicy, boolean isOfUse,
        boolean strictDkim, boolean strictSpf, Psd psd) {
    /** Whether the domain is one under which others are registered. */
    enum Psd {
        YES, NO,
        /** Not said: the tree walk finds out. */
        UNSAID
    }

    private static final String NONE = "none";
    private static final List<String> POLICIES = List.of(NONE, "quarantine", "reject");
    /** An address with a scheme (RFC 3986 3), in a list divided by commas. */
    private static final Pattern REPORTS = Pattern.compile("(?:.*,)?\\s*[A-Za-z][A-Za-z0-9+.-]*:[^\\s,]+\\s*(?:,.*)?");

    /** What counts where there is no record. */
    static final DmarcRecord DEFAULT = parse("v=DMARC1; p=none");

    /** The one among TXT records; none when there are several, or none. */
    static @Nullable DmarcRecord of(List<String> texts) {
        List<String> records = texts.stream().filter(DmarcRecord::isOne).toList();
        return records.size() == 1 ? parse(records.getFirst()) : null;
    }

    /** The version comes first, and exactly so. */
    private static boolean isOne(String text) {
        int end = text.indexOf(';');
        String first = end < 0 ? text : text.substring(0, end);
        int equals = first.indexOf('=');
        return equals > 0 && first.substring(0, equals).strip().equals("v")
                && first.substring(equals + 1).strip().equals("DMARC1");
    }

    private static DmarcRecord parse(String text) {
        Map<String, String> tags = tags(text);
        boolean isValid = isPolicy(tags, "p") && (!tags.containsKey("sp") || isPolicy(tags, "sp"))
                && (!tags.containsKey("np") || isPolicy(tags, "np"));
        String policy = isValid ? word(tags, "p") : NONE;
        String sub = isValid && tags.containsKey("sp") ? word(tags, "sp") : policy;
        String absent = isValid && tags.containsKey("np") ? word(tags, "np") : sub;
        return new DmarcRecord(policy, sub, absent, word(tags, "t").equals("y"), isValid,
                isValid || REPORTS.matcher(tags.getOrDefault("rua", "")).matches(), word(tags, "adkim").equals("s"),
                word(tags, "aspf").equals("s"), switch (word(tags, "psd")) {
                    case "y" -> Psd.YES;
                    case "n" -> Psd.NO;
                    default -> Psd.UNSAID;
                });
    }

    /** What is no tag is left out. */
    private static Map<String, String> tags(String text) {
        Map<String, String> tags = new LinkedHashMap<>();
        for (String part : text.split(";", -1)) {
            int equals = part.indexOf('=');
            if (equals > 0) {
                tags.putIfAbsent(part.substring(0, equals).strip().toLowerCase(Locale.ROOT),
                        part.substring(equals + 1).strip());
            }
        }
        return tags;
    }

    private static boolean isPolicy(Map<String, String> tags, String name) {
        return POLICIES.contains(word(tags, name));
    }

    private static String word(Map<String, String> tags, String name) {
        return tags.getOrDefault(name, "").toLowerCase(Locale.ROOT);
    }

    /** Whether it matters for a domain below that of the record if that exists. */
    boolean asksForExistence() {
        return !sub.equals(absent);
    }

    /**
     * The policy that holds, as the record has it: {@code p=reject}, {@code sp=none}.
     *
     * @param isOwn  whether the record is that of the domain itself
     * @param exists whether the domain does
     */
    String applied(boolean isOwn, boolean exists) {
        return isOwn
                ? "p=" + policy
                : exists
                        ? (sub.equals(policy) ? "p=" : "sp=") + sub
                        : (absent.equals(sub) ? sub.equals(policy) ? "p=" : "sp=" : "np=") + absent;
    }
}
