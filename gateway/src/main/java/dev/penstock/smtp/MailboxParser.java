package dev.penstock.smtp;

import java.util.Locale;

/**
 * Reads mailboxes and paths (RFC 5321 4.1.2, RFC 6531 3.3). Pure functions of the text.
 *
 * <p>Wider than the grammar where real addresses are: dots may stand anywhere in a local part (as at Japanese mobile
 * carriers), labels may have underscores, and local parts have four times the octets that RFC 5321 4.5.3.1.1 asks for (VERP
 * and SRS make long ones), whatever the address is for: whom a message may come from, a report can go to. Source routes
 * are dropped, as RFC 5321 4.1.1.3 and appendix C tell.
 */
public final class MailboxParser {
    static final int MAX_LOCAL_PART = 255; // as Exim; RFC 5321 4.5.3.1.1 asks for 64 at least
    static final int MAX_DOMAIN = 255; // RFC 5321 4.5.3.1.2
    static final int MAX_PATH = MAX_LOCAL_PART + 1 + MAX_DOMAIN + 2; // RFC 5321 4.5.3.1.3 asks for 256; with its brackets
    private static final int MAX_LABEL = 63; // RFC 1035 2.3.4
    private static final String ATEXT_SPECIALS = "!#$%&'*+-/=?^_`{|}~.";
    private static final boolean[] ATEXT = new boolean[128];

    static {
        for (char c = 0; c < ATEXT.length; c++) {
            ATEXT[c] = isLetterOrDigit(c) || ATEXT_SPECIALS.indexOf(c) >= 0;
        }
    }

    private final String text;
    private int position;

    private MailboxParser(String text, int position) {
        this.text = text;
        this.position = position;
    }

    /**
     * Reads {@code local@domain}, which must be the whole of {@code text}.
     *
     * @param allowUtf8 whether octets above 127 are allowed (RFC 6531)
     * @throws AddressSyntaxException when it isn't a mailbox
     */
    public static Mailbox parse(String text, boolean allowUtf8) {
        MailboxParser parser = new MailboxParser(text, 0);
        Mailbox mailbox = parser.mailbox();
        if (parser.position != text.length()) {
            throw parser.unexpected();
        }
        if (mailbox.utf8() && !allowUtf8) {
            throw new AddressSyntaxException("address needs SMTPUTF8");
        }
        return mailbox;
    }

    /** A path of a command, and where the text after it begins. */
    record Parsed<T>(T path, int end) {}

    /** Reads {@code <>}, {@code <local@domain>} or {@code <@route:local@domain>} at {@code from}. */
    static Parsed<ReversePath> reversePath(String text, int from) {
        MailboxParser parser = new MailboxParser(text, from);
        parser.expect('<');
        if (parser.peek() == '>') {
            return new Parsed<>(ReversePath.NULL, parser.position + 1);
        }
        Mailbox mailbox = parser.restOfPath(from);
        return new Parsed<>(new ReversePath(mailbox), parser.position);
    }

    /** Reads {@code <local@domain>}, {@code <@route:local@domain>} or {@code <Postmaster>} at {@code from}. */
    static Parsed<ForwardPath> forwardPath(String text, int from) {
        String postmaster = "<postmaster>";
        if (text.regionMatches(true, from, postmaster, 0, postmaster.length())) {
            String name = text.substring(from + 1, from + postmaster.length() - 1);
            return new Parsed<>(new ForwardPath(new Mailbox(name, name, "", false)), from + postmaster.length());
        }
        MailboxParser parser = new MailboxParser(text, from);
        parser.expect('<');
        Mailbox mailbox = parser.restOfPath(from);
        return new Parsed<>(new ForwardPath(mailbox), parser.position);
    }

    private Mailbox restOfPath(int from) {
        if (peek() == '@') {
            sourceRoute();
        }
        Mailbox mailbox = mailbox();
        expect('>');
        if (octets(text, from, position) > MAX_PATH) {
            throw new AddressSyntaxException("path longer than " + MAX_PATH + " octets");
        }
        return mailbox;
    }

    private void sourceRoute() {
        do {
            expect('@');
            domain();
        } while (accept(','));
        expect(':');
    }

    private Mailbox mailbox() {
        int start = position;
        if (peek() == '"') {
            quotedString();
        } else {
            while (position < text.length() && isAtext(text.charAt(position))) {
                position++;
            }
        }
        if (position == start) {
            throw unexpected();
        }
        if (octets(text, start, position) > MAX_LOCAL_PART) {
            throw new AddressSyntaxException("local part longer than " + MAX_LOCAL_PART + " octets");
        }
        String localPart = text.substring(start, position);
        expect('@');
        String domain = domain();
        String address = text.substring(start, position);
        return new Mailbox(address, localPart, domain, !isAscii(address));
    }

    private void quotedString() {
        expect('"');
        while (true) {
            char c = next();
            if (c == '"') {
                return;
            }
            if (c == '\\') {
                c = next();
            }
            if (c < ' ' || c == 127) { // RFC 5321 4.1.2: qtextSMTP and quoted-pairSMTP are printable
                throw new AddressSyntaxException("control character in a quoted local part");
            }
        }
    }

