package dev.penstock.delivery;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Content;
import dev.penstock.message.Destination;
import dev.penstock.message.Envelope;
import dev.penstock.message.Recipient;
import dev.penstock.mime.Conversion;
import dev.penstock.queue.QueueItem;
import dev.penstock.spool.AttemptState;

/**
 * One attempt at one item: its message, the recipients still owed, and what becomes of each. Confined to the delivery session, and
 * then to its settlement.
 *
 * <p>The first places may be of recipients who have the message already, and of whom only a report is owed.
 */
final class DeliveryAttempt {
    /** A recipient's outcome, with a reply of usual length. */
    private static final int ANSWER = 2 * SmtpClientSession.USUAL_REPLY;

    final QueueItem item;
    /** With no recipients but those owed, who may be few of those that the message has. */
    final Envelope envelope;
    final Content content;
    /** What it holds of the account of deliveries. */
    final DeliveryMemory.Share memory;
    /** Whether the message has more than one recipient. */
    final boolean isOneOfSeveral;
    /** Indices into the envelope's recipients: those no earlier attempt has settled, those owed only a report first. */
    private final int[] owed;
    /** Places before this one have got the message in an earlier attempt. */
    private final int firstUndelivered;
    /** By place in {@code owed}; null while undecided. */
    private final @Nullable Outcome[] outcomes;
    /** By place in {@code owed}: whom the session was with that decided it. */
    private final @Nullable SessionDetails[] contacts;
    /** By place in {@code owed}: what its sender is to be told of it and hasn't been. */
    private final Reports.@Nullable Action[] due;
    /** Places in {@code owed} up to here have been in a transaction; later ones are undecided. */
    private int next;
    /** By place in {@code owed}: whether the sender has been told of the delay. */
    private final boolean[] delayTold;
    private long begunMillis;
    private boolean hadTransaction;
    private boolean wasRefused;
    private Removal removal = Removal.NONE;
    private @Nullable Conversion conversion;
    /** Places the host wanted in another transaction. */
    private final List<Integer> again = new ArrayList<>(0);

    /** What an operator has ordered to be done with it. */
    enum Removal {
        NONE,
        BOUNCED,
        DELETED
    }

    /** @param memory has room for the content already, and is closed with the work's settlement */
    DeliveryAttempt(QueueItem item, Envelope envelope, Content content, AttemptState last,
            DeliveryMemory.Share memory) {
        this.item = item;
        this.content = content;
        this.memory = memory;
        this.isOneOfSeveral = envelope.recipients().size() > 1;
        List<AttemptState.RecipientState> reportsOwed = last.recipients().stream()
                .filter(state -> state.status().isReportOwed())
                .toList();
        this.firstUndelivered = reportsOwed.size();
        this.owed = owed(item, envelope, last, reportsOwed);
        this.envelope = isOneOfSeveral && this.owed.length > 0 ? envelope.to(this.owed) : envelope;
        this.next = firstUndelivered;
        this.outcomes = new @Nullable Outcome[this.owed.length];
        this.contacts = new @Nullable SessionDetails[this.owed.length];
        this.due = new Reports.@Nullable Action[this.owed.length];
        for (int place = 0; place < firstUndelivered; place++) {
            OwedReport success = OwedReport.of(reportsOwed.get(place));
            outcomes[place] = success.outcome();
            contacts[place] = SessionDetails.past(success.host());
            due[place] = success.action();
        }
        this.delayTold = new boolean[this.owed.length];
        for (AttemptState.RecipientState state : last.recipients()) {
            for (int place = 0; place < this.owed.length; place++) {
                delayTold[place] |= this.owed[place] == state.recipient()
                        && state.status() == AttemptState.Status.DELAYED;
            }
        }
    }

    private static int[] owed(QueueItem item, Envelope envelope, AttemptState last,
            List<AttemptState.RecipientState> reportsOwed) {
        if (envelope.recipients().size() == 1) {
            return new int[1];
        }
        Destination destination = envelope.destinations().get(item.entry().destination());
        return IntStream.concat(reportsOwed.stream().mapToInt(AttemptState.RecipientState::recipient),
                destination.recipients().stream().mapToInt(Integer::intValue)
                        .filter(index -> last.recipients().stream().noneMatch(state -> state.recipient() == index
                                && (state.status().isFinal() || state.status().isReportOwed()))))
                .toArray();
    }

    /** Octets that it may take until it is settled, content aside: its recipients, and what hosts say to each. */
    long heapOctets() {
        return envelope.heapOctets() + (long) owed.length * ANSWER;
    }

    boolean nothingOwed() {
        return owed.length == 0;
    }

    /** A session has taken it. */
    void taken(long nowMillis) {
        begunMillis = nowMillis;
    }

