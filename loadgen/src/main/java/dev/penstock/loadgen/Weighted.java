package dev.penstock.loadgen;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Items that are picked in proportion to their weights. Immutable. */
final class Weighted<T> {
    private final List<T> items;
    private final double[] upTo;

    /** @throws IllegalArgumentException without items or with a weight that isn't positive */
    Weighted(List<T> items, List<Double> weights) {
        if (items.isEmpty() || items.size() != weights.size()) {
            throw new IllegalArgumentException("at least one item, each with a weight");
        }
        this.items = List.copyOf(items);
        double total = weights.stream().mapToDouble(Double::doubleValue).sum();
        upTo = new double[items.size()];
        double sum = 0;
        for (int i = 0; i < upTo.length; i++) {
            if (!(weights.get(i) > 0)) {
                throw new IllegalArgumentException("a weight must be larger than zero: " + weights.get(i));
            }
            sum += weights.get(i) / total;
            upTo[i] = sum;
        }
    }

    List<T> items() {
        return items;
    }

    int pick(long bits) {
        if (upTo.length == 1) {
            return 0;
        }
        int found = Arrays.binarySearch(upTo, Mix.fraction(bits));
        return Math.min(found < 0 ? -found - 1 : found + 1, upTo.length - 1);
    }

    /** One {@code text[:weight]} of a comma-separated list. */
    record Term(String text, double weight) {}

    static List<Term> terms(String list) {
        List<Term> terms = new ArrayList<>();
        for (String part : list.split(",", -1)) {
            int colon = part.lastIndexOf(':');
            String text = (colon < 0 ? part : part.substring(0, colon)).strip();
            if (text.isEmpty()) {
                throw new IllegalArgumentException("an empty item in: " + list);
            }
            terms.add(new Term(text, colon < 0 ? 1 : weight(part.substring(colon + 1).strip())));
        }
        return terms;
    }

    private static double weight(String text) {
        try {
            return Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("expected a weight, got: " + text, e);
        }
    }
}
