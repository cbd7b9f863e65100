package dev.penstock.loadgen;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;

/** The sessions of one loop of the sink and what they share. Confined to the loop but for start, close and transit. */
final class SinkWorker {
    private static final int READ_BUFFER = 128 << 10;
    private static final int WRITE_BUFFER = 64 << 10;
    private static final long LOG_FLUSH_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    final Sink sink;
    final NioLoop loop;
    final SinkReplies replies;
    final DomainTable domains;
    final byte[] bytes = new byte[READ_BUFFER];
    final ByteBuffer input = ByteBuffer.wrap(bytes);
    final ByteBuffer output = ByteBuffer.allocateDirect(WRITE_BUFFER);
    final LoadHeader header = new LoadHeader();

    private final Latency.Samples transit = new Latency.Samples();
    private final int index;
    private long choices;

    SinkWorker(Sink sink, int index) {
        this.sink = sink;
        this.index = index;
        loop = new NioLoop("sink-" + index);
        replies = new SinkReplies(sink.options);
        domains = new DomainTable(sink.domains, sink.behaviours);
    }

    void start() {
        loop.execute(this::flushLog);
        loop.start();
    }

    void close() {
        loop.close();
    }

    Latency.Samples transit() {
        return transit;
    }

    void open(SocketChannel channel) {
        SinkSession session = new SinkSession(this, channel);
        try {
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            session.begin(loop.register(channel, SelectionKey.OP_READ, session));
        } catch (IOException e) {
            session.failed(e);
        }
    }

    /** Evenly distributed in [0, 1), the same for the same seed. */
    double choose() {
        return Mix.fraction(Mix.bits(sink.options.seed(), choices++, index));
    }

    private void flushLog() {
        if (sink.log != null) {
            sink.log.flush();
            loop.schedule(System.nanoTime() + LOG_FLUSH_NANOS, this::flushLog);
        }
    }
}
