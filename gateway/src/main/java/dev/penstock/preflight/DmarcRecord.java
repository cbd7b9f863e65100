package dev.penstock.preflight;

import java.util.List;
import java.util.Locale;

import org.jspecify.annotations.Nullable;

import dev.penstock.dkim.TagList;

/**
 * A DMARC policy record (RFC 9989). Immutable.
 *
 * @param policy     {@code p=}: {@code none}, {@code quarantine} or {@code reject}; {@code none} where it isn't valid
 * @param hasPolicy  whether {@code p=} is there and valid: receivers of the older rules ignore the record else
 * @param strictDkim {@code adkim=s}
 * @param strictSpf  {@code aspf=s}
 */
record DmarcRecord(String policy, boolean hasPolicy, boolean strictDkim, boolean strictSpf, Psd psd) {
    /** Whether the domain is one under which others are registered. */
    enum Psd {
        YES, NO,
        /** Not said: the tree walk finds out. */
        UNSAID
    }

    private static final List<String> POLICIES = List.of("none", "quarantine", "reject");

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

    private static @Nullable DmarcRecord parse(String text) {
        TagList tags;
        try {
            tags = TagList.parse(text.toLowerCase(Locale.ROOT)); // as all that is looked at reads
        } catch (IllegalArgumentException _) {
            return null;
        }
        String policy = word(tags, "p");
        boolean valid = POLICIES.contains(policy);
        return new DmarcRecord(valid ? policy : "none", valid, word(tags, "adkim").equals("s"),
                word(tags, "aspf").equals("s"), switch (word(tags, "psd")) {
                    case "y" -> Psd.YES;
                    case "n" -> Psd.NO;
                    default -> Psd.UNSAID;
                });
    }

    private static String word(TagList tags, String name) {
        return tags.get(name, "");
    }
}
