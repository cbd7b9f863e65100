package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.MailboxParser;

/** Header fields as they go over the wire: encoded words (RFC 2047), parameters (RFC 2231), folding. Stateless. */
final class HeaderText {
    private static final int FOLD_AT = 76; // RFC 5322 2.1.1 recommends 78 with CRLF
    private static final int MAX_LINE = 998; // RFC 5322 2.1.1
    private static final int MAX_WORD = 900; // of MAX_LINE, where the name goes first
    /** RFC 2047 2: a line with encoded words has 76; 36 octets are 60 with "=?utf-8?B?" and "?=", the name goes first. */
    private static final int ENCODED_OCTETS = 36;
    private static final int PARAMETER_PIECE = 50;
    private static final String SPECIALS = "()<>[]:;@\\,.\"";
    private static final String HEX = "0123456789ABCDEF";

    private HeaderText() {}

    /**
     * A field with its CRLF; {@code value} is ASCII already and is folded at its spaces.
     *
     * @param name empty when it is written already
     */
    static void field(StringBuilder out, String name, String value) {
        String line = name.isEmpty() ? value : name + ": " + value;
        int from = 0;
        String indent = "";
        while (line.length() - from > FOLD_AT) {
            int space = line.lastIndexOf(' ', from + FOLD_AT);
            boolean inFirst = from == 0 && space <= name.length() + 1;
            if (space <= from || inFirst || line.substring(from, space).isBlank()) {
                space = line.indexOf(' ', Math.max(from + FOLD_AT, name.length() + 2));
            }
            if (space < 0 || line.substring(space).isBlank()) {
                break;
            }
            out.append(indent).append(line, from, space).append("\r\n");
            indent = " ";
            from = space + 1;
        }
        out.append(indent).append(line, from, line.length()).append("\r\n");
    }

    /**
     * A field with its CRLF, its body written as its name wants it: encoded where that may be, else as it is, folded at
     * blanks and, where it is long, at commas too.
     *
     * @throws IllegalArgumentException when it can't be written; the message is for the client
     */
    static void named(StringBuilder out, String name, String text) {
        FieldKind kind = FieldKind.of(name);
        String body = switch (kind) {
            case UNSTRUCTURED -> unstructured(text);
            case ADDRESSES -> addresses(text);
            case PHRASES -> phrases(text);
            case NAMED -> labelled(text);
            case STRUCTURED -> structured(text);
        };
        if (kind == FieldKind.UNSTRUCTURED || name.length() + 2 + body.length() <= FOLD_AT) {
            field(out, name, body);
            return;
        }
        String spaced = spaced(body);
        int longest = longestWord(spaced);
        if (longest >= MAX_LINE) {
            throw new IllegalArgumentException("has " + longest + " octets without a place to fold it; a line has "
                    + MAX_LINE + " at most");
        }
        int first = spaced.indexOf(' ');
        if (name.length() + 2 + (first < 0 ? spaced.length() : first) > MAX_LINE) {
            out.append(name).append(":\r\n "); // RFC 5322 3.2.2: the line isn't blank, it has the name
            field(out, "", spaced);
        } else {
            field(out, name, spaced);
        }
    }

    /** What no reader would decode. */
    private static String structured(String text) {
        if (!isPlain(text)) {
            throw new IllegalArgumentException("has a character beyond ASCII, which this field can't have"
                    + " (in a URL, percent-encode it)");
        }
        return text.strip();
    }

    private static String labelled(String text) {
        int open = text.lastIndexOf('<');
        if (isPlain(text) || open < 0) {
            return structured(text);
        }
        return phrase(unquoted(text.substring(0, open).strip())) + ' ' + structured(text.substring(open));
    }

    private static String phrases(String text) {
        if (isPlain(text)) {
            return text;
        }
        List<String> list = new ArrayList<>();
        for (String one : split(text)) {
            list.add(phrase(unquoted(one.strip())));
        }
        return String.join(", ", list);
    }

    /** With a blank behind every comma outside of brackets and quotes, where a list may be folded. */
    private static String spaced(String list) {
        StringBuilder spaced = new StringBuilder(list.length() + 16);
        int depth = 0;
        boolean quoted = false;
        for (int i = 0; i < list.length(); i++) {
            char c = list.charAt(i);
            spaced.append(c);
            if (c == '\\' && i + 1 < list.length()) {
                spaced.append(list.charAt(++i));
            } else if (c == '"' && depth == 0) {
                quoted = !quoted;
            } else if (!quoted && (c == '<' || c == '(')) {
                depth++;
            } else if (!quoted && (c == '>' || c == ')')) {
                depth = Math.max(0, depth - 1);
            } else if (c == ',' && !quoted && depth == 0 && i + 1 < list.length() && list.charAt(i + 1) != ' ') {
                spaced.append(' ');
            }
        }
        return spaced.toString();
    }

    /** Text that is shown to people, such as a subject. */
    static String unstructured(String text) {
        return isPlain(text) && !looksEncoded(text) && longestWord(text) <= MAX_WORD ? text : encodedWords(text);
    }

