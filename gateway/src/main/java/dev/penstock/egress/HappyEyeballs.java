package dev.penstock.egress;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * Connects to one host by the first of its addresses that answers (RFC 8305 5): the next attempt starts when the one
 * before has failed, or hasn't connected within {@link #DELAY}; the first to connect wins, the others are closed.
 * Stateless. Each attempt has a virtual thread of its own; interrupting the caller's ends them all.
 */
public final class HappyEyeballs {
    /** RFC 8305 8: Connection Attempt Delay, recommended. */
    public static final Duration DELAY = Duration.ofMillis(250);

    /** Connects by one of the addresses; its thread is interrupted when another has won. */
    @FunctionalInterface
    public interface Attempt {
        EgressConnection connect(int address) throws IOException;
    }

    /**
     * How it ended.
     *
     * @param winner     the address connected to, -1 for none
     * @param connection null exactly when there is no winner
     * @param failures   of each address, null for those that didn't fail while it was undecided
     */
    public record Result(int winner, @Nullable EgressConnection connection, List<@Nullable IOException> failures) {}

    private HappyEyeballs() {}

    /** @throws InterruptedException when the caller was interrupted; nothing is left open then */
    public static Result connect(int addresses, Attempt attempt) throws InterruptedException {
        return connect(addresses, DELAY, attempt);
    }

    static Result connect(int addresses, Duration delay, Attempt attempt) throws InterruptedException {
        Race<EgressConnection> race = new Race<>(addresses);
        List<Thread> threads = new ArrayList<>(addresses);
        try {
            boolean over;
            do {
                int next = race.start();
                if (next >= 0) {
                    threads.add(Thread.ofVirtual().name("delivery-connect").start(() -> run(race, next, attempt)));
                }
                over = race.await(next >= 0 && next + 1 < addresses ? delay.toNanos() : Long.MAX_VALUE);
            } while (!over);
            return new Result(race.winner(), race.connection(), race.failures());
        } catch (InterruptedException e) {
            EgressConnection won = race.abandon();
            if (won != null) {
                won.close();
            }
            throw e;
        } finally {
            threads.forEach(Thread::interrupt); // the winner's has ended, or is about to
        }
    }

    private static void run(Race<EgressConnection> race, int address, Attempt attempt) {
        EgressConnection connection;
        try {
            connection = attempt.connect(address);
        } catch (IOException e) {
            race.failed(address, e);
            return;
        } catch (RuntimeException | Error e) {
            race.failed(address, new IOException(e.toString(), e));
            throw e;
        }
        if (!race.connected(address, connection)) {
            connection.close();
        }
    }
}
