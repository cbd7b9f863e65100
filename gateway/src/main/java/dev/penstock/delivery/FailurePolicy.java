package dev.penstock.delivery;

import java.time.Duration;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.Classification;
import dev.penstock.config.BounceClass;
import dev.penstock.config.ReplyAction;
import dev.penstock.config.ReplyScope;
import dev.penstock.smtp.EnhancedStatus;
import dev.penstock.smtp.Reply;
import dev.penstock.units.Durations;

/**
 * Everything Penstock does about replies and failures, decided in one place. Immutable, a pure function of its
 * arguments; {@code docs/failure-policy.md} is the same as a table.
 *
 * @param maxAge mail of this age expires instead of being deferred
 */
public record FailurePolicy(Duration maxAge) {
    /** RFC 5321 3.8: the host closes the channel. */
    static final int SERVICE_CLOSING = 421;
    /** RFC 5321 4.2.2. */
    static final int BAD_SEQUENCE = 503;
    /** As KumoMTA logs it; no RFC names a basic code for expiry. */
    private static final int EXPIRED_CODE = 551;
    /** RFC 3463 3.8: the subject of security and policy status. */
    private static final int POLICY = 7;
    /** RFC 3463 3.5: delivery time expired. */
    private static final String EXPIRED_STATUS = "5.4.7";

    /**
     * What an outcome is decided from.
     *
     * @param phase          where it happened
     * @param reused         whether the session had answered for a message before this one
     * @param othersAccepted whether the transaction had an accepted recipient before this reply
     * @param lastHost       whether no further host of the route is left to try
     * @param othersOpen     whether other sessions of ours with the same site stand or are coming up
     * @param attempts       made before this one
     * @param ageMillis      since the message was received
     * @param meaning        of the reply, looked up before
     */
    public record Situation(Phase phase, Cause cause, boolean reused, boolean othersAccepted, boolean lastHost,
            boolean othersOpen, int attempts, long ageMillis, Classification meaning) {
        /** Of a cause that no rule is for. */
        public Situation(Phase phase, Cause cause, boolean reused, boolean othersAccepted, boolean lastHost,
                boolean othersOpen, int attempts, long ageMillis) {
            this(phase, cause, reused, othersAccepted, lastHost, othersOpen, attempts, ageMillis, Classification.NONE);
        }
    }

    /** What becomes of the recipient, and how far the trouble reaches. */
    public Outcome decide(Situation s) {
        Outcome outcome = switch (s.cause) {
            case Cause.Replied(Reply reply) -> answered(s, reply);
            case Failure failure -> failed(s, failure);
            case Cause.Unroutable(var route) -> {
                Reason reason = new Reason(Phase.ROUTE, route.code(), route.enhanced(), route.text(), false,
                        Classification.of(route.permanent() ? BounceClass.BAD_DOMAIN : BounceClass.DNS_FAILURE));
                yield route.permanent()
                        ? new Outcome.Bounced(reason, BlastRadius.MESSAGE)
                        : new Outcome.Deferred(reason, BlastRadius.MESSAGE);
            }
        };
        if (!(outcome instanceof Outcome.Deferred(Reason reason, BlastRadius radius))) {
            return outcome;
        }
        if (radius == BlastRadius.HOST && !s.lastHost) {
            return outcome;
        }
        return isTooOld(s.ageMillis)
                ? new Outcome.Expired(expiry(s.attempts + 1, reason), radius)
                : new Outcome.Deferred(reason, radius);
    }

    /**
     * The outcome of an item that comes up after its time; null while it may still be attempted.
     *
     * @param outlasted whether a curfew held it until it was too old: it may be attempted once
     */
    public Outcome.@Nullable Expired beforeAttempt(int attempts, long ageMillis, boolean outlasted) {
        return isTooOld(ageMillis) && !(outlasted && attempts == 0)
                ? new Outcome.Expired(expiry(attempts, null), BlastRadius.MESSAGE)
                : null;
    }

    /**
     * The outcome of an item that was held until it was too old.
     *
     * @param why it was held
     */
    Outcome.Expired heldTooLong(String why) {
        return new Outcome.Expired(new Reason(Phase.ROUTE, EXPIRED_CODE, EXPIRED_STATUS,
                "held for " + Durations.format(maxAge) + ", since it " + why, false), BlastRadius.MESSAGE);
    }

