package dev.penstock.dkim;

import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.Canonicalization;
import dev.penstock.config.DkimConfig;

/**
 * One message whose signatures are to be made: its header section, and its body as it comes by. Used by one thread at a time;
 * nothing blocks.
 */
public final class MessageSigning {
    private static final byte[] NOTHING = {};

    /**
     * What was made.
     *
     * @param fields     DKIM-Signature fields in wire form, 7-bit, for before all others; empty when a message is sent
     *                   without
     * @param signatures what they say
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, never changed
    public record Signed(byte[] fields, List<PlannedSignature> signatures) {
        public static final Signed NOT = new Signed(NOTHING, List.of());
    }

    private final Signing signing;
    private final SigningRules rules;
    private final String fromDomain;
    private final byte[] section;
    private final int length;
    private final BodyHash[] bodies;

    MessageSigning(Signing signing, SigningRules rules, String fromDomain, byte[] section, int length,
            BodyHash[] bodies) {
        this.signing = signing;
        this.rules = rules;
        this.fromDomain = fromDomain;
        this.section = section;
        this.length = length;
        this.bodies = bodies;
    }

    /** Takes octets of the body; the array may be used again after the call. */
    public void body(byte[] octets, int offset, int count) {
        for (BodyHash body : bodies) {
            body.update(octets, offset, count);
        }
    }

    /**
     * All of the body has come by. The future completes on a thread for signatures, which whoever continues on it may use
     * for as long as a commit takes to be handed over; it fails with a {@link SigningException}.
     *
     * @param mayRefuse whether a message without its key may be refused; else it is sent without that signature
     */
    public CompletableFuture<Signed> sign(String tenant, boolean mayRefuse) {
        List<SigningRule> mine = rules.of(fromDomain, tenant);
        if (mine.isEmpty()) {
            return CompletableFuture.completedFuture(Signed.NOT);
        }
        Map<Canonicalization, byte[]> hashes = new EnumMap<>(Canonicalization.class);
        for (BodyHash body : bodies) {
            hashes.put(body.canonicalization(), body.finish());
        }
        return signing.run(() -> signed(mine, hashes, mayRefuse));
    }

    /** On a thread for signatures. */
    private Signed signed(List<SigningRule> mine, Map<Canonicalization, byte[]> hashes, boolean mayRefuse) {
        HeaderFields header = new HeaderFields(section, length);
        List<PlannedSignature> made = new ArrayList<>(mine.size());
        byte[] fields = NOTHING;
        boolean lacking = false;
        for (SigningRule rule : mine) {
            DkimConfig.Signature settings = rule.settings();
            String domain = settings.domainFor(fromDomain);
            SigningKey key = key(settings, domain, mayRefuse);
            if (key == null) {
                lacking = true;
                continue;
            }
            List<String> signed = rule.signedFields(header);
            byte[] field;
            try {
                field = SignatureField.sign(signing.requireTools().crypto(), key, settings, domain, header, signed,
                        Objects.requireNonNull(hashes.get(settings.bodyCanonicalization())), signing.seconds());
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("no signature for " + domain + ", selector " + settings.selector(), e);
            }
            int before = fields.length;
            fields = Arrays.copyOf(fields, before + field.length);
            System.arraycopy(field, 0, fields, before, field.length);
            made.add(new PlannedSignature(domain, settings.selector(), key.algorithm().tag(), signed));
            signing.signatures.increment();
        }
        if (lacking) {
            signing.unsigned.increment();
        }
        if (!made.isEmpty()) {
            signing.messages.increment();
        }
        return new Signed(fields, made);
    }

    private @Nullable SigningKey key(DkimConfig.Signature settings, String domain, boolean mayRefuse) {
        DkimConfig.MissingKey rule = rules.config().missingKey();
        return switch (signing.requireTools().keys().of(settings.keyFile(domain))) {
            case KeyStore.Usable(SigningKey key) -> key;
            case KeyStore.Unusable(_, boolean missing) -> {
                if (mayRefuse && rule != DkimConfig.MissingKey.SEND_UNSIGNED) {
                    throw signing.noKey(rule, domain, settings.selector(), missing);
                }
                yield null;
            }
        };
    }
}
