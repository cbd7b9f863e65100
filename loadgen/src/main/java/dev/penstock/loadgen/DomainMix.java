package dev.penstock.loadgen;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Recipient domains with weights, written {@code d{001..100}.test} or {@code a.test:50,b.test:50}; the weight of a
 * pattern is shared by its domains. Immutable.
 */
public final class DomainMix {
    private static final Pattern RANGE = Pattern.compile("\\{(\\d{1,9})\\.\\.(\\d{1,9})}");
    private static final int MOST_DOMAINS = 1_000_000;

    private final Weighted<String> domains;
    private final byte[][] bytes;

    private DomainMix(Weighted<String> domains) {
        this.domains = domains;
        bytes = domains.items().stream().map(Ascii::of).toArray(byte[][]::new);
    }

    /** @throws IllegalArgumentException when the text isn't a list of domains or patterns with optional weights */
    public static DomainMix parse(String text) {
        List<String> domains = new ArrayList<>();
        List<Double> weights = new ArrayList<>();
        for (Weighted.Term term : Weighted.terms(text)) {
            List<String> expanded = expand(term.text().toLowerCase(Locale.ROOT));
            for (String domain : expanded) {
                domains.add(domain);
                weights.add(term.weight() / expanded.size());
            }
        }
        return new DomainMix(new Weighted<>(domains, weights));
    }

    /** {@code d{01..12}.test} is {@code d01.test} to {@code d12.test}; text without a range stands for itself. */
    static List<String> expand(String pattern) {
        Matcher range = RANGE.matcher(pattern);
        if (!range.find()) {
            return List.of(pattern);
        }
        int from = Integer.parseInt(range.group(1));
        int to = Integer.parseInt(range.group(2));
        if (to < from || to - from >= MOST_DOMAINS) {
            throw new IllegalArgumentException("expected a rising range of at most " + MOST_DOMAINS + ": " + pattern);
        }
        String number = "%0" + range.group(1).length() + "d";
        List<String> expanded = new ArrayList<>(to - from + 1);
        for (int i = from; i <= to; i++) {
            expanded.add(pattern.substring(0, range.start()) + String.format(Locale.ROOT, number, i)
                    + pattern.substring(range.end()));
        }
        return expanded;
    }

    public List<String> domains() {
        return domains.items();
    }

    byte[] pick(long bits) {
        return bytes[domains.pick(bits)];
    }
}