    /** The outcome of an item that comes up after the time its sender has set (RFC 2852 4.1.3, mode R). */
    Outcome.Expired pastDeadline(int attempts) {
        return new Outcome.Expired(new Reason(Phase.ROUTE, EXPIRED_CODE, EXPIRED_STATUS,
                "delivery time expired: not delivered by the time its sender set, in " + attempts + " attempts", false,
                Classification.of(BounceClass.MESSAGE_EXPIRED)),
                BlastRadius.MESSAGE);
    }

    private boolean isTooOld(long ageMillis) {
        return ageMillis >= maxAge.toMillis();
    }

    private Outcome answered(Situation s, Reply reply) {
        if (s.phase == Phase.AUTH) { // about the route's login, be it 535 or 454: no message is charged with that
            return new Outcome.Untried(said(s, reply), ofLogin(s));
        }
        if (mayBeOfConnections(s.phase, reply) && s.meaning.scope() == ReplyScope.CONNECTIONS) {
            if (s.othersOpen) {
                return new Outcome.Untried(said(s, reply), BlastRadius.CROWDED);
            }
            return new Outcome.Deferred(said(s, reply),
                    s.phase == Phase.MAIL && reply.code() != SERVICE_CLOSING ? BlastRadius.MESSAGE : BlastRadius.SITE);
        }
        Outcome meant = asMeant(s, reply);
        if (meant != null) {
            return meant;
        }
        if (isOfSender(s.phase, reply)) {
            return new Outcome.Deferred(said(s, reply), BlastRadius.SITE);
        }
        return switch (s.phase) {
            case ROUTE, CONNECT, GREETING, HELLO, HELO, LHLO, STARTTLS, AUTH, QUIT ->
                new Outcome.Deferred(said(s, reply), BlastRadius.HOST);
            case RSET -> new Outcome.Untried(said(s, reply), BlastRadius.SESSION);
            case MAIL, RCPT, DATA -> answeredToEnvelope(s, reply);
            case CONTENT -> refused(s, reply, BlastRadius.SESSION);
            case END_OF_DATA -> {
                if (reply.code() == SERVICE_CLOSING) {
                    yield new Outcome.Deferred(said(s, reply), BlastRadius.SESSION);
                }
                yield reply.code() < 300
                        ? new Outcome.Delivered(said(s, reply))
                        : refused(s, reply, BlastRadius.MESSAGE);
            }
        };
    }

    /** Another host of the route may take the login, or have what it is checked by. */
    private static BlastRadius ofLogin(Situation s) {
        return s.lastHost ? BlastRadius.SOURCE : BlastRadius.HOST;
    }

    /**
     * What a rule has decided. A reply about our address or the receiver, with a time to wait for, ends the session whatever
     * else stands; one before there is a message bounces none, and 503 stays what it is.
     *
     * @return null when code and phase decide
     */
    private static @Nullable Outcome asMeant(Situation s, Reply reply) {
        Classification meaning = s.meaning;
        if (reply.isPositive() || meaning.rule().isEmpty() || s.phase == Phase.ROUTE || s.phase == Phase.QUIT) {
            return null;
        }
        boolean ofMessage = s.phase.compareTo(Phase.MAIL) >= 0;
        boolean bounces = ofMessage && (meaning.action() == ReplyAction.BOUNCE
                || meaning.action() == ReplyAction.AS_CODED && reply.isPermanent());
        if (meaning.scope().isOfSite() && !meaning.suspend().isZero() && s.phase != Phase.STARTTLS) {
            return bounces
                    ? new Outcome.Bounced(said(s, reply), BlastRadius.SITE)
                    : new Outcome.Deferred(said(s, reply), BlastRadius.SITE);
        }
        if (meaning.isPaced() && !ofMessage && s.phase != Phase.STARTTLS) { // no other host says otherwise
            return new Outcome.Deferred(said(s, reply), BlastRadius.SITE);
        }
        if (meaning.scope().isOfSite() && isOfSender(s.phase, reply) && !meaning.isPaced()) {
            // about us, and nobody says for how long
            return null;
        }
        if (!ofMessage || reply.code() == BAD_SEQUENCE
                || meaning.scope() == ReplyScope.CONNECTIONS && reply.code() == SERVICE_CLOSING) {
            return null;
        }
        if (meaning.scope() == ReplyScope.SESSION) {
            return s.reused && s.phase.compareTo(Phase.CONTENT) < 0
                    ? new Outcome.Untried(said(s, reply), BlastRadius.SESSION)
                    : new Outcome.Deferred(said(s, reply), BlastRadius.SESSION);
        }
        BlastRadius radius = reply.code() == SERVICE_CLOSING || s.phase == Phase.CONTENT
                ? BlastRadius.SESSION
                : s.phase == Phase.RCPT ? BlastRadius.RECIPIENT : BlastRadius.MESSAGE;
        return switch (meaning.action()) {
            case AS_CODED -> meaning.suspend().isZero() && !meaning.isPaced()
                    ? null
                    : bounces // whom it names is narrower than the receiver, though it be a 421 with X.7.X
                            ? new Outcome.Bounced(said(s, reply), radius)
                            : new Outcome.Deferred(said(s, reply), radius);
            case BOUNCE -> new Outcome.Bounced(said(s, reply), radius);
            case DEFER -> new Outcome.Deferred(said(s, reply), radius);
        };
    }

