package dev.penstock.delivery;

import java.util.ArrayList;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Content;
import dev.penstock.message.Destination;
import dev.penstock.message.Envelope;
import dev.penstock.message.Recipient;
import dev.penstock.queue.QueueItem;
import dev.penstock.spool.AttemptState;

/** One attempt at one item: its message, the recipients still owed, and what becomes of each. Confined to the courier. */
final class Work {
    final QueueItem item;
    final Envelope envelope;
    final Content content;
    /** Indices into the envelope's recipients: those no earlier attempt has settled. */
    private final int[] owed;
    /** By place in {@code owed}; null while undecided. */
    private final @Nullable Outcome[] outcomes;
    /** Places in {@code owed} up to here have been in a transaction; later ones are undecided. */
    private int next;
    /** Places the host wanted in another transaction. */
    private final List<Integer> again = new ArrayList<>(0);

    Work(QueueItem item, Envelope envelope, Content content, AttemptState last) {
        this.item = item;
        this.envelope = envelope;
        this.content = content;
        this.owed = owed(item, envelope, last);
        this.outcomes = new @Nullable Outcome[owed.length];
    }

    private static int[] owed(QueueItem item, Envelope envelope, AttemptState last) {
        if (envelope.recipients().size() == 1) {
            return new int[1];
        }
        Destination destination = envelope.destinations().get(item.entry().part());
        return destination.recipients().stream()
                .filter(
                        index -> last.recipients().stream()
                                .noneMatch(state -> state.recipient() == index && state.status().isFinal()))
                .mapToInt(Integer::intValue).toArray();
    }

    boolean nothingOwed() {
        return owed.length == 0;
    }

    /** The recipients for one more transaction, at most {@code max}; call only while {@link #hasMore()}. */
    Transaction transaction(int max) {
        int size = Math.min(max, again.size() + owed.length - next);
        int[] places = new int[size];
        String[] addresses = new String[size];
        for (int i = 0; i < size; i++) {
            places[i] = again.isEmpty() ? next++ : again.removeFirst();
            addresses[i] = recipient(places[i]).address();
        }
        return new Transaction(envelope.sender(), List.of(addresses), places, content, envelope.smtpUtf8(),
                envelope.options().requireTls());
    }

    Recipient recipient(int place) {
        return envelope.recipients().get(owed[place]);
    }

    /** Whether recipients are left that no transaction has had. */
    boolean hasMore() {
        return next < owed.length || !again.isEmpty();
    }

    /** Settles the recipient at that place, unless it is to go into the next transaction. */
    void decide(int place, Outcome outcome) {
        if (outcome instanceof Outcome.Untried(_, BlastRadius radius) && radius == BlastRadius.RECIPIENT) {
            again.add(place);
        } else {
            outcomes[place] = outcome;
        }
    }

    /** Settles every recipient that hasn't been. */
    void decideRest(Outcome outcome) {
        for (int i = 0; i < outcomes.length; i++) {
            if (outcomes[i] == null) {
                outcomes[i] = outcome;
            }
        }
        next = owed.length;
        again.clear();
    }

    /** The next host is to be tried for those whose outcome reaches {@link BlastRadius#HOST} or who were in no transaction. */
    void nextHost() {
        for (int i = 0; i < outcomes.length; i++) {
            Outcome outcome = outcomes[i];
            if (outcome != null && outcome.radius().compareTo(BlastRadius.HOST) >= 0) {
                outcomes[i] = null;
                again.add(i);
            }
        }
    }

    /** Whether nothing was decided but to try again at once. */
    boolean isUntried() {
        for (Outcome outcome : outcomes) {
            if (outcome != null && !(outcome instanceof Outcome.Untried)) {
                return false;
            }
        }
        return true;
    }

    int size() {
        return owed.length;
    }

    int recipientIndex(int place) {
        return owed[place];
    }

    /** @return null while undecided */
    @Nullable
    Outcome outcome(int place) {
        return outcomes[place];
    }

    void replace(int place, Outcome outcome) {
        outcomes[place] = outcome;
    }
}
