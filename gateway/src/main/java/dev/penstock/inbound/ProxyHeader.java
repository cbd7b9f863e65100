package dev.penstock.inbound;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelInputShutdownReadComplete;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.codec.haproxy.HAProxyCommand;
import io.netty.handler.codec.haproxy.HAProxyMessage;
import io.netty.handler.codec.haproxy.HAProxyMessageDecoder;
import io.netty.util.NetUtil;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Waits for the PROXY header, version 1 or 2, that a connection from a trusted proxy begins with. Confined to the
 * connection's event loop.
 *
 * <p>Octets behind the header go to the handlers behind this one, once it has told its listener and left the pipeline. A
 * connection whose header is missing, late or malformed is closed: by the protocol's own rule nobody may guess.
 *
 * @see <a href="https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt">the protocol</a>
 */
final class ProxyHeader extends ChannelInboundHandlerAdapter {
    private static final Logger log = LoggerFactory.getLogger(ProxyHeader.class);

    /** TLVs are passed over; those that proxies send, a certificate's names included, are far shorter. */
    private static final int MAX_TLV_OCTETS = 4096;
    private static final String DECODER = "proxy-decoder";
    private static final String NAME = "proxy-header";

    /** Told once, on the event loop. */
    interface Listener {
        /**
         * The header is here. A handler that is to see the octets behind it, TLS for one, must be added now, and behind
         * this one: as {@code Connection.addHandlerLast} does, not as the pipeline's first.
         *
         * @param source      the client, null when the proxy speaks for itself (LOCAL, UNKNOWN): then the connection's
         *                    own addresses are true
         * @param destination what the client connected to, null likewise
         * @param more        whether octets came right behind the header
         */
        void arrived(@Nullable InetSocketAddress source, @Nullable InetSocketAddress destination, boolean more);

        /** There won't be a header, and the connection is being closed. */
        void failed(Failure why);
    }

    /** Why there is no header. */
    enum Failure {
        /** It didn't come in time. */
        LATE,
        /** What came is none. */
        MALFORMED,
        /** The connection ended before it, as of health checks that only connect. */
        CLOSED
    }

    /** Lets the other handler know what is left. */
    private static final class Decoder extends HAProxyMessageDecoder {
        Decoder() {
            super(MAX_TLV_OCTETS);
        }

        boolean hasMore() {
            return actualReadableBytes() > 0;
        }
    }

    private final Decoder decoder = new Decoder();
    private final Counters counters;
    private final Listener listener;
    private @Nullable Future<?> timer;
    private boolean told;

    private ProxyHeader(Counters counters, Listener listener) {
        this.counters = counters;
        this.listener = listener;
    }

    /** Called on the channel's event loop, before anything is read from it; reading on demand is understood. */
    static void await(Channel channel, Duration timeout, Counters counters, Listener listener) {
        ProxyHeader header = new ProxyHeader(counters, listener);
        header.timer = channel.eventLoop().schedule(() -> header.fail(channel, Failure.LATE, ""), timeout.toNanos(),
                TimeUnit.NANOSECONDS);
        channel.pipeline().addFirst(NAME, header).addFirst(DECODER, header.decoder);
        channel.read();
    }

    /** Adds a handler that is to see what follows the header first of all, or first in a connection without one. */
    static void addBehind(ChannelPipeline pipeline, String name, ChannelHandler handler) {
        if (pipeline.get(DECODER) == null) {
            pipeline.addFirst(name, handler);
        } else {
            pipeline.addAfter(DECODER, name, handler); // it still has the octets that came with the header
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
        if (!(message instanceof HAProxyMessage header)) {
            ReferenceCountUtil.release(message); // behind a header that was no good
            return;
        }
        try {
            if (!told) {
                accept(context, header);
            }
        } finally {
            header.release();
        }
    }

    private void accept(ChannelHandlerContext context, HAProxyMessage header) throws UnknownHostException {
        InetSocketAddress source = null;
        InetSocketAddress destination = null;
        if (header.command() == HAProxyCommand.PROXY) {
            switch (header.proxiedProtocol()) {
                case TCP4, TCP6 -> {
                    source = address(header.sourceAddress(), header.sourcePort());
                    destination = address(header.destinationAddress(), header.destinationPort());
                }
                case UNKNOWN -> {
                    // the proxy can't tell: the connection's own addresses are to be used
                }
                case UDP4, UDP6, UNIX_STREAM, UNIX_DGRAM -> {
                    fail(context.channel(), Failure.MALFORMED, "not of TCP: " + header.proxiedProtocol());
                    return;
                }
            }
        }
        told = true;
        stopTimer();
        context.pipeline().remove(this);
        listener.arrived(source, destination, decoder.hasMore());
    }

    private static InetSocketAddress address(String address, int port) throws UnknownHostException {
        byte[] octets = NetUtil.createByteArrayFromIpAddressString(address);
        if (octets == null) {
            throw new UnknownHostException("not an address: " + address);
        }
        return new InetSocketAddress(InetAddress.getByAddress(octets), port);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
        if (event instanceof ChannelInputShutdownEvent || event instanceof ChannelInputShutdownReadComplete) {
            fail(context.channel(), Failure.CLOSED, "");
        }
        context.fireUserEventTriggered(event);
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
        fail(context.channel(), Failure.CLOSED, "");
        context.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        boolean malformed = cause instanceof DecoderException || cause instanceof UnknownHostException;
        fail(context.channel(), malformed ? Failure.MALFORMED : Failure.CLOSED,
                printable(String.valueOf(cause.getMessage())));
    }

    /** The message may quote what was sent: no line of the log may end within it. */
    private static String printable(String text) {
        return text.replaceAll("[^ -~]", "?");
    }

    private void fail(Channel channel, Failure why, String detail) {
        if (told) {
            return;
        }
        told = true;
        stopTimer();
        if (why == Failure.CLOSED) {
            log.debug("event=proxy-closed proxy={} why={}", channel.remoteAddress(), detail);
        } else {
            counters.proxyFailures.increment();
            log.warn("event=proxy-header-refused proxy={} reason={} why={}", channel.remoteAddress(), why, detail);
        }
        var _ = channel.close();
        listener.failed(why);
    }

    private void stopTimer() {
        if (timer != null) {
            timer.cancel(false);
        }
    }
}
