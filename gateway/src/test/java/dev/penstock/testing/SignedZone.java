package dev.penstock.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

import org.xbill.DNS.DClass;
import org.xbill.DNS.DNSKEYRecord;
import org.xbill.DNS.DNSSEC;
import org.xbill.DNS.NSECRecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.RRSIGRecord;
import org.xbill.DNS.RRset;
import org.xbill.DNS.Record;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/** A DNS zone signed with a key of its own (RFC 4034, ECDSA P-256, NSEC), as a zone file. Confined to a test. */
public final class SignedZone {
    private static final long TTL = 300;
    private static final int ZONE_KEY = 257; // with SEP
    private static final int DNSSEC_PROTOCOL = 3;

    private final Name origin;
    private final KeyPair keys;
    private final DNSKEYRecord key;
    private final Map<Name, Map<Integer, List<Record>>> names = new TreeMap<>();
    private final List<Name> forged = new ArrayList<>();

    /** @param origin without a trailing dot */
    public SignedZone(String origin) {
        try {
            this.origin = Name.fromString(origin + ".");
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            keys = generator.generateKeyPair();
            key = new DNSKEYRecord(this.origin, DClass.IN, TTL, ZONE_KEY, DNSSEC_PROTOCOL,
                    DNSSEC.Algorithm.ECDSAP256SHA256, keys.getPublic());
        } catch (TextParseException | GeneralSecurityException | DNSSEC.DNSSECException e) {
            throw new IllegalStateException(e);
        }
        add(key);
        add(origin + ". 300 IN SOA ns." + origin + ". hostmaster." + origin + ". 1 3600 600 86400 60");
        add(origin + ". 300 IN NS ns." + origin + ".");
        add("ns." + origin + ". 300 IN A 127.0.0.53");
    }

    /** @param record as a zone file has it, absolute */
    public SignedZone add(String record) {
        try {
            String[] fields = record.split(" ", 5);
            return add(Record.fromString(Name.fromString(fields[0]), Type.value(fields[3]), DClass.IN, TTL,
                    fields[4], Name.root));
        } catch (IOException e) {
            throw new UncheckedIOException(record, e);
        }
    }

    private SignedZone add(Record record) {
        names.computeIfAbsent(record.getName(), _ -> new TreeMap<>())
                .computeIfAbsent(record.getType(), _ -> new ArrayList<>()).add(record);
        return this;
    }

    /** The name's records are others than those that were signed. */
    public SignedZone forge(String name) {
        try {
            forged.add(Name.fromString(name + "."));
            return this;
        } catch (TextParseException e) {
            throw new IllegalArgumentException(name, e);
        }
    }

    /** What a validator begins with. */
    public Path writeAnchor(Path directory) {
        return write(directory.resolve(origin.toString(true) + ".anchor"), key + "\n");
    }

    /** @param signed whether with signatures and denials */
    public Path write(Path directory, boolean signed) {
        StringBuilder text = new StringBuilder();
        List<Name> order = List.copyOf(names.keySet());
        for (int i = 0; i < order.size(); i++) {
            Name name = order.get(i);
            Map<Integer, List<Record>> sets = new TreeMap<>(names.get(name));
            if (signed) {
                List<Integer> types = new ArrayList<>(sets.keySet());
                types.addAll(List.of(Type.NSEC, Type.RRSIG));
                sets.put(Type.NSEC, List.of(new NSECRecord(name, DClass.IN, TTL, order.get((i + 1) % order.size()),
                        types.stream().mapToInt(type -> type).toArray())));
            } else {
                sets.remove(Type.DNSKEY);
            }
            for (List<Record> set : sets.values()) {
                boolean other = forged.contains(name) && set.getFirst().getType() != Type.NSEC;
                set.forEach(record -> text.append(other ? changed(record) : record.toString()).append('\n'));
                if (signed) {
                    text.append(signature(set)).append('\n');
                }
            }
        }
        return write(directory.resolve(origin.toString(true) + ".zone"), text.toString());
    }

    private static String changed(Record record) {
        return record.toString().replace("127.0.0.1", "127.0.0.99").replace("3 1 1 ", "3 0 1 ");
    }

    private RRSIGRecord signature(List<Record> set) {
        Instant now = Instant.now().truncatedTo(ChronoUnit.SECONDS);
        try {
            return DNSSEC.sign(new RRset(set.toArray(Record[]::new)), key, keys.getPrivate(),
                    now.minus(1, ChronoUnit.HOURS), now.plus(1, ChronoUnit.DAYS));
        } catch (DNSSEC.DNSSECException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path write(Path file, String text) {
        try {
            return Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
