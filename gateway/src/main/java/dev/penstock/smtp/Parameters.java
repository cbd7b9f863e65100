package dev.penstock.smtp;

import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/**
 * Reads the parameters of MAIL and RCPT (RFC 5321 4.1.2, esmtp-param, and the extensions that define them). Pure
 * functions, which throw {@link CommandSyntaxException} with the reply's text.
 */
final class Parameters {
    private static final int MAX_SIZE_DIGITS = 20; // RFC 1870 5, and of BDAT RFC 3030 2
    private static final int MAX_LONG_DIGITS = 18; // that surely fit into a long
    private static final int MAX_ENVID = 100; // RFC 3461 4.4
    private static final int MAX_ORCPT = 500; // RFC 3461 4.2
    private static final int MAX_SECONDS_DIGITS = 9; // RFC 4865 3, RFC 2852 4
    private static final int MAX_DATE_TIME = 40; // RFC 3339 5.6 with nanoseconds and more

    private Parameters() {}

    static Command.MailParameters mail(String text, int from) {
        Map<String, String> values = split(text, from, "Syntax: MAIL FROM:<address> [KEYWORD=value ...]");
        String size = values.remove("SIZE");
        String body = values.remove("BODY");
        String smtpUtf8 = values.remove("SMTPUTF8");
        String ret = values.remove("RET");
        String envid = values.remove("ENVID");
        String requireTls = values.remove("REQUIRETLS");
        FutureRelease hold = hold(values.remove("HOLDFOR"), values.remove("HOLDUNTIL"));
        String by = values.remove("BY");
        String auth = values.remove("AUTH");
        return new Command.MailParameters(size == null ? -1 : size(size, "Bad message size syntax"),
                body == null ? Command.Body.SEVEN_BIT : body(body),
                flag("SMTPUTF8", smtpUtf8), ret == null ? null : ret(ret), envid == null ? null : envid(envid),
                flag("REQUIRETLS", requireTls), hold, by == null ? null : deliverBy(by),
                auth == null ? null : auth(auth), Map.copyOf(values));
    }

    static Command.RcptParameters rcpt(String text, int from) {
        Map<String, String> values = split(text, from, "Syntax: RCPT TO:<address> [KEYWORD=value ...]");
        String notify = values.remove("NOTIFY");
        String orcpt = values.remove("ORCPT");
        return new Command.RcptParameters(notify == null ? null : notifyOn(notify),
                orcpt == null ? null : originalRecipient(orcpt), Map.copyOf(values));
    }

    /** Up to 20 digits; what doesn't fit into a long is too big for anybody all the same. */
    static long size(String text, String problem) {
        if (!isDigits(text) || text.length() > MAX_SIZE_DIGITS) {
            throw new CommandSyntaxException(problem);
        }
        return text.length() > MAX_LONG_DIGITS ? Long.MAX_VALUE : Long.parseLong(text);
    }

    private static Command.Body body(String text) {
        return switch (text.toUpperCase(Locale.ROOT)) {
            case "7BIT" -> Command.Body.SEVEN_BIT;
            case "8BITMIME" -> Command.Body.EIGHT_BIT_MIME;
            case "BINARYMIME" -> Command.Body.BINARY_MIME;
            default -> throw new CommandSyntaxException("Unknown BODY value");
        };
    }

    private static boolean flag(String keyword, @Nullable String value) {
        if (value != null && !value.isEmpty()) { // RFC 6531 3.4, RFC 8689 2
            throw new CommandSyntaxException(keyword + " has no value");
        }
        return value != null;
    }

    private static Ret ret(String text) {
        return switch (text.toUpperCase(Locale.ROOT)) {
            case "FULL" -> Ret.FULL;
            case "HDRS" -> Ret.HDRS;
            default -> throw new CommandSyntaxException("Bad RET value, expected FULL or HDRS");
        };
    }

    private static String envid(String text) {
        String envid = XText.decode(text);
        if (envid == null || envid.isEmpty() || !isAscii(envid)) {
            throw new CommandSyntaxException("Bad ENVID value, expected xtext of printable ASCII");
        }
        if (envid.length() > MAX_ENVID) {
            throw new CommandSyntaxException("ENVID longer than " + MAX_ENVID + " characters");
        }
        return envid;
    }

    private static @Nullable FutureRelease hold(@Nullable String seconds, @Nullable String time) {
        if (seconds != null && time != null) { // RFC 4865 4
            throw new CommandSyntaxException("HOLDFOR and HOLDUNTIL exclude each other");
        }
        if (seconds != null) {
            if (!isDigits(seconds) || seconds.length() > MAX_SECONDS_DIGITS || seconds.charAt(0) == '0') {
                throw new CommandSyntaxException("Bad HOLDFOR value, expected seconds of 1 to 9 digits");
            }
            return new FutureRelease.For(Long.parseLong(seconds));
        }
        return time == null ? null : holdUntil(time);
    }

