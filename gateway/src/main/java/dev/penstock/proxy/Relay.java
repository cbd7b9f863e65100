package dev.penstock.proxy;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.util.ReferenceCountUtil;

/**
 * Carries what one end says to the other, as fast as that takes it: it isn't read on while more than the other's water mark
 * waits there. An end that says no more is passed on as that, and both close when neither does, or one is gone. Confined to
 * the event loop that both connections share.
 */
final class Relay extends ChannelInboundHandlerAdapter {
    /** For what is left of a connection whose other end is gone. */
    private static final int LINGER_SECONDS = 30;

    private final Channel other;
    private final LongAdder octets;
    private final LongAdder idle;

    Relay(Channel other, LongAdder octets, LongAdder idle) {
        this.other = other;
        this.octets = octets;
        this.idle = idle;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (message instanceof ByteBuf bytes && other.isActive()) {
            octets.add(bytes.readableBytes());
            var _ = other.write(bytes).addListener(ChannelFutureListener.CLOSE_ON_FAILURE);
        } else {
            ReferenceCountUtil.release(message);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        other.flush();
        if (!other.isWritable()) {
            context.channel().config().setAutoRead(false);
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        other.config().setAutoRead(context.channel().isWritable());
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent) {
            passOnTheEnd(context.channel());
        } else if (event instanceof IdleStateEvent) {
            idle.increment();
            var _ = context.close();
        }
    }

    /** TLS has no half of a connection that could go on without being mistaken for a cut. */
    private void passOnTheEnd(Channel self) {
        boolean whole = self.pipeline().get(SslHandler.class) != null || other.pipeline().get(SslHandler.class) != null
                || !(other instanceof DuplexChannel duplex) || duplex.isInputShutdown();
        var _ = other.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(_ -> {
            if (whole) {
                var _ = other.close();
                var _ = self.close();
            } else {
                var _ = ((DuplexChannel) other).shutdownOutput();
            }
        });
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        if (other.isActive()) {
            ChannelFuture rest = other.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
            if (!rest.isDone()) { // it may never take it
                var _ = other.eventLoop().schedule(() -> {
                    var _ = other.close();
                }, LINGER_SECONDS, TimeUnit.SECONDS);
            }
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        var _ = context.close(); // the other follows
    }
}
