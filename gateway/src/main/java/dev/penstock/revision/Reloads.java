package dev.penstock.revision;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import dev.penstock.config.ConfigChange;
import dev.penstock.config.ConfigReader;
import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;
import dev.penstock.config.EffectiveConfig;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Places;
import dev.penstock.config.Problem;
import dev.penstock.units.PrivateFiles;
import dev.penstock.units.WholeFile;

/**
 * Reads the configuration anew and has the gateway take it up. Thread-safe: one reload at a time. P6: a wrong configuration
 * is refused whole and the old one stays in force.
 */
public final class Reloads {
    private static final Logger log = LoggerFactory.getLogger(Reloads.class);

    private static final String NO_FILE = "started without --config, so there is no file to read";

    private final @Nullable Path file;
    private final Consumer<GatewayConfig> gateway;
    private final Refusals refusals;
    // Guarded by this.
    private GatewayConfig current;
    private Places places;
    private Optional<Path> shapingFile;
    private List<Path> shapingBase;
    /** Octets of the shaping file that were looked at last, taken up or refused. */
    private byte @Nullable [] seen;
    /** Likewise of each file under it; none while one can't be read. */
    private List<ByteBuffer> baseSeen;

    /** Who is told when what the files say isn't in force. */
    public interface Refusals {
        /** Nobody. */
        Refusals NONE = new Refusals() {
            @Override
            public void refused() {}

            @Override
            public void putBack() {}
        };

        /** They were read and refused before the gateway was asked. */
        void refused();

        /** What was refused last, whoever refused it, is gone: the files are as they were before. */
        void putBack();
    }

    /** What became of a reload. */
    public sealed interface Result {
        /** What the files say is in force, whether or not it is something else than before. */
        record Taken(List<Problem> warnings) implements Result {
            public Taken {
                warnings = List.copyOf(warnings);
            }
        }

        /**
         * The old configuration stays in force.
         *
         * @param why      in words
         * @param problems with the files; none when it is another reason
         */
        record Refused(String why, List<Problem> problems) implements Result {
            public Refused {
                problems = List.copyOf(problems);
            }
        }
    }

    /** What became of a file that was to be put into force. */
    public sealed interface Applied {
        /** @param version its number now; 0 when it can't be told because history can't be written */
        record InForce(int version, FileChange.Difference difference) implements Applied {}

        /**
         * Nothing has changed.
         *
         * @param why the file wasn't replaced, or was, and has been put back
         */
        record Not(String why, List<Problem> problems) implements Applied {
            public Not {
                problems = List.copyOf(problems);
            }
        }

        /**
         * What is in force hasn't changed, but the file has, and stays so.
         *
         * @param why both
         */
        record Left(String why) implements Applied {}

        /** Nothing has changed: another version is in force than was expected. */
        record Conflict(String why) implements Applied {}

        /** Nothing has changed, as was wished, or because the file says so already. */
        record Unchanged(FileChange.Difference difference) implements Applied {}
    }

    /** The files at one moment. */
    public static final class Found {
        private final Optional<Path> shaping;
        private final byte @Nullable [] octets;
        private final List<Path> base;
        private final List<ByteBuffer> baseOctets;
        private final byte @Nullable [] gateway;

        private Found(@Nullable Path config, Optional<Path> shaping, List<Path> base) {
            this.shaping = shaping;
            this.octets = read(shaping);
            this.base = base;
            this.baseOctets = read(base);
            this.gateway = read(Optional.ofNullable(config));
        }

        /** Those of {@code config}; to be asked before it is read for its keys, so that no change is missed. */
        public static Found of(@Nullable Path config) {
            return config == null
                    ? new Found(null, Optional.empty(), List.of())
                    : new Found(config, ConfigReader.shapingFile(config), ConfigReader.shapingBase(config));
        }
    }

    /**
     * @param file    null when the gateway runs on built-in defaults
     * @param before  what the files were before that
     * @param started what it was started with
     * @param places  filled when that was read
     * @param gateway takes a configuration up; throws when it can't, and has changed nothing then
     */
    public Reloads(@Nullable Path file, Found before, GatewayConfig started, Places places,
            Consumer<GatewayConfig> gateway, Refusals refusals) {
        this.refusals = refusals;
        this.file = file;
        this.current = started;
        this.places = places;
        this.gateway = gateway;
        this.shapingFile = before.shaping;
        this.shapingBase = before.base;
        this.seen = before.octets;
        this.baseSeen = before.baseOctets;
        if (Arrays.equals(seen, shaping())) { // else it has changed since, and what is in force is found out by a reload
            inForce(ConfigFile.SHAPING, seen);
        }
        inForce(ConfigFile.GATEWAY, before.gateway);
    }

