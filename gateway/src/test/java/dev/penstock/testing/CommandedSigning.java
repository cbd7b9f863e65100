package dev.penstock.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;

import dev.penstock.config.DkimConfig;
import dev.penstock.dkim.Crypto;
import dev.penstock.dkim.Signing;
import dev.penstock.dkim.TestKeys;

/**
 * Signs mail from {@value #SIGNED}, has no key for mail from {@value #KEYLESS}, and makes each signature when it is told to.
 * Confined to the test's thread.
 */
public final class CommandedSigning implements AutoCloseable {
    public static final String SIGNED = "signed.example";
    public static final String KEYLESS = "keyless.example";
    private static final String KEY = key();

    public final Signing signing;
    private final Deque<Runnable> waiting = new ArrayDeque<>();
    private int room = Integer.MAX_VALUE;

    public CommandedSigning() {
        signing = new Signing(new DkimConfig(DkimConfig.MissingKey.REFUSE,
                List.of(DkimConfig.Signature.of(SIGNED, "s1", KEY),
                        DkimConfig.Signature.of(KEYLESS, "s1", KEY + ".none"))),
                InstantSource.system(), this::add, Crypto::fastest, () -> {});
    }

    private static String key() {
        try {
            Path file = Files.createTempFile("dkim", ".key");
            file.toFile().deleteOnExit();
            return TestKeys.ed25519(file).toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void add(Runnable signature) {
        if (waiting.size() >= room) {
            throw new RejectedExecutionException("there is no room, says the test");
        }
        waiting.add(signature);
    }

    /** More wait for no signature. */
    public void room(int signatures) {
        room = signatures;
    }

    public int waiting() {
        return waiting.size();
    }

    /** Makes the signature that has waited longest, if any does. */
    public void signOne() {
        Runnable next = waiting.poll();
        if (next != null) {
            next.run();
        }
    }

    public void signAll() {
        while (!waiting.isEmpty()) {
            signOne();
        }
    }

    @Override
    public void close() {
        signing.close();
    }
}
