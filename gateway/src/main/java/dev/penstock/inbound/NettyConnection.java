package dev.penstock.inbound;

import static java.util.concurrent.TimeUnit.NANOSECONDS;

import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownReadComplete;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;
import reactor.core.CoreSubscriber;
import reactor.netty.NettyPipeline;

import dev.penstock.tls.ServerTls;
import dev.penstock.tls.TlsSession;

/**
 * A client's connection on reactor-netty. Confined to the connection's event loop, but for what {@link ClientConnection}
 * allows any thread. Its {@link Session} is told of what happens from {@link #attach} on.
 */
final class NettyConnection extends ChannelInboundHandlerAdapter
        implements
            CoreSubscriber<Object>,
            ClientConnection {
    private static final int FIRST_REPLY_SIZE = 256;
    private static final long LINGER_NANOS = TimeUnit.SECONDS.toNanos(2);

    private final Channel channel;
    private final LoopScratch scratch;
    private @Nullable Session session;
    private @Nullable Subscription subscription;
    private boolean asked; // a read is under way
    private boolean inputEnded;
    private @Nullable ByteBuf out; // replies that wait for the end of the group

    NettyConnection(Channel channel, LoopScratch scratch) {
        this.channel = channel;
        this.scratch = scratch;
    }

    /** To be called once, before anything comes in. */
    void attach(Session newSession) {
        session = newSession;
    }

    private Session session() {
        if (session == null) {
            throw new IllegalStateException("no session is attached");
        }
        return session;
    }

    // ---- what comes in -----------------------------------------------------------------------------------------

    @Override
    public void onSubscribe(Subscription newSubscription) {
        subscription = newSubscription;
        session().begin();
    }

    /** One read; reactor-netty releases the buffer. */
    @Override
    public void onNext(Object message) {
        asked = false;
        ByteBuf buffer = (ByteBuf) message;
        int length = buffer.readableBytes();
        byte[] in = length <= scratch.input.length ? scratch.input : new byte[length];
        buffer.readBytes(in, 0, length);
        session().received(in, length);
    }

    @Override
    public void onError(Throwable failure) {
        session().lost(failure);
    }

    @Override
    public void onComplete() {
        close();
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext context) {
        context.fireChannelWritabilityChanged();
        if (channel.isWritable()) {
            session().writable();
        }
    }

    /** Whatever fails in the pipeline, TLS above all, ends the session; nobody behind it needs to hear of it. */
    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable failure) {
        session().lost(failure);
    }

    /** The client has shut its side down: what it sent is still answered. */
    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        context.fireUserEventTriggered(event);
        if (event instanceof SslHandshakeCompletionEvent handshake) {
            if (handshake.isSuccess()) {
                session().secured();
            } else {
                session().handshakeFailed(handshake.cause());
            }
        } else if (event instanceof ChannelInputShutdownReadComplete) {
            if (subscription != null) {
                subscription.request(Long.MAX_VALUE); // reads that wait in a queue: no more will be added to them
            }
            inputEnded = true;
            if (asked) { // nothing is left to answer
                close();
            }
        }
    }

    // ---- what the session asks for -----------------------------------------------------------------------------

    @Override
    public void read() {
        if (inputEnded) { // nothing is left to answer
            close();
        } else if (!asked && subscription != null) {
            asked = true;
            subscription.request(1); // may come back into onNext with a read that was queued, now or after this turn
        }
    }

    @Override
    public void write(byte[] reply) {
        if (out == null) {
            out = channel.alloc().directBuffer(Math.max(FIRST_REPLY_SIZE, reply.length));
        }
        out.writeBytes(reply);
    }

    @Override
    public void flush() {
        ByteBuf replies = out;
        if (replies != null) {
            out = null;
            var _ = channel.writeAndFlush(replies, channel.voidPromise());
        }
    }

    @Override
    public boolean isWritable() {
        return channel.isWritable();
    }

    @Override
    public void startTls(ServerTls tls) {
        ProxyHeader.addBehind(channel.pipeline(), NettyPipeline.SslHandler, tls.newHandler());
    }

    @Override
    public @Nullable TlsSession tlsSession(ServerTls tls) {
        SslHandler handler = channel.pipeline().get(SslHandler.class);
        return handler == null ? null : tls.session(handler);
    }

    @Override
    public boolean hasBegunTls() {
        SslHandler handler = channel.pipeline().get(SslHandler.class);
        return handler != null && ServerTls.hasHeard(handler);
    }

    @Override
    public void closeAfterReplies(boolean inputLeft) {
        ByteBuf last = out;
        out = null;
        if (last == null) {
            close();
            return;
        }
        channel.writeAndFlush(last).addListener((ChannelFutureListener) written -> {
            if (written.isSuccess() && inputLeft && channel instanceof DuplexChannel duplex) {
                SslHandler ssl = channel.pipeline().get(SslHandler.class);
                if (ssl != null) {
                    var _ = ssl.closeOutbound().addListener(_ -> {
                        var _ = duplex.shutdownOutput();
                    });
                } else {
                    var _ = duplex.shutdownOutput();
                }
                read();
            } else {
                close();
            }
        });
        var _ = schedule(this::close, LINGER_NANOS);
    }

    @Override
    public void close() {
        var _ = channel.close();
    }

    @Override
    public void release() {
        ByteBuf unsent = out;
        out = null;
        if (unsent != null) {
            unsent.release();
        }
        if (subscription != null) {
            subscription.cancel(); // releases reads that nobody asked for any more
        }
    }

    @Override
    public long nanoTime() {
        return System.nanoTime();
    }

    @Override
    public Future<?> schedule(Runnable task, long delayNanos) {
        return channel.eventLoop().schedule(task, delayNanos, NANOSECONDS);
    }

    @Override
    public void execute(Runnable task) {
        channel.eventLoop().execute(task);
    }
}
