package dev.penstock.delivery;

/** How far a failure reaches, from narrow to wide: it says what the courier does next. */
public enum BlastRadius {
    /** This recipient only: the transaction goes on with the others. */
    RECIPIENT,
    /** All recipients of the transaction: the session goes on, after RSET when a transaction is open. */
    MESSAGE,
    /** The session is of no use any more: close it. */
    SESSION,
    /** This host is of no use now: close, remember it as bad, go on with the next host of the route. */
    HOST,
    /** No host of the site is of use: park the lane, so that its mail waits untouched. */
    SITE
}