    /** Whether a reader may take part of it for an encoded word. */
    private static boolean looksEncoded(String text) {
        int begin = text.indexOf("=?");
        return begin >= 0 && text.indexOf("?=", begin + 2) >= 0;
    }

    /** A display name. */
    static String phrase(String name) {
        if (!isPlain(name) || looksEncoded(name) || longestWord(name) > MAX_WORD) {
            return encodedWords(name);
        }
        if (name.chars().noneMatch(c -> SPECIALS.indexOf(c) >= 0 || c == '\t')) {
            return name;
        }
        return '"' + name.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    /** {@code name <address>}; the domain in A-labels where the local part is ASCII. */
    static String address(String name, Mailbox mailbox) {
        String address = wire(mailbox);
        return name.isBlank() ? "<" + address + ">" : phrase(name) + " <" + address + ">";
    }

    /** An address that needs no SMTPUTF8 if that can be avoided: with the domain in A-labels. */
    static String wire(Mailbox mailbox) {
        return mailbox.utf8() && isPlain(mailbox.localPart())
                ? mailbox.localPart() + "@" + mailbox.domain()
                : mailbox.address();
    }

    /**
     * A list of addresses as somebody wrote it.
     *
     * @throws IllegalArgumentException when it isn't in ASCII and can't be understood
     */
    static String addresses(String text) {
        if (isPlain(text)) {
            return text;
        }
        List<String> list = new ArrayList<>();
        try {
            for (String one : split(text)) {
                String entry = one.strip();
                int open = entry.lastIndexOf('<');
                if (open >= 0 && entry.endsWith(">")) {
                    Mailbox mailbox = MailboxParser.parse(entry.substring(open + 1, entry.length() - 1), true);
                    list.add(address(unquoted(entry.substring(0, open).strip()), mailbox));
                } else if (!entry.isEmpty()) {
                    list.add(wire(MailboxParser.parse(entry, true)));
                }
            }
        } catch (AddressSyntaxException e) {
            throw new IllegalArgumentException("isn't a list of addresses: " + e.getMessage(), e);
        }
        return String.join(", ", list);
    }

    private static List<String> split(String text) {
        List<String> entries = new ArrayList<>();
        boolean quoted = false;
        int start = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (quoted && c == '\\') {
                i++;
            } else if (c == '"') {
                quoted = !quoted;
            } else if (c == ',' && !quoted) {
                entries.add(text.substring(start, i));
                start = i + 1;
            }
        }
        entries.add(text.substring(start));
        return entries;
    }

    private static String unquoted(String name) {
        if (name.length() < 2 || !name.startsWith("\"") || !name.endsWith("\"")) {
            return name;
        }
        return name.substring(1, name.length() - 1).replaceAll("\\\\(.)", "$1");
    }

    /** {@code ; name=value}, on a line of its own. */
    static String parameter(String name, String value) {
        if (isPlain(value) && value.length() <= PARAMETER_PIECE && value.indexOf('"') < 0 && value.indexOf('\\') < 0) {
            return "; " + name + "=\"" + value + "\"";
        }
        StringBuilder encoded = new StringBuilder("utf-8''");
        for (byte b : value.getBytes(UTF_8)) {
            if (b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '.' || b == '-'
                    || b == '_') {
                encoded.append((char) b);
            } else {
                encoded.append('%').append(HEX.charAt(b >> 4 & 15)).append(HEX.charAt(b & 15));
            }
        }
        if (encoded.length() <= PARAMETER_PIECE) {
            return "; " + name + "*=" + encoded;
        }
        StringBuilder pieces = new StringBuilder(); // RFC 2231 3 and 4.1
        int from = 0;
        for (int i = 0; from < encoded.length(); i++) {
            int to = Math.min(from + PARAMETER_PIECE, encoded.length());
            int percent = encoded.lastIndexOf("%", to);
            if (percent > from && to - percent < 3 && to < encoded.length()) {
                to = percent;
            }
            pieces.append("; ").append(name).append('*').append(i).append("*=").append(encoded, from, to);
            from = to;
        }
        return pieces.toString();
    }

    static boolean isPlain(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c > '~' || c < ' ' && c != '\t') {
                return false;
            }
        }
        return true;
    }

    private static int longestWord(String text) {
        int longest = 0;
        int start = 0;
        for (int i = 0; i <= text.length(); i++) {
            if (i == text.length() || text.charAt(i) == ' ') {
                longest = Math.max(longest, i - start);
                start = i + 1;
            }
        }
        return longest;
    }

    /** No character is cut in two. */
    private static String encodedWords(String text) {
        StringBuilder words = new StringBuilder();
        int from = 0;
        while (from < text.length()) {
            int to = from;
            int octets = 0;
            while (to < text.length()) {
                int character = text.codePointAt(to);
                int more = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
                if (octets + more > ENCODED_OCTETS) {
                    break;
                }
                octets += more;
                to += Character.charCount(character);
            }
            words.append(words.isEmpty() ? "" : " ").append("=?utf-8?B?")
                    .append(Base64.getEncoder().encodeToString(text.substring(from, to).getBytes(UTF_8))).append("?=");
            from = to;
        }
        return words.toString();
    }
}
