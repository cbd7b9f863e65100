package dev.penstock.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;

import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import org.junit.jupiter.api.Test;

class FirstOctetTest {
    private final EmbeddedChannel channel = new EmbeddedChannel();

    private void pass(int seconds) {
        channel.advanceTimeBy(seconds, TimeUnit.SECONDS);
        channel.runScheduledPendingTasks();
    }

    @Test
    void whoSaysNothingIsClosed() {
        channel.freezeTime();
        channel.pipeline().addFirst(new FirstOctet());
        pass(FirstOctet.SECONDS - 1);
        assertThat(channel.isOpen()).isTrue();
        pass(1);
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void whoComesOverAUnixSocketMayTakeLonger() {
        channel.freezeTime();
        channel.pipeline().addFirst(new FirstOctet(FirstOctet.LOCAL_SECONDS));
        pass(FirstOctet.LOCAL_SECONDS - 1);
        assertThat(channel.isOpen()).isTrue();
        pass(1);
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void whoHasSaidSomethingIsLeftInPeace() {
        channel.freezeTime();
        channel.pipeline().addFirst(new FirstOctet());
        channel.writeInbound(Unpooled.wrappedBuffer(new byte[1]));
        pass(100 * FirstOctet.SECONDS);
        assertThat(channel.isOpen()).isTrue();
        assertThat(channel.<Object>readInbound()).isNotNull();
        assertThat(channel.pipeline().get(FirstOctet.class)).isNull();
    }
}
