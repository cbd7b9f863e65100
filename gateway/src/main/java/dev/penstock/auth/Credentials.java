package dev.penstock.auth;

import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.PasswordHash;
import dev.penstock.config.ScramVerifier;
import dev.penstock.config.UserConfig;

/** The users of one reading of the credentials file. Immutable. */
final class Credentials {
    /** Costs what a hash made with the defaults costs. */
    private static final PasswordHash DEFAULT_UNMATCHED = new PasswordHash.Argon2id(
            PasswordHash.Argon2id.DEFAULT_MEMORY, PasswordHash.Argon2id.DEFAULT_ITERATIONS,
            PasswordHash.Argon2id.DEFAULT_PARALLELISM, "A".repeat(22), "A".repeat(43));

    static final Credentials NONE = new Credentials(List.of());

    private final Map<String, UserConfig> byName;
    private final Map<String, UserConfig> byCertificateName;
    private final PasswordHash unmatched;
    private final int scramIterations;
    private final boolean passwords;
    private final boolean scram;

    Credentials(List<UserConfig> users) {
        byName = users.stream().collect(Collectors.toUnmodifiableMap(UserConfig::name, Function.identity()));
        byCertificateName = new HashMap<>();
        users.forEach(user -> user.certificateNames().forEach(name -> byCertificateName.put(name, user)));
        unmatched = mostFrequent(
                users.stream().map(UserConfig::password).flatMap(Optional::stream).map(PasswordHash::unmatched)
                        .toList(),
                DEFAULT_UNMATCHED);
        scramIterations = mostFrequent(users.stream().map(UserConfig::scramSha256).flatMap(Optional::stream)
                .map(ScramVerifier::iterations).toList(), ScramVerifier.DEFAULT_ITERATIONS);
        passwords = users.stream().anyMatch(user -> user.password().isPresent());
        scram = users.stream().anyMatch(user -> user.scramSha256().isPresent());
    }

    private static <T> T mostFrequent(Collection<T> values, T otherwise) {
        return values.stream().collect(Collectors.groupingBy(Function.identity(), Collectors.counting())).entrySet()
                .stream().max(Comparator.comparingLong(Map.Entry::getValue)).map(Map.Entry::getKey).orElse(otherwise);
    }

    /** @param name prepared */
    @Nullable
    UserConfig byName(String name) {
        return byName.get(name);
    }

    /** @param name comparable */
    @Nullable
    UserConfig byCertificateName(String name) {
        return byCertificateName.get(name);
    }

    /** A hash that no password matches and that costs what most users' hashes cost. */
    PasswordHash unmatched() {
        return unmatched;
    }

    /** What most users' verifiers have. */
    int scramIterations() {
        return scramIterations;
    }

    boolean hasPasswords() {
        return passwords;
    }

    boolean hasScram() {
        return scram;
    }

    int size() {
        return byName.size();
    }
}
