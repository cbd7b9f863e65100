package dev.penstock.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.ValueType.Plain;
import dev.penstock.units.CertificateFileException;
import dev.penstock.units.Durations;
import dev.penstock.units.PemFile;

/** The types of values that only sections of the shaping file have. Stateless. */
final class PathTypes {
    private static final String LEAST = "1ms";
    private static final String MOST = "1h";

    private PathTypes() {}

    /** How long is waited; an empty text, null, stands for what [delivery] says. */
    static Plain<@Nullable Duration> time() {
        return duration(LEAST, MOST);
    }

    /** An empty text is null. */
    @SuppressWarnings("NullAway") // doesn't see that the type argument is nullable
    static Plain<@Nullable Duration> duration(String min, String max) {
        Duration least = Durations.parse(min);
        Duration most = Durations.parse(max);
        return new Plain<>(null, (table, key, otherwise) -> table.text(key, Optional.ofNullable(otherwise),
                "a duration in quotes, " + min + " to " + max, text -> text.isEmpty()
                        ? Optional.<Duration>empty()
                        : Optional.of(TableBinder.parseDuration(text, least, most)))
                .orElse(null),
                time -> time == null ? "" : Durations.format(time),
                () -> Types.schema("string", "pattern", "^$|" + Patterns.duration(least, most)),
                "\"\", \"" + min + "\" to \"" + max + "\"", false);
    }

    /** One of an enum's constants, written as KumoMTA writes its own: {@code Ipv4Only}. */
    static <E extends Enum<E>> Plain<E> kumoChoice(E fallback) {
        Map<String, E> choices = new LinkedHashMap<>();
        for (E constant : fallback.getDeclaringClass().getEnumConstants()) {
            choices.put(kumoWord(constant), constant);
        }
        List<String> words = List.copyOf(choices.keySet());
        return new Plain<>(fallback, (table, key, otherwise) -> table.text(key, otherwise,
                "one of " + Types.quoted(words), text -> {
                    E chosen = choices.get(text);
                    if (chosen == null) {
                        throw new IllegalArgumentException("unknown; allowed: " + Types.quoted(words));
                    }
                    return chosen;
                }), PathTypes::kumoWord, () -> Types.schema("string", "enum", words), Types.quoted(words), false);
    }

    private static String kumoWord(Enum<?> constant) {
        return Arrays.stream(Types.word(constant).split("-", -1))
                .map(part -> Character.toUpperCase(part.charAt(0)) + part.substring(1)).collect(Collectors.joining());
    }

    private static void checkCertificate(TableBinder section, TrafficLimits limits) {
        String certificate = TrafficLimits.TLS_CERTIFICATE.name();
        String privateKey = TrafficLimits.TLS_PRIVATE_KEY.name();
        String key = section.says(certificate) ? certificate : privateKey;
        if (!section.says(key)) {
            return;
        }
        Optional<Path> chain = limits.tlsCertificate();
        Optional<Path> own = limits.tlsPrivateKey();
        if (chain.isPresent() && own.isPresent()) {
            try {
                PemFile.pair(chain.get(), own.get());
            } catch (CertificateFileException e) {
                section.reject(key, e.getMessage());
            }
        } else if (section.isWithout(chain.isPresent() ? privateKey : certificate)) { // else it is wrong, and told
            section.reject(key, "needs " + (chain.isPresent() ? privateKey : certificate) + " as well");
        }
    }

    /** Of a login; its place in a file of limits is worth a word. */
    static Plain<Secret> password() {
        Plain<String> text = Types.secret("a text in quotes", RouteConfig::loginText);
        return new Plain<>("", (table, key, otherwise) -> {
            if (table.says(key)) {
                table.warn(key,
                        "stands here for everybody who may read the limits; a route has a password-file for it");
            }
            return text.read(table, key, otherwise);
        }, text.written(), text.keywords(), text.range(), true).as(Secret::new, Secret::text);
    }

    /** A file that is there. */
    static Plain<Optional<Path>> file() {
        return Types
                .optionalPath((table, key, otherwise) -> table.text(key, otherwise, "the path of a PEM file in quotes",
                        text -> text.isEmpty() ? Optional.empty() : Optional.of(TableBinder.existingFile(text))));
    }

    /** Keys of a path that mean nothing without each other. */
    static void check(TableBinder section, TrafficLimits limits) {
        checkCertificate(section, limits);
        if (limits.smtpAuthPlainUsername().isEmpty() != limits.smtpAuthPlainPassword().isEmpty()) {
            Stream.of(TrafficLimits.SMTP_AUTH_PLAIN_USERNAME, TrafficLimits.SMTP_AUTH_PLAIN_PASSWORD).map(Key::name)
                    .filter(section::says).findFirst()
                    .ifPresent(key -> section.reject(key, "needs "
                            + (limits.smtpAuthPlainUsername().isEmpty()
                                    ? TrafficLimits.SMTP_AUTH_PLAIN_USERNAME.name()
                                    : TrafficLimits.SMTP_AUTH_PLAIN_PASSWORD.name())
                            + " as well"));
        }
    }
}
