package dev.penstock.delivery;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

import org.jspecify.annotations.Nullable;

/**
 * The messages that were sent over one session, envelope and content at once (RFC 3030 4.2, RFC 2920 3.1), and whose
 * answers aren't all in. Pure: it sends and reads nothing. Confined to the delivery session.
 *
 * <p>Invariant: the answers that are still to come are those to the oldest message's commands from {@link #expected} on,
 * then those to all commands of the others, in the order in which they were launched. Only the youngest may not have been
 * sent to its last octet. A message is in doubt, that is the host may have taken it, exactly when it was sent to its last
 * octet, its last answer isn't in, and not all of its recipients were refused.
 *
 * @param <M> a message
 */
final class Flight<M> {
    /** A command and its answer, in the order of a transaction. */
    enum Question {
        RSET, MAIL, RCPT,
        /** BDAT with LAST, and the content. */
        LAST
    }

    /** What an answer makes of the message. */
    enum Step {
        /** More answers are to come. */
        ON,
        /** It was the last; the next message is the oldest now. */
        LANDED,
        /** It can't follow those before it: it isn't known whose answers they are. */
        OUT_OF_STEP
    }

    private static final class Aloft<M> {
        final M message;
        final int recipients;
        final long octets;
        Question next;
        boolean sent;
        boolean opened;
        /** Recipients that have an answer. */
        int answered;
        int accepted;

        Aloft(M message, boolean reset, int recipients, long octets) {
            this.message = message;
            this.recipients = recipients;
            this.octets = octets;
            this.next = reset ? Question.RSET : Question.MAIL;
        }

        int answers() {
            return recipients + 3;
        }

        boolean isInDoubt() {
            return sent && (answered < recipients || accepted > 0);
        }
    }

    private final int mostMessages;
    private final long mostOctets;
    private final int mostAnswers;
    private final Deque<Aloft<M>> aloft = new ArrayDeque<>();
    private long octets;
    private int answers;

    /**
     * @param mostMessages how many may be aloft
     * @param mostOctets   of content, of all that are aloft; one alone may have more
     * @param mostAnswers  to come, of all that are aloft, so that host and we never write to each other without reading
     */
    Flight(int mostMessages, long mostOctets, int mostAnswers) {
        this.mostMessages = mostMessages;
        this.mostOctets = mostOctets;
        this.mostAnswers = mostAnswers;
    }

    boolean isEmpty() {
        return aloft.isEmpty();
    }

    int size() {
        return aloft.size();
    }

    /** Whether one more may be launched. */
    boolean hasRoom(int recipients, long contentOctets) {
        return aloft.isEmpty()
                || aloft.size() < mostMessages && octets + contentOctets <= mostOctets
                        && answers + recipients + 3 <= mostAnswers;
    }

    /**
     * Its octets are about to be sent.
     *
     * @param reset whether RSET goes before MAIL
     */
    void launch(M message, boolean reset, int recipients, long contentOctets) {
        Aloft<M> one = new Aloft<>(message, reset, recipients, contentOctets);
        aloft.addLast(one);
        octets += one.octets;
        answers += one.answers();
    }

    /** The youngest was sent to its last octet. */
    void sent() {
        aloft.getLast().sent = true;
    }

    /** The youngest couldn't be sent to its last octet: the host can't have taken it, and its answers don't count. */
    void abort() {
        remove(aloft.removeLast());
    }

    /** The message whose answer comes next; null when none is aloft. */
    @Nullable
    M oldest() {
        Aloft<M> one = aloft.peekFirst();
        return one == null ? null : one.message;
    }

    /** What is answered next. Call only while one is aloft. */
    Question expected() {
        return aloft.getFirst().next;
    }

    /** Of the oldest: how many of its recipients have an answer. */
    int recipient() {
        return aloft.getFirst().answered;
    }

    /** @param code of the answer to {@link #expected}; 421 ends the session and isn't told here */
    Step answer(int code) {
        Aloft<M> one = aloft.getFirst();
        boolean positive = code < 300;
        if (code >= 300 && code < 400) {
            return Step.OUT_OF_STEP;
        }
        return switch (one.next) {
            case RSET -> {
                one.next = Question.MAIL;
                yield positive ? Step.ON : Step.OUT_OF_STEP; // what is open there would get this message's recipients
            }
            case MAIL -> {
                one.opened = positive;
                one.next = one.recipients == 0 ? Question.LAST : Question.RCPT;
                yield Step.ON;
            }
            case RCPT -> {
                one.answered++;
                one.accepted += positive ? 1 : 0;
                one.next = one.answered < one.recipients ? Question.RCPT : Question.LAST;
                yield positive && !one.opened ? Step.OUT_OF_STEP : Step.ON;
            }
            case LAST -> {
                if (positive && one.accepted == 0) {
                    yield Step.OUT_OF_STEP;
                }
                remove(aloft.removeFirst());
                yield Step.LANDED;
            }
        };
    }

    private void remove(Aloft<M> one) {
        octets -= one.octets;
        answers -= one.answers();
    }

    /** Whether the host may have taken the oldest, should no further answer come. */
    boolean isOldestInDoubt() {
        return aloft.getFirst().isInDoubt();
    }

    /**
     * No further answer comes: nothing is aloft any more.
     *
     * @param closed whether the host said so (421, RFC 5321 3.8): it reads no command behind the one it said it to
     * @return of the messages behind the oldest, in their order, which ones the host may have taken
     */
    List<Fate<M>> lost(boolean closed) {
        List<Fate<M>> fates = new ArrayList<>(aloft.size());
        for (Aloft<M> one : aloft) {
            if (one != aloft.getFirst()) {
                fates.add(new Fate<>(one.message, !closed && one.isInDoubt()));
            }
        }
        aloft.clear();
        octets = 0;
        answers = 0;
        return fates;
    }

    /** @param inDoubt whether the host may have taken it; else it is as if it hadn't been sent */
    record Fate<M>(M message, boolean inDoubt) {}
}
