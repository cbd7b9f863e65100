package dev.penstock.config;

import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * What a section of the shaping file is meant for by its name. Immutable.
 *
 * @param matches the domain, as it is routed by, or the site; empty when the name can match nothing
 * @param doubt   what is odd about the name and what was probably meant, empty when nothing is
 */
record SectionName(String matches, String doubt) {
    /** What names of sites are made of: hosts, their ports and the signs between them. */
    private static final Pattern SITE = Pattern
            .compile("[a-z0-9._:,|()?+~\\[\\]/-]*[|,:(\\[+/][a-z0-9._:,|()?+~\\[\\]/-]*");
    /** The name of a site whose short one another has; its section is named by the short one. */
    private static final Pattern FULL_DIGEST = Pattern.compile(".*\\+\\d+~[0-9a-f]{64}");
    private static final String NOTHING = "matches nothing: ";

    static SectionName of(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        if (lower.contains("->")) {
            String site = lower.substring(lower.indexOf("->") + 2).replaceFirst("( \\(\\w+\\)|@\\w+)$", "");
            return nothing("a section is named by the site alone, without the source", withoutKind(site));
        }
        if (lower.startsWith("domain:")) {
            return nothing("a section for a domain is named by the domain alone", withoutKind(lower));
        }
        if (lower.contains("*")) {
            String domain = lower.replaceFirst("^\\*\\.", "");
            String advice = "a section is for one domain, or for one site as the delivery log names it, "
                    + "not for a pattern";
            return domain.contains("*") ? new SectionName("", NOTHING + advice) : nothing(advice, domain);
        }
        if (lower.contains("@")) {
            return nothing("a section is for a domain, whoever sends and what",
                    lower.substring(lower.lastIndexOf('@') + 1));
        }
        if (FULL_DIGEST.matcher(lower).matches()) {
            return new SectionName("", NOTHING + "this site has a longer name because another has its short one; "
                    + "a section is named by the short one, with ten digits behind ~");
        }
        try {
            String domain = Syntax.domain(name.endsWith(".") ? name.substring(0, name.length() - 1) : name);
            if (domain.contains(".")) {
                return new SectionName(domain, "");
            }
            String nearest = Nearest.to(domain, List.of("default", "provider"));
            return new SectionName(domain, "the section's name has no dot, so it matches no usual domain; "
                    + (nearest == null ? "is a domain meant?" : "did you mean [\"" + nearest + "\"]?"));
        } catch (IllegalArgumentException e) {
            return SITE.matcher(lower).matches()
                    ? new SectionName(lower, "")
                    : new SectionName("", NOTHING + e.getMessage() + ", or a site as the delivery log names it");
        }
    }

    private static SectionName nothing(String why, String meant) {
        return new SectionName("", NOTHING + why + "; did you mean [\"" + meant + "\"]?");
    }

    private static String withoutKind(String site) {
        return site.startsWith("domain:") ? site.substring("domain:".length()) : site;
    }
}
