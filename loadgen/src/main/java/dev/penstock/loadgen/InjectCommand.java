package dev.penstock.loadgen;

import java.util.concurrent.Callable;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Sends generated messages over HTTP and prints how they were accepted. */
@Command(name = "inject", mixinStandardHelpOptions = true, sortOptions = false, description = "Sends numbered, checksummed messages over HTTP and measures how they are accepted.", exitCodeListHeading = "Exit codes:%n", exitCodeList = {
    "0:every recipient was accepted", "1:some were refused or got no answer", "2:wrong options"})
public final class InjectCommand implements Callable<Integer> {
    @Mixin
    private RunOptions common = new RunOptions();

    @Option(names = "--sessions", defaultValue = "4", description = "connections, with one request at a time each (default: 4)")
    private int sessions;

    @Option(names = "--requests", description = "end after so many requests (warm-up not included)")
    private long requests;

    @Option(names = "--rate", description = "requests per second, sent on time whatever the answers (open loop); without it each session sends as soon as it can")
    private double rate;

    @Option(names = "--recipients", defaultValue = "100", description = "recipients per request (default: 100)")
    private int recipients;

    @Option(names = "--template", negatable = true, defaultValue = "true", fallbackValue = "true", description = "a message for each recipient, filled in by the gateway (default: on); else one for all of a request")
    private boolean template;

    @Option(names = "--keys", negatable = true, defaultValue = "false", fallbackValue = "true", description = "give each request an idempotency key, and repeat it when its answer is lost (default: off)")
    private boolean keys;

    @Option(names = "--user", defaultValue = "", paramLabel = "NAME:PASSWORD", description = "log in")
    private String user = "";

    @Override
    public Integer call() throws Exception {
        return common.run(builder -> new InjectGenerator(new InjectOptions(
                builder.sessions(sessions).messages(requests).rate(rate).recipients(recipients).dots(0).build(),
                template, keys, user)));
    }
}
