package dev.penstock.cli;

import java.io.StringWriter;
import java.time.Instant;
import java.util.Collection;
import java.util.Optional;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.LayoutBase;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.SerializableString;
import tools.jackson.core.io.CharacterEscapes;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.json.JsonWriteFeature;

/**
 * Writes a log message as one JSON object on a line: {@code time}, {@code level}, {@code logger}, {@code event}, then its fields
 * by their names, and the stack trace of a fault as {@code stack}. Thread-safe.
 *
 * <p>Whole numbers, finite ones and truth values are such; several values are an array; what isn't there is {@code null}; all else is text as
 * {@link LogFields} has it, without its quotes. Characters beyond ASCII and DEL are escaped, so that nothing that came from outside
 * can move a terminal's cursor. What libraries say is the field {@code text} of the event {@code message}.
 */
final class JsonLines extends LayoutBase<ILoggingEvent> {
    private static final JsonFactory JSON = JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII)
            .characterEscapes(new DeleteToo()).build();
    private static final String PLACE = "{}";

    /** JSON's own, and DEL, which it lets pass. */
    private static final class DeleteToo extends CharacterEscapes {
        private static final long serialVersionUID = 1;
        private static final int DEL = 0x7f;
        private final int[] codes = standardAsciiEscapesForJSON();

        DeleteToo() {
            codes[DEL] = ESCAPE_STANDARD;
        }

        @Override
        public int[] getEscapeCodesForAscii() {
            return codes.clone();
        }

        @Override
        public @Nullable SerializableString getEscapeSequence(int character) {
            return null; // only for codes of one's own
        }
    }

    @Override
    public String doLayout(ILoggingEvent event) {
        StringWriter line = new StringWriter(256);
        try (JsonGenerator out = JSON.createGenerator(ObjectWriteContext.empty(), line)) {
            out.writeStartObject();
            out.writeStringProperty("time", Instant.ofEpochMilli(event.getTimeStamp()).toString());
            out.writeStringProperty("level", event.getLevel().toString());
            String logger = event.getLoggerName();
            out.writeStringProperty("logger", logger.substring(logger.lastIndexOf('.') + 1));
            String pattern = event.getMessage();
            if (LogFields.isOurs(pattern)) {
                fields(out, pattern, event.getArgumentArray());
            } else {
                out.writeStringProperty("event", "message");
                out.writeStringProperty("text", String.valueOf(event.getFormattedMessage()));
            }
            IThrowableProxy fault = event.getThrowableProxy();
            if (fault != null) {
                out.writeStringProperty("stack", ThrowableProxyUtil.asString(fault).strip());
            }
            out.writeEndObject();
        }
        return line.append('\n').toString();
    }

    /** @param pattern of the form that all messages of ours have: {@code event=name key={} key=word key="some words"} */
    private static void fields(JsonGenerator out, String pattern, @Nullable Object @Nullable [] values) {
        int next = 0;
        int at = 0;
        while (at < pattern.length()) {
            int equals = pattern.indexOf('=', at);
            if (equals < 0) {
                return;
            }
            out.writeName(pattern.substring(at, equals));
            int begin = equals + 1;
            boolean quoted = pattern.startsWith("\"", begin);
            int end = quoted ? pattern.indexOf('"', begin + 1) : pattern.indexOf(' ', begin);
            end = end < 0 ? pattern.length() : end;
            String text = pattern.substring(quoted ? begin + 1 : begin, end);
            if (!quoted && text.equals(PLACE) && values != null && next < values.length) {
                write(out, values[next++]);
            } else {
                out.writeString(text);
            }
            at = Math.min(pattern.length(), end + (quoted ? 2 : 1)); // behind the blank that parts fields
        }
    }

    private static void write(JsonGenerator out, @Nullable Object value) {
        switch (value) {
            case null -> out.writeNull();
            case Boolean truth -> out.writeBoolean(truth);
            case Integer number -> out.writeNumber(number);
            case Long number -> out.writeNumber(number);
            case Double number when Double.isFinite(number) -> out.writeNumber(number);
            case Optional<?> optional -> write(out, optional.orElse(null));
            case Collection<?> several -> {
                out.writeStartArray();
                several.forEach(each -> write(out, each));
                out.writeEndArray();
            }
            default -> out.writeString(LogFields.text(value));
        }
    }
}
