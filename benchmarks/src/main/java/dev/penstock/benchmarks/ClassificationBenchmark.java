package dev.penstock.benchmarks;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
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
import org.openjdk.jmh.annotations.Warmup;

import dev.penstock.classification.Classification;
import dev.penstock.classification.Classifier;
import dev.penstock.config.BounceCategory;
import dev.penstock.config.ReplyAction;
import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRule;
import dev.penstock.config.ReplyRules;
import dev.penstock.config.ReplyScope;
import dev.penstock.smtp.Reply;

/**
 * What does it cost to find out what a reply means, with the shipped rules behind 300 others, without a cache? The last
 * answer is in gateway/docs/classification.md.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ClassificationBenchmark {
    private static final int OWN_RULES = 300;

    @Param({
        "550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking the recipient's email address for typos or unnecessary spaces.",
        "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150). You can also refer your provider to mail.live.com.",
        "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your DKIM domain [news.example 36]. To protect our users from spam, mail sent from your domain has been temporarily rate limited.",
        "452 4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to support.google.com.",
        "554 Transaction failed for a reason that no rule knows of"})
    public String line = "";

    private final Classifier classifier = new Classifier(rules());
    private Reply reply = Reply.of(550, "", "");

    /** As somebody may write them for one receiver each. */
    private static List<ReplyRule> rules() {
        List<ReplyRule> rules = new ArrayList<>();
        for (int i = 0; i < OWN_RULES; i++) {
            rules.add(new ReplyRule("own.toml", i + 1, Set.of(), Set.of(), List.of(), Set.of(),
                    List.of("receiver" + i + "\\.example.{0,40}(?:blocked|refused)", "policy [A-Z]{2}" + i + "\\b"),
                    false,
                    false, "Own", BounceCategory.OTHER, ReplyScope.MESSAGE, ReplyAction.AS_CODED, Duration.ZERO,
                    Duration.ZERO, false));
        }
        rules.addAll(ReplyRules.shipped().rules());
        return rules;
    }

    @Setup
    public void read() {
        int space = line.indexOf(' ', 4);
        boolean hasStatus = line.substring(4, space).matches("[45]\\.\\d+\\.\\d+");
        reply = Reply.of(Integer.parseInt(line.substring(0, 3)), hasStatus ? line.substring(4, space) : "",
                line.substring(hasStatus ? space + 1 : 4));
    }

    @Benchmark
    public Classification classify() {
        return classifier.classify(ReplyPhase.RCPT, reply, "");
    }
}
