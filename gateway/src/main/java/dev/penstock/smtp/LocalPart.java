package dev.penstock.smtp;

/** The local part of an address. Pure functions. */
public final class LocalPart {
    private LocalPart() {}

    /** Of a mailbox as it was written, without quotes and their backslashes: a matter of writing only, RFC 5321 4.1.2. */
    public static String unquoted(String address) {
        int at = address.lastIndexOf('@');
        String local = at < 0 ? address : address.substring(0, at);
        if (local.length() < 2 || !local.startsWith("\"") || !local.endsWith("\"")) {
            return local;
        }
        StringBuilder text = new StringBuilder(local.length());
        for (int i = 1; i < local.length() - 1; i++) {
            char c = local.charAt(i);
            if (c == '\\' && i < local.length() - 2) {
                c = local.charAt(++i);
            }
            text.append(c);
        }
        return text.toString();
    }
}
