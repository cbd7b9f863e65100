package dev.penstock.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

class ReceptionMemoryTest {
    private final List<String> proceeded = new ArrayList<>();
    private final ReceptionMemory.Waiter a = () -> proceeded.add("a");
    private final ReceptionMemory.Waiter b = () -> proceeded.add("b");
    private final ReceptionMemory.Waiter c = () -> proceeded.add("c");
    private final ReceptionMemory memory = new ReceptionMemory(100);

    @Test
    void everyoneReadsOnWhileThereIsRoom() {
        memory.add(99);
        assertThat(memory.hasRoom()).isTrue();
        assertThat(memory.mayProceed(a)).isTrue();
        assertThat(memory.mayProceed(b)).isTrue();
    }

    @Test
    void beyondTheLimitOnlyTheFirstReadsOnToItsEnd() {
        memory.add(300);
        assertThat(memory.hasRoom()).isFalse();
        assertThat(memory.mayProceed(a)).isTrue();
        assertThat(memory.mayProceed(b)).isFalse();
        assertThat(memory.mayProceed(c)).isFalse();
        assertThat(memory.mayProceed(a)).isTrue();
        memory.release(a, 100);
        assertThat(proceeded).containsExactly("b");
        assertThat(memory.mayProceed(b)).isTrue();
        memory.release(b, 150);
        assertThat(proceeded).containsExactly("b", "c");
        memory.release(c, 50);
        assertThat(memory.used()).isZero();
    }

    @Test
    void allWhoWaitReadOnWhenThereIsRoomAgain() {
        memory.add(150);
        assertThat(memory.mayProceed(a)).isTrue();
        assertThat(memory.mayProceed(b)).isFalse();
        assertThat(memory.mayProceed(c)).isFalse();
        memory.release(a, 100);
        assertThat(proceeded).containsExactly("b", "c");
    }

    @Test
    void oneWhoIsGoneIsForgotten() {
        memory.add(300);
        assertThat(memory.mayProceed(a)).isTrue();
        assertThat(memory.mayProceed(b)).isFalse();
        assertThat(memory.mayProceed(c)).isFalse();
        memory.release(b, 10);
        memory.release(a, 10);
        assertThat(proceeded).containsExactly("c");
    }

    @Test
    void aLargerLimitLetsThoseWhoWaitReadOn() {
        memory.add(300);
        assertThat(memory.mayProceed(a)).isTrue();
        assertThat(memory.mayProceed(b)).isFalse();
        memory.limit(400);
        assertThat(proceeded).containsExactly("b");
    }
}
