package dev.penstock.smtp;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;

import org.jspecify.annotations.Nullable;

/** Reads command lines (RFC 5321 4.1.1). Pure functions; nothing is thrown, whatever the line holds. */
public final class CommandParser {
    private static final int UPPER_CASE = 0xDFDFDFDF; // clears the bit that tells letters' case, in four octets
    private static final int EHLO = verb("EHLO");
    private static final int HELO = verb("HELO");
    private static final int MAIL = verb("MAIL");
    private static final int RCPT = verb("RCPT");
    private static final int DATA = verb("DATA");
    private static final int RSET = verb("RSET");
    private static final int NOOP = verb("NOOP");
    private static final int QUIT = verb("QUIT");
    private static final int VRFY = verb("VRFY");
    private static final int HELP = verb("HELP");
    private static final int BDAT = verb("BDAT");
    private static final int AUTH = verb("AUTH");
    private static final int MAX_HELO_NAME = 255; // RFC 5321 4.5.3.1.2
    private static final int MAX_MECHANISM = 20; // RFC 4422 3.1
    private static final int LONGEST_VERB = 64; // more tells no more
    private static final Set<String> NOT_IMPLEMENTED = Set.of("EXPN", "TURN", "ETRN", "ATRN", "SEND", "SOML", "SAML",
            "LHLO");
    /** Methods of HTTP (RFC 9110 9.3), which browsers and proxies can be made to send anywhere. */
    private static final Set<String> FOREIGN = Set.of("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS",
            "TRACE", "PATCH");
    private static final int TLS_HANDSHAKE = 22; // RFC 8446 5.1, then the version's major number
    private static final int TLS_MAJOR_VERSION = 3;

    private static final Command DATA_COMMAND = new Command.Data();
    private static final Command RSET_COMMAND = new Command.Rset();
    private static final Command NOOP_COMMAND = new Command.Noop();
    private static final Command QUIT_COMMAND = new Command.Quit();
    private static final Command STARTTLS_COMMAND = new Command.StartTls();
    private static final Command UNRECOGNIZED = new Command.Unrecognized();
    private static final Command BAD_BDAT = malformed(521, "5.5.4", "Syntax: BDAT size [LAST]");

    private CommandParser() {}

    /** @param length without the line's end */
    public static Command parse(byte[] line, int offset, int length) {
        int end = offset + length;
        while (end > offset && (line[end - 1] == ' ' || line[end - 1] == '\t')) { // RFC 5321 4.1.1: tolerate them
            end--;
        }
        boolean ascii = true;
        for (int i = offset; i < end; i++) {
            ascii &= line[i] >= 0;
            if (line[i] >= 0 && line[i] < ' ' && line[i] != '\t' || line[i] == 127) {
                return isTls(line, offset, end)
                        ? new Command.Foreign("TLS")
                        : malformed(500, "5.5.2", "Error: bad syntax");
            }
        }
        if (end - offset < 4 || end - offset > 4 && line[offset + 4] != ' ' && line[offset + 4] != '\t') {
            return otherVerb(line, offset, end);
        }
        int verb = ((line[offset] & 0xff) << 24 | (line[offset + 1] & 0xff) << 16 | (line[offset + 2] & 0xff) << 8
                | line[offset + 3] & 0xff) & UPPER_CASE;
        if (verb == DATA) {
            return alone(DATA_COMMAND, "DATA", offset, end);
        }
        if (verb == RSET) {
            return alone(RSET_COMMAND, "RSET", offset, end);
        }
        if (verb == QUIT) {
            return alone(QUIT_COMMAND, "QUIT", offset, end);
        }
        if (verb == NOOP) {
            return NOOP_COMMAND; // RFC 5321 4.1.1.9: an argument is ignored
        }
        String text = ascii
                ? new String(line, offset, end - offset, StandardCharsets.ISO_8859_1)
                : utf8(line, offset, end);
        if (text == null) {
            return malformed(500, "5.5.2", "Error: bad UTF-8 syntax");
        }
        if (verb == MAIL) {
            return mail(text);
        }
        if (verb == RCPT) {
            return rcpt(text);
        }
        if (verb == EHLO) {
            String name = helloName(text);
            return name == null ? malformed(501, "5.5.4", "Syntax: EHLO hostname") : new Command.Ehlo(name);
        }
        if (verb == HELO) {
            String name = helloName(text);
            return name == null ? malformed(501, "5.5.4", "Syntax: HELO hostname") : new Command.Helo(name);
        }
        if (verb == VRFY) {
            String argument = text.substring(4).strip();
            return argument.isEmpty() ? malformed(501, "5.5.4", "Syntax: VRFY address") : new Command.Vrfy(argument);
        }
        if (verb == HELP) {
            return new Command.Help(text.substring(4).strip());
        }
        if (verb == BDAT) {
            return bdat(text);
        }
        if (verb == AUTH) {
            return auth(text);
        }
        return otherVerb(line, offset, end);
    }

    private static boolean isTls(byte[] line, int offset, int end) {
        return end - offset > 1 && line[offset] == TLS_HANDSHAKE && line[offset + 1] == TLS_MAJOR_VERSION;
    }

