package dev.penstock.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.DecoderException;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscription;

import dev.penstock.auth.Authenticator;
import dev.penstock.config.InboundConfig;
import dev.penstock.config.ListenerConfig;
import dev.penstock.message.Envelope;
import dev.penstock.policy.Policy;
import dev.penstock.reception.Reception;
import dev.penstock.spool.QueuedDestination;
import dev.penstock.testing.FakePolicy;
import dev.penstock.testing.FakeSpool;
import dev.penstock.tls.ServerTls;

/**
 * A session without a network, on a channel and an event loop that belong to the test's thread: each call is one read,
 * and time passes when it is told to. Confined to that thread.
 */
final class SessionHarness implements AutoCloseable {
    private static final InetSocketAddress CLIENT = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 40_000);
    private static final InetSocketAddress SERVER = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 25);
    private static final LoopScratch SCRATCH = new LoopScratch();
    private static final long MUST_BE_CLOSED_SECONDS = 10; // more than the linger of a last reply

    private final UnpooledByteBufAllocator allocator = new UnpooledByteBufAllocator(false, false);
    private final FakeSpool spool = new FakeSpool();
    private final List<Envelope> accepted = new ArrayList<>();
    private final EmbeddedChannel channel = new EmbeddedChannel();
    private final SmtpServer server;
    private final NettyConnection connection;
    private final Input input;

    SessionHarness() {
        this(config -> config);
    }

    SessionHarness(UnaryOperator<ConfigBuilder> limits) {
        this(limits.apply(new ConfigBuilder()).build(), new ListenerBuilder().build(), null, new FakePolicy(),
                Authenticator.NONE);
    }

    SessionHarness(InboundConfig config, ListenerConfig listener, @Nullable ServerTls tls, Policy policy,
            Authenticator authenticator) {
        server = new SmtpServer("gateway.example", List.of(listener), config,
                tls == null ? Map.of() : Map.of(listener.name(), tls), policy, authenticator,
                new Reception(spool, this::accepted, _ -> {}, InstantSource.fixed(SmtpFixture.NOW)), _ -> {},
                InstantSource.fixed(SmtpFixture.NOW));
        ClientAccount account = new ClientAccounts(config, new Counters(), System::nanoTime)
                .enter(CLIENT.getAddress(), listener);
        channel.config().setAllocator(allocator);
        connection = new NettyConnection(channel, SCRATCH);
        Session session = new Session(server, connection, SCRATCH, account, CLIENT, SERVER, false, 0,
                server.settings(0), 1);
        connection.attach(session);
        input = new Input();
        channel.pipeline().addLast(input, connection);
        channel.closeFuture().addListener(_ -> session.closed());
        connection.onSubscribe(input);
        run();
    }

    private void accepted(QueuedDestination destination) {
        if (destination.entry().destination() == 0) {
            accepted.add(destination.envelope());
        }
    }

    /** As reactor-netty does it: reads wait in a queue until they are asked for, and no call is made within another. */
    private final class Input extends ChannelInboundHandlerAdapter implements Subscription {
        private final Deque<ByteBuf> queue = new ArrayDeque<>();
        private long demand;
        private boolean draining;
        private boolean cancelled;

        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            queue.add((ByteBuf) message);
            drain();
        }

        @Override
        public void request(long n) {
            demand += n;
            drain();
        }

        @Override
        public void cancel() {
            cancelled = true;
            drain();
        }

        private void drain() {
            if (draining) {
                return;
            }
            draining = true;
            try {
                while (!queue.isEmpty() && (cancelled || demand > 0)) {
                    ByteBuf next = queue.remove();
                    try {
                        if (!cancelled) {
                            demand--;
                            connection.onNext(next);
                        }
                    } finally {
                        next.release();
                    }
                }
            } finally {
                draining = false;
            }
        }
    }

    FakeSpool spool() {
        return spool;
    }

    List<Envelope> accepted() {
        return accepted;
    }

    InboundStats stats() {
        return server.stats();
    }

    /** Of messages being received; another session of the same server is told of by its waiter. */
    ReceptionMemory memory() {
        return server.memory();
    }

    boolean isOpen() {
        return channel.isOpen();
    }

    /** One read of these octets. */
    void say(String octets) {
        say(octets.getBytes(ISO_8859_1));
    }

    void say(byte[] octets) {
        if (channel.isOpen()) {
            ByteBuf read = allocator.buffer(Math.max(octets.length, 1)).writeBytes(octets);
            checked(() -> channel.writeInbound(read));
        }
        run();
    }

    /** Does what is due now. */
    void run() {
        checked(() -> {
            channel.runPendingTasks();
            channel.checkException();
        });
    }

    /** Of a failed handshake this channel hears when its pipeline is gone: its close() doesn't leave that for later. */
    private void checked(Runnable action) {
        try {
            action.run();
        } catch (DecoderException e) {
            if (channel.isOpen()) {
                throw e;
            }
        }
    }

    /** Lets time pass on the event loop's clock. */
    void pass(long seconds) {
        channel.advanceTimeBy(seconds, TimeUnit.SECONDS);
        run();
    }

    /** What was said since the last call. */
    String takeReplies() {
        StringBuilder replies = new StringBuilder();
        for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
            replies.append(part.toString(ISO_8859_1));
            part.release();
        }
        return replies.toString();
    }

    /** The client goes. */
    void hangUp() {
        var _ = channel.close();
        pass(MUST_BE_CLOSED_SECONDS);
    }

    /** Octets of buffers that nobody has released. */
    long bufferedOctets() {
        return allocator.metric().usedHeapMemory() + allocator.metric().usedDirectMemory();
    }

    @Override
    public void close() {
        hangUp();
        takeReplies();
        channel.finishAndReleaseAll();
    }
}
