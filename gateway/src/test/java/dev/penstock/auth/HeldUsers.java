package dev.penstock.auth;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import dev.penstock.testing.Patience;
import dev.penstock.testing.TestUsers;

/**
 * Alice, whose password is {@link TestUsers#PASSWORD}; one check at a time is made, and none before {@link #go}, while
 * {@value #PLACES} wait. Thread-safe.
 */
public final class HeldUsers implements AutoCloseable {
    public static final int PLACES = 4;

    public final SaslAuthenticator authenticator;
    private final CountDownLatch go = new CountDownLatch(1);

    public HeldUsers(Path directory) throws IOException {
        authenticator = new SaslAuthenticator(
                Users.file(directory.resolve("held.toml"), Users.user(TestUsers.NAME, TestUsers.PASSWORD)),
                ChannelBinding.OF_TLS, new PasswordChecker(1, PLACES, Patience.LONG, (_, password) -> {
                    try {
                        return go.await(Patience.LONG.toSeconds(), TimeUnit.SECONDS)
                                && Arrays.equals(password, TestUsers.PASSWORD.getBytes(UTF_8));
                    } catch (InterruptedException _) {
                        return false;
                    }
                }));
    }

    /** Returns when so many logins found no place. */
    public void awaitBusy(long count) {
        await().until(() -> authenticator.stats().busy() >= count);
    }

    public void go() {
        go.countDown();
    }

    @Override
    public void close() {
        go();
        authenticator.close();
    }
}
