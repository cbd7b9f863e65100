package dev.penstock.smtp;

/** What a recipient's sender wants to hear of: NOTIFY of RCPT (RFC 3461 4.1). All false is NEVER. Immutable. */
public record Notify(boolean success, boolean failure, boolean delay) {
    public static final Notify NEVER = new Notify(false, false, false);

    /** As RCPT has it: {@code SUCCESS,FAILURE,DELAY}. */
    public String keywords() {
        if (never()) {
            return "NEVER";
        }
        String keywords = (success ? ",SUCCESS" : "") + (failure ? ",FAILURE" : "") + (delay ? ",DELAY" : "");
        return keywords.substring(1);
    }

    public boolean never() {
        return !success && !failure && !delay;
    }
}
