package dev.penstock.loadgen;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

import dev.penstock.units.Durations;

/** A long wire in front of a sink, until it is told to end. */
@Command(name = "relay", mixinStandardHelpOptions = true, sortOptions = false, description = "Passes connections on, each octet later by a fixed time and at any rate: what is behind it is far away.")
public final class RelayCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--listen", split = ",", required = true, paramLabel = "HOST:PORT", description = "addresses, like 127.0.1.{1..8}:25")
    private List<String> listen = new ArrayList<>();

    @Option(names = "--to", split = ",", required = true, paramLabel = "HOST:PORT", description = "where the connections of each go to, as many as there are addresses")
    private List<String> to = new ArrayList<>();

    @Option(names = "--delay", defaultValue = "25ms", description = "of each octet, one way (default: 25ms)")
    private String delay = "";

    @Option(names = "--open-tls", description = "speak TLS to where the connections go to, which has to offer STARTTLS, with whatever certificate")
    private boolean openTls;

    @Option(names = "--accept-tls", paramLabel = "FILE", description = "offer STARTTLS and require it, with key and certificate of this PKCS #12 file, whose password is \"penstock\"")
    private @Nullable Path acceptTls;

    @Option(names = "--flap", paramLabel = "TIME", description = "be there for so long, and gone for as long, in turns")
    private @Nullable String flap;

    private @Nullable StartTls tls() throws IOException {
        if (acceptTls != null) {
            if (openTls) {
                throw new IllegalArgumentException("--accept-tls and --open-tls: one of them");
            }
            return StartTls.accepting(acceptTls, "penstock");
        }
        return openTls ? StartTls.opening() : null;
    }

    @Override
    public Integer call() throws Exception {
        CountDownLatch end = new CountDownLatch(1);
        List<DelayRelay> relays = new ArrayList<>();
        try (Termination _ = new Termination(end::countDown)) {
            List<InetSocketAddress> from = Addresses.parse(listen);
            List<InetSocketAddress> targets = Addresses.parse(to);
            if (from.size() != targets.size()) {
                throw new IllegalArgumentException(
                        from.size() + " addresses for --listen, and " + targets.size() + " for --to");
            }
            for (int i = 0; i < from.size(); i++) {
                DelayRelay relay = DelayRelay.start(from.get(i), targets.get(i), Durations.parse(delay), tls());
                relays.add(relay);
                if (flap != null) {
                    relay.flap(Durations.parse(flap));
                }
            }
            end.await();
            return 0;
        } catch (IllegalArgumentException e) {
            throw spec == null ? e : new ParameterException(spec.commandLine(), e.getMessage(), e);
        } finally {
            for (DelayRelay relay : relays) {
                relay.close();
            }
        }
    }
}
