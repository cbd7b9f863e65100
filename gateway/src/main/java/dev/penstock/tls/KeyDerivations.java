package dev.penstock.tls;

import java.security.InvalidAlgorithmParameterException;
import java.security.NoSuchAlgorithmException;
import java.security.NoSuchProviderException;
import java.security.Provider;
import java.security.Security;
import java.security.spec.AlgorithmParameterSpec;
import java.util.List;
import javax.crypto.KDF;
import javax.crypto.KDFParameters;
import javax.crypto.KDFSpi;
import javax.crypto.SecretKey;
import javax.net.ssl.SSLException;

import org.jspecify.annotations.Nullable;

/**
 * How many keys the other side of a TLS connection may make Java derive while what it sent is worked on. Confined to the
 * thread that works.
 *
 * <p>A record of TLS 1.3 has room for 3,276 updates of keys (RFC 8446 4.6.3). Nothing may follow one in its record (5.1),
 * but Java's engine does them all, in one call that takes half a second of an event loop, and nothing outside sees how many
 * there are. Each derives keys, though, and asks the providers of this process for HKDF: so this counts there.
 */
final class KeyDerivations {
    /** Of one update: a secret, a key and a vector, for what is read and for what is written. */
    static final int PER_UPDATE = 6;

    private static final ScopedValue<KeyDerivations> CURRENT = ScopedValue.newInstance();
    private static final List<String> ALGORITHMS = List.of("HKDF-SHA256", "HKDF-SHA384"); // of our cipher suites
    private static final String JAVAS_OWN = "SunJCE";

    static {
        Security.insertProviderAt(new Counting(), 1);
    }

    private final int most;
    private int count;

    private KeyDerivations(int most) {
        this.most = most;
    }

    /** To be called before the first connection is made. */
    static void countFromNowOn() {
        // the class is there
    }

    /** What is done with the octets that came. */
    @FunctionalInterface
    interface Derivation<X extends Exception> {
        int run() throws X;
    }

    /**
     * Works with a limit.
     *
     * @return what {@code work} does
     * @throws TooManyUpdatesException when it is passed; the connection is of no use then
     */
    static <X extends Exception> int atMost(int most, Derivation<X> work) throws TooManyUpdatesException, X {
        try {
            return ScopedValue.where(CURRENT, new KeyDerivations(most)).call(work::run);
        } catch (Exceeded _) {
            throw new TooManyUpdatesException();
        }
    }

    /** Does what isn't the other side's doing: who binds a login to the connection derives keys too (RFC 9266). */
    static void uncounted(Runnable work) {
        ScopedValue.where(CURRENT, new KeyDerivations(Integer.MAX_VALUE)).run(work);
    }

    /** Derivations of the work that goes on; 0 outside of any. */
    static int soFar() {
        return CURRENT.isBound() ? CURRENT.get().count : 0;
    }

    private static void derive() {
        if (CURRENT.isBound() && ++CURRENT.get().count > CURRENT.get().most) {
            throw new Exceeded();
        }
    }

    /** More updates of keys than anybody needs. */
    static final class TooManyUpdatesException extends SSLException {
        private static final long serialVersionUID = 1L;

        TooManyUpdatesException() {
            super("too many updates of TLS keys");
        }
    }

    /** Not an exception: {@link KDF} would ask the next provider. */
    private static final class Exceeded extends Error {
        private static final long serialVersionUID = 1L;

        Exceeded() {
            super("too many keys", null, false, false);
        }
    }

    private static final class Counting extends Provider {
        private static final long serialVersionUID = 1L;

        Counting() {
            super("Penstock", "1", "HKDF of " + JAVAS_OWN + ", counted");
            for (String algorithm : ALGORITHMS) {
                putService(new Service(this, "KDF", algorithm, Hkdf.class.getName(), null, null) {
                    @Override
                    public Object newInstance(@Nullable Object parameters) throws NoSuchAlgorithmException {
                        try {
                            return new Hkdf(algorithm, (KDFParameters) parameters);
                        } catch (InvalidAlgorithmParameterException | NoSuchProviderException e) {
                            throw new NoSuchAlgorithmException(e);
                        }
                    }
                });
            }
        }
    }

    private static final class Hkdf extends KDFSpi {
        private final KDF javas;

        Hkdf(String algorithm, @Nullable KDFParameters parameters)
                throws InvalidAlgorithmParameterException, NoSuchAlgorithmException, NoSuchProviderException {
            super(parameters);
            javas = KDF.getInstance(algorithm, parameters, JAVAS_OWN);
        }

        @Override
        protected @Nullable KDFParameters engineGetParameters() {
            return javas.getParameters();
        }

        @Override
        protected SecretKey engineDeriveKey(String algorithm, AlgorithmParameterSpec derivation)
                throws InvalidAlgorithmParameterException, NoSuchAlgorithmException {
            derive();
            return javas.deriveKey(algorithm, derivation);
        }

        @Override
        protected byte[] engineDeriveData(AlgorithmParameterSpec derivation)
                throws InvalidAlgorithmParameterException {
            derive();
            return javas.deriveData(derivation);
        }
    }
}
