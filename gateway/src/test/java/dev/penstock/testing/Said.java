package dev.penstock.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import org.slf4j.LoggerFactory;

/** What a class writes into the log, until this is closed. Thread-safe. */
public final class Said implements AutoCloseable {
    private final Logger logger;
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

    private Said(Class<?> by) {
        logger = (Logger) LoggerFactory.getLogger(by);
        lines.list = new CopyOnWriteArrayList<>();
        lines.start();
        logger.addAppender(lines);
        logger.setLevel(Level.INFO);
    }

    public static Said by(Class<?> type) {
        return new Said(type);
    }

    /** Since the last call, values where their places are. */
    public synchronized List<String> lines() {
        List<String> said = new ArrayList<>();
        for (int left = lines.list.size(); left > 0; left--) { // not one that comes meanwhile
            said.add(lines.list.removeFirst().getFormattedMessage());
        }
        return said;
    }

    @Override
    public void close() {
        logger.detachAppender(lines);
        logger.setLevel(null);
    }
}