    /** The shaping file in force and those under it; none when there is none. */
    public synchronized List<Path> shapingFiles() {
        return Stream.concat(shapingFile.stream(), shapingBase.stream()).toList();
    }

    /** The file that was named at the start; empty when the gateway runs on built-in defaults. */
    public Optional<Path> file() {
        return Optional.ofNullable(file);
    }

    /** What is in force, each key with its place. */
    public synchronized List<EffectiveConfig.Setting> settings() {
        return EffectiveConfig.of(current, places);
    }

    /** What a file holds now, whether or not that is in force; empty when there is none that can be read. */
    public synchronized Optional<FileHistory.Content> content(ConfigFile which) {
        Optional<Path> named = file == null ? Optional.empty() : which.of(file);
        byte[] octets = read(named);
        return octets == null ? Optional.empty() : Optional.of(new FileHistory.Content(named.orElseThrow(), octets));
    }

    /** What is in force. */
    public synchronized GatewayConfig current() {
        return current;
    }

    /** Reads the configuration and takes up what differs. */
    public synchronized Result reload() {
        if (file == null) {
            log.warn("event=reload-refused why={}", NO_FILE);
            return new Result.Refused(NO_FILE, List.of());
        }
        try {
            return reload(file);
        } catch (RuntimeException e) {
            log.error("event=reload-failed file={}", file, e);
            return new Result.Refused(String.valueOf(e.getMessage()), List.of());
        }
    }

    /** As {@link #reload}, if one of the shaping files holds something else than it did. */
    public synchronized void shapingMayHaveChanged() {
        byte[] now = shaping();
        List<ByteBuffer> base = read(shapingBase);
        if (now == null || base.size() < shapingBase.size()) {
            return; // one is being replaced
        }
        boolean changed = !Arrays.equals(now, seen);
        if (changed) {
            log.info("event=shaping-file-changed file={} octets={}", shapingFile.orElseThrow(), now.length);
        }
        for (int i = 0; i < base.size(); i++) {
            if (i >= baseSeen.size() || !base.get(i).equals(baseSeen.get(i))) {
                log.info("event=shaping-file-changed file={} octets={}", shapingBase.get(i), base.get(i).remaining());
                changed = true;
            }
        }
        if (changed) {
            reload();
        }
    }

    /**
     * What would be wrong with a text in the place of a file, as a reading of all files together finds it.
     *
     * @throws IOException when the text can't be kept beside the versions while it is read
     */
    public synchronized Result check(ConfigFile which, String text) throws IOException {
        Path configuration = file;
        if (configuration == null) {
            return new Result.Refused(NO_FILE, List.of());
        }
        return candidate(which, text.getBytes(UTF_8), candidate -> switch (which.readWith(configuration, candidate)) {
            case Invalid(List<Problem> problems) ->
                new Result.Refused(problems.size() + " errors", named(problems, candidate, which));
            case Valid(GatewayConfig next, List<Problem> warnings) -> {
                List<String> restart = ConfigChange.notReloadable(current, next);
                yield restart.isEmpty()
                        ? new Result.Taken(named(warnings, candidate, which))
                        : new Result.Refused(restart(restart), List.of());
            }
        });
    }

    /**
     * Puts a text into force in the place of a file, and the file of before back when the gateway doesn't take it up.
     *
     * @throws IOException when the file can't be replaced: then nothing has changed
     */
    public Applied apply(ConfigFile which, String text, FileChange.Wish wish) throws IOException {
        return apply(which, text.getBytes(UTF_8), wish);
    }

