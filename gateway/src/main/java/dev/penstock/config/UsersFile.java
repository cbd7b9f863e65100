package dev.penstock.config;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;

import org.jspecify.annotations.Nullable;
import org.tomlj.Toml;

import dev.penstock.units.PrivateFiles;

/**
 * The credentials file: a table for each user. Stateless; every call reads or writes anew, and blocks.
 *
 * <p>A change is written to a file of its own that then takes the old one's name, so that a reader sees the old
 * contents or the new ones, never a part.
 */
public final class UsersFile {
    /** Octets of a name in UTF-8, the limit that RFC 4616 2 had in view. */
    public static final int MAX_NAME = 255;

    private static final int MAX_TEXT = 255;
    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rw-------");
    private static final Set<PosixFilePermission> NEVER_KEPT = EnumSet.of(PosixFilePermission.GROUP_WRITE,
            PosixFilePermission.OTHERS_READ, PosixFilePermission.OTHERS_WRITE, PosixFilePermission.OTHERS_EXECUTE);
    private static final String HEADER = """
            # Users of Penstock, written by "penstock user", which doesn't keep comments.
            # Keys: gateway/docs/authentication.md. Change it by renaming a new file over it.
            """;

    private UsersFile() {}

    /** What a reading gave. */
    public sealed interface Result {}

    public record Valid(List<UserConfig> users) implements Result {
        public Valid {
            users = List.copyOf(users);
        }
    }

    /** @param problems at least one, from top to bottom */
    public record Invalid(List<Problem> problems) implements Result {}

    public static Result read(Path file) {
        List<Problem> errors = new ArrayList<>();
        List<UserConfig> users = read(new ConfigSource(file, errors, new ArrayList<>(), null));
        return errors.isEmpty() ? new Valid(users) : new Invalid(ConfigSource.inOrder(errors));
    }

    /** The file that a configuration names as {@code auth.users}; nothing else of it is looked at. */
    public static Optional<Path> namedBy(Path configuration) throws IOException {
        List<Problem> errors = new ArrayList<>();
        ConfigSource source = new ConfigSource(configuration, errors, new ArrayList<>(), new Places());
        Optional<Path> users = AuthConfig.USERS.read(source.parse().table("auth"));
        if (!errors.isEmpty()) {
            throw new IOException(ConfigSource.inOrder(errors).getFirst().toString());
        }
        return users;
    }

    static List<UserConfig> read(ConfigSource source) {
        TableBinder file = source.parse();
        List<UserConfig> users = new ArrayList<>();
        Set<String> names = new HashSet<>();
        Map<String, String> certificateNames = new HashMap<>();
        for (String name : file.keys()) {
            if (!file.hasTable(name)) {
                file.reject(name, "keys belong into a user's table, written [\"name\"]");
                continue;
            }
            TableBinder table = file.table(name);
            if (table.holdsOnlyTables()) {
                file.reject(name, "a name with a dot needs quotes here: [\"" + name + "."
                        + table.keys().iterator().next() + "\"]");
                continue;
            }
            UserConfig user = user(file, name, table);
            if (user == null) {
                continue;
            }
            if (!names.add(user.name())) {
                file.reject(name, "there is a user of this name in another spelling already");
            }
            for (String certificateName : user.certificateNames()) {
                String other = certificateNames.put(certificateName, name);
                if (other != null) {
                    table.reject("certificate-names",
                            "\"" + certificateName + "\" belongs to the user \"" + other + "\" already");
                }
            }
            users.add(user);
        }
        return users;
    }

    private static @Nullable UserConfig user(TableBinder file, String written, TableBinder table) {
        Optional<PasswordHash> password = table.secret("password", Optional.empty(), "a hash in quotes",
                text -> Optional.of(PasswordHash.parse(text)));
        Optional<ScramVerifier> scram = table.secret("scram-sha-256", Optional.empty(), "a verifier in quotes",
                text -> Optional.of(ScramVerifier.parse(text)));
        String tenant = table.text("tenant", "", "a text in quotes", UsersFile::tenant);
        List<String> senderDomains = table.list("sender-domains", List.of(), UsersFile::senderDomain);
        List<String> certificates = table.list("certificate-names", List.of(), UsersFile::certificateName);
        boolean disabled = table.flag("disabled", false);
        table.end();
        try {
            return new UserConfig(name(written), password, scram, tenant, senderDomains, certificates, disabled);
        } catch (IllegalArgumentException e) {
            file.reject(written, String.valueOf(e.getMessage()));
            return null;
        }
    }

    /** A user's name in the form it is kept in; {@link IllegalArgumentException} when it can't be one. */
    public static String name(String text) {
        String name = SaslPrep.stored(text);
        if (name == null || name.getBytes(StandardCharsets.UTF_8).length > MAX_NAME) {
            throw new IllegalArgumentException("a user's name has 1 to " + MAX_NAME
                    + " octets of UTF-8, without control characters and others that RFC 4013 excludes");
        }
        return name;
    }

    /** A tenant's name; {@link IllegalArgumentException} when it can't be one. */
    public static String tenant(String text) {
        return visible(text, "a tenant's name");
    }