    /** Whether nothing of it was refused before; asked once for each refusal. */
    boolean isFirstRefusal() {
        boolean first = !wasRefused;
        wasRefused = true;
        return first;
    }

    /** When its first transaction began; when there was none, when a session took it; 0 when none did. */
    long begunMillis() {
        return begunMillis;
    }

    /**
     * The content for hosts that take no 8-bit content, found out once.
     *
     * @throws IOException when the content can't be read
     */
    Conversion conversion() throws IOException {
        Conversion found = conversion;
        if (found == null) {
            memory.hold(Conversion.HEAP_OCTETS);
            found = Conversion.of(content);
            conversion = found;
        }
        return found;
    }

    /**
     * The recipients for one more transaction; call only while {@link #hasMore()}.
     *
     * @param sent the content as it is to go
     */
    Transaction transaction(int max, long nowMillis, Content sent) {
        if (!hadTransaction) {
            hadTransaction = true;
            begunMillis = nowMillis;
        }
        int size = nextSize(max);
        int[] places = new int[size];
        Recipient[] recipients = new Recipient[size];
        for (int i = 0; i < size; i++) {
            places[i] = again.isEmpty() ? next++ : again.removeFirst();
            recipients[i] = recipient(places[i]);
        }
        return new Transaction(envelope, List.of(recipients), places, sent, secondsLeft(nowMillis), memory);
    }

    /** Recipients that one more transaction has, {@code max} at most. */
    int nextSize(int max) {
        return Math.min(max, again.size() + owed.length - next);
    }

    /** RFC 2852 4: what is left of the time the sender has set, rounded up; negative when it is over. */
    long secondsLeft(long nowMillis) {
        return -Math.floorDiv(nowMillis - envelope.options().deliverByMillis(), 1000L);
    }

    /**
     * Whether only a host with SMTPUTF8 can have it with that content. A message that merely asked for it can do without when nothing but
     * domains is beyond ASCII, because those have A-labels (RFC 6531 3.2, 3.3).
     */
    boolean needsSmtpUtf8(Content sent) {
        if (!envelope.smtpUtf8()) {
            return false;
        }
        if (sent.hasEightBit() || !hasAsciiLocalPart(envelope.sender())) {
            return true;
        }
        for (int place = firstUndelivered; place < owed.length; place++) {
            if (!hasAsciiLocalPart(recipient(place).address())) {
                return true;
            }
        }
        return false;
    }

    private static boolean hasAsciiLocalPart(String address) {
        for (int i = address.lastIndexOf('@'); i >= 0; i--) {
            if (address.charAt(i) > 127) {
                return false;
            }
        }
        return true;
    }

    /** Whom the session was with that decided that recipient, which needn't be the attempt's last. */
    SessionDetails contact(int place) {
        SessionDetails contact = contacts[place];
        return contact == null ? SessionDetails.none("") : contact;
    }

    /** The first place whose recipient hadn't got the message before this attempt. */
    int firstUndelivered() {
        return firstUndelivered;
    }

    /** What the sender is to be told of that recipient and hasn't been; null for nothing. */
    Reports.@Nullable Action due(int place) {
        return due[place];
    }

    void due(int place, Reports.@Nullable Action action) {
        due[place] = action;
    }

    boolean isDelayTold(int place) {
        return delayTold[place];
    }

    void delayTold(int place) {
        delayTold[place] = true;
    }

    Recipient recipient(int place) {
        return envelope.recipients().get(place);
    }

    /** Whether recipients are left that no transaction has had. */
    boolean hasMore() {
        return next < owed.length || !again.isEmpty();
    }

    /** Settles the recipient at that place, unless it is to go into the next transaction. */
    void decide(int place, Outcome outcome, SessionDetails contact) {
        contacts[place] = contact;
        if (outcome instanceof Outcome.Untried(_, BlastRadius radius) && radius == BlastRadius.RECIPIENT) {
            again.add(place);
        } else {
            outcomes[place] = outcome;
        }
    }

    /** Settles every recipient that hasn't been. */
    void decideRest(Outcome outcome, SessionDetails contact) {
        for (int i = 0; i < outcomes.length; i++) {
            if (outcomes[i] == null) {
                outcomes[i] = outcome;
                contacts[i] = contact;
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

    /** Settles every recipient that is owed the message, as an operator has ordered. */
    void remove(Removal how, Reason reason) {
        removal = how;
        decideRest(new Outcome.Bounced(reason, BlastRadius.MESSAGE), SessionDetails.none(""));
    }

    Removal removal() {
        return removal;
    }

    /** Whether nothing was decided but to try again at once. */
    boolean isUntried() {
        if (firstUndelivered == outcomes.length) {
            return false;
        }
        for (int place = firstUndelivered; place < outcomes.length; place++) {
            if (outcomes[place] != null && !(outcomes[place] instanceof Outcome.Untried)) {
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
