package dev.penstock.benchmarks;

import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.TimeUnit;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.classification.Classification;
import dev.penstock.config.BounceCategory;
import dev.penstock.config.ControlConfig;
import dev.penstock.config.ReplyAction;
import dev.penstock.config.ReplyScope;
import dev.penstock.config.ShapingConfig;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.control.AdaptiveControl;
import dev.penstock.shaping.control.AutomationBook;
import dev.penstock.shaping.rules.RuleBook;

/**
 * What does it cost to tell control of a message that was taken, where nothing is limited and where a rate is? The last
 * answer is in gateway/docs/adaptive-control.md.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Benchmark)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class AdaptiveControlBenchmark {
    private static final Classification RATE = new Classification("SpamBlock", BounceCategory.SPAM_RELATED,
            ReplyScope.SOURCE_PROVIDER, ReplyAction.DEFER, Duration.ZERO, Duration.ZERO, true, "",
            false);

    @Param({"false", "true"})
    public boolean limited;

    private final EgressPath path = new EgressPath("ip-1", new Site("mx.example.net"));
    private final AdaptiveControl control = new AdaptiveControl(ControlConfig.DEFAULT,
            new RuleBook(ShapingConfig.DEFAULT), AutomationBook.NONE, Path.of("none"), InstantSource.system(),
            System::nanoTime);

    @Setup
    public void refuse() {
        if (limited) {
            control.refused(new AdaptiveControl.Mail(path, "example", "example.com", "shop", ""), RATE, 451, "4.7.1",
                    "slow down", false, System.nanoTime(), () -> 1, true);
        }
    }

    @Benchmark
    @Threads(1)
    public void alone() {
        control.delivered(path, "example", "shop", "spring", Long.MAX_VALUE);
    }

    @Benchmark
    @Threads(2)
    public void contended() {
        control.delivered(path, "example", "shop", "spring", Long.MAX_VALUE);
    }
}
