package dev.penstock.loadgen;

import java.util.BitSet;

/** One message on its way through a session; reused for later messages. Confined to the session's loop. */
final class Transaction {
    long sequence;
    boolean counted;
    long startNanos;
    long dotNanos;
    int answered; // recipients whose RCPT has a reply
    int accepted; // recipients whose RCPT was accepted
    int code; // of the first refusal that concerns the whole message, 0 for none
    final BitSet recipients = new BitSet();

    void begin(long sequence, boolean counted, long startNanos) {
        this.sequence = sequence;
        this.counted = counted;
        this.startNanos = startNanos;
        dotNanos = 0;
        answered = 0;
        accepted = 0;
        code = 0;
        recipients.clear();
    }
}
