package dev.penstock.delivery;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

import org.jspecify.annotations.Nullable;

import dev.penstock.delivery.Flight.Question;
import dev.penstock.delivery.PeerKnowledge.Bdat;
import dev.penstock.message.Content;
import dev.penstock.smtp.DotStuffing;
import dev.penstock.smtp.EnhancedStatus;
import dev.penstock.smtp.Reply;
import dev.penstock.smtp.Sink;

/**
 * Content by BDAT (RFC 3030) over a session whose host offers CHUNKING and PIPELINING. Confined to the delivery session.
 *
 * <p>A message of moderate size to a host that is known to handle BDAT is launched: envelope, BDAT and content in one
 * write, several of them one behind the other, whose answers come in later ({@link Flight}). Any other is sent when its
 * envelope is answered, in chunks of a buffer each. A host that isn't known gets the first line of the content alone
 * first, a header field: should it take BDAT for a command that it doesn't know, and what follows for commands, then no
 * sender can have chosen what those are.
 */
final class Chunking {
    /**
     * Octets of content that are sent before it is known whether a recipient is accepted, to be thrown away if none is:
     * what fits into a session's buffer with its envelope.
     */
    private static final int UNASKED = 60_000;
    /** Messages that are in doubt at most when a session dies are those aloft: in octets of content. */
    private static final long MOST_OCTETS = 256 << 10;
    /** Of some 60 octets each, these find room in what the system keeps for a socket that isn't read. */
    private static final int MOST_ANSWERS = 400;
    /** Chunks of one message whose answers are awaited later. */
    private static final int MOST_CHUNKS = 16;
    private static final int LONGEST_HEAD = "BDAT 2147483647 LAST\r\n".length();
    /** Room for an envelope of few recipients; one of many goes in a write of its own. */
    private static final int ENVELOPE = 2 << 10;
    /** RFC 5321 4.5.3.1.6, with CRLF. */
    private static final int LONGEST_LINE = 1_000;
    private static final int SYNTAX_ERROR = 500;
    private static final int NOT_IMPLEMENTED = 502;
    private static final int LAST_SYNTAX_CODE = 504;
    /** RFC 3463 3.2 and 3.6: addressing, and the protocol. */
    private static final int OF_ADDRESSES = 1;
    private static final int OF_PROTOCOL = 5;

    private final SmtpClientSession session;
    private final PeerKnowledge peers;
    private final Flight<Transaction> flight;
    private final DotStuffing lines = new DotStuffing();
    private final Sink<IOException> launchSink = this::toBuffer;
    private final Content.ChunkSink launched = (bytes, offset, length) -> lines.encode(bytes, offset, length,
            launchSink);
    private final Sink<IOException> chunkSink = this::toChunks;
    private final Content.ChunkSink chunked = (bytes, offset, length) -> lines.encode(bytes, offset, length, chunkSink);

    /** Of the message that is sent in chunks: those whose answers aren't in, the last one aside. */
    private int chunksDue;
    /** Whether it isn't known yet what the host makes of BDAT. */
    private boolean probing;
    private boolean inFirstLine;
    private @Nullable SessionException failure;
    /** To a chunk of it: nothing more of it is sent. */
    private @Nullable Reply refusal;

    /** @param mostAloft messages whose answers may be awaited at one time */
    Chunking(SmtpClientSession session, PeerKnowledge peers, int mostAloft) {
        this.session = session;
        this.peers = peers;
        this.flight = new Flight<>(mostAloft, MOST_OCTETS, MOST_ANSWERS);
    }

    /** A chunk was refused: its message gets no more. */
    private static final class Refused extends IOException {
        private static final long serialVersionUID = 1;
    }

    /** What ends the sending of content with the session, which {@link #failure} has. */
    private static final class Ended extends IOException {
        private static final long serialVersionUID = 1;

        Ended(SessionException cause) {
            super(cause);
        }
    }

    private boolean isKnown() {
        return peers.bdat(session.host()) == Bdat.SOUND;
    }

    /** Whether that message's content goes by BDAT once its envelope is answered. */
    boolean takes(Transaction t) throws SessionException {
        return switch (peers.bdat(session.host())) {
            case SOUND -> true;
            case BROKEN -> false;
            case UNKNOWN -> beginsWithField(t.content);
        };
    }

    /** Whether the first line is no command to anybody: a name and a colon, as a trace field is (RFC 5321 4.4). */
    private static boolean beginsWithField(Content content) throws SessionException {
        byte[] start = new byte[LONGEST_LINE];
        int[] count = new int[1];
        try {
            content.forEachChunk((bytes, offset, length) -> {
                int n = Math.min(length, start.length - count[0]);
                System.arraycopy(bytes, offset, start, count[0], n);
                count[0] += n;
                if (count[0] == start.length) {
                    throw new Refused();
                }
            });
        } catch (Refused _) {
            // enough was seen
        } catch (IOException e) {
            throw SmtpClientSession.unreadable(e);
        }
        String text = new String(start, 0, count[0], StandardCharsets.ISO_8859_1);
        int end = text.indexOf("\r\n");
        int colon = text.indexOf(':');
        return end > 0 && colon > 0 && colon < end
                && text.substring(0, colon).chars().allMatch(c -> c > ' ' && c < 127);
    }

