package dev.penstock.smtp;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
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
    private static final int MAX_HELO_NAME = 255; // RFC 5321 4.5.3.1.2
    private static final Set<String> NOT_IMPLEMENTED = Set.of("EXPN", "TURN", "ETRN", "ATRN", "SEND", "SOML", "SAML",
            "BDAT", "AUTH", "STARTTLS");
    private static final int LONGEST_VERB = 8;

    private static final Command DATA_COMMAND = new Command.Data();
    private static final Command RSET_COMMAND = new Command.Rset();
    private static final Command NOOP_COMMAND = new Command.Noop();
    private static final Command QUIT_COMMAND = new Command.Quit();
    private static final Command UNRECOGNIZED = new Command.Unrecognized();

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
                return malformed(500, "5.5.2", "Error: bad syntax");
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
        return otherVerb(line, offset, end);
    }

    private static Command otherVerb(byte[] line, int offset, int end) {
        int length = 0;
        while (offset + length < end && length <= LONGEST_VERB && line[offset + length] > ' ') {
            length++;
        }
        String verb = new String(line, offset, length, StandardCharsets.ISO_8859_1).toUpperCase(Locale.ROOT);
        return NOT_IMPLEMENTED.contains(verb) ? new Command.NotImplemented(verb) : UNRECOGNIZED;
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
            Map<String, String> parameters = parameters(text, parsed.end());
            if (parameters == null) {
                return malformed(501, "5.5.4", "Syntax: MAIL FROM:<address> [KEYWORD=value ...]");
            }
            return mail(parsed.path(), parameters);
        } catch (AddressSyntaxException e) {
            return malformed(501, "5.1.7", "Bad sender address syntax");
        }
    }

    private static Command mail(ReversePath path, Map<String, String> parameters) {
        long size = -1;
        String sizeText = parameters.remove("SIZE");
        if (sizeText != null) {
            size = size(sizeText);
            if (size < 0) {
                return malformed(501, "5.5.4", "Bad message size syntax");
            }
        }
        Command.Body body = Command.Body.SEVEN_BIT;
        String bodyText = parameters.remove("BODY");
        if (bodyText != null) {
            switch (bodyText.toUpperCase(Locale.ROOT)) {
                case "7BIT" -> {
                }
                case "8BITMIME" -> body = Command.Body.EIGHT_BIT_MIME;
                case "BINARYMIME" -> body = Command.Body.BINARY_MIME;
                default -> {
                    return malformed(501, "5.5.4", "Unknown BODY value");
                }
            }
        }
        String smtpUtf8 = parameters.remove("SMTPUTF8");
        if (smtpUtf8 != null && !smtpUtf8.isEmpty()) { // RFC 6531 3.4: it has no value
            return malformed(501, "5.5.4", "SMTPUTF8 has no value");
        }
        return new Command.Mail(path,
                new Command.MailParameters(size, body, smtpUtf8 != null, null, null, false, null, null, null,
                        Map.copyOf(parameters)));
    }

    /** RFC 1870 5: up to 20 digits; what doesn't fit into a long is too big for anybody all the same. */
    private static long size(String text) {
        if (text.isEmpty() || text.length() > 20) {
            return -1;
        }
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                return -1;
            }
        }
        return text.length() > 18 ? Long.MAX_VALUE : Long.parseLong(text);
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
            Map<String, String> parameters = parameters(text, parsed.end());
            return parameters == null
                    ? malformed(501, "5.5.4", "Syntax: RCPT TO:<address> [KEYWORD=value ...]")
                    : new Command.Rcpt(parsed.path(),
                            new Command.RcptParameters(null, null, Map.copyOf(parameters)));
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

    /** RFC 5321 4.1.2, esmtp-param. @return null when they are written wrongly or one comes twice */
    private static @Nullable Map<String, String> parameters(String text, int from) {
        Map<String, String> parameters = new LinkedHashMap<>();
        int i = from;
        while (i < text.length()) {
            if (text.charAt(i) != ' ') {
                return null;
            }
            while (i < text.length() && text.charAt(i) == ' ') {
                i++;
            }
            int start = i;
            while (i < text.length() && isKeyword(text.charAt(i), i > start)) {
                i++;
            }
            String keyword = text.substring(start, i).toUpperCase(Locale.ROOT);
            String value = "";
            if (i < text.length() && text.charAt(i) == '=') {
                int valueStart = ++i;
                while (i < text.length() && text.charAt(i) > ' ' && text.charAt(i) != '=') {
                    i++;
                }
                value = text.substring(valueStart, i);
                if (value.isEmpty()) {
                    return null;
                }
            }
            if (keyword.isEmpty() || parameters.putIfAbsent(keyword, value) != null) {
                return null;
            }
        }
        return parameters;
    }

    private static boolean isKeyword(char c, boolean hyphenToo) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || hyphenToo && c == '-';
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
