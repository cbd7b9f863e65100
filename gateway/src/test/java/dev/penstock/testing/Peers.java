package dev.penstock.testing;

import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.SequencedSet;

/**
 * Finds the foreign programs that tests talk to. A missing one skips the test on a developer's machine, where the report
 * shows why; with {@code CI=true} it fails, so that no build passes by leaving tests out.
 */
public final class Peers {
    /** Debian keeps daemons there, which an ordinary user's PATH leaves out. */
    private static final String DAEMON_DIRECTORIES = "/usr/sbin:/usr/local/sbin:/sbin:/usr/lib/postfix/sbin";

    private Peers() {}

    /** The program's file. */
    public static Path require(String program) {
        SequencedSet<String> directories = new LinkedHashSet<>();
        for (String list : new String[]{System.getenv().getOrDefault("PATH", ""), DAEMON_DIRECTORIES}) {
            for (String directory : list.split(File.pathSeparator, -1)) {
                directories.add(directory);
            }
        }
        for (String directory : directories) {
            Path file = Path.of(directory, program);
            if (!directory.isEmpty() && Files.isExecutable(file) && !Files.isDirectory(file)) {
                return file;
            }
        }
        String why = program + " isn't installed (.ci/setup installs it)";
        return "true".equals(System.getenv("CI")) ? fail(why) : abort(why);
    }
}
