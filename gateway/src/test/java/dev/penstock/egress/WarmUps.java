package dev.penstock.egress;

import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Map;

import dev.penstock.config.WarmUpConfig;
import dev.penstock.config.WarmUpSchedule;

/** A warm-up whose leases are written when the test says so, for tests of other packages. Stateless. */
public final class WarmUps {
    private WarmUps() {}

    /** Of one source, in days of UTC. */
    public static WarmUp open(Path directory, String source, WarmUpSchedule schedule, LocalDate start,
            InstantSource clock) throws IOException {
        WarmUp warmUp = WarmUp.of(directory, Map.of(source, new WarmUpPlan("gentle",
                new WarmUpConfig(schedule, ZoneOffset.UTC, Map.of()), start)), clock);
        warmUp.openUnwatched();
        return warmUp;
    }

    /** What is wanted is on the disk now. */
    public static void write(WarmUp warmUp) {
        warmUp.writeWanted();
    }
}
