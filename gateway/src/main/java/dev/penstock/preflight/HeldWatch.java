package dev.penstock.preflight;

import java.util.function.IntSupplier;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells when mail begins to be held, and when none is any more. Confined to the thread that looks. */
public final class HeldWatch {
    private static final Logger log = LoggerFactory.getLogger(HeldWatch.class);

    private final IntSupplier held;
    private boolean holding;

    /** @param held destinations that are held now */
    public HeldWatch(IntSupplier held) {
        this.held = held;
    }

    public void look() {
        int now = held.getAsInt();
        if (now > 0 && !holding) {
            log.warn("event=preflight-holds destinations={} effect=\"they wait until what receivers would mind is "
                    + "mended\"", now);
        } else if (now == 0 && holding) {
            log.info("event=preflight-holds-over");
        }
        holding = now > 0;
    }
}
