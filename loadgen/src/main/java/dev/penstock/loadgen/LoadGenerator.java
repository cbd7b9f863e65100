package dev.penstock.loadgen;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** Sends generated messages over SMTP and measures how they are accepted. Thread-safe as {@link Generator} says. */
public final class LoadGenerator extends Generator {
    private final List<LoadWorker> workers = new ArrayList<>();

    public LoadGenerator(LoadOptions options) throws IOException {
        super(options);
        for (int i = 0; i < options.threads(); i++) {
            workers.add(new LoadWorker(this, i));
        }
    }

    @Override
    void startSessions() {
        workers.forEach(LoadWorker::start);
    }

    @Override
    void phaseChanged() {
        workers.forEach(LoadWorker::phaseChanged);
    }

    @Override
    void closeSessions() {
        workers.forEach(LoadWorker::close);
    }

    @Override
    long lastAcceptNanos() {
        return workers.stream().mapToLong(LoadWorker::lastAcceptNanos).filter(nanos -> nanos != 0)
                .max().orElseThrow();
    }

    @Override
    List<Latency.Samples> accept() {
        return workers.stream().map(LoadWorker::accept).toList();
    }

    @Override
    List<Latency.Samples> transaction() {
        return workers.stream().map(LoadWorker::transaction).toList();
    }
}