    private synchronized Applied apply(ConfigFile which, byte[] octets, FileChange.Wish wish) throws IOException {
        Path configuration = file;
        if (configuration == null) {
            return new Applied.Not(NO_FILE, List.of());
        }
        return candidate(which, octets, candidate -> {
            if (which.readWith(configuration, candidate) instanceof Valid valid) {
                List<String> restart = ConfigChange.notReloadable(current, valid.config());
                if (!restart.isEmpty()) {
                    return new Applied.Not(restart(restart), List.of());
                }
            }
            return switch (new FileChange(configuration, which).change(candidate, wish)) {
                case FileChange.Outcome.Wrong(List<Problem> problems) ->
                    new Applied.Not(problems.size() == 1 ? "1 error" : problems.size() + " errors",
                            named(problems, candidate, which));
                case FileChange.Outcome.Nowhere() ->
                    new Applied.Not("the configuration names no file in gateway.shaping-file",
                            List.of());
                case FileChange.Outcome.Same() -> wish.dryRun()
                        ? new Applied.Unchanged(FileChange.Difference.NONE)
                        : taken(which, null, FileChange.Difference.NONE); // who edited it may not have said so
                case FileChange.Outcome.Conflict(String why) -> new Applied.Conflict(why);
                case FileChange.Outcome.Tried(FileChange.Difference difference) ->
                    new Applied.Unchanged(named(difference, candidate, which));
                case FileChange.Outcome.Replaced(FileChange.Difference difference, FileChange.Before before) ->
                    taken(which, before, named(difference, candidate, which));
            };
        });
    }

    private Applied taken(ConfigFile which, FileChange.@Nullable Before before, FileChange.Difference difference) {
        return switch (reload()) {
            case Result.Taken _ -> new Applied.InForce(newest(which), difference);
            case Result.Refused(String why, List<Problem> problems) -> {
                forgetAnnounced(which);
                String left = before == null ? "" : notPutBack(before);
                if (!left.isEmpty()) {
                    log.error("event=file-not-put-back file={} why={} effect=\"it isn't what is in force\"",
                            which.word(), left);
                    yield new Applied.Left(why + "; the file of before can't be put back: " + left);
                }
                if (before != null) {
                    refusals.putBack();
                }
                seen = shaping();
                yield new Applied.Not(why, problems);
            }
        };
    }

    /** 0 when it can't be told: what is in force is so all the same. */
    private int newest(ConfigFile which) {
        try {
            return which.history(current).newest().map(FileHistory.Version::number).orElse(0);
        } catch (IOException _) {
            return 0;
        }
    }

    private void forgetAnnounced(ConfigFile which) {
        try {
            which.history(current).forget();
        } catch (IOException e) {
            log.warn("event=change-not-announced why={} effect=\"the history may say who wanted what was refused\"",
                    e.toString());
        }
    }

    /** Why it couldn't be; empty when it was. */
    private static String notPutBack(FileChange.Before before) {
        try {
            return before.putBack() ? "" : "somebody has changed it meanwhile";
        } catch (IOException e) {
            return e.toString();
        }
    }

    /**
     * Goes back to a version that was in force.
     *
     * @param to empty for the one before that which is
     */
    public synchronized Applied rollback(ConfigFile which, Optional<Integer> to, FileChange.Wish wish)
            throws IOException {
        List<FileHistory.Version> versions = which.history(current).versions();
        Optional<FileHistory.Version> version = version(versions, to);
        if (version.isEmpty()) {
            return new Applied.Conflict(missing(versions, to));
        }
        return apply(which, version.get().octets(), wish);
    }

    /** The one that is named, or the one before the newest. */
    public static Optional<FileHistory.Version> version(List<FileHistory.Version> versions, Optional<Integer> to) {
        return to.isPresent()
                ? versions.stream().filter(each -> each.number() == to.get()).findFirst()
                : versions.size() < 2 ? Optional.empty() : Optional.of(versions.get(versions.size() - 2));
    }

    /** Why there is none, in words. */
    public static String missing(List<FileHistory.Version> versions, Optional<Integer> to) {
        return "there is no version " + to.map(Object::toString).orElse("before the one in force") + "; kept are "
                + (versions.isEmpty()
                        ? "none"
                        : versions.getFirst().number() + " to " + versions.getLast().number());
    }

    private static String restart(List<String> keys) {
        return "a restart is needed to change " + String.join(", ", keys);
    }

    /** What is done with a file. */
    @FunctionalInterface
    private interface Use<T> {
        T of(Path candidate) throws IOException;
    }

