package dev.penstock.delivery;

/** The session ended, or never began. Carries what {@link FailurePolicy} needs; no stack trace, because it is ordinary. */
final class SessionException extends Exception {
    private final Phase phase;
    private final transient Cause reason;

    SessionException(Phase phase, Cause reason) {
        super(phase + ": " + reason, null, false, false);
        this.phase = phase;
        this.reason = reason;
    }

    Phase phase() {
        return phase;
    }

    Cause reason() {
        return reason;
    }
}
