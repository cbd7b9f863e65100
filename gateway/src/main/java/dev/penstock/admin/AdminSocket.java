package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.time.Duration;
import java.util.List;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.http.ConnectionGate;
import dev.penstock.http.HttpServer;
import dev.penstock.http.Routes;
import dev.penstock.http.UnixSockets;
import dev.penstock.units.Networks;

/** The Unix socket that operators on this machine use. Made and closed by one thread; served by an event loop of its own. */
public final class AdminSocket implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(AdminSocket.class);
    /** In the spool's directory, which belongs to one gateway. */
    public static final String NAME = "admin.sock";
    /** What sun_path holds on Linux: 108 octets with the zero at its end. */
    private static final int LONGEST = 107;
    private static final HttpServer.Times TIMES = new HttpServer.Times(Duration.ofMinutes(2), null);
    private static final ConnectionGate.Limits LIMITS = new ConnectionGate.Limits(100, 100, Networks.parse(List.of()));

    private final Path path;
    private final @Nullable HttpServer server;
    /** Device and inode of what was made here; null when that isn't known. */
    private final @Nullable Object key;

    /** Listens, with nobody but this user let in. */
    public AdminSocket(Path path, Routes routes) throws IOException {
        this(path, "", routes);
    }

    /**
     * Listens.
     *
     * @param group that is let in besides this user; empty for none
     * @throws IOException when the socket can't be made, or the group isn't there, or isn't one of this user's
     */
    public AdminSocket(Path path, String group, Routes routes) throws IOException {
        this.path = path.toAbsolutePath();
        if (this.path.toString().getBytes(UTF_8).length > LONGEST) {
            log.warn("event=admin-socket-too-long path={} most={}", this.path, LONGEST);
            server = null;
            key = null;
            return;
        }
        removeLeftBehind(this.path);
        // Under another name at first: Netty deletes what is at the name that it has bound when it closes.
        Path bound = beside(this.path);
        removeLeftBehind(bound);
        server = new HttpServer(new HttpServer.Port("admin", UnixSockets.address(bound), TIMES,
                ConnectionGate.forOperators("admin"), () -> LIMITS, () -> null), routes);
        key = keyOf(bound);
        try {
            letIn(bound, group);
            Files.move(bound, this.path, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException | RuntimeException e) {
            close();
            Files.deleteIfExists(bound);
            throw e;
        }
    }

    /** As long as the path is. */
    private static Path beside(Path path) {
        String name = String.valueOf(path.getFileName());
        return path.resolveSibling((name.startsWith(".") ? "~" : ".") + name.substring(1));
    }

    /**
     * Deletes the socket of a gateway that was killed.
     *
     * @throws IOException when something else is there, or somebody answers at it
     */
    private static void removeLeftBehind(Path path) throws IOException {
        if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return;
        }
        if (!Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS).isOther()) {
            throw new IOException("admin.socket: " + path + " is there, and is no socket");
        }
        try (SocketChannel other = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            other.connect(UnixDomainSocketAddress.of(path));
        } catch (ConnectException _) {
            Files.deleteIfExists(path);
            return;
        }
        throw new IOException("admin.socket: somebody answers at " + path + " already");
    }

    private static void letIn(Path socket, String group) throws IOException {
        if (group.isEmpty()) {
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
            return;
        }
        try {
            Files.getFileAttributeView(socket, PosixFileAttributeView.class).setGroup(socket.getFileSystem()
                    .getUserPrincipalLookupService().lookupPrincipalByGroupName(group));
        } catch (UserPrincipalNotFoundException e) {
            throw new IOException("admin.socket-group: there is no group " + group, e);
        } catch (FileSystemException e) {
            throw new IOException("admin.socket-group: this user can't give the socket to " + group
                    + ", being no member of it", e);
        }
        Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-rw----"));
    }

    /** Null when there is none, because the path would be too long. */
    public @Nullable Path path() {
        return server == null ? null : path;
    }

    @Override
    public void close() throws IOException {
        if (server != null) {
            boolean isOurs = key != null && key.equals(keyOf(path)); // while it is held, nothing else has its inode
            server.close();
            if (isOurs) {
                Files.deleteIfExists(path);
            }
        }
    }

    private static @Nullable Object keyOf(Path path) {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS).fileKey();
        } catch (IOException _) {
            return null;
        }
    }
}
