package dev.penstock.queue;

import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.zone.ZoneOffsetTransition;
import java.time.zone.ZoneRules;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;

import dev.penstock.config.CurfewConfig;
import dev.penstock.config.GatewayConfig;

/**
 * Hours in which some mail waits, as configured. Immutable and pure: asked with a time, it says what holds then.
 *
 * <p>A curfew is in force whenever the clocks of its time zone read a time of it. So an hour that clocks read twice counts twice,
 * and one that they leave out not at all.
 */
public final class Curfews {
    public static final Curfews NONE = new Curfews(Map.of());
    /** What the nearest change of a curfew of one day in the week is found within. */
    private static final int LOOK_AHEAD_DAYS = 9;

    private final List<Curfew> all;

    public Curfews(Map<String, CurfewConfig> configs) {
        all = configs.entrySet().stream().sorted(Map.Entry.comparingByKey())
                .map(entry -> new Curfew(entry.getKey(), entry.getValue())).toList();
    }

    public static Curfews of(GatewayConfig config) {
        return config.curfews().isEmpty() ? NONE : new Curfews(config.curfews());
    }

    boolean isEmpty() {
        return all.isEmpty();
    }

    /** Those in force at {@code millis} since 1970. */
    List<Curfew> at(long millis) {
        return all.isEmpty() ? all : all.stream().filter(curfew -> curfew.isInForce(millis)).toList();
    }

    /** When one begins or ends next after {@code millis}, {@link Long#MAX_VALUE} for never. */
    long nextChangeMillis(long millis) {
        return all.stream().mapToLong(curfew -> curfew.nextChangeMillis(millis)).min().orElse(Long.MAX_VALUE);
    }

    /** One of them. */
    record Curfew(String name, CurfewConfig config) {
        /** Whether mail of that sender has to wait while it is in force; whose hosts it goes to isn't looked at. */
        boolean binds(TenantCampaign owner, String pool) {
            return !owner.reports() && config.classes().contains(owner.mailClass())
                    && fits(config.tenants(), owner.tenant()) && fits(config.pools(), pool);
        }

        /** @param provider whose hosts the mail goes to, empty for nobody known */
        boolean binds(TenantCampaign owner, String pool, String provider) {
            return binds(owner, pool) && fits(config.providers(), provider);
        }

        private static boolean fits(List<String> list, String name) {
            return list.isEmpty() || list.contains(name);
        }

        boolean isInForce(long millis) {
            ZoneOffset offset = config.timeZone().getRules().getOffset(Instant.ofEpochMilli(millis));
            return covers(LocalDateTime.ofEpochSecond(Math.floorDiv(millis, 1_000L),
                    (int) Math.floorMod(millis, 1_000L) * 1_000_000, offset));
        }

        private boolean covers(LocalDateTime clock) {
            DayOfWeek day = clock.getDayOfWeek();
            LocalTime time = clock.toLocalTime();
            boolean afterFrom = !time.isBefore(config.from());
            boolean beforeTo = time.isBefore(config.to());
            return config.from().isBefore(config.to())
                    ? config.days().contains(day) && afterFrom && beforeTo
                    : config.days().contains(day) && afterFrom || config.days().contains(day.minus(1)) && beforeTo;
        }

        /** When it next begins, or ends if it is in force; {@link Long#MAX_VALUE} for never. */
        long nextChangeMillis(long millis) {
            boolean now = isInForce(millis);
            for (long candidate : candidates(millis)) {
                if (candidate > millis && isInForce(candidate) != now) {
                    return candidate;
                }
            }
            return Long.MAX_VALUE;
        }

        /** All times near {@code millis} at which it can begin or end, ascending: nothing changes between two of them. */
        private List<Long> candidates(long millis) {
            ZoneRules rules = config.timeZone().getRules();
            Instant instant = Instant.ofEpochMilli(millis);
            LocalDateTime today = LocalDateTime.ofInstant(instant, rules.getOffset(instant)).toLocalDate()
                    .atStartOfDay();
            List<Long> candidates = new ArrayList<>();
            for (int day = -1; day <= LOOK_AHEAD_DAYS; day++) {
                for (LocalTime time : List.of(config.from(), config.to(), LocalTime.MIDNIGHT)) {
                    LocalDateTime clock = today.plusDays(day).with(time);
                    rules.getValidOffsets(clock)
                            .forEach(offset -> candidates.add(clock.toInstant(offset).toEpochMilli()));
                }
            }
            Instant end = instant.plusSeconds(LOOK_AHEAD_DAYS * 24 * 3_600L);
            for (ZoneOffsetTransition change = rules.nextTransition(instant); change != null
                    && change.getInstant().isBefore(end); change = rules.nextTransition(change.getInstant())) {
                candidates.add(change.getInstant().toEpochMilli());
            }
            Collections.sort(candidates);
            return candidates;
        }
    }
}
