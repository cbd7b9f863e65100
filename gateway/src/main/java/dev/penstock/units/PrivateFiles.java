package dev.penstock.units;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

import org.jspecify.annotations.Nullable;

/**
 * Files and directories that are made for their owner alone, whatever the umask: mail and addresses are nobody else's.
 * What is there already keeps its permissions.
 *
 * <p>What somebody else has put in a file's place leads nowhere: symbolic links aren't followed, and what is reached by
 * another name too, or is no file, isn't opened. The error names the path.
 */
public final class PrivateFiles {
    private static final FileAttribute<?> FILE = PosixFilePermissions
            .asFileAttribute(PosixFilePermissions.fromString("rw-------"));
    private static final FileAttribute<?> DIRECTORY = PosixFilePermissions
            .asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    private static final Set<PosixFilePermission> OTHERS = EnumSet.of(PosixFilePermission.OTHERS_READ,
            PosixFilePermission.OTHERS_WRITE, PosixFilePermission.OTHERS_EXECUTE);

    private static final Integer ROOT = 0;

    private PrivateFiles() {}

    /** As {@link FileChannel#open}; a file that it makes has mode 0600. */
    public static FileChannel open(Path file, OpenOption... options) throws IOException {
        Set<OpenOption> all = new HashSet<>(Set.of(options));
        all.add(LinkOption.NOFOLLOW_LINKS);
        if (!all.contains(StandardOpenOption.CREATE_NEW)) {
            mustBeOurs(file);
        }
        return FileChannel.open(file, all, FILE);
    }

    /** A file that nothing may stand in the place of: whatever does goes, but not what a link leads to. */
    public static FileChannel createAnew(Path file) throws IOException {
        Files.deleteIfExists(file);
        return open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    /** Nothing at all, or a file that only this path leads to. */
    public static void mustBeOurs(Path file) throws IOException {
        Map<String, Object> found;
        try {
            found = Files.readAttributes(file, "unix:isRegularFile,isDirectory,isSymbolicLink,nlink",
                    LinkOption.NOFOLLOW_LINKS);
        } catch (NoSuchFileException _) {
            return;
        }
        String what = "";
        if ((Boolean) requireNonNull(found.get("isSymbolicLink"))) {
            what = "is a symbolic link";
        } else if ((Boolean) requireNonNull(found.get("isDirectory"))) {
            what = "is a directory";
        } else if (!(Boolean) requireNonNull(found.get("isRegularFile"))) {
            what = "is a FIFO, a socket or a device";
        } else if ((Integer) requireNonNull(found.get("nlink")) > 1) {
            what = "has " + found.get("nlink") + " names (hard links)";
        }
        if (!what.isEmpty()) {
            throw new FileSystemException(file.toString(), null, what + "; expected a file of its own");
        }
    }

    /** As {@link Files#createDirectories}; those that it makes have mode 0700. */
    public static void createDirectories(Path directory) throws IOException {
        Files.createDirectories(directory, DIRECTORY);
    }

    /** A directory in one of ours, made when it isn't there; no link leads to it. */
    public static void createDirectory(Path directory) throws IOException {
        if (Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
            if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
                throw new FileSystemException(directory.toString(), null,
                        "is a symbolic link or a file; expected a directory");
            }
            return;
        }
        Files.createDirectory(directory, DIRECTORY);
    }

    /**
     * Whoever owns a directory, or the link that leads to it, has everything in it under his control: that must be this
     * process' user, or root. A file made in it tells who that is, also on a file system that makes other users of ours.
     *
     * @param prefix beginning of that file's name
     * @param suffix its end
     */
    public static void mustBelongToUs(Path directory, String prefix, String suffix) throws IOException {
        Object own = ownUid(directory, prefix, suffix);
        if (own == null) {
            return;
        }
        for (Object owner : new Object[]{uid(directory), Files.getAttribute(directory, "unix:uid")}) {
            if (!owner.equals(own) && !owner.equals(ROOT)) {
                throw new FileSystemException(directory.toString(), null, "belongs to the user with the number " + owner
                        + ", who could put anything there; expected " + own + ", who runs this, or root");
            }
        }
    }

    /**
     * Files that this process makes in a directory must be its owner's: else he couldn't write them. Root could make them all
     * the same, so it is told apart. A file is made there for a moment; a directory that isn't there is nobody's.
     */
    public static void mustBeMadeByOwner(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            return;
        }
        Object own = ownUid(directory, "owner-", ".tmp");
        Object owner = Files.getAttribute(directory, "unix:uid");
        if (own != null && !own.equals(owner)) {
            throw new FileSystemException(directory.toString(), null, "belongs to the user with the number " + owner
                    + ", who couldn't write what " + own + " makes there; run this as that user");
        }
    }

    /** @return null when that can't be told: what is wrong shows when a file is needed; on a full disk none may be */
    private static @Nullable Object ownUid(Path directory, String prefix, String suffix) {
        try {
            Path scratch = Files.createTempFile(directory, prefix, suffix, FILE);
            try {
                return uid(scratch);
            } finally {
                Files.delete(scratch);
            }
        } catch (IOException _) {
            return null;
        }
    }

    /** Without following a link. */
    private static Object uid(Path path) throws IOException {
        return Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS);
    }

    /** Whether its group may write into a directory. */
    public static boolean isGroupWritable(Path directory) throws IOException {
        return Files.getPosixFilePermissions(directory).contains(PosixFilePermission.GROUP_WRITE);
    }

    /** Takes the permissions of others away from a file or directory that is there; what its group may is left. */
    public static void shutOthersOut(Path path) throws IOException {
        Set<PosixFilePermission> permissions = EnumSet.noneOf(PosixFilePermission.class);
        permissions.addAll(Files.getPosixFilePermissions(path));
        if (permissions.removeAll(OTHERS)) {
            Files.setPosixFilePermissions(path, permissions);
        }
    }
}