    // Several at once

    /** Whether a message of so many recipients and octets may be launched now. */
    boolean mayLaunch(int recipients, long octets) {
        return octets <= UNASKED && flight.hasRoom(recipients, octets) && isKnown()
                && session.makeRoom((int) octets + LONGEST_HEAD + ENVELOPE);
    }

    boolean isAloft() {
        return !flight.isEmpty();
    }

    /** Sends all of it. Should this throw, the host can't have taken it, whatever becomes of those that are aloft. */
    void launch(Transaction t) throws SessionException {
        boolean reset = session.startEnvelope(flight.isEmpty());
        t.resetFirst = reset;
        t.chunked = true;
        flight.launch(t, reset, t.recipients.size(), t.content.size());
        try {
            session.appendEnvelope(t);
            appendOnly(t.content);
            session.flushContent();
        } catch (SessionException e) {
            flight.abort();
            throw e;
        }
        flight.sent();
    }

    private void appendOnly(Content content) throws SessionException {
        long size = content.size();
        if (!session.fits((int) size + LONGEST_HEAD)) {
            session.flushEnvelope();
        }
        int headAt = session.count();
        session.append(head(size, true));
        int from = session.count();
        lines.reset(false);
        try {
            content.forEachChunk(launched);
            lines.endLine(launchSink);
        } catch (IOException e) {
            throw failure != null ? failure : SmtpClientSession.unreadable(e);
        }
        int octets = session.count() - from;
        if (octets != size) { // line ends were mended
            session.replace(headAt, from, head(octets, true));
        }
        session.appendedContent(octets);
    }

    private void toBuffer(byte[] bytes, int offset, int length) {
        session.appendWhole(bytes, offset, length);
    }

    private static byte[] head(long octets, boolean last) {
        return ("BDAT " + octets + (last ? " LAST\r\n" : "\r\n")).getBytes(StandardCharsets.US_ASCII);
    }

    /** Awaits all answers to the oldest message aloft. When the session ends by this, {@link #lost} tells of the others. */
    void land() throws SessionException {
        Transaction t = requireNonNull(flight.oldest());
        Flight.Step step = Flight.Step.ON;
        while (step == Flight.Step.ON) {
            Question question = flight.expected();
            Reply reply = read(question, t);
            switch (question) {
                case RSET -> {
                }
                case MAIL -> t.mail = reply;
                case RCPT -> {
                    t.rcpt[flight.recipient()] = reply;
                    t.accepted += reply.code() < 300 ? 1 : 0;
                }
                case LAST -> {
                    mustBeOfContent(reply);
                    if (flight.size() == 1 && session.hasMore()) {
                        throw outOfStep("said more than it was asked");
                    }
                }
            }
            step = flight.answer(reply.code());
            if (step == Flight.Step.OUT_OF_STEP) {
                throw outOfStep("said " + SmtpClientSession.brief(reply) + " to " + name(question));
            }
            if (step == Flight.Step.LANDED) {
                landed(t, reply);
            }
        }
    }

    private void landed(Transaction t, Reply last) {
        for (int i = 0; i < t.end.length; i++) {
            if (t.isAccepted(i)) {
                t.end[i] = last;
            }
        }
        session.landed(!last.isPositive());
    }

    private Reply read(Question question, Transaction t) throws SessionException {
        Phase phase = switch (question) {
            case RSET -> Phase.RSET;
            case MAIL -> Phase.MAIL;
            case RCPT -> Phase.RCPT;
            case LAST -> Phase.END_OF_DATA;
        };
        try {
            return session.readFor(phase, t);
        } catch (SessionException e) {
            if (!(e.reason() instanceof Failure why)) {
                throw e;
            }
            if (!why.isOurs()) {
                broken();
            }
            throw flight.isOldestInDoubt() ? new SessionException(Phase.END_OF_DATA, why) : e;
        }
    }

    private static String name(Question question) {
        return question == Question.LAST ? "BDAT" : question.name();
    }

    /** An answer to RCPT, or of a host that doesn't know the command, is none to content. */
    private void mustBeOfContent(Reply reply) throws SessionException {
        EnhancedStatus status = reply.status();
        if (isUnknown(reply) || reply.isPositive() && status != null && status.subject() == OF_ADDRESSES) {
            throw outOfStep("said " + SmtpClientSession.brief(reply) + " to BDAT");
        }
    }

