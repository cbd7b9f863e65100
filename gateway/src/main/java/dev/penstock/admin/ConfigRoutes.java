package dev.penstock.admin;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.EffectiveConfig;
import dev.penstock.http.Problem;
import dev.penstock.revision.ConfigFile;
import dev.penstock.revision.FileChange;
import dev.penstock.revision.FileHistory;
import dev.penstock.revision.Note;
import dev.penstock.revision.Reloads;

/** {@code /config}: what is configured, and how it is changed under a running gateway. Stateless. */
public final class ConfigRoutes {
    private ConfigRoutes() {}

    /**
     * A key.
     *
     * @param value a text, number, flag, or list of texts; a secret is masked
     * @param file  where it is written, null for a default
     * @param line  in it, from 1
     */
    public record Setting(String key, Object value, @Nullable String file, @Nullable Integer line) {}

    public record Settings(List<Setting> settings) {
        public Settings {
            settings = List.copyOf(settings);
        }
    }

    /**
     * One thing wrong with a file.
     *
     * @param line null when the whole file is meant, and so is the column
     * @param key  dotted; null for an error of syntax
     */
    public record Wrong(String file, @Nullable Integer line, @Nullable Integer column, @Nullable String key,
            String message) {}

    /**
     * What a reading of the files came to.
     *
     * @param ok  whether it could be in force now
     * @param why not; null when it could
     */
    public record Checked(boolean ok, @Nullable String why, List<Wrong> errors, List<Wrong> warnings) {
        public Checked {
            errors = List.copyOf(errors);
            warnings = List.copyOf(warnings);
        }
    }

    /** A text that could stand in the place of a file. */
    public record Content(String content) {}

    /**
     * A text that is to stand in the place of a file.
     *
     * @param ifVersion only when this one is in force; null for whichever is
     * @param dryRun    true: only say what would change
     */
    public record Apply(String content, @Nullable Integer ifVersion, @Nullable Boolean dryRun, String reason) {}

    /** @param to null for the version before the one in force */
    public record Rollback(@Nullable Integer to, @Nullable Boolean dryRun, String reason) {}

    /** Why the files are read anew. */
    public record Reload(String reason) {}

    /**
     * What changes, or has changed.
     *
     * @param applied    whether it is in force now
     * @param version    its number; null when nothing was applied
     * @param comparable false when the file of before has errors, so that changes can't be told
     * @param changes    a line for each value
     */
    public record Changed(boolean applied, @Nullable Integer version, boolean comparable, List<String> changes,
            List<Wrong> warnings) {
        public Changed {
            changes = List.copyOf(changes);
            warnings = List.copyOf(warnings);
        }
    }

    /** @param who null when that isn't known, and so is why */
    public record Version(int number, Instant since, long octets, boolean inForce, @Nullable String who,
            @Nullable String why) {}

    public record History(List<Version> versions) {
        public History {
            versions = List.copyOf(versions);
        }
    }

    /** @param version null when the file has never been in force */
    public record Text(String file, @Nullable Integer version, String content) {}

