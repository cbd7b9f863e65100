package dev.penstock.cli;

import ch.qos.logback.classic.AsyncAppender;
import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.PatternLayout;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.Layout;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import ch.qos.logback.core.hook.DefaultShutdownHook;
import ch.qos.logback.core.spi.ContextAwareBase;
import org.jspecify.annotations.Nullable;

/**
 * Sets up Logback, which finds it as a service and calls it once: one line per event on stderr, in fields; stdout is for what
 * a command answers. {@code PENSTOCK_LOG_LEVEL=DEBUG} shows more, {@code PENSTOCK_LOG_FORMAT=json} writes each as a JSON object. Said in Java since reading it as XML takes a seventh of a
 * start; {@code -Dlogback.configurationFile=FILE} has Logback read a file instead.
 *
 * <p>Asynchronous and never blocking: a terminal or pipe that stalls must not stop an event loop.
 */
public final class LogConfigurator extends ContextAwareBase implements Configurator {
    private static final String PATTERN = "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level %logger{0}: %fields%n%ex{8}";
    private static final String JSON = "json";
    private static final String TEXT = "text";
    private static final int QUEUE_SIZE = 4096; // events
    private static final int KEPT_FOR_WARNINGS = QUEUE_SIZE / 5; // places that are WARN's and ERROR's alone

    @Override
    public ExecutionStatus configure(LoggerContext context) {
        if (System.getProperty("logback.configurationFile") != null
                || getClass().getClassLoader().getResource("logback-test.xml") != null) {
            return ExecutionStatus.INVOKE_NEXT_IF_ANY;
        }
        set(context, System.getenv("PENSTOCK_LOG_LEVEL"), System.getenv("PENSTOCK_LOG_FORMAT"));
        DefaultShutdownHook flush = new DefaultShutdownHook();
        flush.setContext(context);
        Runtime.getRuntime().addShutdownHook(new Thread(flush, "log-flush"));
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }

    /**
     * @param level  of Logback's names; INFO when it is none
     * @param format {@code text} or {@code json}; text when it is neither, which is told
     */
    static void set(LoggerContext context, @Nullable String level, @Nullable String format) {
        boolean json = JSON.equalsIgnoreCase(format);
        Layout<ILoggingEvent> layout = json ? new JsonLines() : lines();
        layout.setContext(context);
        layout.start();
        LayoutWrappingEncoder<ILoggingEvent> encoder = new LayoutWrappingEncoder<>();
        encoder.setContext(context);
        encoder.setLayout(layout);
        encoder.start();
        ConsoleAppender<ILoggingEvent> stderr = new ConsoleAppender<>();
        stderr.setContext(context);
        stderr.setName("stderr");
        stderr.setTarget("System.err");
        stderr.setEncoder(encoder);
        stderr.start();
        AsyncAppender async = new AsyncAppender();
        async.setContext(context);
        async.setName("async");
        async.setQueueSize(QUEUE_SIZE);
        async.setDiscardingThreshold(KEPT_FOR_WARNINGS);
        async.setNeverBlock(true);
        async.addAppender(stderr);
        async.start();
        context.getLogger("io.netty").setLevel(Level.WARN);
        context.getLogger("reactor").setLevel(Level.WARN);
        context.getLogger("org.apache.james.jspf").setLevel(Level.ERROR); // tells of every sender without a record
        Logger root = context.getLogger(Logger.ROOT_LOGGER_NAME);
        root.setLevel(Level.toLevel(level, Level.INFO));
        root.addAppender(async);
        if (format != null && !format.isEmpty() && !json && !TEXT.equalsIgnoreCase(format)) {
            context.getLogger(LogConfigurator.class).warn("event=log-format-unknown format={} effect=\"text\"", format);
        }
    }

    private static PatternLayout lines() {
        PatternLayout layout = new PatternLayout();
        layout.getInstanceConverterMap().put("fields", LogFields::new);
        layout.setPattern(PATTERN);
        return layout;
    }
}
