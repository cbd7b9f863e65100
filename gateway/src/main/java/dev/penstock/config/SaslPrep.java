package dev.penstock.config;

import com.ongres.saslprep.SASLprep;
import com.ongres.stringprep.Profile;
import org.jspecify.annotations.Nullable;

/** Brings names and passwords to the one form in which they are compared (RFC 4013). Stateless. */
public final class SaslPrep {
    private static final Profile PROFILE = new SASLprep();

    private SaslPrep() {}

    /**
     * For what a client sends.
     *
     * @return null when it has a character that isn't allowed, or nothing is left
     */
    public static @Nullable String query(String text) {
        try {
            String prepared = PROFILE.prepareQuery(text);
            return prepared.isEmpty() ? null : prepared;
        } catch (IllegalArgumentException _) {
            return null;
        }
    }

    /**
     * For what is kept, which is held to Unicode 3.2 too.
     *
     * @return null when it has a character that isn't allowed, or nothing is left
     */
    public static @Nullable String stored(String text) {
        try {
            String prepared = PROFILE.prepareStored(text);
            return prepared.isEmpty() ? null : prepared;
        } catch (IllegalArgumentException _) {
            return null;
        }
    }
}
