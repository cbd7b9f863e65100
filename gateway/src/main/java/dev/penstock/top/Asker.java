package dev.penstock.top;

import java.io.IOException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

import org.jspecify.annotations.Nullable;

import dev.penstock.admin.AdminClient;
import dev.penstock.admin.AdminProblem;
import dev.penstock.top.Answers.Question;

/**
 * Asks the gateway, so that a screen doesn't wait for it. Any thread may put a question; one thread of its own has the
 * connection, and tells of each answer.
 */
final class Asker implements AutoCloseable {
    private final Gateway opener;
    private final Details details;
    private final Consumer<Event> told;
    private final BlockingQueue<Question> wanted = new LinkedBlockingQueue<>();
    private final Thread thread;
    private @Nullable AdminClient gateway; // of the thread

    private Asker(Gateway gateway, Details details, Consumer<Event> told) {
        this.opener = gateway;
        this.details = details;
        this.told = told;
        this.thread = Thread.ofPlatform().daemon().name("top-gateway")
                .uncaughtExceptionHandler((_, fault) -> told.accept(new Event.Failed(fault))).unstarted(this::run);
    }

    /** @param told is called on the thread of this */
    static Asker start(Gateway gateway, Details details, Consumer<Event> told) {
        Asker asker = new Asker(gateway, details, told);
        asker.thread.start();
        return asker;
    }

    /** Is answered by one event, unless another question comes before it is asked. */
    void ask(Question question) {
        wanted.add(question);
    }

    private void run() {
        try {
            while (true) {
                Question question = wanted.take();
                for (Question later = wanted.poll(); later != null; later = wanted.poll()) {
                    question = later;
                }
                told.accept(answer(question));
            }
        } catch (InterruptedException _) {
            // closed
        } finally {
            if (gateway != null) {
                gateway.close();
            }
        }
    }

    private Event answer(Question question) {
        try {
            AdminClient asked = gateway == null ? opener.open() : gateway;
            gateway = asked;
            return new Event.Answered(Answers.ask(asked, question, details));
        } catch (AdminProblem | IOException e) {
            return new Event.Lost(question, String.valueOf(e.getMessage()));
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
