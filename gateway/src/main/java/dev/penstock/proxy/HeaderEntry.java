package dev.penstock.proxy;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.Queue;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.haproxy.HAProxyCommand;
import io.netty.handler.codec.haproxy.HAProxyMessage;
import io.netty.handler.codec.haproxy.HAProxyProxiedProtocol;
import io.netty.util.ReferenceCountUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.egress.Socks;

/**
 * Connects a client as its PROXY header says: from the header's source to its destination. Behind Netty's decoder of such
 * headers; confined to the client's event loop. The protocol has no answers, so what goes wrong is told by closing the
 * connection, and in the log.
 */
final class HeaderEntry extends ChannelInboundHandlerAdapter {
    private static final Logger log = LoggerFactory.getLogger(HeaderEntry.class);

    private final Outbound outbound;
    private final Counters counters;
    private final Runnable asked;
    /** Came right behind the header: what one reading gave, since no other follows it. */
    private final Queue<Object> early = new ArrayDeque<>();

    /** @param asked called when the client has asked for its host */
    HeaderEntry(Outbound outbound, Counters counters, Runnable asked) {
        this.outbound = outbound;
        this.counters = counters;
        this.asked = asked;
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (!(message instanceof HAProxyMessage header)) {
            if (message instanceof ByteBuf) {
                early.add(message);
            } else {
                ReferenceCountUtil.release(message);
            }
            return;
        }
        context.channel().config().setAutoRead(false);
        try {
            headed(context, header);
        } finally {
            header.release();
        }
    }

    private void headed(ChannelHandlerContext context, HAProxyMessage header) {
        asked.run();
        boolean tcp = header.proxiedProtocol() == HAProxyProxiedProtocol.TCP4
                || header.proxiedProtocol() == HAProxyProxiedProtocol.TCP6;
        if (header.command() == HAProxyCommand.LOCAL || !tcp) { // a balancer that looks whether we are there
            var _ = context.close();
            return;
        }
        InetSocketAddress from = new InetSocketAddress(InetAddress.ofLiteral(header.sourceAddress()), 0);
        InetSocketAddress to = new InetSocketAddress(InetAddress.ofLiteral(header.destinationAddress()),
                header.destinationPort());
        outbound.bind(from, (bound, address) -> {
            if (address == null) {
                refuse(context, from, bound);
            } else {
                outbound.connect(to, (code, local) -> {
                    if (local == null) {
                        refuse(context, to, code);
                    } else {
                        connected(context);
                    }
                });
            }
        });
    }

    private static void refuse(ChannelHandlerContext context, InetSocketAddress address, int code) {
        log.warn("event=proxy-header-refused client={} address={} why={}", context.channel().remoteAddress(),
                address, Socks.text(code));
        var _ = context.close();
    }

    private void connected(ChannelHandlerContext context) {
        outbound.carry();
        for (Object octets = early.poll(); octets != null; octets = early.poll()) {
            context.fireChannelRead(octets);
        }
        context.fireChannelReadComplete();
        context.pipeline().remove(this);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        early.forEach(ReferenceCountUtil::release);
        early.clear();
        context.fireChannelInactive();
    }

    /** What came is no header. */
    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        counters.malformed.increment();
        log.info("event=proxy-client-refused client={} why={}", context.channel().remoteAddress(),
                cause.getMessage());
        var _ = context.close();
    }
}
