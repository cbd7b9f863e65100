package dev.penstock.http;

import java.util.concurrent.TimeUnit;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Closes a connection whose next request has begun and doesn't get to the end of its header in time, however steadily it
 * drips: idle time-outs begin anew with each octet. A TLS handshake counts with the first header. Confined to the
 * connection's event loop.
 */
final class HeaderDeadline extends ChannelInboundHandlerAdapter {
    static final int SECONDS = 30;

    private int number;
    private boolean waiting = true;
    private @Nullable Future<?> timer;

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (waiting && timer == null) {
            timer = context.executor().schedule(() -> {
                var _ = context.close();
            }, SECONDS, TimeUnit.SECONDS);
        }
        context.fireChannelRead(message);
    }

    /** The header of a request is complete. @return what {@link #answered} wants to know of it */
    int received() {
        stop();
        waiting = false;
        return ++number;
    }

    /** What comes now is the next request, unless that has been received already. */
    void answered(int request) {
        waiting |= request == number;
    }

    private void stop() {
        if (timer != null) {
            timer.cancel(false);
            timer = null;
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        stop();
        context.fireChannelInactive();
    }
}
