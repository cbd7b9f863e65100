package dev.penstock.revision;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import dev.penstock.config.ConfigReader;
import dev.penstock.config.EffectiveConfig;
import dev.penstock.config.GatewayConfig;
import dev.penstock.config.Places;
import dev.penstock.shaping.rules.RuleChange;

/** Which of the files that make a configuration: how it is named, read, compared and remembered. Stateless. */
public enum ConfigFile {
    /** The configuration itself. */
    GATEWAY("gateway") {
        @Override
        public Optional<Path> of(Path configuration) {
            return Optional.of(configuration);
        }

        @Override
        public ConfigReader.Result readWith(Path configuration, Path candidate) {
            return ConfigReader.read(candidate);
        }

        @Override
        public FileHistory history(GatewayConfig config) {
            return FileHistory.ofGateway(config);
        }

        @Override
        public List<String> changes(GatewayConfig now, GatewayConfig next) {
            Map<String, String> before = settings(now);
            Map<String, String> after = settings(next);
            List<String> changes = new ArrayList<>();
            before.forEach((key, value) -> {
                String other = after.get(key);
                if (!value.equals(other)) {
                    changes.add(key + ": " + value + " -> " + (other == null ? UNSAID : other));
                }
            });
            after.forEach((key, value) -> {
                if (!before.containsKey(key)) {
                    changes.add(key + ": " + UNSAID + " -> " + value);
                }
            });
            return List.copyOf(changes);
        }

        // Secrets are masked: that one differs isn't told here.
        private Map<String, String> settings(GatewayConfig config) {
            Map<String, String> values = new LinkedHashMap<>();
            EffectiveConfig.of(config, new Places())
                    .forEach(setting -> values.put(setting.key(), String.valueOf(setting.value())));
            return values;
        }
    },

    /** The shaping file that it names. */
    SHAPING("shaping") {
        @Override
        public Optional<Path> of(Path configuration) {
            return ConfigReader.shapingFile(configuration);
        }

        @Override
        public ConfigReader.Result readWith(Path configuration, Path candidate) {
            return ConfigReader.readWithShaping(configuration, candidate);
        }

        @Override
        public FileHistory history(GatewayConfig config) {
            return FileHistory.ofShaping(config);
        }

        @Override
        public List<String> changes(GatewayConfig now, GatewayConfig next) {
            return RuleChange.between(now.shaping(), next.shaping()).stream().map(RuleChange::toString).toList();
        }
    };

    private static final String UNSAID = "nothing";

    private final String word;

    ConfigFile(String word) {
        this.word = word;
    }

    /** {@code gateway}, {@code shaping}. */
    public String word() {
        return word;
    }

    /** Where it is; empty when none is named. */
    public abstract Optional<Path> of(Path configuration);

    /** The whole configuration, with a candidate in the place of this file. Blocks. */
    public abstract ConfigReader.Result readWith(Path configuration, Path candidate);

    /** The versions of it that were in force. */
    public abstract FileHistory history(GatewayConfig config);

    /** What it says otherwise, a line each; values as the file would have them. */
    public abstract List<String> changes(GatewayConfig now, GatewayConfig next);
}
