package dev.penstock.auth;

import org.jspecify.annotations.Nullable;

/** The production saslname of RFC 5802 7, where {@code =2C} is a comma and {@code =3D} an equals sign. Stateless. */
final class SaslName {
    private SaslName() {}

    /** @return null when it isn't well formed */
    static @Nullable String decode(String text) {
        if (text.indexOf('\0') >= 0) {
            return null;
        }
        StringBuilder name = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c != '=') {
                name.append(c);
                continue;
            }
            if (text.startsWith("=2C", i)) {
                name.append(',');
            } else if (text.startsWith("=3D", i)) {
                name.append('=');
            } else {
                return null;
            }
            i += 2;
        }
        return name.toString();
    }
}
