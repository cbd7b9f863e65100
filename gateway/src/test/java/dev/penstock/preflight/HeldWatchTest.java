package dev.penstock.preflight;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicInteger;

import org.junit.jupiter.api.Test;

import dev.penstock.testing.Said;

class HeldWatchTest {
    @Test
    void itIsToldThatMailIsHeldAndThatNoneIsAnyMore() {
        AtomicInteger held = new AtomicInteger();
        HeldWatch watch = new HeldWatch(held::get);
        try (Said said = Said.by(HeldWatch.class)) {
            watch.look();
            assertThat(said.lines()).isEmpty();
            held.set(3);
            watch.look();
            held.set(5);
            watch.look();
            assertThat(said.lines()).hasSize(1).first().asString().startsWith("event=preflight-holds destinations=3 ");
            held.set(0);
            watch.look();
            watch.look();
            assertThat(said.lines()).containsExactly("event=preflight-holds-over");
        }
    }
}