    /** @param files null where the gateway runs without a file */
    public static List<AdminRoute> of(Supplier<@Nullable Reloads> files) {
        List<AdminRoute> routes = new ArrayList<>();
        routes.add(AdminRoute.get("/config", Role.READ,
                "What is configured: each key of the configuration and its shaping file, with its place; secrets masked.")
                .query("defaults", Boolean.class, "true: the keys, too, that are left out")
                .query("prefix", String.class, "only keys that begin so, like \"queue.\"")
                .answers(Settings.class, request -> settings(reloads(files), request)));
        routes.add(AdminRoute.post("/config/reload", Role.CONFIGURE,
                "Reads the files anew and takes up what differs, as SIGHUP does.")
                .takes(Reload.class).answers(Checked.class, _ -> reloaded(reloads(files).reload())));
        for (ConfigFile which : ConfigFile.values()) {
            String path = "/config/" + which.word();
            String what = which == ConfigFile.SHAPING ? "the shaping file" : "the configuration file";
            routes.add(AdminRoute.get(path, Role.CONFIGURE, "The text of " + what + ", secrets included.")
                    .query("version", Integer.class, "one that was in force; left out: the file as it is")
                    .answers(Text.class, request -> text(reloads(files), which, request)));
            routes.add(AdminRoute.get(path + "/history", Role.READ,
                    "The versions of " + what + " that were in force, newest first: since when, by whom and why.")
                    .answers(History.class, _ -> history(reloads(files), which)));
            routes.add(AdminRoute.post(path + "/check", Role.OPERATE,
                    "What would be wrong with a text in the place of " + what + ".").takes(Content.class)
                    .answers(Checked.class,
                            request -> checked(done(
                                    () -> reloads(files).check(which, request.body(Content.class).content())))));
            routes.add(AdminRoute.post(path + "/diff", Role.OPERATE,
                    "What a text in the place of " + what + " says otherwise.").takes(Content.class)
                    .answers(Changed.class, request -> changed(() -> reloads(files).apply(which,
                            request.body(Content.class).content(), new FileChange.Wish(true, null, Note.NONE)))));
            routes.add(AdminRoute.post(path + "/apply", Role.CONFIGURE,
                    "Puts a text into force in the place of " + what + ", whole or not at all.").takes(Apply.class)
                    .answers(Changed.class, request -> {
                        Apply apply = request.body(Apply.class);
                        return changed(() -> reloads(files).apply(which, apply.content(), new FileChange.Wish(
                                Boolean.TRUE.equals(apply.dryRun()), apply.ifVersion(),
                                note(request, apply.reason()))));
                    }));
            routes.add(AdminRoute.post(path + "/rollback", Role.CONFIGURE,
                    "Goes back to a version of " + what + " that was in force, octet for octet.").takes(Rollback.class)
                    .answers(Changed.class, request -> {
                        Rollback rollback = request.body(Rollback.class);
                        return changed(() -> reloads(files).rollback(which, Optional.ofNullable(rollback.to()),
                                new FileChange.Wish(Boolean.TRUE.equals(rollback.dryRun()), null,
                                        note(request, rollback.reason()))));
                    }));
        }
        return routes;
    }

    private static Reloads reloads(Supplier<@Nullable Reloads> files) {
        Reloads reloads = files.get();
        if (reloads == null) {
            throw Problem.of(Problem.Kind.CONFLICT,
                    "the gateway hasn't come up yet, or runs without files that could be looked after");
        }
        return reloads;
    }

    private static Note note(AdminRequest request, String reason) {
        return new Note(request.operator().name(), reason);
    }

    private static Settings settings(Reloads reloads, AdminRequest request) {
        boolean defaults = request.flag("defaults");
        String prefix = request.query("prefix").orElse("");
        return new Settings(reloads.settings().stream().filter(setting -> defaults || !setting.isDefault())
                .filter(setting -> setting.key().startsWith(prefix)).map(ConfigRoutes::setting).toList());
    }

    private static Setting setting(EffectiveConfig.Setting setting) {
        return new Setting(setting.key(), setting.value(), setting.file().map(Object::toString).orElse(null),
                setting.isDefault() ? null : setting.line());
    }

    private static Text text(Reloads reloads, ConfigFile which, AdminRequest request) throws IOException {
        List<FileHistory.Version> versions = which.history(reloads.current()).versions();
        Optional<String> wanted = request.query("version");
        if (wanted.isPresent()) {
            int number = request.integer("version", 0, 1, Integer.MAX_VALUE);
            FileHistory.Version version = Reloads.version(versions, Optional.of(number))
                    .orElseThrow(() -> Problem.of(Problem.Kind.NOT_FOUND,
                            Reloads.missing(versions, Optional.of(number))));
            return new Text(version.file().toString(), number, utf8(version.octets()));
        }
        FileHistory.Content file = reloads.content(which).orElseThrow(
                () -> Problem.of(Problem.Kind.NOT_FOUND, "there is no " + which.word() + " file"));
        return new Text(file.file().toString(), versions.isEmpty() ? null : versions.getLast().number(),
                utf8(file.octets()));
    }