    private static Command otherVerb(byte[] line, int offset, int end) {
        int length = 0;
        while (offset + length < end && length < LONGEST_VERB && line[offset + length] > ' ') {
            length++;
        }
        String verb = new String(line, offset, length, StandardCharsets.US_ASCII).toUpperCase(Locale.ROOT);
        if (verb.equals("STARTTLS")) {
            return end - offset == length ? STARTTLS_COMMAND : malformed(501, "5.5.4", "Syntax: STARTTLS");
        }
        if (verb.equals("XCLIENT")) {
            return xclient(new String(line, offset + length, end - offset - length, StandardCharsets.ISO_8859_1));
        }
        if (NOT_IMPLEMENTED.contains(verb)) {
            return new Command.NotImplemented(verb);
        }
        if (FOREIGN.contains(verb) || verb.length() > 1 && verb.endsWith(":") || isRequestLine(line, offset, end)) {
            return new Command.Foreign(verb);
        }
        return verb.startsWith("SSH-") ? new Command.Foreign("SSH") : UNRECOGNIZED;
    }

    /** Whether the line's last word is {@code HTTP/1.1} or the like (RFC 9112 3, RFC 2326 6.1, RFC 3261 7.1). */
    private static boolean isRequestLine(byte[] line, int offset, int end) {
        int start = end;
        while (start > offset && line[start - 1] > ' ') {
            start--;
        }
        String word = new String(line, start, Math.min(end - start, LONGEST_VERB), StandardCharsets.ISO_8859_1);
        return start > offset && (word.startsWith("HTTP/") || word.startsWith("RTSP/") || word.startsWith("SIP/"));
    }

    private static Command bdat(String text) {
        String[] words = text.substring(4).strip().split("[ \t]+", -1);
        if (words.length > 2 || words.length == 2 && !words[1].equalsIgnoreCase("LAST")) {
            return BAD_BDAT;
        }
        try {
            return new Command.Bdat(Parameters.size(words[0], ""), words.length == 2);
        } catch (CommandSyntaxException e) {
            return BAD_BDAT;
        }
    }

    private static Command auth(String text) {
        String[] words = text.substring(4).strip().split("[ \t]+", -1);
        String mechanism = words[0].toUpperCase(Locale.ROOT);
        return words.length > 2 || !isMechanism(mechanism)
                ? malformed(501, "5.5.4", "Syntax: AUTH mechanism [initial-response]")
                : new Command.Auth(mechanism, words.length == 2 ? words[1] : null);
    }

    /** RFC 4422 3.1. */
    private static boolean isMechanism(String name) {
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if ((c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_') {
                return false;
            }
        }
        return !name.isEmpty() && name.length() <= MAX_MECHANISM;
    }

    private static Command xclient(String attributes) {
        try {
            return new Command.Xclient(XclientAttributes.parse(attributes));
        } catch (CommandSyntaxException e) {
            return new Command.Malformed(e.reply());
        }
    }

    private static Command alone(Command command, String verb, int offset, int end) {
        return end - offset == 4 ? command : malformed(501, "5.5.4", "Syntax: " + verb);
    }

    private static @Nullable String helloName(String text) {
        String name = text.substring(4).strip();
        return name.isEmpty() || name.length() > MAX_HELO_NAME || name.indexOf(' ') >= 0 || name.indexOf('\t') >= 0
                ? null
                : name;
    }

    private static Command mail(String text) {
        int start = startOfPath(text, " FROM:");
        if (start < 0) {
            return malformed(501, "5.5.4", "Syntax: MAIL FROM:<address>");
        }
        try {
            MailboxParser.Parsed<ReversePath> parsed = MailboxParser.reversePath(text, start);
            if (parsed.end() == text.length()) {
                return new Command.Mail(parsed.path(), Command.MailParameters.NONE);
            }
            return new Command.Mail(parsed.path(), Parameters.mail(text, parsed.end()));
        } catch (CommandSyntaxException e) {
            return new Command.Malformed(e.reply());
        } catch (AddressSyntaxException e) {
            return malformed(501, "5.1.7", "Bad sender address syntax");
        }
    }

    private static Command rcpt(String text) {
        int start = startOfPath(text, " TO:");
        if (start < 0) {
            return malformed(501, "5.5.4", "Syntax: RCPT TO:<address>");
        }
        try {
            MailboxParser.Parsed<ForwardPath> parsed = MailboxParser.forwardPath(text, start);
            if (parsed.end() == text.length()) {
                return new Command.Rcpt(parsed.path(), Command.RcptParameters.NONE);
            }
            return new Command.Rcpt(parsed.path(), Parameters.rcpt(text, parsed.end()));
        } catch (CommandSyntaxException e) {
            return new Command.Malformed(e.reply());
        } catch (AddressSyntaxException e) {
            return malformed(501, "5.1.3", "Bad recipient address syntax");
        }
    }

    /** Spaces after the colon are against RFC 5321 4.1.1.2 and common. */
    private static int startOfPath(String text, String keyword) {
        if (!text.regionMatches(true, 4, keyword, 0, keyword.length())) {
            return -1;
        }
        int start = 4 + keyword.length();
        while (start < text.length() && text.charAt(start) == ' ') {
            start++;
        }
        return start;
    }

    private static @Nullable String utf8(byte[] line, int offset, int end) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(line, offset, end - offset)).toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    private static Command.Malformed malformed(int code, String status, String text) {
        return new Command.Malformed(Reply.of(code, status, text));
    }

    private static int verb(String name) {
        return name.charAt(0) << 24 | name.charAt(1) << 16 | name.charAt(2) << 8 | name.charAt(3);
    }
}
