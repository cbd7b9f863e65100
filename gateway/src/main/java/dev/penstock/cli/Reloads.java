package dev.penstock.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.ConfigChange;
import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Problem;
import dev.penstock.units.WholeFile;

/**
 * Reads the configuration anew and has the gateway take it up. Thread-safe: one reload at a time. P6: a wrong configuration
 * is refused whole and the old one stays in force.
 */
final class Reloads {
    private static final Logger log = LoggerFactory.getLogger(Reloads.class);

    private final @Nullable Path file;
    private final Gateway gateway;
    // Guarded by this.
    private GatewayConfig current;
    private Optional<Path> shapingFile;
    /** Octets of the shaping file that were looked at last, taken up or refused. */
    private byte @Nullable [] seen;

    /** The shaping file at one moment. */
    static final class Shaping {
        private final Optional<Path> file;
        private final byte @Nullable [] octets;

        private Shaping(Optional<Path> file) {
            this.file = file;
            this.octets = read(file);
        }

        /** That which {@code config} names; to be asked before it is read for its keys, so that no change is missed. */
        static Shaping of(@Nullable Path config) {
            return new Shaping(config == null ? Optional.empty() : ConfigReader.shapingFile(config));
        }
    }

    /**
     * @param file    null when the gateway runs on built-in defaults
     * @param before  what the shaping file was before that
     * @param started what it was started with
     */
    Reloads(@Nullable Path file, Shaping before, GatewayConfig started, Gateway gateway) {
        this.file = file;
        this.current = started;
        this.gateway = gateway;
        this.shapingFile = before.file;
        this.seen = before.octets;
        if (Arrays.equals(seen, shaping())) { // else it has changed since, and what is in force is found out by a reload
            inForce(seen);
        }
    }

    /** The shaping file in force; empty when there is none. */
    synchronized Optional<Path> shapingFile() {
        return shapingFile;
    }

    /** Reads the configuration and takes up what differs. */
    synchronized void reload() {
        if (file == null) {
            log.warn("event=reload-refused why=\"started without --config, so there is no file to read\"");
            return;
        }
        try {
            reload(file);
        } catch (RuntimeException e) {
            log.error("event=reload-failed file={}", file, e);
        }
    }

    /** As {@link #reload}, if the shaping file holds something else than it did. */
    synchronized void shapingMayHaveChanged() {
        byte[] now = shaping();
        if (now != null && !Arrays.equals(now, seen)) {
            log.info("event=shaping-file-changed file={} octets={}", shapingFile.orElseThrow(), now.length);
            reload();
        }
    }

    private void reload(Path from) {
        if (hasNothing(from)) { // it is being written: its defaults are nobody's wish
            log.error("event=reload-refused file={} why=\"has nothing in it\"", from);
            return;
        }
        Optional<Path> named = ConfigReader.shapingFile(from);
        byte[] before = read(named);
        seen = before;
        switch (ConfigReader.read(from)) {
            case Invalid(List<Problem> problems) -> {
                problems.forEach(problem -> log.error("event=reload-error problem={}", problem));
                log.error("event=reload-refused file={} errors={}", from, problems.size());
            }
            case Valid(GatewayConfig changed, List<Problem> warnings) -> {
                warnings.forEach(warning -> log.warn("event=reload-warning problem={}", warning));
                List<String> restart = ConfigChange.notReloadable(current, changed);
                if (!restart.isEmpty()) {
                    log.error("event=reload-refused file={} why=\"a restart is needed\" keys={}", from,
                            String.join(", ", restart));
                    return;
                }
                gateway.reload(changed);
                current = changed;
                shapingFile = named;
                if (Arrays.equals(before, read(named))) { // else another change is on its way
                    inForce(before);
                }
                log.info("event=reloaded file={}", from);
            }
        }
    }

    /** Keeps what is in force, to be gone back to. */
    private void inForce(byte @Nullable [] shaping) {
        if (shaping == null) {
            return;
        }
        try {
            ShapingHistory history = ShapingHistory.of(current);
            int version = history.inForce(shaping, InstantSource.system().instant());
            log.info("event=shaping-in-force version={} octets={}", version, shaping.length);
        } catch (IOException e) {
            log.error("event=shaping-not-kept why={} effect=\"this version can't be gone back to\"", e.toString());
        }
    }

    private byte @Nullable [] shaping() {
        return read(shapingFile);
    }

    /** @return null when there is none, or it can't be read, which whoever reads it for its keys tells */
    private static byte @Nullable [] read(Optional<Path> shaping) {
        if (shaping.isEmpty()) {
            return null;
        }
        try {
            return WholeFile.read(shaping.get(), ShapingHistory.MAX_OCTETS);
        } catch (IOException _) {
            return null;
        }
    }

    private static boolean hasNothing(Path file) {
        try {
            return Files.size(file) == 0;
        } catch (IOException _) {
            return false; // told when it is read
        }
    }
}
