package dev.penstock.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

import dev.penstock.auth.Hashing;
import dev.penstock.config.PasswordHash;
import dev.penstock.config.SaslPrep;
import dev.penstock.config.ScramVerifier;
import dev.penstock.config.UserConfig;
import dev.penstock.config.UsersFile;

/**
 * Changes the users of a credentials file; a gateway that runs takes the change over within a second. Confined to the
 * main thread.
 */
@Command(name = "user", description = "Add, change, list and remove the users of a credentials file. A gateway that runs takes it over within a second.", mixinStandardHelpOptions = true, synopsisSubcommandLabel = "COMMAND")
final class UserCommand {
    private static final int REFUSED = 1;
    private static final int SHORT_PASSWORD = 8; // characters, NIST SP 800-63B 5.1.1.2

    private final PasswordSource passwords;
    private final PrintStream out;
    private final PrintStream err;

    UserCommand(PasswordSource passwords, PrintStream out, PrintStream err) {
        this.passwords = passwords;
        this.out = out;
        this.err = err;
    }

    /** Which credentials file. */
    static final class FileOptions {
        @ArgGroup(multiplicity = "1")
        private Source source = new Source();

        private static final class Source {
            @Option(names = {"-f",
                "--file"}, paramLabel = "FILE", description = "The credentials file.")
            private @Nullable Path file;

            @Option(names = {"-c",
                "--config"}, paramLabel = "FILE", description = "The configuration whose auth.users names it.")
            private @Nullable Path config;
        }
    }

    /** How a password comes in, and what is kept of it. */
    static final class PasswordOptions {
        @Option(names = "--password-stdin", description = "Read the password from the first line of standard input instead of asking for it.")
        private boolean fromStdin;

        @Option(names = "--no-scram", description = "Keep no SCRAM verifier: PLAIN and LOGIN only, which need TLS.")
        private boolean noScram;

        @Option(names = "--scram-iterations", paramLabel = "N", description = "Work of a client at each SCRAM login (default ${DEFAULT-VALUE}).", defaultValue = ""
                + ScramVerifier.DEFAULT_ITERATIONS)
        private int scramIterations;
    }

    /** Why a command does nothing. */
    private static final class RejectedException extends RuntimeException {
        private final int exitCode;

        RejectedException(int exitCode, String message) {
            super(message);
            this.exitCode = exitCode;
        }
    }

    @Command(description = "Add a user; asks for the password.", mixinStandardHelpOptions = true)
    int add(@Mixin FileOptions file, @Mixin PasswordOptions options,
            @Option(names = "--no-password", description = "The user logs in by a client certificate only.") boolean noPassword,
            @Option(names = "--tenant", paramLabel = "NAME", defaultValue = "", description = "Whom the user's mail belongs to.") String tenant,
            @Option(names = "--sender-domain", paramLabel = "DOMAIN", description = "A domain the user may send as, .example.com for those below it, * for any; may be repeated. Without it: not restricted.") @Nullable List<String> senderDomains,
            @Option(names = "--certificate-name", paramLabel = "NAME", description = "A name in a client certificate that logs this user in; may be repeated.") @Nullable List<String> certificateNames,
            @Parameters(paramLabel = "NAME", description = "The user's name; letter case counts.") String name) {
        return run(file, path -> {
            UserConfig described = described(name, tenant, senderDomains, certificateNames);
            UserConfig user = noPassword ? described : withPassword(described, options);
            change(path, users -> {
                List<UserConfig> changed = new ArrayList<>(users);
                if (users.stream().anyMatch(other -> other.name().equals(user.name()))) {
                    throw new RejectedException(REFUSED, "there is a user " + user.name() + " already");
                }
                for (UserConfig other : users) {
                    user.certificateNames().stream().filter(other.certificateNames()::contains).forEach(taken -> {
                        throw new RejectedException(REFUSED,
                                taken + " belongs to the user " + other.name() + " already");
                    });
                }
                changed.add(user);
                return changed;
            });
            out.println("added " + user.name() + " to " + path);
        });
    }

    @Command(description = "Give a user another password; asks for it.", mixinStandardHelpOptions = true)
    int passwd(@Mixin FileOptions file, @Mixin PasswordOptions options,
            @Parameters(paramLabel = "NAME", description = "The user's name; letter case counts.") String name) {
        return run(file, path -> {
            String wanted = checked(name, UsersFile::name);
            named(existing(path), wanted);
            UserConfig hashes = withPassword(described(name, "", null, null), options);
            change(path, users -> {
                UserConfig old = named(users, wanted);
                List<UserConfig> changed = new ArrayList<>(users);
                changed.set(users.indexOf(old), new UserConfig(old.name(), hashes.password(), hashes.scramSha256(),
                        old.tenant(), old.senderDomains(), old.certificateNames(), old.disabled()));
                return changed;
            });
            out.println("changed the password of " + wanted + " in " + path);
        });
    }

    @Command(description = "Print the users, without their hashes.", mixinStandardHelpOptions = true)
    int list(@Mixin FileOptions file) {
        return run(file, path -> {
            List<UserConfig> users = existing(path);
            out.printf("%-32s %-16s %-22s %-22s %-8s %s%n", "NAME", "TENANT", "PASSWORD", "SCRAM", "STATE",
                    "SENDER DOMAINS; CERTIFICATE NAMES");
            for (UserConfig user : users) {
                out.printf("%-32s %-16s %-22s %-22s %-8s %s%n", user.name(), dash(user.tenant()),
                        user.password().map(PasswordHash::toString).orElse("-"),
                        user.scramSha256().map(ScramVerifier::toString).orElse("-"),
                        user.disabled() ? "disabled" : "active",
                        dash(String.join(", ", user.senderDomains())) + "; "
                                + dash(String.join(", ", user.certificateNames())));
            }
            out.println(Text.count(users.size(), "user"));
        });
    }

