package dev.penstock.dkim;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

/** What people do with published keys and messages by hand. Pure functions. */
public final class PublishedKeys {
    private static final int GOOD_RSA_BITS = 2048; // what Google and others recommend

    private PublishedKeys() {}

    /**
     * What is wrong with a record.
     *
     * @param key whose other half it should be; null when that isn't known
     */
    public static List<String> judge(String text, @Nullable SigningKey key) {
        List<String> problems = new ArrayList<>();
        PublicKeyRecord record;
        try {
            record = PublicKeyRecord.parse(text);
        } catch (IllegalArgumentException e) {
            return List.of("can't be used: " + e.getMessage() + " (" + text + ")");
        }
        if (record.isRevoked()) {
            return List.of("is revoked: p= is empty");
        }
        int bits = record.bits();
        if (bits == 0) {
            problems.add("p= is no key of type " + record.keyType()
                    + "; was it cut off? A string of a TXT record has 255 characters at most, a longer one is split");
        } else if (record.keyType().equals("rsa") && bits < KeyFile.LEAST_RSA_BITS) {
            problems.add("has " + bits + " bits: receivers don't take less than " + KeyFile.LEAST_RSA_BITS
                    + ", and " + GOOD_RSA_BITS + " are recommended");
        }
        if (key != null && !record.belongsTo(key)) {
            problems.add("isn't the other half of the private key; expected " + key.record());
        }
        return problems;
    }

    /** @param lines {@code SELECTOR._domainkey.DOMAIN}, a space, and the record */
    public static PublicKeys published(List<String> lines) {
        Map<String, PublicKeys.Answer> known = new HashMap<>();
        for (String line : lines) {
            String[] words = line.strip().split("\\s+", 2);
            if (words.length == 2 && !line.startsWith("#")) {
                known.put(words[0], new PublicKeys.Found(List.of(words[1])));
            }
        }
        return name -> known.getOrDefault(name, new PublicKeys.None());
    }

    /** A message as it goes over the wire: a file may have LF alone where that has CRLF. */
    public static byte[] withLineEnds(byte[] file) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(file.length + file.length / 32);
        for (int i = 0; i < file.length; i++) {
            if (file[i] == '\n' && (i == 0 || file[i - 1] != '\r')) {
                out.write('\r');
            }
            out.write(file[i]);
        }
        return out.toByteArray();
    }
}
