package dev.penstock.admin;

/** What an operator may do. Each may all that those before it may. */
public enum Role {
    /** See everything. */
    READ,
    /** Change what becomes of mail: suspend, retry, bounce, … */
    OPERATE,
    /** Change the configuration. */
    CONFIGURE;

    /** Whether who has this role may what needs {@code other}. */
    public boolean includes(Role other) {
        return compareTo(other) >= 0;
    }
}
