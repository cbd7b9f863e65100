package com.example.penstock;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

import dev.penstock.policy.Decision;
import dev.penstock.policy.MessagePolicy;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.policy.Question;
import dev.penstock.smtp.Reply;

/** Refuses recipients who don't want mail any more, and marks what was checked. */
public final class SuppressionList implements MessagePolicy {
    private final Path file = Path.of(System.getProperty("suppression.list", "suppressed.txt"));

    @Override
    public String name() {
        return "suppression-list";
    }

    @Override
    public CompletionStage<Decision> recipient(Question.Rcpt question) {
        try {
            return Files.readAllLines(file).contains(question.recipient().address()) // may block: it's a virtual thread
                    ? Decision.refused(Reply.of(550, "5.7.1", "Recipient doesn't want mail any more"))
                    : Decision.ACCEPTED;
        } catch (IOException e) {
            return CompletableFuture.failedFuture(e); // answered as policy.on-failure says
        }
    }

    @Override
    public CompletionStage<Decision> message(Question.Message question) {
        String list = question.header().stream().map(HeaderField::value).findFirst().orElse("none");
        return CompletableFuture.completedFuture(new Decision.Accept(null, null,
                List.of(new HeaderField("X-Suppression", "checked; list=" + list)), List.of()));
    }

    @Override
    public List<String> wantedHeaders() {
        return List.of("List-ID");
    }
}
