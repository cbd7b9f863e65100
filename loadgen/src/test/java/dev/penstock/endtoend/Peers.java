package dev.penstock.endtoend;

import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Stream;

/** Finds the programs that tests use as real peers; {@code .ci/setup} installs them. */
final class Peers {
    private static final List<String> FOLDERS = List.of("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin");

    /** Where {@code .ci/setup} puts what Debian can't install beside the rest. */
    private static final Path OWN_FOLDER = Path.of("/usr/local/lib/penstock-peers");

    /** Above the ports of what Debian's peers may have started by themselves. */
    private static final int FIRST_PORT = 12_000;

    /** Where Linux begins to hand out ports, by default (ip_local_port_range). */
    private static final int PORTS_END = 32_768;

    private static final int PORT_TRIES = 100;

    private static final Set<Integer> GIVEN = ConcurrentHashMap.newKeySet();

    private Peers() {}

    /** The program's path. Where it is missing the test fails in CI and is skipped on a laptop. */
    static String require(String program) {
        return FOLDERS.stream().flatMap(folder -> Stream.of(Path.of(folder, program))).filter(Files::isExecutable)
                .map(Path::toString).findFirst().orElseGet(() -> missing(program + " is not installed, see .ci/setup"));
    }

    /** The Exim that is unpacked beside Postfix; to be started as root. */
    static String exim() {
        requireRoot();
        Path binary = OWN_FOLDER.resolve("exim/usr/sbin/exim4");
        return Files.isExecutable(binary) ? binary.toString() : missing("exim4 is not there, see .ci/setup");
    }

    /** The smtpd of OpenSMTPD that is unpacked beside Postfix; to be started as root. */
    static String openSmtpd() {
        requireRoot();
        Path binary = OWN_FOLDER.resolve("opensmtpd/usr/sbin/smtpd");
        return Files.isExecutable(binary) ? binary.toString() : missing("opensmtpd is not there, see .ci/setup");
    }

    /** The folder that node finds packages in. */
    static Path nodePackage(String name) {
        Path modules = OWN_FOLDER.resolve("node_modules");
        if (!Files.isDirectory(modules.resolve(name))) {
            missing(name + " is not installed, see .ci/setup");
        }
        return modules;
    }

    /** Needed where a peer must start as root: fails in CI and skips on a laptop otherwise. */
    static void requireRoot() {
        if (!"root".equals(System.getProperty("user.name"))) {
            missing("this test needs root");
        }
    }

    /**
     * A port that was free a moment ago on {@code address}, each once, and that the system gives nobody who asks for any:
     * connections of other tests would take it before the peer does.
     */
    static int freePort(String address) throws IOException {
        InetAddress here = InetAddress.getByName(address);
        for (int tries = 1;; tries++) {
            int port = ThreadLocalRandom.current().nextInt(FIRST_PORT, PORTS_END);
            try (ServerSocket socket = new ServerSocket()) {
                socket.bind(new InetSocketAddress(here, port));
                if (GIVEN.add(port)) {
                    return port;
                }
            } catch (BindException e) {
                if (tries == PORT_TRIES) {
                    throw e;
                }
            }
        }
    }

    /** Fails in CI, skips elsewhere. */
    static String missing(String why) {
        return "true".equals(System.getenv("CI")) ? fail(why) : abort(why);
    }
}
