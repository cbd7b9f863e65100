package dev.penstock.admin;

import java.lang.reflect.Modifier;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.cfg.DateTimeFeature;
import tools.jackson.databind.json.JsonMapper;

import dev.penstock.http.Problem;

/**
 * Records as JSON: names in snake_case, times as ISO 8601 in UTC, what is null left out; unknown names of a body are
 * errors. Stateless.
 */
public final class AdminJson {
    /** Shared by server and client. */
    public static final JsonMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .changeDefaultPropertyInclusion(value -> value.withValueInclusion(JsonInclude.Include.NON_NULL))
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .disable(DateTimeFeature.WRITE_DATES_AS_TIMESTAMPS)
            .build();

    private AdminJson() {}

    static byte[] write(Object value) {
        return MAPPER.writeValueAsBytes(value);
    }

    static String writeText(Object value) {
        return MAPPER.writeValueAsString(value);
    }

    static <T> T read(byte[] octets, Class<T> type) {
        try {
            T value = MAPPER.readValue(octets, type);
            if (value == null) {
                throw Problem.of(Problem.Kind.INVALID, "the body must be a JSON object");
            }
            List<Problem.Wrong> missing = new ArrayList<>();
            missing(value, "", missing);
            if (!missing.isEmpty()) {
                throw Problem.invalid(missing);
            }
            return value;
        } catch (JacksonException e) {
            throw Problem.invalid(List.of(new Problem.Wrong(pointer(e), e.getOriginalMessage())));
        }
    }

    /** What isn't {@code @Nullable} must be there; who has to give a reason must have said something. */
    private static void missing(Object value, String pointer, List<Problem.Wrong> wrongs) {
        if (!(value instanceof Record) || !Modifier.isPublic(value.getClass().getModifiers())) {
            return; // a record of a test's is nobody's API
        }
        for (RecordComponent component : value.getClass().getRecordComponents()) {
            String name = name(component.getName());
            Object inner = read(component, value);
            if (inner == null && !component.getAnnotatedType().isAnnotationPresent(Nullable.class)) {
                wrongs.add(new Problem.Wrong(pointer + "/" + name, name + " is missing"));
            } else if (inner instanceof String text && name.equals("reason") && text.isBlank()) {
                wrongs.add(new Problem.Wrong(pointer + "/" + name, "a reason is needed, for the audit log"));
            } else if (inner != null) {
                missing(inner, pointer + "/" + name, wrongs);
            }
        }
    }

    private static @Nullable Object read(RecordComponent component, Object of) {
        try {
            return component.getAccessor().invoke(of);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(component.toString(), e);
        }
    }

    /** A component's name in JSON, as {@link PropertyNamingStrategies#SNAKE_CASE} makes it. */
    static String name(String component) {
        return component.replaceAll("([a-z0-9])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    }

    /** RFC 6901. */
    private static String pointer(JacksonException e) {
        StringBuilder pointer = new StringBuilder();
        for (JacksonException.Reference step : e.getPath()) {
            String name = step.getPropertyName();
            pointer.append('/').append(name == null
                    ? Integer.toString(step.getIndex())
                    : name.replace("~", "~0").replace("/", "~1"));
        }
        return pointer.toString();
    }
}
