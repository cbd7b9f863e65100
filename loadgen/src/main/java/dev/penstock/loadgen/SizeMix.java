package dev.penstock.loadgen;

import java.util.ArrayList;
import java.util.List;

import dev.penstock.units.ByteSize;

/** Body sizes with weights, written {@code 4KB} or {@code 2KB:50,20KB:40,100KB:10}. Immutable. */
public final class SizeMix {
    private final Weighted<Integer> sizes;

    private SizeMix(Weighted<Integer> sizes) {
        this.sizes = sizes;
    }

    /** @throws IllegalArgumentException when the text isn't a list of sizes with optional weights */
    public static SizeMix parse(String text) {
        List<Integer> sizes = new ArrayList<>();
        List<Double> weights = new ArrayList<>();
        for (Weighted.Term term : Weighted.terms(text)) {
            long bytes = ByteSize.parse(term.text()).bytes();
            if (bytes < BodyPool.SMALLEST || bytes > BodyPool.LARGEST) {
                throw new IllegalArgumentException("a body size lies between " + BodyPool.SMALLEST + " bytes and "
                        + new ByteSize(BodyPool.LARGEST) + ": " + term.text());
            }
            sizes.add((int) bytes);
            weights.add(term.weight());
        }
        return new SizeMix(new Weighted<>(sizes, weights));
    }

    List<Integer> sizes() {
        return sizes.items();
    }

    int pick(long bits) {
        return sizes.pick(bits);
    }
}