    private static boolean isUnknown(Reply reply) {
        return (reply.code() == SYNTAX_ERROR || reply.code() == NOT_IMPLEMENTED) && isOfProtocol(reply);
    }

    private static boolean isOfProtocol(Reply reply) {
        EnhancedStatus status = reply.status();
        return status == null || status.subject() == OF_PROTOCOL;
    }

    private SessionException outOfStep(String what) {
        broken();
        return session.outOfStep(Phase.END_OF_DATA, what);
    }

    private void broken() {
        peers.bdat(session.host(), Bdat.BROKEN);
    }

    /**
     * The session has ended under the oldest message aloft.
     *
     * @return what that means for those behind it
     */
    List<Flight.Fate<Transaction>> lost(SessionException end) {
        return flight.lost(end.reason() instanceof Cause.Replied);
    }

    // One after the other

    /** Sends content whose envelope is answered. */
    void send(Transaction t) throws SessionException {
        session.mustBeInStep(Phase.DATA);
        failure = null;
        refusal = null;
        chunksDue = 0;
        probing = !isKnown();
        inFirstLine = probing;
        lines.reset(false);
        session.startChunk(LONGEST_HEAD);
        try {
            t.content.forEachChunk(chunked);
            lines.endLine(chunkSink);
            write(true);
        } catch (Refused _) {
            drain();
        } catch (IOException e) {
            throw failure != null ? failure : SmtpClientSession.unreadable(e);
        } catch (SessionException e) {
            throw ended(e);
        } finally {
            session.endChunks();
        }
    }

    /** Awaits what the host says to the last chunk. */
    void awaitEnd(Transaction t) throws SessionException {
        if (refusal != null) {
            t.data = refusal;
            session.landed(true);
            return;
        }
        try {
            ended(t, session.readFor(Phase.END_OF_DATA, t));
        } catch (SessionException e) {
            throw ended(e);
        }
    }

    private void ended(Transaction t, Reply last) throws SessionException {
        mustBeOfContent(last);
        if (probing && last.isPositive()) {
            peers.bdat(session.host(), Bdat.SOUND);
        }
        landed(t, last);
    }

    private SessionException ended(SessionException e) {
        if (probing && e.reason() instanceof Failure why && !why.isOurs()) {
            broken();
        }
        return e;
    }

    /** Of a message that gets no last chunk: nothing of what is under way can be taken any more, and all is answered. */
    private void drain() throws SessionException {
        while (chunksDue > 0) {
            try {
                readChunk();
            } catch (Refused _) {
                // the first one counts
            }
        }
    }

    private void toChunks(byte[] bytes, int offset, int length) throws IOException {
        try {
            int from = offset;
            int end = offset + length;
            while (from < end) {
                int n = inFirstLine ? endOfLine(bytes, from, end) - from : end - from;
                n = Math.min(n, session.roomInChunk(n));
                session.appendWhole(bytes, from, n);
                from += n;
                if (inFirstLine && bytes[from - 1] == '\n') {
                    inFirstLine = false;
                    write(false);
                    readChunk();
                } else if (from < end) {
                    write(false);
                }
            }
        } catch (SessionException e) {
            failure = ended(e);
            throw new Ended(e);
        }
    }

    private static int endOfLine(byte[] bytes, int from, int end) {
        int i = from;
        while (i < end && bytes[i] != '\n') {
            i++;
        }
        return Math.min(i + 1, end);
    }

    private void write(boolean last) throws SessionException, Refused {
        while (chunksDue > (last ? 0 : MOST_CHUNKS - 1)) {
            readChunk();
        }
        if (last) { // as late as can be: what comes from now on passes for the answer to all of it
            session.mustBeInStep(Phase.CONTENT);
        }
        session.writeChunk(head(session.count() - LONGEST_HEAD, last), LONGEST_HEAD, last);
        chunksDue += last ? 0 : 1;
    }

    /** The answer to a chunk that isn't the last. */
    private void readChunk() throws SessionException, Refused {
        Reply reply = session.readChunkAnswer();
        chunksDue--;
        if (reply.code() < 300) {
            return;
        }
        if (isUnknown(reply) || probing && reply.code() >= SYNTAX_ERROR && reply.code() <= LAST_SYNTAX_CODE
                && isOfProtocol(reply)) {
            broken();
            throw new SessionException(Phase.DATA, new Failure(Failure.Kind.NO_BDAT, session.host().text()
                    + " offers CHUNKING and said " + SmtpClientSession.brief(reply) + " to BDAT"));
        }
        if (reply.isIntermediate()) {
            throw session.outOfStep(Phase.CONTENT, "said " + SmtpClientSession.brief(reply) + " to BDAT");
        }
        if (refusal == null) {
            refusal = reply;
        }
        throw new Refused();
    }
}