    /** In the form of {@link UserConfig#senderDomains}; {@link IllegalArgumentException} when it can't be one. */
    public static String senderDomain(String text) {
        if (text.equals("*")) {
            return text;
        }
        return text.startsWith(".") ? "." + Syntax.domain(text.substring(1)) : Syntax.domain(text);
    }

    /**
     * A name in a certificate, in lower case unless it is a URI; {@link IllegalArgumentException} when it can't be one.
     */
    public static String certificateName(String text) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("expected a DNS name, an e-mail address, a URI or a common name");
        }
        return CertificateName.comparable(visible(text, "a name in a certificate"));
    }

    private static String visible(String text, String what) {
        if (text.length() > MAX_TEXT || text.chars().anyMatch(Character::isISOControl) || !text.equals(text.strip())) {
            throw new IllegalArgumentException(what + " has at most " + MAX_TEXT
                    + " characters, no control characters, and no space at its ends");
        }
        return text;
    }

    /**
     * Reads the file, or takes it for empty where there is none, and writes what {@code change} makes of its users; nothing
     * when those are the same. Others who use this method wait for their turn, so that no change is lost.
     *
     * @return what is in the file now; {@link Invalid} when it has an error, then it was left as it is
     */
    public static Result change(Path file, UnaryOperator<List<UserConfig>> change) throws IOException {
        Path target = target(file);
        Path lock = target.resolveSibling("." + target.getFileName() + ".lock");
        try (FileChannel channel = PrivateFiles.open(lock, StandardOpenOption.CREATE,
                StandardOpenOption.WRITE); FileLock _ = channel.lock()) {
            Result result = Files.exists(target) ? read(target) : new Valid(List.of());
            if (!(result instanceof Valid valid)) {
                return result;
            }
            List<UserConfig> changed = change.apply(valid.users());
            if (!changed.equals(valid.users())) {
                write(target, changed);
            }
            return new Valid(changed);
        }
    }

    /** A symbolic link stays one. */
    private static Path target(Path file) throws IOException {
        return Files.exists(file) ? file.toRealPath() : file.toAbsolutePath();
    }

    /**
     * Replaces the file as a whole; it is durable when this returns. A new file is readable by its owner only, an
     * existing one keeps its owner, and its permissions but for those of others.
     */
    public static void write(Path file, Collection<UserConfig> users) throws IOException {
        Path target = target(file);
        Path directory = target.getParent();
        if (directory == null) {
            throw new IOException(file + " is a directory");
        }
        Path changed = Files.createTempFile(directory, "." + target.getFileName(), ".new",
                PosixFilePermissions.asFileAttribute(OWNER_ONLY));
        try {
            keepOwner(target, changed);
            try (FileChannel channel = FileChannel.open(changed, StandardOpenOption.WRITE)) {
                ByteBuffer octets = StandardCharsets.UTF_8.encode(text(users));
                while (octets.hasRemaining()) {
                    channel.write(octets);
                }
                channel.force(true);
            }
            Files.move(changed, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(changed);
        }
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    private static void keepOwner(Path existing, Path changed) throws IOException {
        PosixFileAttributes old;
        try {
            old = Files.readAttributes(existing, PosixFileAttributes.class);
        } catch (NoSuchFileException _) {
            return;
        }
        PosixFileAttributes own = Files.readAttributes(changed, PosixFileAttributes.class);
        PosixFileAttributeView view = Files.getFileAttributeView(changed, PosixFileAttributeView.class);
        if (!old.owner().equals(own.owner())) {
            view.setOwner(old.owner());
        }
        if (!old.group().equals(own.group())) {
            view.setGroup(old.group());
        }
        Set<PosixFilePermission> permissions = EnumSet.copyOf(OWNER_ONLY);
        permissions.addAll(old.permissions());
        permissions.removeAll(NEVER_KEPT);
        view.setPermissions(permissions);
    }

    private static String text(Collection<UserConfig> users) {
        StringBuilder text = new StringBuilder(HEADER);
        for (UserConfig user : users) {
            text.append("\n[").append(quoted(user.name())).append("]\n");
            user.password().ifPresent(hash -> line(text, "password", quoted(hash.text())));
            user.scramSha256().ifPresent(verifier -> line(text, "scram-sha-256", quoted(verifier.text())));
            if (!user.tenant().isEmpty()) {
                line(text, "tenant", quoted(user.tenant()));
            }
            list(text, "sender-domains", user.senderDomains());
            list(text, "certificate-names", user.certificateNames());
            if (user.disabled()) {
                line(text, "disabled", "true");
            }
        }
        return text.toString();
    }

    private static void list(StringBuilder text, String key, List<String> values) {
        if (!values.isEmpty()) {
            line(text, key, "[" + String.join(", ", values.stream().map(UsersFile::quoted).toList()) + "]");
        }
    }

    private static void line(StringBuilder text, String key, String value) {
        text.append(key).append(" = ").append(value).append('\n');
    }

    private static String quoted(String text) {
        return "\"" + Toml.tomlEscape(text) + "\"";
    }
}