    private static FutureRelease holdUntil(String time) {
        try {
            if (time.length() <= MAX_DATE_TIME && time.indexOf('-') == 4) { // a year has four digits
                return new FutureRelease.Until(OffsetDateTime.parse(time).toInstant());
            }
        } catch (DateTimeException _) {
            // answered below, like a time that is too long
        }
        throw new CommandSyntaxException("Bad HOLDUNTIL value, expected a time like 2026-12-31T23:59:59Z");
    }

    /** RFC 2852 4: {@code [+-]seconds;R|N[T]}. */
    private static DeliverBy deliverBy(String text) {
        int semicolon = text.indexOf(';');
        String mode = semicolon < 0 ? "" : text.substring(semicolon + 1).toUpperCase(Locale.ROOT);
        boolean signed = text.startsWith("-") || text.startsWith("+");
        String digits = semicolon < 0 ? "" : text.substring(signed ? 1 : 0, Math.max(semicolon, signed ? 1 : 0));
        boolean trace = mode.endsWith("T");
        String letter = trace ? mode.substring(0, mode.length() - 1) : mode;
        if (!isDigits(digits) || digits.length() > MAX_SECONDS_DIGITS || !letter.equals("R") && !letter.equals("N")) {
            throw new CommandSyntaxException("Bad BY value, expected seconds;R or seconds;N");
        }
        long seconds = Long.parseLong(digits) * (text.startsWith("-") ? -1 : 1);
        if (letter.equals("R") && seconds <= 0) {
            throw new CommandSyntaxException("BY with mode R needs a time above zero");
        }
        return new DeliverBy(seconds, letter.equals("R") ? DeliverBy.Mode.RETURN : DeliverBy.Mode.NOTIFY, trace);
    }

    /** RFC 4954 5 wants a mailbox; clients that have a name without a domain send that. */
    private static String auth(String text) {
        String auth = XText.decode(text);
        if (auth == null || auth.isEmpty()) {
            throw new CommandSyntaxException("Bad AUTH value, expected xtext or <>");
        }
        return auth;
    }

    private static Notify notifyOn(String text) {
        if (text.equalsIgnoreCase("NEVER")) {
            return Notify.NEVER;
        }
        boolean success = false;
        boolean failure = false;
        boolean delay = false;
        for (String word : text.split(",", -1)) {
            boolean again = switch (word.toUpperCase(Locale.ROOT)) {
                case "SUCCESS" -> {
                    boolean before = success;
                    success = true;
                    yield before;
                }
                case "FAILURE" -> {
                    boolean before = failure;
                    failure = true;
                    yield before;
                }
                case "DELAY" -> {
                    boolean before = delay;
                    delay = true;
                    yield before;
                }
                default -> true;
            };
            if (again) {
                throw new CommandSyntaxException(
                        "Bad NOTIFY value, expected NEVER or some of SUCCESS,FAILURE,DELAY");
            }
        }
        return new Notify(success, failure, delay);
    }

    private static OriginalRecipient originalRecipient(String text) {
        if (text.length() > MAX_ORCPT) {
            throw new CommandSyntaxException("ORCPT longer than " + MAX_ORCPT + " characters");
        }
        int semicolon = text.indexOf(';');
        String type = semicolon < 0 ? "" : text.substring(0, semicolon).toLowerCase(Locale.ROOT);
        String encoded = text.substring(semicolon + 1);
        String address = type.equals(OriginalRecipient.UTF_8) ? XText.decodeUnicode(encoded) : XText.decode(encoded);
        if (!isAtom(type) || address == null || address.isEmpty()
                || !type.equals(OriginalRecipient.UTF_8) && !isAscii(address)) {
            throw new CommandSyntaxException("Bad ORCPT value, expected type;xtext");
        }
        return new OriginalRecipient(type, address);
    }

    /** @return keywords in upper case and their values, empty for those that have none; may be changed */
    private static Map<String, String> split(String text, int from, String problem) {
        Map<String, String> parameters = new LinkedHashMap<>();
        int i = from;
        while (i < text.length()) {
            if (text.charAt(i) != ' ') {
                throw new CommandSyntaxException(problem);
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
                    throw new CommandSyntaxException(problem);
                }
            }
            if (keyword.isEmpty() || parameters.putIfAbsent(keyword, value) != null) {
                throw new CommandSyntaxException(problem);
            }
        }
        return parameters;
    }

    private static boolean isKeyword(char c, boolean hyphenToo) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || hyphenToo && c == '-';
    }

    /** RFC 5321 4.1.2; here in lower case. */
    private static boolean isAtom(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!isKeyword(c, true) && "!#$%&'*/?^_`{|}~".indexOf(c) < 0) {
                return false;
            }
        }
        return !text.isEmpty();
    }

    private static boolean isDigits(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) < '0' || text.charAt(i) > '9') {
                return false;
            }
        }
        return !text.isEmpty();
    }

    private static boolean isAscii(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) > 126) {
                return false;
            }
        }
        return true;
    }
}
