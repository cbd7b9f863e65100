package dev.penstock.admin;

import java.lang.reflect.AnnotatedType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

import dev.penstock.http.Answer;
import dev.penstock.http.Problem;

/**
 * The API's document, OpenAPI 3.1, made from its routes and their records. Stateless but while one is made.
 *
 * <p>A component that is a reference and not {@code @Nullable}, or a primitive, is always in an answer; in a body it may be
 * left out where the route says so by {@code @Nullable}, an {@code Optional}, a primitive or a list.
 */
final class OpenApi {
    private static final Pattern PARAMETER = Pattern.compile("\\{([^}]*)}");
    private static final String OBJECT = "object";

    private final Map<String, Map<String, Object>> schemas = new TreeMap<>();
    private final Map<String, Class<?>> named = new LinkedHashMap<>();

    private OpenApi() {}

    /** @return what is written as JSON */
    static Map<String, Object> document(String version, List<AdminRoute> routes) {
        return new OpenApi().of(version, routes);
    }

    private Map<String, Object> of(String version, List<AdminRoute> routes) {
        Map<String, Map<String, Object>> paths = new LinkedHashMap<>();
        for (AdminRoute route : routes) {
            paths.computeIfAbsent(route.template(), _ -> new LinkedHashMap<>())
                    .put(route.method().name().toLowerCase(Locale.ROOT), operation(route));
        }
        schemas.put("Problem", problem());
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("openapi", "3.1.0");
        document.put("info", map("title", "Penstock administration", "version", version, "summary",
                "What is queued and why, verbs on it, configuration, access",
                "license", map("name", "Apache-2.0", "identifier", "Apache-2.0")));
        document.put("servers", List.of(map("url", AdminApi.ROOT)));
        document.put("paths", paths);
        document.put("components", map("schemas", schemas, "securitySchemes",
                map("token", map("type", "http", "scheme", "bearer", "description",
                        "Made by penstock admin token create; over TLS, or from this machine.")),
                "responses", map("Problem", map("description", "Why it isn't done (RFC 9457).", "content",
                        map(Answer.PROBLEM, map("schema", reference("Problem")))))));
        // Nothing is needed over the Unix socket, and to read on this machine.
        document.put("security", List.of(map("token", List.of()), Map.of()));
        return document;
    }

    private Map<String, Object> operation(AdminRoute route) {
        Map<String, Object> operation = new LinkedHashMap<>();
        operation.put("operationId", id(route));
        operation.put("summary", route.summary());
        operation.put("tags", List.of(route.template().split("/", -1)[1]));
        operation.put("x-role", route.role().name().toLowerCase(Locale.ROOT));
        List<Map<String, Object>> parameters = new ArrayList<>();
        Matcher template = PARAMETER.matcher(route.template());
        while (template.find()) {
            parameters.add(map("name", template.group(1), "in", "path", "required", true, "schema",
                    map("type", "string")));
        }
        for (AdminRoute.Parameter parameter : route.parameters()) {
            parameters.add(map("name", parameter.name(), "in", "query", "description", parameter.description(),
                    "schema", Collection.class.isAssignableFrom(parameter.type())
                            ? map("type", "array", "items", map("type", "string"))
                            : schema(parameter.type())));
        }
        if (!parameters.isEmpty()) {
            operation.put("parameters", parameters);
        }
        Class<?> body = route.body();
        if (body != null) {
            operation.put("requestBody", map("required", true, "content",
                    map(Answer.JSON, map("schema", schema(body)))));
        }
        Map<String, Object> schema = schema(route.answer());
        operation.put("responses", map("200", route.stream() == null
                ? map("description", "Done.", "content", map(Answer.JSON, map("schema", schema)))
                : map("description", "Server-sent events, whose data is this.", "content",
                        map("text/event-stream", map("schema", map("type", "string"), "x-event", schema))),
                "default", map("$ref", "#/components/responses/Problem")));
        return operation;
    }

    private static String id(AdminRoute route) {
        StringBuilder id = new StringBuilder(route.method().name().toLowerCase(Locale.ROOT));
        for (String segment : route.template().split("[^A-Za-z0-9]+", -1)) {
            if (!segment.isEmpty()) {
                id.append(Character.toUpperCase(segment.charAt(0))).append(segment.substring(1));
            }
        }
        return id.toString();
    }

