package dev.penstock.injection;

import java.util.concurrent.TimeUnit;

import dev.penstock.smtp.Reply;

/**
 * What filling in the templates of one message may still cost. Confined to the thread that renders, which finds it as
 * {@link #CURRENT}. Every turn of a loop, every operator, filter and test takes a step, and looks at the clock; every
 * value that is made counts, whether it is kept or not, and is charged to the message's memory with what is written.
 */
final class RenderBudget {
    static final ScopedValue<RenderBudget> CURRENT = ScopedValue.newInstance();
    /** Characters of one value made by an operator or a filter. */
    static final int MAX_VALUE = 1 << 20;
    /** Characters of all values of one message. */
    static final int MAX_MADE = 8 << 20;
    private static final int STEPS = 1_000_000;
    private static final long NANOS = TimeUnit.SECONDS.toNanos(1);
    /** Whoever took so few steps and has no time left waited for a processor. */
    private static final int FEW = 100;
    private static final int PER_CHARACTER = 2; // octets, beyond Latin-1
    private static final int SLICE = 64 << 10; // octets that are charged at a time

    private final RequestMemory.Share memory;
    private final long endNanos = System.nanoTime() + NANOS;
    private int stepsLeft = STEPS;
    private long made;
    private long uncharged;

    RenderBudget(RequestMemory.Share memory) {
        this.memory = memory;
    }

    /** @throws TemplateException when the budget is spent */
    static void step() {
        CURRENT.get().take();
    }

    private void take() {
        if (--stepsLeft < 0) {
            throw TemplateException.costly("takes more than " + STEPS + " steps");
        }
        if (stepsLeft < STEPS - FEW && System.nanoTime() - endNanos > 0) {
            throw TemplateException.costly("takes longer than " + TimeUnit.NANOSECONDS.toMillis(NANOS) + " ms");
        }
    }

    /**
     * Before a value is made.
     *
     * @throws TemplateException when it would be longer than {@link #MAX_VALUE}
     */
    static void allow(long characters) {
        if (characters > MAX_VALUE) {
            throw new TemplateException("makes a value of more than " + MAX_VALUE + " characters", null);
        }
    }

    /**
     * A value was made.
     *
     * @throws TemplateException when all together are longer than {@link #MAX_MADE}
     * @throws RefusedException  when there is no memory for it now
     */
    static void made(long characters) {
        RenderBudget budget = CURRENT.get();
        budget.made += characters;
        if (budget.made > MAX_MADE) {
            throw TemplateException.costly("makes values of more than " + MAX_MADE + " characters in all");
        }
        budget.charge(characters);
    }

    /**
     * So many characters of a message are held.
     *
     * @throws RefusedException when there is no memory for it now
     */
    void charge(long characters) {
        uncharged += characters * PER_CHARACTER;
        if (uncharged >= SLICE) {
            if (!memory.take(uncharged)) {
                throw noMemory();
            }
            uncharged = 0;
        }
    }

    /** Of a message that can't be made for want of memory. */
    static RefusedException noMemory() {
        return new RefusedException(Reply.of(452, "4.3.1", "Error: too many large messages at one time"));
    }
}