    /** Whether a reply with this code, in this phase, may be a refusal of one more session. */
    private static boolean mayBeOfConnections(Phase phase, Reply reply) {
        return switch (phase) {
            case CONNECT, GREETING, HELLO, HELO, LHLO, STARTTLS -> !reply.isPositive();
            case MAIL -> reply.isTransient();
            case RSET, RCPT, DATA -> reply.code() == SERVICE_CLOSING;
            case ROUTE, AUTH, CONTENT, END_OF_DATA, QUIT -> false;
        };
    }

    /**
     * Whether a reply is about us, whichever host is asked: RFC 3463 3.8, X.7.XXX is security or policy. Once there is a
     * message it may be about that one (a 450 4.7.1 to RCPT is greylisting), but for a 421, which ends the session.
     */
    private static boolean isOfSender(Phase phase, Reply reply) {
        EnhancedStatus status = reply.status();
        if (status == null || status.subject() != POLICY) {
            return false;
        }
        return switch (phase) {
            case CONNECT, GREETING, HELLO, HELO, LHLO -> !reply.isPositive();
            case RSET, MAIL, RCPT, DATA, CONTENT, END_OF_DATA -> reply.code() == SERVICE_CLOSING;
            case ROUTE, STARTTLS, AUTH, QUIT -> false; // to STARTTLS it is about TLS
        };
    }

    private Outcome answeredToEnvelope(Situation s, Reply reply) {
        if (reply.code() == SERVICE_CLOSING) {
            return s.reused
                    ? new Outcome.Untried(said(s, reply), BlastRadius.SESSION)
                    : new Outcome.Deferred(said(s, reply), BlastRadius.HOST);
        }
        if (reply.isPositive()) { // where it has no meaning
            return outOfStep(s, said(s, reply));
        }
        if (reply.code() == BAD_SEQUENCE && s.reused) { // the two ends disagree on what went before: ask on a new session
            return new Outcome.Untried(said(s, reply), BlastRadius.SESSION);
        }
        if (s.phase != Phase.RCPT) {
            return refused(s, reply, BlastRadius.MESSAGE);
        }
        if (isTooManyRecipients(reply, s.othersAccepted)) {
            return s.othersAccepted
                    ? new Outcome.Untried(said(s, reply), BlastRadius.RECIPIENT)
                    : new Outcome.Deferred(said(s, reply), BlastRadius.RECIPIENT);
        }
        return refused(s, reply, BlastRadius.RECIPIENT);
    }

    /**
     * Whether it says X.5.3, too many recipients (RFC 3463 3.6), with whatever code. Without a status RFC 5321 4.5.3.1.10
     * has 452 for it, and older servers 552; both also say "mailbox full", so look at what else is known.
     */
    private static boolean isTooManyRecipients(Reply reply, boolean othersAccepted) {
        EnhancedStatus status = reply.status();
        return status == null
                ? othersAccepted && (reply.code() == 452 || reply.code() == 552)
                : status.subject() == 5 && status.detail() == 3;
    }

    /** On a reused session nothing is known of this message; a new one is asked again later, so that it can't spin. */
    private static Outcome outOfStep(Situation s, Reason reason) {
        if (s.phase.compareTo(Phase.RSET) < 0) {
            return new Outcome.Deferred(reason, BlastRadius.HOST);
        }
        return s.reused && s.phase.compareTo(Phase.CONTENT) < 0
                ? new Outcome.Untried(reason, BlastRadius.SESSION)
                : new Outcome.Deferred(reason, BlastRadius.SESSION);
    }

    private static Outcome refused(Situation s, Reply reply, BlastRadius radius) {
        if (reply.isPermanent()) {
            return new Outcome.Bounced(said(s, reply), radius);
        }
        // a positive reply where it has no meaning: the two ends are out of step
        return new Outcome.Deferred(said(s, reply), reply.isTransient() ? radius : BlastRadius.SESSION);
    }

