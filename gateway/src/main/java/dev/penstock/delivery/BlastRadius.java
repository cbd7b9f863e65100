package dev.penstock.delivery;

/** How far a failure reaches, from narrow to wide: it says what the delivery session does next. */
public enum BlastRadius {
    /** This recipient only: the transaction goes on with the others. */
    RECIPIENT,
    /** All recipients of the transaction: the session goes on, after RSET when a transaction is open. */
    MESSAGE,
    /** The session is of no use any more: close it. */
    SESSION,
    /** The host takes no more sessions: close this one; it is no fault of the host or the message. */
    CROWDED,
    /** This host is of no use now: close, remember it as bad, go on with the next host of the route. */
    HOST,
    /**
     * The receiver refuses us, whichever host is asked: no other host is asked in this attempt, and the ready queue's
     * session counts as refused.
     */
    SITE,
    /**
     * Our source or our certificate can't be used, or our login at the route's hosts isn't taken, whichever host is asked:
     * the mail waits, and no message and no host is to blame.
     */
    SOURCE
}
