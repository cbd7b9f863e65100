package dev.penstock.loadgen;

import java.util.concurrent.Callable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Sends generated messages and prints how they were accepted. */
@Command(name = "load", mixinStandardHelpOptions = true, sortOptions = false, description = "Sends numbered, checksummed messages over SMTP and measures how they are accepted.", exitCodeListHeading = "Exit codes:%n", exitCodeList = {
    "0:every message was accepted", "1:some were refused or got no answer", "2:wrong options"})
public final class LoadCommand implements Callable<Integer> {
    @Mixin
    private RunOptions common = new RunOptions();

    @Option(names = "--sessions", defaultValue = "20", description = "parallel sessions (default: 20)")
    private int sessions;

    @Option(names = "--messages", description = "end after so many messages (warm-up not included)")
    private long messages;

    @Option(names = "--rate", description = "messages per second, sent on time whatever the replies (open loop); without it each session sends as soon as it can")
    private double rate;

    @Option(names = "--recipients", defaultValue = "1", description = "recipients per message (default: 1)")
    private int recipients;

    @Option(names = "--pipelining", negatable = true, defaultValue = "true", fallbackValue = "true", description = "use PIPELINING where offered (default: on)")
    private boolean pipelining;

    @Option(names = "--messages-per-session", description = "open a new session after so many messages")
    private int messagesPerSession;

    @Option(names = "--reconnect", description = "open broken sessions again; messages without an answer are never repeated")
    private boolean reconnect;

    @Option(names = "--dots", defaultValue = "0.05", description = "share of body lines that start with a dot (default: 0.05)")
    private double dots;

    @Option(names = "--eight-bit", defaultValue = "0", description = "share of body lines with octets above 127 (default: 0)")
    private double eightBit;

    @Option(names = "--threads", defaultValue = "1", description = "event loops (default: 1)")
    private int threads;

    @Override
    public Integer call() throws Exception {
        return common.run(builder -> new LoadGenerator(builder.sessions(sessions).messages(messages).rate(rate)
                .recipients(recipients).pipelining(pipelining).messagesPerSession(messagesPerSession)
                .reconnect(reconnect).dots(dots).eightBit(eightBit).threads(threads).build()));
    }
}
