package dev.penstock.inbound;

import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.smtp.Reply;

/**
 * What a stage makes of a command, of content or of an answer; {@link Session} does what it says. Immutable. What usual
 * mail takes are constants.
 */
sealed interface Verdict {
    Verdict OK = new Junk(Replies.OK);
    Verdict RESET = new Reset(OK);
    Verdict COMMANDS = new Enter(SessionPhase.COMMANDS, Step.GO_ON);
    Verdict RECIPIENT_OK = new Say(Replies.RECIPIENT_OK);

    /** Those that need nothing but their name. */
    enum Step implements Verdict {
        /** More of the same is to come. */
        GO_ON,
        /** The client is a new one: it is greeted when the policies don't mind ({@link EntryStage#welcome}). */
        WELCOME,
        /** Nothing may come before the greeting; it is read, so that it is noticed. */
        LISTEN,
        /** 220, and commands may come. */
        GREET,
        /** The transaction is forgotten, 220 is said in the clear, and then as {@link #HANDSHAKE}. */
        START_TLS,
        /** Nothing but a handshake may come. */
        HANDSHAKE,
        /** The connection is closed without a word. */
        CUT_OFF,
        /** 354 is said; content follows up to its end. */
        BEGIN_DATA,
        /** Octets of a message's first chunk follow, or of one that will be refused. */
        BEGIN_CHUNK,
        /** Octets of a later chunk follow. */
        NEXT_CHUNK,
        /** The content is whole: its transaction is handed over to {@link ContentStage#finish}. */
        CONTENT_ENDS,
        /** Nothing is read until {@link ReceptionMemory.Waiter#proceed}. */
        AWAIT_MEMORY
    }

    /** A reply, and nothing changes. */
    final class Say implements Verdict {
        final byte[] reply;

        Say(byte[] reply) {
            this.reply = reply;
        }
    }

    /** The reply to a command that brings no message nearer; too many of them are errors. */
    final class Junk implements Verdict {
        final byte[] reply;

        Junk(byte[] reply) {
            this.reply = reply;
        }
    }

    /** The reply to an error of the client's, which is counted and has its penalty. */
    final class Fail implements Verdict {
        final byte[] reply;

        Fail(byte[] reply) {
            this.reply = reply;
        }
    }

    /** We can't now; that is no error of the client's. After a 421 the session ends (RFC 5321 3.8). */
    record Defer(Reply reply) implements Verdict {}

    /** The message isn't taken: its client's error when the reply is permanent, else as {@link Defer}. */
    record Refuse(Reply reply) implements Verdict {}

    /** The last reply. */
    final class Goodbye implements Verdict {
        final byte[] reply;
        final boolean inputFollows; // in any case, whatever has come of it

        Goodbye(byte[] reply, boolean inputFollows) {
            this.reply = reply;
            this.inputFollows = inputFollows;
        }
    }

    /** The message is ours. */
    final class Accepted implements Verdict {
        final byte[] reply;

        Accepted(byte[] reply) {
            this.reply = reply;
        }
    }

    /** The sender is taken. */
    record Begin(MailTransaction transaction) implements Verdict {}

    /** Forgets the transaction and what has come of its message. */
    record Reset(Verdict then) implements Verdict {}

    /** What the client sends is of that phase from now on. */
    record Enter(SessionPhase phase, Verdict then) implements Verdict {}

    /**
     * A chunk is read, or a message is given up: commands again.
     *
     * @param messageOver   whether more chunks of it may follow no more
     * @param withTransaction whether the transaction ends with it
     */
    record Leave(boolean messageOver, boolean withTransaction, Verdict then) implements Verdict {}

    /** One after the other. */
    record Both(Verdict first, Verdict second) implements Verdict {}

    /** Goes on with {@code then} when the answer is there; not at all when the session has ended before. */
    record Await<T>(CompletableFuture<T> answer, Function<T, Verdict> then) implements Verdict {}

    /** Goes on when it is complete, however. */
    record AwaitSpool(CompletableFuture<?> writable) implements Verdict {}

    /**
     * Goes on when the commit is over.
     *
     * @param settled is called exactly once, whether or not the session lives by then; what it gives is done if it does
     */
    record AwaitCommit<T>(CompletableFuture<T> commit, BiFunction<@Nullable T, @Nullable Throwable, Verdict> settled)
            implements
                Verdict {}

    /** The session goes on, and is looked at again after so long, if it isn't over by then. */
    record LookLater(long delayNanos, Supplier<Verdict> look) implements Verdict {}
}
