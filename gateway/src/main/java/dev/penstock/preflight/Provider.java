package dev.penstock.preflight;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

/**
 * Whose demands are known. Their rules name consumers' mailboxes, whose domains are theirs, so no MX is asked for: domains
 * of customers that they host have their owners' rules.
 */
public enum Provider {
    GMAIL("Gmail", Set.of("gmail.com", "googlemail.com"), Set.of()),
    YAHOO("Yahoo", Set.of("aol.com", "ymail.com", "rocketmail.com", "aim.com", "myyahoo.com"), Set.of("yahoo", "aol")),
    MICROSOFT("Microsoft", Set.of("msn.com", "passport.com"), Set.of("outlook", "hotmail", "live")),
    APPLE("Apple", Set.of("icloud.com", "me.com", "mac.com"), Set.of());

    /** Labels of a country, {@code de} or {@code co.uk}. */
    private static final int MOST_LABELS = 3;
    private static final int COUNTRY = 2; // letters

    private static final Map<String, Provider> BY_DOMAIN = Stream.of(values())
            .flatMap(provider -> provider.domains.stream().map(domain -> Map.entry(domain, provider)))
            .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue));
    private static final Map<String, Provider> BY_BRAND = Stream.of(values())
            .flatMap(provider -> provider.brands.stream().map(brand -> Map.entry(brand, provider)))
            .collect(Collectors.toUnmodifiableMap(Map.Entry::getKey, Map.Entry::getValue));

    private final String label;
    @SuppressWarnings("ImmutableEnumChecker") // Set.of
    private final Set<String> domains;
    /** First labels of domains that it has in many countries. */
    @SuppressWarnings("ImmutableEnumChecker") // likewise
    private final Set<String> brands;

    Provider(String label, Set<String> domains, Set<String> brands) {
        this.label = label;
        this.domains = domains;
        this.brands = brands;
    }

    /** As people call it. */
    public String label() {
        return label;
    }

    /** As a header field calls it. */
    String word() {
        return label.toLowerCase(Locale.ROOT);
    }

    /** @param domain in lower case */
    public static @Nullable Provider of(String domain) {
        @Nullable
        Provider own = BY_DOMAIN.get(domain);
        if (own != null) {
            return own;
        }
        int dot = domain.indexOf('.');
        @Nullable
        Provider brand = dot < 0 ? null : BY_BRAND.get(domain.substring(0, dot));
        return brand != null && isTopLevel(domain.substring(dot + 1)) ? brand : null;
    }

    /** {@code com}, a country, or a country's commercial part. */
    private static boolean isTopLevel(String rest) {
        List<String> labels = List.of(rest.split("\\.", MOST_LABELS));
        return switch (labels.size()) {
            case 1 -> rest.equals("com") || rest.length() == COUNTRY;
            case 2 -> (labels.getFirst().equals("co") || labels.getFirst().equals("com"))
                    && labels.getLast().length() == COUNTRY;
            default -> false;
        };
    }
}
