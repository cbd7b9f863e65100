package dev.penstock.spool;

/** Where a message lies in the log, shared by the entries of its destinations. */
final class SpooledMessage {
    final long id;

    SpooledMessage(long id) {
        this.id = id;
    }
}