    private String domain() {
        if (peek() == '[') {
            return addressLiteral();
        }
        int start = position;
        boolean ascii = true;
        boolean lower = true;
        while (position < text.length()) {
            char c = text.charAt(position);
            if (!isLetterOrDigit(c) && c != '-' && c != '.' && c != '_' && c < 128) {
                break;
            }
            ascii &= c < 128;
            lower &= c < 'A' || c > 'Z';
            position++;
        }
        String written = text.substring(start, position);
        String domain = ascii ? written : aLabels(written);
        checkLabels(domain);
        return lower && ascii ? domain : domain.toLowerCase(Locale.ROOT);
    }

    private static String aLabels(String domain) {
        try {
            return Idna.toAscii(domain);
        } catch (IllegalArgumentException e) {
            throw new AddressSyntaxException("not an internationalized domain name");
        }
    }

    private static void checkLabels(String domain) {
        if (domain.isEmpty() || domain.length() > MAX_DOMAIN) {
            throw new AddressSyntaxException(
                    domain.isEmpty() ? "domain missing" : "domain longer than " + MAX_DOMAIN + " octets");
        }
        int start = 0;
        for (int i = 0; i <= domain.length(); i++) {
            char c = i < domain.length() ? domain.charAt(i) : '.';
            if (c == '.') {
                if (i == start || i - start > MAX_LABEL || domain.charAt(start) == '-' || domain.charAt(i - 1) == '-') {
                    throw new AddressSyntaxException("not a domain name");
                }
                start = i + 1;
            } else if (!isLetterOrDigit(c) && c != '-' && c != '_') {
                throw new AddressSyntaxException("not a domain name");
            }
        }
    }

    /** RFC 5321 4.1.3. */
    private String addressLiteral() {
        int close = text.indexOf(']', position);
        if (close < 0) {
            throw new AddressSyntaxException("address literal without its end");
        }
        String literal = text.substring(position + 1, close);
        position = close + 1;
        String tag = "IPv6:";
        if (literal.regionMatches(true, 0, tag, 0, tag.length())) {
            String address = literal.substring(tag.length());
            if (isIpv6(address)) {
                return "[" + tag + address.toLowerCase(Locale.ROOT) + "]";
            }
        } else if (isIpv4(literal)) {
            return "[" + literal + "]";
        }
        throw new AddressSyntaxException("not an address literal");
    }

    private static boolean isIpv4(String text) {
        int numbers = 0;
        int digits = 0;
        int value = 0;
        for (int i = 0; i <= text.length(); i++) {
            char c = i < text.length() ? text.charAt(i) : '.';
            if (c == '.') {
                if (digits == 0 || value > 255) {
                    return false;
                }
                numbers++;
                digits = 0;
                value = 0;
            } else if (c >= '0' && c <= '9' && digits < 3) {
                digits++;
                value = value * 10 + c - '0';
            } else {
                return false;
            }
        }
        return numbers == 4;
    }

    private static boolean isIpv6(String text) {
        int groups = 0;
        int gap = -1;
        int i = 0;
        if (text.startsWith("::")) {
            gap = 0;
            i = 2;
        }
        while (i < text.length()) {
            int start = i;
            while (i < text.length() && Character.digit(text.charAt(i), 16) >= 0 && text.charAt(i) < 128) {
                i++;
            }
            if (i < text.length() && text.charAt(i) == '.') {
                if (!isIpv4(text.substring(start))) {
                    return false;
                }
                groups += 2;
                break;
            }
            if (i == start || i - start > 4) {
                return false;
            }
            groups++;
            if (i < text.length()) {
                if (text.charAt(i) != ':' || ++i == text.length()) {
                    return false;
                }
                if (text.charAt(i) == ':') {
                    if (gap >= 0) {
                        return false;
                    }
                    gap = groups;
                    i++;
                }
            }
        }
        return gap < 0 ? groups == 8 : groups < 8;
    }

    private char peek() {
        return position < text.length() ? text.charAt(position) : 0;
    }

    private char next() {
        if (position == text.length()) {
            throw new AddressSyntaxException("the address ends too early");
        }
        return text.charAt(position++);
    }

    private boolean accept(char wanted) {
        if (peek() == wanted) {
            position++;
            return true;
        }
        return false;
    }

    private void expect(char wanted) {
        if (!accept(wanted)) {
            throw unexpected();
        }
    }

    private AddressSyntaxException unexpected() {
        return new AddressSyntaxException(
                position < text.length()
                        ? "unexpected character at " + position
                        : "the address ends too early");
    }

    private static boolean isAtext(char c) {
        return c >= 128 || ATEXT[c];
    }

    private static boolean isLetterOrDigit(char c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
    }

    /** In UTF-8; a surrogate is half of a character of four. */
    private static int octets(String text, int from, int to) {
        int octets = 0;
        for (int i = from; i < to; i++) {
            char c = text.charAt(i);
            octets += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
        }
        return octets;
    }

    private static boolean isAscii(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) >= 128) {
                return false;
            }
        }
        return true;
    }
}
