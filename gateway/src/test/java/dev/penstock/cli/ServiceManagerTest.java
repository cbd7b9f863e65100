package dev.penstock.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.BindException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainDatagramPacket;
import io.netty.channel.unix.DomainSocketAddress;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import dev.penstock.testing.Patience;

/** The service manager is a socket of Netty's, which knows nothing of ours. */
class ServiceManagerTest {
    private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    private final BlockingQueue<String> heard = new LinkedBlockingQueue<>();
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final FakeGateway gateway = new FakeGateway();
    private final Map<String, Runnable> signals = new HashMap<>();

    @TempDir
    Path directory;

    @AfterEach
    void close() {
        var _ = loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    }

    @Test
    void whatIsToldArrivesAtAPath() throws Exception {
        Path socket = directory.resolve("notify");
        Channel manager = listen(socket.toString());

        ServiceManager told = ServiceManager.at(socket.toString());
        told.ready("Takes mail at 127.0.0.1:25");
        told.stopping();

        assertThat(heard()).isEqualTo("READY=1\nSTATUS=Takes mail at 127.0.0.1:25");
        assertThat(heard()).startsWith("STOPPING=1\n");
        manager.close().sync();
    }

    @Test
    void andAtAnAbstractName() throws Exception {
        String name = "penstock-test-" + ProcessHandle.current().pid() + "-" + System.nanoTime();
        Channel manager = listen("\0" + name);

        ServiceManager.at("@" + name).ready("ä");

        assertThat(heard()).isEqualTo("READY=1\nSTATUS=ä");
        manager.close().sync();
    }

    @Test
    void aReloadTellsTheTimeOfTheClockThatSystemdCompares() throws Exception {
        Path socket = directory.resolve("notify");
        Channel manager = listen(socket.toString());
        long before = System.nanoTime() / 1000;

        ServiceManager.at(socket.toString()).reloading();

        String[] lines = heard().split("\n", -1);
        assertThat(lines[0]).isEqualTo("RELOADING=1");
        assertThat(lines[1]).startsWith("MONOTONIC_USEC=");
        assertThat(Long.parseLong(lines[1].substring(lines[1].indexOf('=') + 1))).isBetween(before,
                System.nanoTime() / 1000);
        manager.close().sync();
    }

    @Test
    void nobodyThereStopsNothing() {
        assertThatCode(() -> {
            ServiceManager.at(directory.resolve("nobody").toString()).ready("x");
            ServiceManager.at("vsock:2:1").ready("x");
            ServiceManager.at("/" + "x".repeat(200)).ready("x");
            ServiceManager.at("").ready("x");
            ServiceManager.at(null).ready("x");
        }).doesNotThrowAnyException();
    }

    @Test
    void aRunSaysReadyWhenMailIsTakenAndStoppingBeforeItIsNot() throws Exception {
        List<String> told = new CopyOnWriteArrayList<>();
        gateway.whileStarting = () -> assertThat(told).isEmpty();
        gateway.whileRunning = () -> {
            assertThat(told).containsExactly("READY=1\nSTATUS=Takes mail at 0.0.0.0:2599, [0:0:0:0:0:0:0:1]:2600");
            raise("HUP");
            assertThat(told.get(1)).startsWith("RELOADING=1\n");
            assertThat(told.get(2)).startsWith("READY=1\n");
            assertThat(gateway.closed).isFalse();
            raise("TERM");
        };

        PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
        RunCommand run = new RunCommand(gateway::start, signals::put, state -> {
            assertThat(gateway.closed).as(state).isFalse();
            told.add(state);
        }, stream, stream);

        assertThat(run.takes("run")).isTrue();
        assertThat(run.call()).isEqualTo(ExitCode.OK);
        assertThat(gateway.closed).isTrue();
        assertThat(told).hasSize(4).last().asString().startsWith("STOPPING=1\n");
    }

    @Test
    void aStartThatFailsSaysNothing() throws Exception {
        List<String> told = new CopyOnWriteArrayList<>();
        gateway.failure = new BindException("in use");
        PrintStream stream = new PrintStream(out, true, StandardCharsets.UTF_8);
        RunCommand run = new RunCommand(gateway::start, signals::put, told::add, stream, stream);
        assertThat(run.takes("run")).isTrue();

        assertThat(run.call()).isNotEqualTo(ExitCode.OK);
        assertThat(told).isEmpty();
    }

    private void raise(String signal) {
        Objects.requireNonNull(signals.get(signal)).run();
    }

    private Channel listen(String address) throws InterruptedException {
        return new Bootstrap().group(loop).channel(EpollDomainDatagramChannel.class)
                .handler(new SimpleChannelInboundHandler<DomainDatagramPacket>() {
                    @Override
                    protected void channelRead0(ChannelHandlerContext context, DomainDatagramPacket packet) {
                        heard.add(packet.content().toString(StandardCharsets.UTF_8));
                    }
                }).bind(new DomainSocketAddress(address)).sync().channel();
    }

    private String heard() throws InterruptedException {
        String message = heard.poll(Patience.LONG.toSeconds(), TimeUnit.SECONDS);
        assertThat(message).as("nothing was told").isNotNull();
        return message;
    }
}
