package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.core.JacksonException;

import dev.penstock.units.Networks;
import dev.penstock.units.PrivateFiles;
import dev.penstock.units.WholeFile;

/**
 * The tokens that the administration API takes, in one file of the spool's directory that is replaced whole. Thread-safe;
 * {@link #find} never blocks, the others write. Of a token only a hash is kept: 256 bits of chance need no slow one.
 *
 * <p>A file that can't be read lets nobody in by a token, and nothing is written over it: the log says so.
 */
public final class Tokens {
    /** In the spool's directory. */
    public static final String FILE = "admin-tokens.json";
    /** As many there may be. */
    static final int MOST = 1_000;

    private static final Logger log = LoggerFactory.getLogger(Tokens.class);
    private static final String PREFIX = "penstock_";
    private static final int ID_OCTETS = 4;
    private static final int ID_LENGTH = 2 * ID_OCTETS;
    private static final int SECRET_OCTETS = 32;
    private static final int MAX_FILE = 4 << 20;
    private static final SecureRandom RANDOM = new SecureRandom();

    private final Path file;
    private final InstantSource clock;
    private final ReentrantLock writing = new ReentrantLock();
    private volatile Map<String, Kept> tokens;
    private final String damage; // empty when the file could be read

    /**
     * A token, without its secret.
     *
     * @param id        what it is revoked by; the first part of the token
     * @param networks  from which it is taken; none for any
     * @param expires   null for never
     * @param createdBy the operator's name
     */
    public record View(String id, String name, Role role, List<String> networks, Instant created, String createdBy,
            @Nullable Instant expires) {
        public View {
            networks = List.copyOf(networks);
        }
    }

    /**
     * A token that was just made.
     *
     * @param token the whole of it, which nobody can show again
     */
    public record Made(View view, String token) {}

    /** Whose a token is, or why it isn't taken. */
    public sealed interface Found {
        record Holder(View view) implements Found {}

        /** @param why for the log; the client learns only that its token is wrong */
        record Nobody(String why) implements Found {}
    }

    private record Kept(View view, String hash) {}

    /** What the file holds. */
    record Contents(List<Entry> tokens) {}

    record Entry(View view, String hash) {}

    private Tokens(Path file, InstantSource clock, Map<String, Kept> tokens, String damage) {
        this.file = file;
        this.clock = clock;
        this.tokens = Map.copyOf(tokens);
        this.damage = damage;
    }

    /** Reads the file, if there is one. */
    public static Tokens open(Path file, InstantSource clock) {
        Map<String, Kept> tokens = new LinkedHashMap<>();
        String damage = "";
        if (Files.exists(file)) {
            try {
                PrivateFiles.mustBeOurs(file);
                for (Entry entry : AdminJson.MAPPER.readValue(WholeFile.read(file, MAX_FILE), Contents.class).tokens) {
                    Networks.parse(entry.view.networks);
                    tokens.put(entry.view.id, new Kept(entry.view, entry.hash));
                }
            } catch (IOException | JacksonException | IllegalArgumentException e) {
                damage = file + " can't be read: " + e.getMessage();
                tokens.clear();
                log.error("event=admin-tokens-unreadable file={} why={} effect=\"no token is taken\"", file,
                        e.toString());
            }
        }
        return new Tokens(file, clock, tokens, damage);
    }

    /**
     * Makes one.
     *
     * @param networks valid ones
     * @throws IOException when it can't be kept: then there is none
     */
    public Made create(String name, Role role, List<String> networks, @Nullable Instant expires, String by)
            throws IOException {
        writing.lock();
        try {
            if (tokens.size() >= MOST) {
                throw new IOException("there are " + MOST + " tokens already; revoke some");
            }
            String id = HexFormat.of().formatHex(random(ID_OCTETS));
            while (tokens.containsKey(id)) {
                id = HexFormat.of().formatHex(random(ID_OCTETS));
            }
            String secret = PREFIX + id + '_'
                    + Base64.getUrlEncoder().withoutPadding().encodeToString(random(SECRET_OCTETS));
            View view = new View(id, name, role, networks, clock.instant(), by, expires);
            Map<String, Kept> more = new LinkedHashMap<>(tokens);
            more.put(id, new Kept(view, hash(secret)));
            keep(more);
            return new Made(view, secret);
        } finally {
            writing.unlock();
        }
    }

    /** @return what was revoked, null when there is none of that id */
    public @Nullable View revoke(String id) throws IOException {
        writing.lock();
        try {
            Map<String, Kept> fewer = new LinkedHashMap<>(tokens);
            Kept gone = fewer.remove(id);
            if (gone == null) {
                return null;
            }
            keep(fewer);
            return gone.view;
        } finally {
            writing.unlock();
        }
    }

    /** Oldest first, expired ones too. */
    public List<View> list() {
        return tokens.values().stream().map(Kept::view)
                .sorted(Comparator.comparing(View::created).thenComparing(View::id)).toList();
    }

    /** Whose it is; takes the same time whatever part of a secret is right. */
    public Found find(String presented, InetAddress client) {
        int end = PREFIX.length() + ID_LENGTH;
        if (!presented.startsWith(PREFIX) || presented.length() <= end || presented.charAt(end) != '_') {
            return new Found.Nobody("it isn't a token of ours");
        }
        Kept kept = tokens.get(presented.substring(PREFIX.length(), end));
        boolean right = MessageDigest.isEqual(hash(presented).getBytes(US_ASCII),
                (kept == null ? "" : kept.hash).getBytes(US_ASCII));
        if (kept == null || !right) {
            return new Found.Nobody(kept == null ? "there is no such token" : "the secret is wrong");
        }
        String why = invalid(kept.view, client);
        return why.isEmpty() ? new Found.Holder(kept.view) : new Found.Nobody(why);
    }

    /** What the token of that id gives this client now; null when it is revoked, has expired, or isn't for that address. */
    @Nullable
    View valid(String id, InetAddress client) {
        Kept kept = tokens.get(id);
        return kept != null && invalid(kept.view, client).isEmpty() ? kept.view : null;
    }

    /** Why it isn't taken; empty when it is. */
    private String invalid(View view, InetAddress client) {
        Instant expires = view.expires;
        if (expires != null && !clock.instant().isBefore(expires)) {
            return "token " + view.name + " has expired";
        }
        return view.networks.isEmpty() || Networks.parse(view.networks).contains(client)
                ? ""
                : "token " + view.name + " isn't for this address";
    }

    private void keep(Map<String, Kept> changed) throws IOException {
        if (!damage.isEmpty()) {
            throw new IOException(damage);
        }
        List<Entry> entries = new ArrayList<>();
        changed.values().forEach(kept -> entries.add(new Entry(kept.view, kept.hash)));
        Path made = file.resolveSibling(file.getFileName() + ".new");
        try (FileChannel fresh = PrivateFiles.createAnew(made)) {
            ByteBuffer octets = ByteBuffer.wrap(AdminJson.write(new Contents(entries)));
            while (octets.hasRemaining()) {
                fresh.write(octets);
            }
            fresh.force(true);
        }
        Files.move(made, file, StandardCopyOption.ATOMIC_MOVE);
        try (FileChannel directory = FileChannel.open(file.toAbsolutePath().getParent(), StandardOpenOption.READ)) {
            directory.force(true);
        }
        tokens = Map.copyOf(changed);
    }

    private static byte[] random(int octets) {
        byte[] random = new byte[octets];
        RANDOM.nextBytes(random);
        return random;
    }

    private static String hash(String secret) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(secret.getBytes(UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this Java has no SHA-256", e);
        }
    }
}
