package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.util.Base64;

/** Text parts in the transfer encoding that suits them (RFC 2045 6). Stateless. */
final class BodyText {
    private static final int MAX_LINE = 998; // RFC 5322 2.1.1
    private static final int MAX_ENCODED_LINE = 76; // RFC 2045 6.7 and 6.8
    /** Above one octet in six beyond ASCII base64 is shorter. */
    private static final int BASE64_SHARE = 6;
    private static final byte[] CRLF = {'\r', '\n'};
    private static final byte[] HEX = "0123456789ABCDEF".getBytes(UTF_8);
    private static final Base64.Encoder BASE64 = Base64.getMimeEncoder(MAX_ENCODED_LINE, CRLF);

    private BodyText() {}

    /** Every CR, LF and CRLF as CRLF, and one at the end. */
    static String lines(String text) {
        if (hasProperLines(text)) {
            return text;
        }
        StringBuilder lines = new StringBuilder(text.length() + text.length() / 32 + 2);
        int from = 0;
        int cr = at(text, '\r', 0);
        int lf = at(text, '\n', 0);
        while (from < text.length()) {
            int end = Math.min(cr, lf);
            lines.append(text, from, end).append("\r\n");
            from = end + 1;
            if (lf == end + 1 && cr == end) { // one break of two characters
                from++;
            }
            cr = cr < from ? at(text, '\r', from) : cr;
            lf = lf < from ? at(text, '\n', from) : lf;
        }
        return lines.isEmpty() ? "\r\n" : lines.toString();
    }

    private static boolean hasProperLines(String text) {
        for (int lf = text.indexOf('\n'); lf >= 0; lf = text.indexOf('\n', lf + 1)) {
            if (lf == 0 || text.charAt(lf - 1) != '\r') {
                return false;
            }
        }
        for (int cr = text.indexOf('\r'); cr >= 0; cr = text.indexOf('\r', cr + 1)) {
            if (cr + 1 == text.length() || text.charAt(cr + 1) != '\n') {
                return false;
            }
        }
        return text.endsWith("\n");
    }

    /** The place of the character, behind the end when there is none. */
    private static int at(String text, char c, int from) {
        int at = text.indexOf(c, from);
        return at < 0 ? text.length() : at;
    }

    /** The rest of a part's header, its end, and the text; it ends with CRLF. */
    static void part(ByteArrayOutputStream out, String text) {
        byte[] octets = lines(text).getBytes(UTF_8);
        int beyond = 0;
        int line = 0;
        int longest = 0;
        boolean control = false;
        for (byte b : octets) {
            line = b == '\n' ? 0 : line + 1;
            longest = Math.max(longest, line);
            beyond += b < 0 ? 1 : 0;
            control |= b == 0;
        }
        if (beyond == 0 && longest <= MAX_LINE && !control) {
            out.writeBytes("Content-Transfer-Encoding: 7bit\r\n\r\n".getBytes(UTF_8));
            out.writeBytes(octets);
        } else if ((long) beyond * BASE64_SHARE > octets.length) {
            base64(out, octets);
        } else {
            out.writeBytes("Content-Transfer-Encoding: quoted-printable\r\n\r\n".getBytes(UTF_8));
            quotedPrintable(out, octets);
        }
    }

    /** The same for octets of any kind. */
    static void base64(ByteArrayOutputStream out, byte[] octets) {
        out.writeBytes("Content-Transfer-Encoding: base64\r\n\r\n".getBytes(UTF_8));
        out.writeBytes(BASE64.encode(octets));
        out.writeBytes(CRLF);
    }

    private static void quotedPrintable(ByteArrayOutputStream out, byte[] octets) {
        int column = 0;
        for (int i = 0; i < octets.length; i++) {
            byte b = octets[i];
            if (b == '\r' && i + 1 < octets.length && octets[i + 1] == '\n') {
                out.writeBytes(CRLF);
                i++;
                column = 0;
                continue;
            }
            boolean last = i + 1 == octets.length || octets[i + 1] == '\r';
            boolean plain = b >= '!' && b <= '~' && b != '=' || (b == ' ' || b == '\t') && !last;
            int width = plain ? 1 : 3;
            if (column + width > MAX_ENCODED_LINE - 1) { // room for the soft break
                out.write('=');
                out.writeBytes(CRLF);
                column = 0;
            }
            if (plain) {
                out.write(b);
            } else {
                out.write('=');
                out.write(HEX[b >> 4 & 15]);
                out.write(HEX[b & 15]);
            }
            column += width;
        }
    }
}
