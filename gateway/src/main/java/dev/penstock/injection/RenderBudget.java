package dev.penstock.injection;

import java.util.concurrent.TimeUnit;

/**
 * What filling in one template may still cost. Confined to the thread that renders, which finds it as {@link #CURRENT}.
 * Every turn of a loop, every operator, filter and test takes a step, and looks at the clock.
 */
final class RenderBudget {
    static final ScopedValue<RenderBudget> CURRENT = ScopedValue.newInstance();
    /** Characters of one value made by an operator or a filter. */
    static final int MAX_VALUE = 1 << 20;
    private static final int STEPS = 1_000_000;
    private static final long NANOS = TimeUnit.SECONDS.toNanos(1);

    private final long endNanos = System.nanoTime() + NANOS;
    private int stepsLeft = STEPS;

    /** @throws TemplateException when the budget is spent */
    static void step() {
        CURRENT.get().take();
    }

    private void take() {
        if (--stepsLeft < 0) {
            throw TemplateException.costly("takes more than " + STEPS + " steps");
        }
        if (System.nanoTime() - endNanos > 0) {
            throw TemplateException.costly("takes longer than " + TimeUnit.NANOSECONDS.toMillis(NANOS) + " ms");
        }
    }

    /** @throws TemplateException when a value would be longer than {@link #MAX_VALUE} */
    static void allow(long characters) {
        if (characters > MAX_VALUE) {
            throw new TemplateException("makes a value of more than " + MAX_VALUE + " characters", null);
        }
    }
}
