package dev.penstock.events;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.List;

import dev.penstock.message.MessageEvent;
import dev.penstock.message.MessageEvent.Peer;
import dev.penstock.message.MessageEvent.Response;
import dev.penstock.message.MessageEvent.Tls;
import dev.penstock.units.MailClass;

/**
 * Writes events as JSON lines with the field names of KumoMTA's log record into one growing buffer. Confined to the
 * delivery log's writer thread.
 *
 * <p>By hand, because two lines are written per message: names are copied as bytes, text is escaped while it is copied,
 * and a date is formatted once a day.
 */
final class EventEncoder {
    private static final int MILLIS_PER_SECOND = 1_000;
    private static final long MILLIS_PER_DAY = 24 * 60 * 60 * 1_000L;
    private static final int MAX_BYTES_PER_CHAR = 6; // a control character as backslash, u and four digits
    private static final int FIXED_LENGTH = 1_024; // names, numbers and times of one line, generously
    private static final int DATE_LENGTH = 10; // 2026-11-24
    private static final byte[] HEX = ascii("0123456789abcdef");

    private static final byte[] TYPE = ascii("{\"type\":\"");
    private static final byte[] ID = ascii("\",\"id\":\"");
    private static final byte[] SENDER = ascii("\",\"sender\":\"");
    private static final byte[] RECIPIENT = ascii("\",\"recipient\":");
    private static final byte[] QUEUE = ascii(",\"queue\":\"");
    private static final byte[] TENANT = ascii("\",\"tenant\":\"");
    private static final byte[] CAMPAIGN = ascii("\",\"campaign\":\"");
    private static final byte[] DOMAIN = ascii("\",\"domain\":\"");
    private static final byte[] USER = ascii(",\"user\":\"");
    private static final byte[] HELO = ascii(",\"helo\":\"");
    private static final byte[] LISTENER = ascii(",\"listener\":\"");
    private static final byte[] MESSAGE_ID = ascii(",\"message_id\":\"");
    private static final byte[] SITE = ascii("\",\"site\":\"");
    private static final byte[] SIZE = ascii("\",\"size\":");
    private static final byte[] RESPONSE = ascii(",\"response\":{\"code\":");
    private static final byte[] CLASS = ascii(",\"enhanced_code\":{\"class\":");
    private static final byte[] SUBJECT = ascii(",\"subject\":");
    private static final byte[] DETAIL = ascii(",\"detail\":");
    private static final byte[] CONTENT = ascii("},\"content\":\"");
    private static final byte[] NO_ENHANCED_CODE = ascii(",\"enhanced_code\":null,\"content\":\"");
    private static final byte[] COMMAND = ascii("\",\"command\":\"");
    private static final byte[] END_OF_RESPONSE = ascii("\"},\"peer_address\":");
    private static final byte[] NO_COMMAND = ascii("\",\"command\":null},\"peer_address\":");
    private static final byte[] PEER_NAME = ascii("{\"name\":\"");
    private static final byte[] PEER_ADDRESS = ascii("\",\"addr\":\"");
    private static final byte[] END_OF_PEER = ascii("\"}");
    private static final byte[] NULL = ascii("null");
    private static final byte[] TIMESTAMP = ascii(",\"timestamp\":");
    private static final byte[] EVENT_TIME = ascii(",\"event_time\":\"");
    private static final byte[] CREATED = ascii("\",\"created\":");
    private static final byte[] CREATED_TIME = ascii(",\"created_time\":\"");
    private static final byte[] ATTEMPTS = ascii("\",\"num_attempts\":");
    private static final byte[] POOL = ascii(",\"egress_pool\":\"");
    private static final byte[] SOURCE = ascii("\",\"egress_source\":\"");
    private static final byte[] SOURCE_ADDRESS = ascii(",\"source_address\":{\"address\":\"");
    private static final byte[] DELIVERY_PROTOCOL = ascii(",\"delivery_protocol\":\"");
    private static final byte[] RECEPTION_PROTOCOL = ascii(",\"reception_protocol\":\"");
    private static final byte[] TLS_CIPHER = ascii(",\"tls_cipher\":\"");
    private static final byte[] TLS_POLICY = ascii(",\"tls_policy\":\"");
    private static final byte[] TLS_RESULT = ascii("\",\"tls_result\":\"");
    private static final byte[] TLS_RESUMED = ascii("\",\"tls_resumed\":true");
    private static final byte[] TLS_NOT_RESUMED = ascii("\",\"tls_resumed\":false");
    private static final byte[] TLS_VERSION = ascii("\",\"tls_protocol_version\":\"");
    private static final byte[] MAIL_CLASS = ascii(",\"mail_class\":\"");
    private static final byte[] PROVIDER = ascii(",\"provider_name\":\"");
    private static final byte[] SESSION = ascii(",\"session_id\":\"");
    // KumoMTA's readers want these in every record.
    private static final byte[] BOUNCE_CLASS = ascii(",\"bounce_classification\":\"");
    private static final byte[] BOUNCE_CATEGORY = ascii(",\"bounce_category\":\"");
    private static final byte[] BOUNCE_SCOPE = ascii(",\"bounce_scope\":\"");
    private static final byte[] BOUNCE_ACTION = ascii(",\"bounce_action\":\"");
    private static final String TAIL = ",\"feedback_report\":null,\"meta\":{},"
            + "\"headers\":{},\"nodeid\":\"";

