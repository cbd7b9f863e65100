package dev.penstock.cli;

import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.classification.Classification;
import dev.penstock.classification.Classifier;
import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Problem;
import dev.penstock.config.ReplyAction;
import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRule;
import dev.penstock.config.ReplyRules;
import dev.penstock.smtp.Reply;
import dev.penstock.smtp.ReplyParser;

/** Says what a reply means, and which rule says so. Confined to the main thread. */
@Command(name = "classify", description = "Say what a receiver's reply means, and by which rule.", mixinStandardHelpOptions = true)
final class ClassifyCommand implements Callable<Integer> {
    private final PrintStream out;
    private final PrintStream err;

    @Parameters(paramLabel = "REPLY", description = "As it comes: \"550 5.7.1 …\".")
    private String line = "";

    @Option(names = "--config", paramLabel = "FILE", description = "The configuration, for the rules of one's own; without it only the shipped ones are asked.")
    private @Nullable Path file;

    @Option(names = "--provider", paramLabel = "NAME", description = "Whose host said it.")
    private String provider = "";

    @Option(names = "--phase", paramLabel = "PHASE", description = "To what it was the answer: greeting, hello, mail, rcpt (unless told otherwise), data, end_of_data.")
    private ReplyPhase phase = ReplyPhase.RCPT;

    ClassifyCommand(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    @Override
    public Integer call() {
        Reply reply = reply();
        if (reply == null) {
            err.println("penstock classify: not a refusal: " + line + "; expected a code from 400 to 599, a space, and text");
            return ExitCode.USAGE;
        }
        List<ReplyRule> rules = new ArrayList<>();
        Path config = file;
        if (config != null) {
            switch (ConfigReader.read(config)) {
                case Invalid(List<Problem> problems) -> {
                    problems.forEach(err::println);
                    return ExitCode.CONFIG;
                }
                case Valid(GatewayConfig read, _) -> rules.addAll(read.delivery().classificationFiles().rules());
            }
        }
        rules.addAll(ReplyRules.shipped().rules());
        Classification meaning = new Classifier(rules).classify(phase, reply, Classifier.provider(provider));
        out.println("class:    " + meaning.bounceClass());
        out.println("category: " + meaning.category().word());
        out.println("scope:    " + meaning.scope().word());
        out.println("message:  " + (meaning.action() == ReplyAction.BOUNCE
                || meaning.action() == ReplyAction.AS_CODED && reply.isPermanent() ? "bounce" : "defer"));
        if (!meaning.consequence().isEmpty()) {
            out.println("besides:  " + meaning.consequence());
        }
        out.println("rule:     " + (meaning.rule().isEmpty() ? "none" : meaning.rule()));
        return ExitCode.OK;
    }

    private @Nullable Reply reply() {
        if (!line.matches("(?s)[45]\\d\\d[ -].*")) {
            return null;
        }
        String last = line.substring(0, 3) + " " + line.substring(4).replaceAll("[\\r\\n]+", " ") + "\r\n";
        return new ReplyParser().parse(ByteBuffer.wrap(last.getBytes(StandardCharsets.UTF_8)));
    }
}
