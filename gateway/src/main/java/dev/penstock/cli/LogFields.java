package dev.penstock.cli;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Collection;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import ch.qos.logback.classic.pattern.ClassicConverter;
import ch.qos.logback.classic.spi.ILoggingEvent;
import org.jspecify.annotations.Nullable;

import dev.penstock.units.Durations;

/**
 * Writes a log message as fields: {@code event=name key=value key="a value with blanks"}. Logback makes one by its
 * configuration; thread-safe.
 *
 * <p>Messages of ours are patterns of that form. Their values are put in quotes when they are empty or hold blanks, quotes,
 * an equals sign or control characters, so that nothing that came from outside can look like a field or a line. What
 * libraries say becomes the field {@code text} of the event {@code message}.
 */
public final class LogFields extends ClassicConverter {
    private static final String EVENT = "event=";
    private static final String PLACE = "{}";
    private static final Pattern JAVA_PACKAGE = Pattern
            .compile("\\b(?:[a-z_][a-z0-9_]*\\.)+(?=[A-Z]\\w*(?:Exception|Error)\\b)");

    @Override
    public String convert(ILoggingEvent event) {
        String pattern = event.getMessage();
        if (!isOurs(pattern)) {
            return EVENT + "message text=" + quoted(String.valueOf(event.getFormattedMessage()));
        }
        return fields(pattern, event.getArgumentArray());
    }

    /** Whether a message is fields, and not what a library says. */
    static boolean isOurs(@Nullable String pattern) {
        return pattern != null && pattern.startsWith(EVENT);
    }

    static String fields(String pattern, @Nullable Object @Nullable [] values) {
        StringBuilder line = new StringBuilder(pattern.length() + 64);
        int from = 0;
        for (int i = 0; values != null && i < values.length; i++) {
            int place = pattern.indexOf(PLACE, from);
            if (place < 0) {
                break;
            }
            line.append(pattern, from, place).append(quoted(text(values[i])));
            from = place + PLACE.length();
        }
        return line.append(pattern, from, pattern.length()).toString();
    }

    /** As configuration and the delivery log write such values, and not as Java does. */
    static String text(@Nullable Object value) {
        return switch (value) {
            case null -> "-";
            case InetSocketAddress address -> Text.address(address);
            case InetAddress address -> address.getHostAddress();
            case Duration duration -> Durations.format(duration);
            case Optional<?> optional -> optional.isPresent() ? text(optional.get()) : "-";
            case Collection<?> several -> several.stream().map(LogFields::text).collect(Collectors.joining(","));
            case Enum<?> constant when constant.toString().equals(constant.name()) ->
                constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
            default -> JAVA_PACKAGE.matcher(value.toString()).replaceAll("");
        };
    }

    private static String quoted(String value) {
        if (!value.isEmpty() && value.chars().noneMatch(LogFields::needsQuotes)) {
            return value;
        }
        StringBuilder text = new StringBuilder(value.length() + 8).append('"');
        for (int i = 0; i < value.length(); i++) {
            char c = value.charAt(i);
            switch (c) {
                case '"', '\\' -> text.append('\\').append(c);
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                default -> {
                    if (isControl(c)) {
                        text.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
                    } else {
                        text.append(c);
                    }
                }
            }
        }
        return text.append('"').toString();
    }

    private static boolean needsQuotes(int c) {
        return c == '"' || c == '=' || c == '\\' || Character.isWhitespace(c) || Character.isSpaceChar(c)
                || isControl(c);
    }

    /** C0, C1, and what moves the cursor or the direction of text. */
    private static boolean isControl(int c) {
        return Character.isISOControl(c) || Character.getType(c) == Character.FORMAT
                || Character.getType(c) == Character.LINE_SEPARATOR
                || Character.getType(c) == Character.PARAGRAPH_SEPARATOR;
    }
}
