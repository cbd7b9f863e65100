package dev.penstock.dkim;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;

import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import dev.penstock.config.Canonicalization;
import dev.penstock.config.DkimConfig;

/** Makes and reads back DKIM-Signature fields (RFC 6376 3.5). Pure functions. */
final class SignatureField {
    static final String NAME = "dkim-signature";
    private static final int FOLD = 76; // characters of a line, RFC 5322 2.1.1 recommends 78
    private static final int USUAL_HEADER = 2048; // octets

    private SignatureField() {}

    /**
     * Signs.
     *
     * @param domain   of {@code d=}
     * @param signed   what {@code h=} lists
     * @param bodyHash by the rule's canonicalisation
     * @param seconds  since 1970
     * @return the field, 7-bit, folded, with its CRLF
     */
    static byte[] sign(Crypto crypto, SigningKey key, DkimConfig.Signature settings, String domain, HeaderFields header,
            List<String> signed, byte[] bodyHash, long seconds) throws GeneralSecurityException {
        StringBuilder field = new StringBuilder(768);
        field.append("DKIM-Signature: v=1; a=").append(key.algorithm().tag()).append("; c=")
                .append(settings.headerCanonicalization().tag()).append('/')
                .append(settings.bodyCanonicalization().tag()).append(";\r\n\td=").append(domain)
                .append(";\r\n\ts=").append(settings.selector()).append("; t=").append(seconds);
        Duration expiry = settings.expiry();
        if (!expiry.isZero()) {
            field.append("; x=").append(seconds + expiry.toSeconds());
        }
        String identity = settings.identityFor(domain);
        if (!identity.isEmpty()) {
            field.append(";\r\n\ti=").append(identity);
        }
        field.append(";\r\n\th=");
        int column = 4;
        for (int i = 0; i < signed.size(); i++) {
            String name = signed.get(i);
            if (column + name.length() >= FOLD) {
                field.append("\r\n\t ");
                column = 2;
            }
            field.append(name).append(i < signed.size() - 1 ? ":" : ";");
            column += name.length() + 1;
        }
        field.append("\r\n\tbh=").append(Base64.getEncoder().encodeToString(bodyHash)).append(";\r\n\tb=");
        byte[] unsigned = field.toString().getBytes(US_ASCII);
        byte[] signature = crypto.sign(key,
                canonical(header, signed, settings.headerCanonicalization(), unsigned));
        String base64 = Base64.getEncoder().encodeToString(signature);
        for (int i = 0; i < base64.length(); i += FOLD - 4) {
            field.append(i == 0 ? "" : "\r\n\t ").append(base64, i, Math.min(i + FOLD - 4, base64.length()));
        }
        return field.append("\r\n").toString().getBytes(US_ASCII);
    }

    /**
     * What is signed: the fields that {@code h=} lists, the last of each name first, and the signature's own without its
     * value (RFC 6376 3.7, 5.4.2).
     *
     * @param own the signature's field, nothing after {@code b=}, without CRLF at its end
     */
    static byte[] canonical(HeaderFields header, List<String> signed, Canonicalization form, byte[] own) {
        Octets out = new Octets(USUAL_HEADER);
        Map<String, Integer> used = new HashMap<>();
        for (String name : signed) {
            int field = header.fromBottom(name, used.merge(name, 1, Integer::sum) - 1);
            if (field >= 0) {
                header.write(field, form, out);
            }
        }
        switch (form) {
            case SIMPLE -> out.write(own, 0, own.length);
            case RELAXED -> {
                byte[] name = (NAME + ":").getBytes(US_ASCII);
                out.write(name, 0, name.length);
                int colon = 0;
                while (own[colon] != ':') {
                    colon++;
                }
                HeaderFields.relaxedValue(own, colon + 1, own.length, out);
            }
        }
        return out.toArray();
    }

    /** The field as it was signed: without its value of {@code b=} and the CRLF at its end. */
    static byte[] withoutSignature(String field) {
        StringBuilder out = new StringBuilder(field.length());
        int at = field.indexOf(':') + 1;
        out.append(field, 0, at);
        while (at <= field.length()) {
            int semicolon = field.indexOf(';', at);
            int end = semicolon < 0 ? field.length() : semicolon;
            int equals = field.indexOf('=', at);
            boolean isSignature = equals >= 0 && equals < end && field.substring(at, equals).strip().equals("b");
            out.append(field, at, isSignature ? equals + 1 : end);
            if (semicolon >= 0) {
                out.append(';');
            }
            at = end + 1;
        }
        String text = out.toString();
        return (text.endsWith("\r\n") ? text.substring(0, text.length() - 2) : text).getBytes(ISO_8859_1);
    }
}
