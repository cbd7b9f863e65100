package dev.penstock.tls;

import java.util.List;
import java.util.concurrent.Executor;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslHandler;

/**
 * Ends a connection whose records bring no data: what Java's engine lets a client send without end, and works for each
 * time, on the event loop. Confined to the channel's event loop.
 *
 * <p>Updates of keys (RFC 8446 4.6.3) cost a derivation and a new cipher each, and an answer that holds a whole buffer
 * while the client doesn't read; empty records and ignored alerts cost less. None of them reaches the session, so no
 * limit of its own sees them. OpenSSL stops at 32 in a row as well; here they are counted in all, against the data that
 * came, so that an octet between them doesn't help. Several updates in one record, which is forbidden (RFC 8446 5.1), end the
 * connection at the second or third ({@link KeyDerivations}).
 */
final class GuardedSslHandler extends SslHandler {
    /** Records up to the end of the handshake: a chain of certificates in the smallest fragments of RFC 6066 takes 100. */
    static final int MAX_HANDSHAKE_RECORDS = 256;
    /** Records without data that every connection may send after its handshake. */
    static final int MAX_IDLE_RECORDS = 32;
    /** Octets of data that allow one more; ciphers want their keys updated after gigabytes. */
    static final int OCTETS_PER_IDLE_RECORD = 64 << 10;
    /** A record may hold many updates, of 5 octets each: one without data counts once for each so many octets. */
    private static final int OCTETS_PER_COUNT = 64; // one update takes 27, padded by Java's engine 43

    private final TlsCounters counters;
    private int handshakeRecords;
    private long idleRecords;
    private long octets; // of data
    private boolean over;
    private boolean heard;
    private long heardNanos;

    GuardedSslHandler(SSLEngine engine, Executor delegatedTasks, TlsCounters counters) {
        super(engine, false, delegatedTasks);
        this.counters = counters;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) throws Exception {
        super.handlerAdded(context);
        context.pipeline().addAfter(context.name(), null, new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext next, Object message) {
                if (message instanceof ByteBuf data) {
                    octets += data.readableBytes();
                }
                KeyDerivations.uncounted(() -> next.fireChannelRead(message));
            }
        });
    }

    /** Whether the client has sent anything since the handler is there. */
    boolean hasHeard() {
        return heard;
    }

    /** The handshake is done. */
    void done() {
        counters.handshakes.increment();
        counters.times.record(System.nanoTime() - heardNanos);
    }

    /** A record at most; none while the handshake's arithmetic is done elsewhere. */
    @Override
    protected void decode(ChannelHandlerContext context, ByteBuf in, List<Object> out) throws SSLException {
        if (!heard) {
            heard = true;
            heardNanos = System.nanoTime();
        }
        if (over) {
            in.skipBytes(in.readableBytes());
            return;
        }
        boolean established = handshakeFuture().isSuccess();
        int begin = in.readerIndex();
        long before = octets;
        try {
            // the handshake's own keys aren't counted
            KeyDerivations.<SSLException>atMost(established ? KeyDerivations.PER_UPDATE : Integer.MAX_VALUE, () -> {
                super.decode(context, in, out);
                return 0;
            });
        } catch (KeyDerivations.TooManyUpdatesException e) {
            flooded(context);
            throw e;
        }
        int consumed = in.readerIndex() - begin;
        if (consumed == 0 || octets != before) {
            return;
        }
        if (!established) {
            handshakeRecords++;
        } else {
            idleRecords += Math.ceilDiv(consumed, OCTETS_PER_COUNT);
        }
        if (handshakeRecords > MAX_HANDSHAKE_RECORDS
                || idleRecords > MAX_IDLE_RECORDS + octets / OCTETS_PER_IDLE_RECORD) {
            flooded(context);
            throw new SSLException("too many TLS records without data");
        }
    }

    private void flooded(ChannelHandlerContext context) {
        over = true;
        counters.floods.increment();
        var _ = context.close(); // past the engine: whoever sends these waits for no alert
    }
}
