package dev.penstock.dkim;

import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.Canonicalization;

/**
 * Verifies the signatures of a message (RFC 6376 6, RFC 8463, RFC 8301). Immutable. Written apart from what signs but for
 * the canonical forms.
 */
public final class Verifier {
    /** A message with more is somebody's attempt at our time: the rest isn't looked at (RFC 6376 8.4). */
    public static final int MAX_SIGNATURES = 10;
    private static final int EMPTY_LINE = 4; // octets of CRLFCRLF
    private static final Pattern NUMBER = Pattern.compile("[0-9]{1,12}");

    private final PublicKeys keys;
    private final InstantSource clock;

    public Verifier(PublicKeys keys, InstantSource clock) {
        this.keys = keys;
        this.clock = clock;
    }

    /** One result for each DKIM-Signature field, from the top. Blocks while keys are found. */
    public List<Verification> verify(byte[] message) {
        int end = endOfHeader(message);
        HeaderFields header = new HeaderFields(message, end);
        List<Verification> results = new ArrayList<>();
        for (int field = 0; field < header.count() && results.size() < MAX_SIGNATURES; field++) {
            if (header.isNamed(field, SignatureField.NAME)) {
                results.add(new One(message, end, header, field).verify());
            }
        }
        return results;
    }

    /** The index after the empty line; the message's length when there is none. */
    private static int endOfHeader(byte[] message) {
        if (message.length >= 2 && message[0] == '\r' && message[1] == '\n') {
            return 2;
        }
        for (int i = EMPTY_LINE; i <= message.length; i++) {
            if (message[i - 1] == '\n' && message[i - 2] == '\r' && message[i - 3] == '\n' && message[i - 4] == '\r') {
                return i;
            }
        }
        return message.length;
    }

    /** Why a signature doesn't pass. */
    private static final class Refusal extends Exception {
        private static final long serialVersionUID = 1;
        private final Verification.Result result;

        Refusal(Verification.Result result, String why) {
            super(why);
            this.result = result;
        }
    }

    private static Refusal wrong(String why) {
        return new Refusal(Verification.Result.PERMERROR, why);
    }

    /** One signature being verified. Confined to the call. */
    private final class One {
        private final byte[] message;
        private final int bodyStart;
        private final HeaderFields header;
        private final int field;
        private String domain = "";
        private String selector = "";
        private String algorithm = "";

        One(byte[] message, int bodyStart, HeaderFields header, int field) {
            this.message = message;
            this.bodyStart = bodyStart;
            this.header = header;
            this.field = field;
        }

        Verification verify() {
            try {
                String key = check();
                return new Verification(Verification.Result.PASS, domain, selector, algorithm, key);
            } catch (Refusal e) {
                return new Verification(e.result, domain, selector, algorithm, String.valueOf(e.getMessage()));
            } catch (IllegalArgumentException e) {
                return new Verification(Verification.Result.PERMERROR, domain, selector, algorithm,
                        String.valueOf(e.getMessage()));
            }
        }

        private String check() throws Refusal {
            TagList tags = TagList.parse(header.value(field));
            domain = tags.require("d").toLowerCase(Locale.ROOT);
            selector = tags.require("s");
            algorithm = tags.require("a");
            if (!tags.require("v").equals("1")) {
                throw wrong("v= must be 1");
            }
            SignatureAlgorithm known = SignatureAlgorithm.of(algorithm);
            if (known == null) {
                throw wrong("the algorithm " + algorithm + " is unknown");
            }
            String[] forms = TagList.withoutSpace(tags.get("c", "simple/simple")).split("/", -1);
            Canonicalization headerForm = Canonicalization.of(forms[0]);
            Canonicalization bodyForm = forms.length == 1 ? Canonicalization.SIMPLE : Canonicalization.of(forms[1]);
            if (headerForm == null || bodyForm == null || forms.length > 2) {
                throw wrong("c= is unknown");
            }
            List<String> signed = List.of(TagList.withoutSpace(tags.require("h")).toLowerCase(Locale.ROOT).split(":"));
            if (!signed.contains("from")) {
                throw wrong("h= doesn't cover From");
            }
            checkIdentity(tags);
            checkTimes(tags);
            if (!List.of(TagList.withoutSpace(tags.get("q", "dns/txt")).split(":")).contains("dns/txt")) {
                throw wrong("q= doesn't allow dns/txt");
            }
            checkBody(tags, bodyForm);
            PublicKeyRecord key = key(tags, known);
            byte[] canonical = SignatureField.canonical(header, signed, headerForm,
                    SignatureField.withoutSignature(header.text(field)));
            try {
                if (!PublicKeyRecord.verifies(known, key.publicKey(), canonical,
                        Base64.getDecoder().decode(TagList.withoutSpace(tags.require("b"))))) {
                    throw new Refusal(Verification.Result.FAIL, "the signature doesn't fit the header fields");
                }
            } catch (GeneralSecurityException e) {
                throw wrong("the key or the signature can't be read: " + e.getMessage());
            }
            return known == SignatureAlgorithm.RSA_SHA256 ? key.bits() + " bits" : "";
        }

