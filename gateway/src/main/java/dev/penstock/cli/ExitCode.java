package dev.penstock.cli;

/** Exit codes of sysexits.h, which service managers and mail tools know. */
final class ExitCode {
    static final int OK = 0;
    static final int USAGE = 64; // EX_USAGE
    static final int NO_INPUT = 66; // EX_NOINPUT
    static final int UNAVAILABLE = 69; // EX_UNAVAILABLE: an address is in use
    static final int SOFTWARE = 70; // EX_SOFTWARE
    static final int CANT_CREATE = 73; // EX_CANTCREAT: spool or log directory can't be used
    static final int TEMPORARY = 75; // EX_TEMPFAIL: try again
    static final int NO_PERMISSION = 77; // EX_NOPERM
    static final int CONFIG = 78; // EX_CONFIG

    private ExitCode() {}
}
