package dev.penstock.metrics;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.InstantSource;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import dev.penstock.meters.PartMeters;

/** What the alert about a refused configuration goes by. */
class ConfigurationStateTest {
    private final ConfigurationState state = new ConfigurationState(InstantSource.system());
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

    @BeforeEach
    void bind() {
        PartMeters<ConfigurationState> meters = state.meters();
        meters.refresh();
        meters.bindTo(registry);
    }

    private double refused() {
        return registry.get("penstock.config.refused").gauge().value();
    }

    @Test
    void whatWasPutBackIsNotWaitedForAnyMore() {
        state.refused();
        assertThat(refused()).isEqualTo(1);
        state.putBack();
        assertThat(refused()).isZero();
    }

    @Test
    void whatWasRefusedBeforeIsRefusedStillWhenAnotherChangeIsPutBack() {
        state.refused();
        state.refused();
        state.putBack();
        assertThat(refused()).isEqualTo(1);
        state.applied();
        assertThat(refused()).isZero();
    }
}
