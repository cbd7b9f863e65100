package dev.penstock.shaping.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;

import org.junit.jupiter.api.Test;

import dev.penstock.config.ControlConfig;

class IncidentTest {
    private static final long SECOND = 1_000_000_000;
    private final ControlConfig config = ControlConfig.DEFAULT;
    private final Incident incident = new Incident();
    private long now = -5 * SECOND;

    private boolean deferred(String tenant) {
        now += SECOND / 10;
        return incident.deferred(tenant, config, now) != null;
    }

    private boolean delivered() {
        now += SECOND / 10;
        return incident.delivered(now, config, now);
    }

    private int deferredUntilItBegins(int tenants, int most) {
        for (int i = 1; i <= most; i++) {
            if (deferred("tenant-" + i % tenants)) {
                return i;
            }
        }
        return 0;
    }

    @Test
    void beginsOnceWhenManyTenantsAreDeferred() {
        assertThat(deferredUntilItBegins(5, 500)).isEqualTo(50);
        assertThat(deferredUntilItBegins(5, 500)).isZero();
        assertThat(incident.isOn()).isTrue();
    }

    @Test
    void fewTenantsAreTheirOwnTrouble() {
        assertThat(deferredUntilItBegins(4, 10_000)).isZero();
    }

    @Test
    void fewOfManyMessagesAreNone() {
        for (int i = 0; i < 1_000; i++) {
            assertThat(deferred("tenant-" + i % 20)).isFalse();
            delivered();
            delivered();
        }
    }

    @Test
    void whatIsLongAgoCountsNoMore() {
        for (int i = 0; i < 49; i++) {
            deferred("tenant-" + i);
        }
        now += config.incidentWindow().toNanos() * 2;
        assertThat(deferred("tenant-1")).isFalse();
        assertThat(deferredUntilItBegins(10, 100)).isEqualTo(49);
    }

    @Test
    void isOverWhenProbesPassInARow() {
        deferredUntilItBegins(5, 50);
        for (int i = 0; i < Incident.PROVED - 1; i++) {
            assertThat(delivered()).isFalse();
        }
        deferred("tenant-1");
        for (int i = 0; i < Incident.PROVED - 1; i++) {
            assertThat(delivered()).isFalse();
        }
        assertThat(delivered()).isTrue();
        assertThat(incident.isOn()).isFalse();
    }

    @Test
    void whatWasSentBeforeItBeganProvesNothing() {
        long before = now;
        deferredUntilItBegins(5, 50);
        for (int i = 0; i < 100; i++) {
            assertThat(incident.delivered(before, config, now)).isFalse();
        }
    }

    @Test
    void isOverWhenNobodyAsks() {
        deferredUntilItBegins(5, 50);
        assertThat(incident.passes(config, now + Duration.ofMinutes(4).toNanos())).isFalse();
        assertThat(incident.passes(config, now + Duration.ofMinutes(6).toNanos())).isTrue();
        assertThat(incident.isOn()).isFalse();
    }
}