    @Command(description = "Remove a user.", mixinStandardHelpOptions = true)
    int remove(@Mixin FileOptions file,
            @Parameters(paramLabel = "NAME", description = "The user's name; letter case counts.") String name) {
        return run(file, path -> {
            String wanted = checked(name, UsersFile::name);
            named(existing(path), wanted);
            change(path, users -> {
                List<UserConfig> changed = new ArrayList<>(users);
                changed.remove(named(users, wanted));
                return changed;
            });
            out.println("removed " + wanted + " from " + path);
        });
    }

    private static String dash(String text) {
        return text.isEmpty() ? "-" : text;
    }

    private static UserConfig described(String name, String tenant, @Nullable List<String> senderDomains,
            @Nullable List<String> certificateNames) {
        return new UserConfig(checked(name, UsersFile::name), Optional.empty(), Optional.empty(),
                checked(tenant, UsersFile::tenant),
                senderDomains == null
                        ? List.of()
                        : senderDomains.stream().map(text -> checked(text, UsersFile::senderDomain)).toList(),
                certificateNames == null
                        ? List.of()
                        : certificateNames.stream().map(text -> checked(text, UsersFile::certificateName)).toList(),
                false);
    }

    private static String checked(String text, UnaryOperator<String> check) {
        try {
            return check.apply(text);
        } catch (IllegalArgumentException e) {
            throw new RejectedException(ExitCode.USAGE, "\"" + text + "\": " + e.getMessage());
        }
    }

    private UserConfig withPassword(UserConfig user, PasswordOptions options) throws IOException {
        int iterations = options.scramIterations;
        if (iterations < ScramVerifier.MIN_ITERATIONS || iterations > ScramVerifier.MAX_ITERATIONS) {
            throw new RejectedException(ExitCode.USAGE,
                    "--scram-iterations " + iterations + " is out of range; allowed: "
                            + ScramVerifier.MIN_ITERATIONS + " to " + ScramVerifier.MAX_ITERATIONS);
        }
        String password = password(user.name(), options.fromStdin);
        return new UserConfig(user.name(), Optional.of(Hashing.argon2id(password)),
                options.noScram ? Optional.empty() : Optional.of(Hashing.scramSha256(password, iterations)),
                user.tenant(), user.senderDomains(), user.certificateNames(), user.disabled());
    }

    private String password(String name, boolean fromStdin) throws IOException {
        String typed = fromStdin ? passwords.line() : passwords.ask("Password for " + name + ": ");
        if (typed == null) {
            throw new RejectedException(ExitCode.USAGE, fromStdin
                    ? "there is no password on standard input"
                    : "there is no terminal to ask for the password; use --password-stdin");
        }
        if (typed.isBlank()) {
            throw new RejectedException(ExitCode.USAGE, "an empty password isn't taken");
        }
        String password = SaslPrep.stored(typed);
        if (password == null) {
            throw new RejectedException(ExitCode.USAGE,
                    "the password has control characters, or others that RFC 4013 excludes");
        }
        if (!fromStdin && !typed.equals(passwords.ask("Once more: "))) {
            throw new RejectedException(ExitCode.USAGE, "the two passwords differ");
        }
        if (password.codePointCount(0, password.length()) < SHORT_PASSWORD) {
            err.println("warning: a password of fewer than " + SHORT_PASSWORD + " characters is soon guessed");
        }
        return password;
    }

    private static UserConfig named(List<UserConfig> users, String name) {
        return users.stream().filter(user -> user.name().equals(name)).findFirst()
                .orElseThrow(() -> new RejectedException(REFUSED, "there is no user " + name));
    }

    private static List<UserConfig> existing(Path file) {
        if (!Files.exists(file)) {
            throw new RejectedException(ExitCode.NO_INPUT, "there is no file " + file);
        }
        return valid(UsersFile.read(file));
    }

    private static void change(Path file, UnaryOperator<List<UserConfig>> change) throws IOException {
        valid(UsersFile.change(file, change));
    }

    private static List<UserConfig> valid(UsersFile.Result result) {
        return switch (result) {
            case UsersFile.Valid(List<UserConfig> users) -> users;
            case UsersFile.Invalid(var problems) -> throw new RejectedException(ExitCode.CONFIG,
                    String.join("\npenstock: ", problems.stream().map(Object::toString).toList()));
        };
    }

    /** What a command does with its file. */
    @FunctionalInterface
    private interface Edit {
        void on(Path file) throws IOException;
    }

    private int run(FileOptions options, Edit edit) {
        try {
            edit.on(file(options));
            return ExitCode.OK;
        } catch (RejectedException e) {
            err.println("penstock: " + e.getMessage());
            return e.exitCode;
        } catch (NoSuchFileException e) {
            err.println("penstock: there is no directory for " + e.getFile());
            return ExitCode.CANT_CREATE;
        } catch (IOException e) {
            err.println("penstock: " + e);
            return ExitCode.CANT_CREATE;
        } finally {
            out.flush();
        }
    }

    private static Path file(FileOptions options) throws IOException {
        Path config = options.source.config;
        if (config == null) {
            Path file = options.source.file;
            if (file == null) {
                throw new RejectedException(ExitCode.USAGE, "--file or --config is needed");
            }
            return file;
        }
        Optional<Path> users;
        try {
            users = UsersFile.namedBy(config);
        } catch (IOException e) {
            throw new RejectedException(ExitCode.CONFIG, String.valueOf(e.getMessage()));
        }
        return users.orElseThrow(() -> new RejectedException(ExitCode.CONFIG, config + " names no auth.users"));
    }
}
