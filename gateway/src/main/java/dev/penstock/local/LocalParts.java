package dev.penstock.local;

import java.util.Locale;

import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.LocalPart;
import dev.penstock.smtp.MailboxParser;

/** The local part of addresses in the form recipients are compared by. Pure functions. */
public final class LocalParts {
    private LocalParts() {}

    /**
     * Of a mailbox as RCPT gave it: without quotes and their backslashes, which are a matter of writing only (RFC 5321
     * 4.1.2), and in lower case unless case counts.
     */
    public static String of(String address, boolean caseSensitive) {
        String local = LocalPart.unquoted(address);
        return caseSensitive ? local : local.toLowerCase(Locale.ROOT);
    }

    /** Whether it can stand without quotes (RFC 5321 4.1.2). */
    static boolean isDotString(String local) {
        try {
            MailboxParser.parse(local + "@localhost", true);
            return !local.startsWith("\"");
        } catch (AddressSyntaxException _) {
            return false;
        }
    }

    /** What stands before the first of the delimiters; all of it when that would be nothing. */
    public static String withoutTag(String local, String delimiters) {
        for (int i = 1; i < local.length(); i++) {
            if (delimiters.indexOf(local.charAt(i)) >= 0) {
                return local.substring(0, i);
            }
        }
        return local;
    }

    /** RFC 5321 4.5.1: whom every domain must have, in any letter case. */
    static boolean isPostmaster(String local) {
        return local.equalsIgnoreCase("postmaster");
    }
}
