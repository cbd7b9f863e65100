package dev.penstock.http;

import java.util.concurrent.TimeUnit;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/** Closes a new connection that says nothing. Confined to the connection's event loop. */
public final class FirstOctet extends ChannelInboundHandlerAdapter {
    /** Whoever opens a connection has something to say. */
    static final int SECONDS = 5;
    /** A program of this machine that has just been started connects, and loads then what it writes with. */
    static final int LOCAL_SECONDS = 60;

    private final int seconds;

    private @Nullable Future<?> timer;

    public FirstOctet() {
        this(SECONDS);
    }

    /** @param seconds for the first octet */
    FirstOctet(int seconds) {
        this.seconds = seconds;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        timer = context.executor().schedule(() -> {
            var _ = context.close();
        }, seconds, TimeUnit.SECONDS);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        context.fireChannelRead(message);
        if (!context.isRemoved()) {
            context.pipeline().remove(this);
        }
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext context) {
        if (timer != null) {
            timer.cancel(false);
        }
    }
}
