package dev.penstock.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;

import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class HeaderDeadlineTest {
    private final HeaderDeadline deadline = new HeaderDeadline();
    private final EmbeddedChannel channel = new EmbeddedChannel(deadline);

    @BeforeEach
    void holdTheClock() {
        channel.freezeTime();
    }

    @Test
    void aHeaderThatDripsIsCutOff() {
        for (int second = 0; second < HeaderDeadline.SECONDS; second++) {
            assertThat(channel.isOpen()).as("after %d s", second).isTrue();
            octet();
            pass(1);
        }
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void aBodyMayTakeItsTime() {
        octet();
        deadline.received();
        octet();
        pass(10 * HeaderDeadline.SECONDS);
        assertThat(channel.isOpen()).isTrue();
    }

    @Test
    void theNextHeaderHasItsOwnTimeFromItsFirstOctet() {
        octet();
        deadline.answered(deadline.received());
        pass(10 * HeaderDeadline.SECONDS);
        octet();
        pass(HeaderDeadline.SECONDS - 1);
        assertThat(channel.isOpen()).isTrue();
        pass(1);
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void anAnswerThatIsToldLateDoesNotHurryTheNextBody() {
        octet();
        int first = deadline.received();
        deadline.received();
        deadline.answered(first);
        octet();
        pass(10 * HeaderDeadline.SECONDS);
        assertThat(channel.isOpen()).isTrue();
    }

    private void octet() {
        channel.writeInbound(Unpooled.wrappedBuffer(new byte[]{'x'}));
    }

    private void pass(int seconds) {
        channel.advanceTimeBy(seconds, TimeUnit.SECONDS);
        channel.runScheduledPendingTasks();
    }
}
