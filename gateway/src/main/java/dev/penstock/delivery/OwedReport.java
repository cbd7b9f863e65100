package dev.penstock.delivery;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import dev.penstock.spool.AttemptState;

/**
 * A success whose report couldn't be kept yet, as the spool remembers it until it can. Immutable.
 *
 * @param action what the report is to say, of the two for successes
 * @param host   the host that took the message, null when it is stored here
 */
record OwedReport(Reports.Action action, Outcome.Delivered outcome, @Nullable String host) {
    private static final int UNKNOWN_CODE = 250; // of a success whose reply isn't known
    private static final Pattern KEPT = Pattern
            .compile("(?:host (.+?) said: )?(\\d{3}) (\\d\\.\\d{1,3}\\.\\d{1,3}) (.*)", Pattern.DOTALL);

    /**
     * What isn't in the form that {@link #state} gives it, as another version may write it, is told as it is.
     *
     * @throws IllegalArgumentException when no report is owed
     */
    static OwedReport of(AttemptState.RecipientState state) {
        Reports.Action action = switch (state.status()) {
            case DELIVERED_REPORT_OWED -> Reports.Action.DELIVERED;
            case RELAYED_REPORT_OWED -> Reports.Action.RELAYED;
            case DEFERRED, DELAYED, DELIVERED, BOUNCED, EXPIRED ->
                throw new IllegalArgumentException("no report is owed for " + state);
        };
        Matcher kept = KEPT.matcher(state.lastReply());
        if (!kept.matches()) {
            return new OwedReport(action, new Outcome.Delivered(
                    new Reason(Phase.END_OF_DATA, UNKNOWN_CODE, "2.0.0", state.lastReply(), false)), null);
        }
        String host = kept.group(1);
        return new OwedReport(action,
                new Outcome.Delivered(new Reason(Phase.END_OF_DATA, Integer.parseInt(kept.group(2)),
                        kept.group(3), kept.group(4), host != null)),
                host);
    }

    AttemptState.RecipientState state(int recipient) {
        String text = (host == null || !outcome.reason().remote() ? "" : "host " + host + " said: ")
                + outcome.reason().oneLine();
        return new AttemptState.RecipientState(recipient, action == Reports.Action.RELAYED
                ? AttemptState.Status.RELAYED_REPORT_OWED
                : AttemptState.Status.DELIVERED_REPORT_OWED,
                Settlement.cut(text));
    }
}
