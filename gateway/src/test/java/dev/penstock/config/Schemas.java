package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import org.tomlj.Toml;
import org.tomlj.TomlParseResult;
import tools.jackson.databind.json.JsonMapper;

import dev.penstock.config.ConfigReader.Invalid;
import dev.penstock.config.ConfigReader.Valid;

/** Holds what the reader says of configurations against what the JSON Schemas say of them. Stateless. */
final class Schemas {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final Schema GATEWAY = compiled(ConfigSchema.gateway());
    private static final Schema SHAPING = compiled(ConfigSchema.shaping());
    /** What a schema knows as well as the reader does: keys, types, ranges. */
    private static final Pattern SHARED = Pattern.compile("unknown key.*|(\\d+ is |\"[^\"]*\": )out of range.*"
            + "|expected .*, found (an? |the |true|false).*");

    private Schemas() {}

    private static Schema compiled(String schema) {
        return SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12).getSchema(schema);
    }

    /** As {@link ConfigReader#read(Path)}, whose answer the schemas must share. */
    static ConfigReader.Result read(Path file) {
        ConfigReader.Result result = ConfigReader.read(file);
        TomlParseResult written = parse(file);
        agree(result, file, GATEWAY, written);
        if (written.get("gateway.shaping-file") instanceof String shaping && Files.isRegularFile(Path.of(shaping))) {
            agree(result, Path.of(shaping), SHAPING, parse(Path.of(shaping)));
        }
        return result;
    }

    private static TomlParseResult parse(Path file) {
        try {
            return Toml.parse(Files.exists(file) ? Files.readString(file) : "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What the schema of the configuration has against {@code toml}. */
    static List<String> errors(String toml) {
        return errors(GATEWAY, Toml.parse(toml));
    }

    /** Likewise that of the shaping file. */
    static List<String> shapingErrors(String toml) {
        return errors(SHAPING, Toml.parse(toml));
    }

    private static List<String> errors(Schema schema, TomlParseResult toml) {
        return schema.validate(JSON.readTree(toml.toJson())).stream().map(Error::toString).toList();
    }

    private static void agree(ConfigReader.Result result, Path file, Schema schema, TomlParseResult written) {
        if (written.hasErrors()) {
            return;
        }
        List<String> errors = errors(schema, written);
        switch (result) {
            case Valid _ -> assertThat(errors).as("errors by the schema in what the reader takes").isEmpty();
            case Invalid(List<Problem> problems) -> problems.stream()
                    .filter(problem -> problem.file().equals(file) && SHARED.matcher(problem.message()).matches())
                    .forEach(problem -> assertThat(errors).as("errors by the schema where the reader has: " + problem)
                            .anyMatch(error -> error.contains(lastKey(problem.key()))));
        }
    }

    private static String lastKey(String path) {
        return path.replaceAll("\\[\\d+]$", "").replaceAll("^.*\\.(?=[^.\"]+$)", "").replace("\"", "");
    }
}