    /** Writes it into a file of its own, because that is what is read; names in it are relative to the process. */
    private <T> T candidate(ConfigFile which, byte[] octets, Use<T> use) throws IOException {
        Path directory = which.history(current).directory();
        PrivateFiles.createDirectories(directory);
        Path candidate = directory.resolve("candidate");
        try (FileChannel out = PrivateFiles.createAnew(candidate)) {
            ByteBuffer rest = ByteBuffer.wrap(octets);
            while (rest.hasRemaining()) {
                out.write(rest);
            }
        }
        try {
            return use.of(candidate);
        } finally {
            Files.deleteIfExists(candidate);
        }
    }

    /** What is wrong with the candidate is wrong with the file that it would be. */
    private List<Problem> named(List<Problem> problems, Path candidate, ConfigFile which) {
        Path target = file == null ? candidate : which.of(file).orElse(candidate);
        return problems.stream().map(problem -> problem.file().equals(candidate)
                ? new Problem(target, problem.line(), problem.column(), problem.key(), problem.message())
                : problem).toList();
    }

    private FileChange.Difference named(FileChange.Difference difference, Path candidate, ConfigFile which) {
        return new FileChange.Difference(difference.comparable(), difference.lines(),
                named(difference.warnings(), candidate, which));
    }

    private Result reload(Path from) {
        if (hasNothing(from)) { // it is being written: its defaults are nobody's wish
            log.error("event=reload-refused file={} why=\"has nothing in it\"", from);
            refusals.refused();
            return new Result.Refused(from + " has nothing in it", List.of());
        }
        Optional<Path> named = ConfigReader.shapingFile(from);
        List<Path> base = ConfigReader.shapingBase(from);
        byte[] before = read(named);
        baseSeen = read(base);
        byte[] gatewayBefore = read(Optional.of(from));
        seen = before;
        Places newPlaces = new Places();
        return switch (ConfigReader.read(from, newPlaces)) {
            case Invalid(List<Problem> problems) -> {
                problems.forEach(problem -> log.error("event=reload-error problem={}", problem));
                log.error("event=reload-refused file={} errors={}", from, problems.size());
                refusals.refused();
                yield new Result.Refused(problems.size() + " errors", problems);
            }
            case Valid(GatewayConfig changed, List<Problem> warnings) -> {
                warnings.forEach(warning -> log.warn("event=reload-warning problem={}", warning));
                List<String> restart = ConfigChange.notReloadable(current, changed);
                if (!restart.isEmpty()) {
                    log.error("event=reload-refused file={} why=\"a restart is needed\" keys={}", from,
                            String.join(", ", restart));
                    refusals.refused();
                    yield new Result.Refused(restart(restart), List.of());
                }
                gateway.accept(changed);
                current = changed;
                places = newPlaces;
                shapingFile = named;
                shapingBase = base;
                if (Arrays.equals(before, read(named))) { // else another change is on its way
                    inForce(ConfigFile.SHAPING, before);
                }
                inForce(ConfigFile.GATEWAY, gatewayBefore);
                log.info("event=reloaded file={}", from);
                yield new Result.Taken(warnings);
            }
        };
    }

    /** Keeps what is in force, to be gone back to. */
    private void inForce(ConfigFile which, byte @Nullable [] octets) {
        if (octets == null) {
            return;
        }
        try {
            int version = which.history(current).inForce(octets, InstantSource.system().instant());
            log.info("event=version-in-force file={} version={} octets={}", which.word(), version, octets.length);
        } catch (IOException e) {
            log.error("event=version-not-kept file={} why={} effect=\"this version can't be gone back to\"",
                    which.word(), e.toString());
        }
    }

    private byte @Nullable [] shaping() {
        return read(shapingFile);
    }

    /** Of each in turn; none when one can't be read. */
    private static List<ByteBuffer> read(List<Path> files) {
        List<ByteBuffer> octets = new ArrayList<>();
        for (Path file : files) {
            byte[] each = read(Optional.of(file));
            if (each == null) {
                return List.of();
            }
            octets.add(ByteBuffer.wrap(each));
        }
        return octets;
    }

    /** @return null when there is none, or it can't be read, which whoever reads it for its keys tells */
    private static byte @Nullable [] read(Optional<Path> named) {
        if (named.isEmpty()) {
            return null;
        }
        try {
            return WholeFile.read(named.get(), FileHistory.MAX_OCTETS);
        } catch (IOException _) {
            return null;
        }
    }

    private static boolean hasNothing(Path from) {
        try {
            return Files.size(from) == 0;
        } catch (IOException _) {
            return false; // told when it is read
        }
    }
}
