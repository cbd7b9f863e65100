package dev.penstock.proxy;

import java.net.InetSocketAddress;
import java.util.List;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.egress.Socks;

/**
 * Does for a client what its SOCKS5 dialogue asks for, until the host is reached; then it leaves the pipeline to the
 * {@link Relay}, with the octets that came behind. Confined to the client's event loop. Nothing is read while an answer is
 * awaited, so that a client can't pile up requests.
 */
final class SocksEntry extends ByteToMessageDecoder {
    private static final Logger log = LoggerFactory.getLogger(SocksEntry.class);

    private final SocksDialogue dialogue;
    private final Outbound outbound;
    private final Settings settings;
    private final Counters counters;
    private final Runnable asked;
    private boolean waiting;
    private boolean over;

    /** @param asked called when the client has asked for its host */
    SocksEntry(Outbound outbound, Settings settings, Counters counters, Runnable asked) {
        this.dialogue = new SocksDialogue(settings.wantsLogin());
        this.outbound = outbound;
        this.settings = settings;
        this.counters = counters;
        this.asked = asked;
    }

    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) {
        if (over) {
            in.skipBytes(in.readableBytes());
        } else if (!waiting) {
            act(context, dialogue.next(in));
        }
    }

    private void act(ChannelHandlerContext context, SocksDialogue.Step step) {
        switch (step) {
            case SocksDialogue.More _ -> {
                // what is there isn't all
            }
            case SocksDialogue.Answer(ByteBuf octets) -> {
                var _ = context.writeAndFlush(octets);
            }
            case SocksDialogue.Login(String username, String password) ->
                act(context, dialogue.loggedIn(settings.isRight(username, password)));
            case SocksDialogue.Bind(InetSocketAddress address) -> {
                await(context, true);
                outbound.bind(address, (code, from) -> bound(context, address, code, from));
            }
            case SocksDialogue.Connect(InetSocketAddress address) -> {
                await(context, true);
                asked.run();
                outbound.connect(address, (code, from) -> connected(context, code, from));
            }
            case SocksDialogue.End(ByteBuf octets, String why) -> {
                (why.contains("login") ? counters.wrongLogins : counters.malformed).increment();
                log.info("event=proxy-client-refused client={} why={}", context.channel().remoteAddress(), why);
                end(context, octets);
            }
        }
    }

    private void await(ChannelHandlerContext context, boolean wait) {
        waiting = wait;
        context.channel().config().setAutoRead(!wait);
    }

    private void bound(ChannelHandlerContext context, InetSocketAddress address, int code,
            @Nullable InetSocketAddress from) {
        if (from == null) {
            log.warn("event=proxy-address-refused client={} address={} why={}", context.channel().remoteAddress(),
                    address.getAddress().getHostAddress(), Socks.text(code));
            end(context, SocksDialogue.failure(code));
            return;
        }
        act(context, dialogue.bound(from));
        context.executor().execute(() -> goOn(context)); // a bind may be over while the request is being decoded
    }

    private void goOn(ChannelHandlerContext context) {
        if (context.isRemoved() || over) {
            return;
        }
        await(context, false);
        try {
            channelRead(context, Unpooled.EMPTY_BUFFER); // what came meanwhile
        } catch (Exception e) {
            exceptionCaught(context, e);
        }
    }

    private void connected(ChannelHandlerContext context, int code, @Nullable InetSocketAddress from) {
        if (from == null) {
            end(context, SocksDialogue.failure(code));
            return;
        }
        var _ = context.writeAndFlush(SocksDialogue.granted(from));
        outbound.carry();
        context.pipeline().remove(this);
    }

    private void end(ChannelHandlerContext context, ByteBuf octets) {
        over = true;
        context.writeAndFlush(octets).addListener(ChannelFutureListener.CLOSE);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        log.debug("event=proxy-client-failed client={} why={}", context.channel().remoteAddress(), cause.toString());
        var _ = context.close();
    }
}