    private final byte[] tail;
    private final byte[] date = new byte[DATE_LENGTH];
    private long dateDay = Long.MIN_VALUE;
    private byte[] buffer;
    private int length;

    EventEncoder(String nodeId, int capacity) {
        buffer = new byte[capacity];
        bytes(ascii(TAIL));
        text(nodeId);
        bytes(ascii("\"}\n"));
        tail = Arrays.copyOf(buffer, length);
        length = 0;
    }

    /** Octets of whole lines waiting to be taken. */
    int length() {
        return length;
    }

    /** The waiting lines, valid until {@link #clear()}. */
    ByteBuffer lines() {
        return ByteBuffer.wrap(buffer, 0, length);
    }

    void clear() {
        length = 0;
    }

    void encode(MessageEvent event) {
        reserve(FIXED_LENGTH + tail.length);
        bytes(TYPE);
        text(event.type().label());
        bytes(ID);
        if (!event.id().equals(MessageEvent.NO_ID)) {
            text(event.id().toString());
        }
        bytes(SENDER);
        text(event.sender());
        bytes(RECIPIENT);
        recipients(event.recipients());
        bytes(QUEUE);
        queue(event);
        bytes(TENANT);
        text(event.tenant());
        bytes(CAMPAIGN);
        text(event.campaign());
        bytes(DOMAIN);
        text(event.domain());
        bytes(SITE);
        text(event.site());
        bytes(SIZE);
        number(event.size());
        response(event.response());
        Peer peer = event.peer();
        if (peer == null) {
            bytes(NULL);
        } else {
            bytes(PEER_NAME);
            text(peer.name());
            bytes(PEER_ADDRESS);
            text(peer.address());
            bytes(END_OF_PEER);
        }
        bytes(TIMESTAMP);
        number(event.eventMillis() / MILLIS_PER_SECOND);
        bytes(EVENT_TIME);
        time(event.eventMillis());
        bytes(CREATED);
        number(event.createdMillis() / MILLIS_PER_SECOND);
        bytes(CREATED_TIME);
        time(event.createdMillis());
        bytes(ATTEMPTS);
        number(event.attempts());
        int arrow = event.site().indexOf("->");
        if (arrow >= 0) {
            String source = event.site().substring(0, arrow);
            bytes(POOL);
            text(event.pool().isEmpty() ? source : event.pool());
            bytes(SOURCE);
            text(source);
            octet('"');
        }
        if (!event.sourceAddress().isEmpty()) {
            bytes(SOURCE_ADDRESS);
            text(event.sourceAddress());
            bytes(END_OF_PEER);
        }
        if (!event.protocol().isEmpty()) {
            bytes(switch (event.type()) {
                case RECEPTION, REJECTION, PREFLIGHT -> RECEPTION_PROTOCOL;
                case DELIVERY, TRANSIENT_FAILURE, BOUNCE, ADMIN_BOUNCE, EXPIRATION -> DELIVERY_PROTOCOL;
            });
            text(event.protocol());
            octet('"');
        }
        Tls tls = event.tls();
        if (tls != null) {
            bytes(TLS_CIPHER);
            text(tls.cipher());
            bytes(TLS_VERSION);
            text(tls.version());
            octet('"');
            if (!tls.policy().isEmpty()) {
                bytes(TLS_POLICY);
                text(tls.policy());
                bytes(TLS_RESULT);
                text(tls.result());
                bytes(tls.resumed() ? TLS_RESUMED : TLS_NOT_RESUMED);
            }
        }
        if (!event.sessionId().isEmpty()) {
            bytes(SESSION);
            text(event.sessionId());
            octet('"');
        }
        field(MAIL_CLASS, event.mailClass() == MailClass.BULK ? "" : event.mailClass().word());
        field(PROVIDER, event.provider());
        MessageEvent.Client client = event.client();
        field(USER, client.user());
        field(HELO, client.helo());
        field(LISTENER, client.listener());
        field(MESSAGE_ID, client.messageId());
        MessageEvent.Meaning meaning = event.meaning();
        field(BOUNCE_CATEGORY, meaning.category());
        field(BOUNCE_SCOPE, meaning.scope());
        field(BOUNCE_ACTION, meaning.action());
        field(BOUNCE_CLASS, meaning.bounceClass());
        bytes(tail);
    }