    private static Outcome failed(Situation s, Failure failure) {
        Reason reason = new Reason(s.phase, failure.kind().code(), failure.kind().enhanced(), failure.text(), false,
                Classification.of(failure.kind().bounceClass()));
        return switch (failure.kind()) {
            case TOO_LARGE, NEEDS_8BITMIME, NEEDS_SMTPUTF8, UNAUTHENTICATED_HOST, NEEDS_DELIVERBY, NO_HOST_LEFT ->
                new Outcome.Bounced(reason, BlastRadius.MESSAGE);
            case NO_ADDRESS -> new Outcome.Deferred(reason, BlastRadius.MESSAGE);
            case BAD_MAILBOX_NAME -> new Outcome.Bounced(reason, BlastRadius.RECIPIENT);
            case STORE_FULL, MAILBOX_FULL, NO_MAILDIR, STORE_TROUBLE -> new Outcome.Deferred(reason,
                    BlastRadius.RECIPIENT);
            case NEEDS_TLS, NEEDS_REQUIRETLS -> s.lastHost
                    ? new Outcome.Bounced(reason, BlastRadius.MESSAGE)
                    : new Outcome.Deferred(reason, BlastRadius.HOST); // another may do better
            case TLS_NOT_OFFERED, TLS_FAILED, PLAINTEXT_AFTER_STARTTLS, STS_HOST, DANE_UNKNOWN ->
                new Outcome.Deferred(reason, BlastRadius.HOST);
            case CONNECTION_REFUSED, CONNECT_TIMEOUT, UNREACHABLE -> new Outcome.Deferred(reason, BlastRadius.HOST);
            case SOURCE_ADDRESS, SOURCE_PORTS, SOURCE_PROXY, SOURCE_LOGIN, OWN_CERTIFICATE ->
                new Outcome.Untried(reason, BlastRadius.SOURCE);
            case ROUTE_LOGIN -> new Outcome.Untried(reason, ofLogin(s));
            case CONTENT_LOST -> new Outcome.Bounced(reason, BlastRadius.SESSION);
            case CONTENT_UNREADABLE, NO_MEMORY -> new Outcome.Deferred(reason, BlastRadius.SESSION);
            case STOPPED -> s.phase.compareTo(Phase.END_OF_DATA) < 0
                    ? new Outcome.Untried(reason, BlastRadius.SESSION)
                    : new Outcome.Deferred(reason, BlastRadius.SESSION);
            // As a connection that is lost, but that it says nothing about the host.
            case ABORTED -> s.reused && s.phase.compareTo(Phase.CONTENT) < 0
                    ? new Outcome.Untried(reason, BlastRadius.SESSION)
                    : new Outcome.Deferred(reason, BlastRadius.SESSION);
            case CONNECTION_LOST -> s.reused && s.phase.compareTo(Phase.CONTENT) < 0
                    ? new Outcome.Untried(reason, BlastRadius.SESSION) // hosts close idle sessions
                    : brokenOff(s.phase, reason);
            case TIMEOUT, MALFORMED_REPLY -> brokenOff(s.phase, reason);
            case OUT_OF_STEP -> outOfStep(s, reason);
            case NO_BDAT -> new Outcome.Untried(reason, BlastRadius.SESSION);
        };
    }

    /** Content may be what upsets a host, so another host isn't given the same at once. */
    private static Outcome brokenOff(Phase phase, Reason reason) {
        return new Outcome.Deferred(reason,
                phase.compareTo(Phase.CONTENT) < 0 ? BlastRadius.HOST : BlastRadius.SESSION);
    }

    private static Reason said(Situation s, Reply reply) {
        EnhancedStatus status = reply.status();
        return new Reason(s.phase, reply.code(), status == null ? derived(reply.code()) : status.toString(),
                reply.text(), true, s.meaning);
    }

    private static String derived(int code) {
        return switch (code / 100) {
            case 4 -> "4.0.0"; // RFC 3463 3.1: other undefined status
            case 5 -> "5.0.0";
            default -> "2.0.0";
        };
    }

    private Reason expiry(int attempts, @Nullable Reason last) {
        return new Reason(last == null ? Phase.ROUTE : last.phase(), EXPIRED_CODE, EXPIRED_STATUS,
                "not delivered within " + Durations.format(maxAge) + " and " + attempts + " attempts"
                        + (last == null ? "" : "; last: " + last.oneLine()),
                false, Classification.of(BounceClass.MESSAGE_EXPIRED));
    }
}
