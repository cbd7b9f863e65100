package dev.penstock.policy;

import java.util.ArrayList;
import java.util.List;

import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.smtp.AddressSyntaxException;
import dev.penstock.smtp.Mailbox;
import dev.penstock.smtp.MailboxParser;

/**
 * Who a message says it is from (RFC 5322 3.6.2, with the groups of RFC 6854). Immutable. Strict where readers differ:
 * an address that one of them might see and another not makes the field unreadable.
 */
public sealed interface FromHeader {
    /** @param mailboxes one at least */
    record Mailboxes(List<Mailbox> mailboxes) implements FromHeader {}

    record Unreadable(String why) implements FromHeader {}

    /** @param header of a whole message; fields of other names don't matter */
    static FromHeader of(List<HeaderField> header) {
        String value = null;
        for (HeaderField field : header) {
            if (field.name().equalsIgnoreCase("From")) {
                if (value != null) {
                    return new Unreadable("there is more than one");
                }
                value = field.value();
            }
        }
        if (value == null) {
            return new Unreadable("there is none");
        }
        try {
            List<Mailbox> mailboxes = new Parser(value).mailboxList();
            return mailboxes.isEmpty() ? new Unreadable("it names nobody") : new Mailboxes(mailboxes);
        } catch (AddressSyntaxException e) {
            return new Unreadable(String.valueOf(e.getMessage()));
        }
    }

    /** Reads a mailbox-list (RFC 5322 3.4). Confined to one call. */
    final class Parser {
        private static final String SPECIALS = "()<>[]:;@\\,\""; // RFC 5322 3.2.3, without the dot of obs-phrase
        private static final char END = 0;
        private static final char WORD = 'w';

        private final String text;
        private final List<Mailbox> mailboxes = new ArrayList<>();
        private int position;
        /** The token's kind: END, WORD, or the special character that it is. A domain literal is a WORD. */
        private char kind;
        private String word = "";

        Parser(String text) {
            this.text = text;
        }

        List<Mailbox> mailboxList() {
            boolean inGroup = false;
            next();
            while (kind != END) {
                String first = word;
                int words = 0;
                while (kind == WORD) {
                    words++;
                    next();
                }
                switch (kind) {
                    case '<' -> {
                        next();
                        String localPart = wordOf("<");
                        address(localPart);
                        expect('>');
                    }
                    case '@' -> {
                        if (words != 1) {
                            throw new AddressSyntaxException("it has an address where a name should be");
                        }
                        address(first);
                    }
                    case ':' -> {
                        if (inGroup || words == 0) {
                            throw unexpected();
                        }
                        inGroup = true;
                        next();
                        continue;
                    }
                    default -> {
                        if (words > 0) {
                            throw new AddressSyntaxException("it has a name without an address");
                        }
                    }
                }
                if (kind == ';' && inGroup) {
                    inGroup = false;
                    next();
                }
                if (kind != END) {
                    expect(',');
                }
            }
            if (inGroup) {
                throw new AddressSyntaxException("it has a group without an end");
            }
            return mailboxes;
        }

        /** What follows the local part. */
        private void address(String localPart) {
            expect('@');
            mailboxes.add(MailboxParser.parse(localPart + "@" + wordOf("@"), true));
        }

        private String wordOf(String before) {
            if (kind != WORD) {
                throw new AddressSyntaxException("it has no address after " + before);
            }
            String found = word;
            next();
            return found;
        }

        private void expect(char wanted) {
            if (kind != wanted) {
                throw unexpected();
            }
            next();
        }

        private AddressSyntaxException unexpected() {
            return new AddressSyntaxException(kind == END
                    ? "it ends too early"
                    : "unexpected character before "
                            + position);
        }

        private void next() {
            skipSpaceAndComments();
            if (position == text.length()) {
                kind = END;
                return;
            }
            int start = position;
            char c = text.charAt(position);
            if (c == '"') {
                skipTo('"');
            } else if (c == '[') {
                skipTo(']');
            } else if (SPECIALS.indexOf(c) >= 0) {
                position++;
                kind = c;
                return;
            } else {
                while (position < text.length() && isWord(text.charAt(position))) {
                    position++;
                }
                if (position == start) {
                    throw new AddressSyntaxException("it has a control character");
                }
            }
            kind = WORD;
            word = text.substring(start, position);
        }

        /** Behind the end of what begins here. */
        private void skipTo(char end) {
            position++;
            while (position < text.length()) {
                char c = text.charAt(position++);
                if (c == end) {
                    return;
                }
                if (c == '\\' && position < text.length()) {
                    position++;
                }
            }
            throw new AddressSyntaxException("it has no " + end + " where one is needed");
        }

        private void skipSpaceAndComments() {
            int depth = 0;
            while (position < text.length()) {
                char c = text.charAt(position);
                if (c == '(') {
                    depth++;
                } else if (c == ')' && depth > 0) {
                    depth--;
                } else if (c == '\\' && depth > 0) {
                    position++;
                } else if (depth == 0 && c != ' ' && c != '\t') {
                    return;
                }
                position++;
            }
            position = text.length(); // a backslash may have been the last character
            if (depth > 0) {
                throw new AddressSyntaxException("it has a comment without an end");
            }
        }

        private static boolean isWord(char c) {
            return c > ' ' && c != 127 && SPECIALS.indexOf(c) < 0;
        }
    }
}