    /** A field that is left out when it is empty. */
    private void field(byte[] name, String value) {
        if (!value.isEmpty()) {
            bytes(name);
            text(value);
            octet('"');
        }
    }

    /** One as a text, several or none as an array. */
    private void recipients(List<String> recipients) {
        boolean several = recipients.size() != 1;
        if (several) {
            octet('[');
        }
        for (int i = 0; i < recipients.size(); i++) {
            if (i > 0) {
                octet(',');
            }
            octet('"');
            text(recipients.get(i));
            octet('"');
        }
        if (several) {
            octet(']');
        }
    }

    /** {@code campaign:tenant@domain}, {@code tenant@domain}, {@code campaign:@domain} or {@code domain}. */
    private void queue(MessageEvent event) {
        if (!event.campaign().isEmpty()) {
            text(event.campaign());
            octet(':');
        }
        text(event.tenant());
        if (!event.campaign().isEmpty() || !event.tenant().isEmpty()) {
            octet('@');
        }
        text(event.domain());
    }

    private void response(Response response) {
        bytes(RESPONSE);
        number(response.code());
        String enhanced = response.enhanced();
        int firstDot = enhanced.indexOf('.');
        int lastDot = enhanced.lastIndexOf('.');
        if (firstDot > 0 && lastDot > firstDot + 1 && lastDot + 1 < enhanced.length()) {
            bytes(CLASS);
            digits(enhanced, 0, firstDot);
            bytes(SUBJECT);
            digits(enhanced, firstDot + 1, lastDot);
            bytes(DETAIL);
            digits(enhanced, lastDot + 1, enhanced.length());
            bytes(CONTENT);
        } else {
            bytes(NO_ENHANCED_CODE);
        }
        text(response.text());
        if (response.command().isEmpty()) {
            bytes(NO_COMMAND);
        } else {
            bytes(COMMAND);
            text(response.command());
            bytes(END_OF_RESPONSE);
        }
    }

    /** The number those characters make; what isn't a digit or is more than six digits counts as nothing. */
    private void digits(String text, int from, int to) {
        int number = 0;
        for (int i = from; i < to; i++) {
            int digit = text.charAt(i) - '0';
            if (digit >= 0 && digit <= 9 && number < 100_000) {
                number = number * 10 + digit;
            }
        }
        number(number);
    }

