package dev.penstock.smtp;

import java.util.Locale;
import java.util.regex.Pattern;

import com.ibm.icu.text.IDNA;

/**
 * Internationalized domain names as IDNA 2008 has them (RFC 5891), by UTS #46 without its transitional mappings: what is
 * registered as {@code faß.de} isn't {@code fass.de}. Stateless. The tables are loaded when the first name beyond ASCII
 * comes; a name of ASCII characters costs one look at each.
 */
public final class Idna {
    private static final int MAX_NAME_LENGTH = 253; // RFC 1035 2.3.4: 255 octets on the wire
    private static final Pattern LABEL = Pattern.compile("[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?");

    private Idna() {}

    /** Loaded when first used. */
    private static final class Tables {
        static final IDNA UTS46 = IDNA.getUTS46Instance(IDNA.NONTRANSITIONAL_TO_ASCII | IDNA.USE_STD3_RULES
                | IDNA.CHECK_BIDI | IDNA.CHECK_CONTEXTJ);
    }

    /**
     * The form a name is looked up and routed by: A-labels, lower case. Of ASCII names nothing else is checked.
     *
     * @throws IllegalArgumentException when a label can't be one of IDNA
     */
    public static String toAscii(String name) {
        boolean lower = true;
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (c >= 128) {
                return convert(name);
            }
            lower &= c < 'A' || c > 'Z';
        }
        return lower ? name : name.toLowerCase(Locale.ROOT);
    }

    /**
     * The form of a name that is one of a domain.
     *
     * @throws IllegalArgumentException when it is none, with a sentence for people
     */
    public static String domain(String text) {
        String name;
        try {
            name = toAscii(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("expected a domain name like example.com", e);
        }
        if (name.isEmpty() || name.length() > MAX_NAME_LENGTH) {
            throw new IllegalArgumentException("expected a domain name of 1 to " + MAX_NAME_LENGTH + " characters");
        }
        for (String label : name.split("\\.", -1)) {
            if (!LABEL.matcher(label).matches()) {
                throw new IllegalArgumentException(
                        "expected a domain name like example.com: labels of 1 to 63 letters, digits and hyphens");
            }
        }
        return name;
    }

    private static String convert(String name) {
        IDNA.Info info = new IDNA.Info();
        StringBuilder ascii = Tables.UTS46.nameToASCII(name, new StringBuilder(name.length() + 16), info);
        if (info.hasErrors()) {
            throw new IllegalArgumentException("not an internationalized domain name: " + info.getErrors());
        }
        return ascii.toString();
    }
}