        private void checkIdentity(TagList tags) throws Refusal {
            String identity = tags.get("i");
            if (identity != null) {
                String of = identity.substring(identity.lastIndexOf('@') + 1).toLowerCase(Locale.ROOT);
                if (!of.equals(domain) && !of.endsWith("." + domain)) {
                    throw wrong("i= isn't in the domain of d=");
                }
            }
        }

        private void checkTimes(TagList tags) throws Refusal {
            long now = clock.instant().getEpochSecond();
            Long signedAt = number(tags, "t");
            Long expires = number(tags, "x");
            if (expires != null && signedAt != null && expires <= signedAt) {
                throw wrong("x= isn't after t=");
            }
            if (expires != null && expires < now) {
                throw wrong("the signature has expired");
            }
        }

        private static @Nullable Long number(TagList tags, String name) throws Refusal {
            String value = tags.get(name);
            if (value == null) {
                return null;
            }
            if (!NUMBER.matcher(value).matches()) {
                throw wrong(name + "= isn't a number");
            }
            return Long.valueOf(value);
        }

        private void checkBody(TagList tags, Canonicalization form) throws Refusal {
            Long limit = number(tags, "l");
            BodyHash body = new BodyHash(form, limit == null ? Long.MAX_VALUE : limit);
            body.update(message, bodyStart, message.length - bodyStart);
            byte[] hash = body.finish();
            if (limit != null && body.isShort()) {
                throw wrong("l= is more than the body has");
            }
            if (!MessageDigest.isEqual(hash,
                    Base64.getDecoder().decode(TagList.withoutSpace(tags.require("bh"))))) {
                throw new Refusal(Verification.Result.FAIL, "the body isn't what was signed");
            }
        }

        private PublicKeyRecord key(TagList tags, SignatureAlgorithm known) throws Refusal {
            String name = selector + "._domainkey." + domain;
            String text = switch (keys.find(name)) {
                case PublicKeys.Found(List<String> texts) -> texts.getFirst(); // RFC 6376 3.6.2.2: any of several
                case PublicKeys.None _ -> throw wrong("there is no key at " + name);
                case PublicKeys.Failed(String why) -> throw new Refusal(Verification.Result.TEMPERROR,
                        "the key at " + name + " can't be had now: " + why);
            };
            PublicKeyRecord key = PublicKeyRecord.parse(text);
            if (key.isRevoked()) {
                throw wrong("the key at " + name + " is revoked");
            }
            if (!key.keyType().equals(known.keyType())) {
                throw wrong("the key at " + name + " is of type " + key.keyType());
            }
            int bits = key.bits();
            if (known == SignatureAlgorithm.RSA_SHA256 && bits < KeyFile.LEAST_RSA_BITS) {
                throw wrong("the key at " + name + " has " + bits + " bits; at least " + KeyFile.LEAST_RSA_BITS
                        + " are asked for (RFC 8301)");
            }
            String identity = tags.get("i");
            if (key.strict() && identity != null
                    && !identity.substring(identity.lastIndexOf('@') + 1).equalsIgnoreCase(domain)) {
                throw wrong("the key at " + name + " is strict (t=s), and i= isn't of its domain");
            }
            return key;
        }
    }
}