    /** {@code 2026-11-24T00:22:05.495Z} */
    private void time(long millis) {
        long day = Math.floorDiv(millis, MILLIS_PER_DAY);
        if (day != dateDay) {
            // Years beyond 9999 would be longer; no message is that old or new.
            byte[] formatted = ascii(LocalDate.ofEpochDay(Math.clamp(day, 0, 2_932_896)).toString());
            System.arraycopy(formatted, 0, date, 0, DATE_LENGTH);
            dateDay = day;
        }
        int ofDay = (int) Math.floorMod(millis, MILLIS_PER_DAY);
        bytes(date);
        octet('T');
        twoDigits(ofDay / 3_600_000);
        octet(':');
        twoDigits(ofDay / 60_000 % 60);
        octet(':');
        twoDigits(ofDay / 1_000 % 60);
        octet('.');
        octet('0' + ofDay / 100 % 10);
        twoDigits(ofDay % 100);
        octet('Z');
    }

    private void twoDigits(int number) {
        octet('0' + number / 10);
        octet('0' + number % 10);
    }

    private void number(long number) {
        reserve(Long.SIZE);
        if (number < 0) {
            bytes(ascii(Long.toString(number)));
            return;
        }
        int digits = 1;
        for (long n = number; n >= 10; n /= 10) {
            digits++;
        }
        long rest = number;
        for (int i = length + digits - 1; i >= length; i--) {
            buffer[i] = (byte) ('0' + rest % 10);
            rest /= 10;
        }
        length += digits;
    }

    private void octet(int octet) {
        reserve(1);
        buffer[length++] = (byte) octet;
    }

    private void bytes(byte[] bytes) {
        reserve(bytes.length);
        System.arraycopy(bytes, 0, buffer, length, bytes.length);
        length += bytes.length;
    }

    /**
     * The inside of a JSON text, in UTF-8 (RFC 8259 7), without any character that a terminal obeys; a lone surrogate becomes
     * U+FFFD.
     */
    private void text(String text) {
        int chars = text.length();
        reserve(chars * MAX_BYTES_PER_CHAR);
        byte[] out = buffer;
        int at = length;
        for (int i = 0; i < chars; i++) {
            char c = text.charAt(i);
            if (c >= ' ' && c < 0x7f && c != '"' && c != '\\') {
                out[at++] = (byte) c;
            } else if (c == '"' || c == '\\') {
                out[at++] = '\\';
                out[at++] = (byte) c;
            } else if (c < 0xa0 || isSeparatorOrDirection(c)) {
                out[at++] = '\\';
                out[at++] = 'u';
                out[at++] = HEX[c >> 12];
                out[at++] = HEX[c >> 8 & 15];
                out[at++] = HEX[c >> 4 & 15];
                out[at++] = HEX[c & 15];
            } else if (c < 0x800) {
                out[at++] = (byte) (0xc0 | c >> 6);
                out[at++] = (byte) (0x80 | c & 0x3f);
            } else if (Character.isHighSurrogate(c) && i + 1 < chars && Character.isLowSurrogate(text.charAt(i + 1))) {
                int point = Character.toCodePoint(c, text.charAt(++i));
                out[at++] = (byte) (0xf0 | point >> 18);
                out[at++] = (byte) (0x80 | point >> 12 & 0x3f);
                out[at++] = (byte) (0x80 | point >> 6 & 0x3f);
                out[at++] = (byte) (0x80 | point & 0x3f);
            } else {
                char whole = Character.isSurrogate(c) ? '\ufffd' : c;
                out[at++] = (byte) (0xe0 | whole >> 12);
                out[at++] = (byte) (0x80 | whole >> 6 & 0x3f);
                out[at++] = (byte) (0x80 | whole & 0x3f);
            }
        }
        length = at;
    }

    /** What splits a line for some readers, or turns the text around that follows (UAX #9). */
    private static boolean isSeparatorOrDirection(char c) {
        return c >= '\u2028' && c <= '\u202e' || c >= '\u2066' && c <= '\u2069';
    }

    private void reserve(int octets) {
        if (buffer.length - length < octets) {
            buffer = Arrays.copyOf(buffer, Math.max(buffer.length * 2, length + octets));
        }
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
