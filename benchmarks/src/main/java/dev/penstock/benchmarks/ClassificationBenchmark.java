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
 * What does it cost to find out what a reply means, with 500 patterns, the shipped ones behind others of the same words,
 * without a cache? The last answer is in gateway/docs/classification.md.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@State(Scope.Thread)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ClassificationBenchmark {
    private static final int PATTERNS = 500;
    /** What receivers say, each with something that only one of them says. */
    private static final List<String> WAYS = List.of(
            "(?:messages?|mail) from .{0,60}(?:blocked|refused|deferred|rejected) by receiver%d",
            "too many (?:messages|connections|recipients|errors).{0,40}\\(r%d\\)",
            "(?:ip|address|host) \\[?[0-9.]+\\]? (?:is )?(?:blocked|listed|banned).{0,40}bl%d\\.example",
            "(?:temporarily|permanently) (?:deferred|rate limited|suspended).{0,80}code r%d\\b",
            "exceeded (?:the |your )?(?:maximum|hourly|daily)? ?(?:number|limit|quota|rate).{0,40}#%d",
            "poor reputation of r%d|low reputation of .{0,40}tenant%d",
            "user .{0,60}(?:unknown|does not exist|not found|disabled).{0,40}r%d\\.example",
            "\\[(?:TS|BL|HM|CS|PH|GL)%d\\]",
            "message .{0,40}(?:spam|unsolicited|bulk|policy).{0,60}https?://(?:www\\.)?help%d\\.example",
            "(?:dmarc|dkim|spf) .{0,40}(?:fail|policy|align).{0,60}r%d\\.example");

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
        int own = PATTERNS - ReplyRules.shipped().rules().stream().mapToInt(rule -> rule.texts().size()).sum();
        for (int i = 0; i < own; i++) {
            rules.add(new ReplyRule("own.toml", i + 1, Set.of(), Set.of(), List.of(), Set.of(),
                    List.of(WAYS.get(i % WAYS.size()).replace("%d", Integer.toString(i))),
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
