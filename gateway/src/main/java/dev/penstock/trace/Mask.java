package dev.penstock.trace;

import static dev.penstock.trace.Secrets.MASKED;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Locale;
import java.util.Set;

/**
 * What may be shown of a session's lines: what is known to be no secret, and of everything else that it was there. Confined
 * to its session.
 *
 * <p>A client's line is shown when it is a command whose arguments are public; a response of a SASL exchange is no command,
 * nor is a password that was sent where none was asked for. Of AUTH (RFC 4954) the mechanism is shown, of challenges their
 * code, of XCLIENT everything but LOGIN. What a host says is masked whole when a part of a secret occurs in it that was
 * sent to it: some quote what they don't understand. Nothing that is shown can speak to a terminal.
 */
final class Mask {
    /** Of a line; what is longer is cut. */
    static final int MAX_SHOWN = 2_000;
    /** Shorter responses of an exchange have no room for a secret, and would be found everywhere. */
    private static final int LEAST_RESPONSE = 4;
    private static final int CHALLENGE = 334;

    private static final Set<String> WITH_PUBLIC_ARGUMENTS = Set.of("EHLO", "HELO", "LHLO", "VRFY", "EXPN", "ETRN");
    private static final Set<String> WITHOUT_ARGUMENTS = Set.of("DATA", "RSET", "QUIT", "STARTTLS", "NOOP", "HELP");
    /** IANA's registry of SASL mechanisms, as far as mail uses them, and two that were never registered. */
    private static final Set<String> MECHANISMS = Set.of("PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS",
            "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512", "SCRAM-SHA-512-PLUS", "OAUTHBEARER", "XOAUTH2",
            "CRAM-MD5", "DIGEST-MD5", "EXTERNAL", "ANONYMOUS", "GSSAPI", "NTLM");
    /** Postfix XCLIENT_README, without LOGIN. */
    private static final Set<String> PUBLIC_ATTRIBUTES = Set.of("NAME", "ADDR", "PORT", "PROTO", "HELO", "DESTADDR",
            "DESTPORT");

    private final Secrets secrets = new Secrets();

    /** The password of a login, and what it is turned into on its way. */
    void login(String user, String password) {
        secrets.addLogin(user, password);
    }

    /** A line of the client's, without line end. */
    String command(byte[] in, int offset, int length) {
        int end = offset + length;
        int space = offset;
        while (space < end && in[space] != ' ') {
            space++;
        }
        String verb = new String(in, offset, space - offset, ISO_8859_1).toUpperCase(Locale.ROOT);
        String word = new String(in, offset, space - offset, ISO_8859_1);
        if (length == 1 && (in[offset] == '.' || in[offset] == '*')) {
            return word; // the end of data; the end of a SASL exchange
        }
        if (WITH_PUBLIC_ARGUMENTS.contains(verb)) {
            return shown(in, offset, end);
        }
        if (WITHOUT_ARGUMENTS.contains(verb)) {
            return space == end ? word : word + " " + MASKED;
        }
        return switch (verb) {
            case "MAIL" -> argument(in, offset, end, space, "FROM:");
            case "RCPT" -> argument(in, offset, end, space, "TO:");
            case "BDAT" -> isChunk(in, space, end) ? shown(in, offset, end) : word + " " + MASKED;
            case "AUTH" -> space == end ? word : word + auth(in, space + 1, end);
            case "XCLIENT" -> word + xclient(new String(in, space, end - space, ISO_8859_1));
            default -> response(in, offset, length); // where none was asked for, or none that is known
        };
    }

    private static String argument(byte[] in, int offset, int end, int space, String begin) {
        return end - space > begin.length()
                && new String(in, space + 1, begin.length(), ISO_8859_1).equalsIgnoreCase(begin)
                        ? shown(in, offset, end)
                        : new String(in, offset, space - offset, ISO_8859_1) + " " + MASKED;
    }

    private static boolean isChunk(byte[] in, int space, int end) {
        return new String(in, space, end - space, ISO_8859_1).matches("(?i) \\d{1,19}( LAST)?");
    }

    private String auth(byte[] in, int from, int end) {
        String[] words = new String(in, from, end - from, ISO_8859_1).split(" ", 2);
        boolean known = MECHANISMS.contains(words[0].toUpperCase(Locale.ROOT));
        if (known && words.length == 1) {
            return " " + words[0];
        }
        said(known ? words[1] : String.join(" ", words));
        return (known ? " " + words[0] : "") + " " + MASKED;
    }

    private static String xclient(String attributes) {
        StringBuilder shown = new StringBuilder();
        for (String attribute : attributes.split(" ", -1)) {
            int equals = attribute.indexOf('=');
            String name = equals < 0 ? "" : attribute.substring(0, equals).toUpperCase(Locale.ROOT);
            if (attribute.isEmpty()) {
                continue;
            }
            shown.append(' ');
            if (PUBLIC_ATTRIBUTES.contains(name)) {
                shown.append(printable(attribute));
            } else {
                shown.append(name.equals("LOGIN") ? name + "=" : "").append(MASKED);
            }
        }
        return shown.toString();
    }

    /** A line of a SASL exchange, which isn't shown. */
    String response(byte[] in, int offset, int length) {
        String line = new String(in, offset, length, ISO_8859_1);
        if (line.equals("*")) {
            return line;
        }
        said(line);
        return MASKED;
    }

    private void said(String response) {
        if (response.length() >= LEAST_RESPONSE) {
            secrets.add(response);
        }
    }

    /**
     * A line of a reply.
     *
     * @param more whether another follows
     * @param text with its status, if it has one
     */
    String reply(int code, boolean more, String text) {
        String start = code + (more ? "-" : " ");
        return code == CHALLENGE ? start + MASKED : start + words(text);
    }

    /** What may quote what was said in the session. */
    String words(String text) {
        return secrets.areIn(text) ? MASKED : printable(text);
    }

    private static String shown(byte[] in, int offset, int end) {
        return printable(new String(in, offset, end - offset, UTF_8));
    }

    /** Characters that a terminal acts on, or that turn a text around, become {@code \}{@code u001b} and the like. */
    static String printable(String text) {
        int shown = Math.min(text.length(), MAX_SHOWN);
        StringBuilder printable = null;
        for (int i = 0; i < shown; i++) {
            char c = text.charAt(i);
            boolean plain = c >= ' ' && c < 0x7f || c > 0x9f && isPlain(c);
            if (plain && printable != null) {
                printable.append(c);
            } else if (!plain) {
                if (printable == null) {
                    printable = new StringBuilder(text.length() + 16).append(text, 0, i);
                }
                printable.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
            }
        }
        String all = printable == null ? text.substring(0, shown) : printable.toString();
        return text.length() > shown ? all + " [" + (text.length() - shown) + " characters more]" : all;
    }

    private static boolean isPlain(char c) {
        int type = Character.getType(c);
        return type != Character.FORMAT && type != Character.LINE_SEPARATOR && type != Character.PARAGRAPH_SEPARATOR
                && type != Character.PRIVATE_USE && type != Character.UNASSIGNED;
    }
}