    private static Map<String, Object> problem() {
        Map<String, Object> wrong = map("type", OBJECT, "properties",
                map("pointer", map("type", "string", "description", "JSON Pointer into the body"), "detail",
                        map("type", "string")),
                "required", List.of("pointer", "detail"));
        return map("type", OBJECT, "properties",
                map("type", map("type", "string", "enum",
                        Arrays.stream(Problem.Kind.values()).map(Problem.Kind::type).distinct().toList()),
                        "title", map("type", "string"), "status", map("type", "integer"), "detail",
                        map("type", "string"), "errors", map("type", "array", "items", wrong)),
                "required", List.of("type", "title", "status", "detail"));
    }

    private Map<String, Object> schema(Type type) {
        if (type instanceof ParameterizedType generic) {
            Type raw = generic.getRawType();
            Type[] arguments = generic.getActualTypeArguments();
            if (raw instanceof Class<?> of && Collection.class.isAssignableFrom(of)) {
                return map("type", "array", "items", schema(arguments[0]));
            }
            if (raw instanceof Class<?> of && Map.class.isAssignableFrom(of)) {
                return map("type", OBJECT, "additionalProperties", schema(arguments[1]));
            }
            if (raw == Optional.class) {
                return schema(arguments[0]);
            }
            return raw instanceof Class<?> of ? schema(of) : Map.of();
        }
        return type instanceof Class<?> of ? schema(of) : Map.of();
    }

    private Map<String, Object> schema(Class<?> type) {
        if (type == String.class || type == Path.class || type == char.class || type == Character.class) {
            return map("type", "string");
        }
        if (type == int.class || type == Integer.class || type == OptionalInt.class) {
            return map("type", "integer", "format", "int32");
        }
        if (type == long.class || type == Long.class || type == OptionalLong.class) {
            return map("type", "integer", "format", "int64");
        }
        if (type == double.class || type == Double.class || type == float.class || type == Float.class) {
            return map("type", "number");
        }
        if (type == boolean.class || type == Boolean.class) {
            return map("type", "boolean");
        }
        if (type == Instant.class) {
            return map("type", "string", "format", "date-time");
        }
        if (type == Duration.class) {
            return map("type", "string", "format", "duration");
        }
        if (type.isEnum()) {
            return map("type", "string", "enum", constants(type));
        }
        if (type.isArray()) {
            return map("type", "array", "items", schema(type.getComponentType()));
        }
        if (type.isRecord()) {
            return reference(record(type));
        }
        if (type.isSealed() && Arrays.stream(type.getPermittedSubclasses()).allMatch(Class::isRecord)) {
            return map("anyOf", Arrays.stream(type.getPermittedSubclasses()).map(this::schema).toList());
        }
        return Map.of(); // whatever JSON there is
    }

    private static List<String> constants(Class<?> type) {
        JsonNode written = AdminJson.MAPPER.valueToTree(type.getEnumConstants());
        List<String> names = new ArrayList<>();
        written.forEach(name -> names.add(name.asString()));
        return names;
    }

    private String record(Class<?> type) {
        String name = type.getSimpleName();
        Class<?> enclosing = type.getEnclosingClass();
        if (named.getOrDefault(name, type) != type && enclosing != null) {
            name = enclosing.getSimpleName() + name;
        }
        if (named.putIfAbsent(name, type) != null) {
            return name;
        }
        Map<String, Object> properties = new LinkedHashMap<>();
        List<String> required = new ArrayList<>();
        for (RecordComponent component : type.getRecordComponents()) {
            String property = AdminJson.name(component.getName());
            properties.put(property, schema(component.getGenericType()));
            if (!isNullable(component)) {
                required.add(property);
            }
        }
        Map<String, Object> schema = map("type", OBJECT, "properties", properties);
        if (!required.isEmpty()) {
            schema.put("required", required);
        }
        schemas.put(name, schema);
        return name;
    }

    private static boolean isNullable(RecordComponent component) {
        AnnotatedType type = component.getAnnotatedType();
        return component.getType() == Optional.class || component.getType() == OptionalInt.class
                || component.getType() == OptionalLong.class || type.isAnnotationPresent(Nullable.class);
    }

    private static Map<String, Object> reference(String name) {
        return map("$ref", "#/components/schemas/" + name);
    }

    private static Map<String, Object> map(Object... keysAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            map.put((String) keysAndValues[i], keysAndValues[i + 1]);
        }
        return map;
    }
}
