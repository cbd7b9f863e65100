package dev.penstock.cli;

import java.net.InetSocketAddress;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.GatewayConfig;
import dev.penstock.revision.Reloads;

/** A running gateway as the command line sees it. Thread-safe. */
interface Gateway extends AutoCloseable {
    /** Starts everything, or throws and leaves nothing running. */
    @FunctionalInterface
    interface Starter {
        Gateway start(GatewayConfig config) throws Exception;
    }

    /** Where SMTP is spoken, ports as bound. */
    List<InetSocketAddress> smtpAddresses();

    /** Where mail is taken over HTTP, port as bound; null when it isn't. */
    @Nullable
    InetSocketAddress injectionAddress();

    /** Where metrics and health are served, port as bound; null when they aren't. */
    @Nullable
    InetSocketAddress httpAddress();

    /** Applies what differs. Only called when nothing differs that needs a restart. */
    void reload(GatewayConfig changed);

    /** Is told of changes of the configuration that are refused before they come to {@link #reload}; for the metrics. */
    Reloads.Refusals refusals();

    /** Who looks after its files, for whoever changes them through the gateway; once, after the start. */
    void configuredBy(Reloads reloads);

    /** Ends the current file of the delivery log, whoever may have moved it. */
    void reopenLog();

    /** Returns when the gateway has stopped by itself or was closed. */
    void awaitStop() throws InterruptedException;

    /** Stops cleanly within the configured times; does nothing the second time. */
    @Override
    void close();
}
