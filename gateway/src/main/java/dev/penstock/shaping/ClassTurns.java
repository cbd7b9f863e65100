package dev.penstock.shaping;

import dev.penstock.units.MailClass;

/**
 * Which class is next where both wait for the same: transactional, save for the share that bulk keeps of what goes while both
 * wait. Guarded by the lock of whoever it is of.
 */
final class ClassTurns {
    private static final int HUNDRED = 100;
    /** More than any message takes up, so that sums don't overflow. */
    private static final long MOST = 1L << 40;

    /** By so much, in hundredths, bulk is behind its share; negative for ahead. */
    private long bulkDue;

    /** Of both, which wait. */
    MailClass next(int bulkPercent) {
        return bulkDue + bulkPercent >= HUNDRED ? MailClass.BULK : MailClass.TRANSACTIONAL;
    }

    /**
     * One has gone while the other waits, too. It costs nobody anything when it went because the other couldn't.
     *
     * @return what {@link #undo} takes when it comes to nothing
     */
    long went(MailClass mailClass, long cost, int bulkPercent) {
        if (mailClass != next(bulkPercent)) {
            return 0;
        }
        long more = (mailClass == MailClass.BULK ? bulkPercent - HUNDRED : bulkPercent) * Math.min(cost, MOST);
        bulkDue += more;
        return more;
    }

    void undo(long went) {
        bulkDue -= went;
    }

    static MailClass other(MailClass mailClass) {
        return mailClass == MailClass.BULK ? MailClass.TRANSACTIONAL : MailClass.BULK;
    }
}