    private static String utf8(byte[] octets) {
        return new String(octets, UTF_8);
    }

    private static History history(Reloads reloads, ConfigFile which) throws IOException {
        List<FileHistory.Version> versions = which.history(reloads.current()).versions();
        List<Version> shown = new ArrayList<>();
        for (FileHistory.Version version : versions.reversed()) {
            shown.add(new Version(version.number(), version.since(), version.octets().length,
                    version.number() == versions.getLast().number(), orNull(version.note().who()),
                    orNull(version.note().why())));
        }
        return new History(shown);
    }

    private static @Nullable String orNull(String text) {
        return text.isEmpty() ? null : text;
    }

    private static Checked checked(Reloads.Result result) {
        return switch (result) {
            case Reloads.Result.Taken(var warnings) -> new Checked(true, null, List.of(), wrongs(warnings));
            case Reloads.Result.Refused(String why, var problems) ->
                new Checked(false, why, wrongs(problems), List.of());
        };
    }

    /** What wasn't taken up is a problem, as with a text that was sent. */
    private static Checked reloaded(Reloads.Result result) {
        if (result instanceof Reloads.Result.Refused(String why, List<dev.penstock.config.Problem> problems)) {
            if (problems.isEmpty()) {
                throw Problem.of(Problem.Kind.CONFLICT, why + "; nothing was changed");
            }
            throw Problem.invalid(
                    problems.stream().map(problem -> new Problem.Wrong("", problem.toString())).toList());
        }
        return checked(result);
    }

    private interface Doing<T> {
        T now() throws IOException;
    }

    /** Where the file or the directory it is in may not be written, as in a package's sandbox, a sentence says so. */
    private static <T> T done(Doing<T> doing) {
        try {
            return doing.now();
        } catch (IOException e) {
            throw Problem.of(Problem.Kind.UNRECORDED, "the gateway can't read or replace the file (" + e
                    + "), so nothing was changed; where it may not write its configuration, change the file by hand and "
                    + "have it read with penstock config reload");
        }
    }

    private static Changed changed(Doing<Reloads.Applied> doing) {
        return switch (done(doing)) {
            case Reloads.Applied.InForce(int version, FileChange.Difference difference) ->
                new Changed(true, version == 0 ? null : version, difference.comparable(), difference.lines(),
                        wrongs(difference.warnings()));
            case Reloads.Applied.Unchanged(FileChange.Difference difference) ->
                new Changed(false, null, difference.comparable(), difference.lines(), wrongs(difference.warnings()));
            case Reloads.Applied.Conflict(String why) ->
                throw Problem.of(Problem.Kind.CONFLICT, why + "; nothing was changed");
            case Reloads.Applied.Left(String why) ->
                throw Problem.of(Problem.Kind.CONFLICT, why + "; what was in force stays so, the file doesn't say it");
            case Reloads.Applied.Not(String why, List<dev.penstock.config.Problem> problems) -> {
                if (problems.isEmpty()) {
                    throw Problem.of(Problem.Kind.CONFLICT, why + "; nothing was changed");
                }
                throw Problem.invalid(problems.stream()
                        .map(problem -> new Problem.Wrong("/content", problem.toString())).toList());
            }
        };
    }

    private static List<Wrong> wrongs(List<dev.penstock.config.Problem> problems) {
        return problems.stream().map(problem -> new Wrong(problem.file().toString(),
                problem.line() == 0 ? null : problem.line(), problem.line() == 0 ? null : problem.column(),
                orNull(problem.key()), problem.message())).toList();
    }
}
