package dev.penstock.injection;

import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import com.code_intelligence.jazzer.junit.FuzzTest;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;

import dev.penstock.http.Problem;
import dev.penstock.testing.HeapGrowth;

/**
 * Templates, right and wrong: they are refused or filled in, within their budget and their length, the same each time;
 * in HTML no value becomes markup that isn't told to; and nothing stays on the account.
 */
class TemplateFuzzTest {
    private static final long MEMORY = 64 << 20;
    private static final long MAX_LENGTH = 200_000;
    private static final long NANOS = TimeUnit.SECONDS.toNanos(30); // of the processor; the budget says one
    private static final int DEEPEST = 4;
    private static final int MOST_PARTS = 8;
    private static final String[] NAMES = {"name", "n", "half", "none", "yes", "list", "numbers", "many", "map",
        "missing", "x", "y", "loop", "template", "locale", "_context", "True", "empty", "nested"};
    private static final String[] ATTRIBUTES = {".key", ".deep", "['in ner']", "[0]", "[n]", ".index", ".index0",
        ".first", ".last", ".length", ".revindex", ".class", ".getClass", "[-1]", "[99999999999]", "[name]", ".value"};
    private static final String[] LITERALS = {"1", "0", "-1", "2.5", "9223372036854775807", "1e9", "\"t\"", "'u'",
        "\"\"",
        "true", "false", "null", "none", "1000000", "0.1", "\"yyyy\"", "\"#,##0\"", "\"\\\"\"", "\"é\""};
    private static final String[] OPERATORS = {"+", "-", "*", "/", "//", "%", "~", "==", "!=", ">", "<", ">=", "<=",
        "and", "or", "contains", "equals", "in", "is", "is not", "..", "?", "|", "not in"};
    private static final String[] TESTS = {"empty", "even", "odd", "null", "none", "defined", "iterable", "map",
        "divisibleby(3)", "string", "number"};
    private static final String[] FILTERS = {"abbreviate(4)", "abs", "capitalize", "date(\"yyyy\")", "default(\"d\")",
        "first", "last", "length", "lower", "numberformat(\"#.00\")", "slice(1,2)", "title", "trim", "upper",
        "urlencode", "d(1)", "count", "replace(\"a\",\"bb\")", "join(\", \")", "escape", "e", "round(1)", "int",
        "float", "string", "sort", "rsort", "reverse", "abbreviate(-1)", "slice(-1)", "slice(9,1)", "round(400)",
        "replace(\"\",\"x\")", "join(many)", "default(many)", "base64", "merge(list)", "rawurlencode"};
    /** What lets values be markup, or makes some. */
    private static final String[] OPEN = {"raw", "safe", "nl2br"};
    private static final String[] TEXTS = {"Dear ", " ", "\n", "a", "}}", "%}", "{ ", "# ", "é", "-", "\r\n"};
    private static final String[] FRAGMENTS = {"{{", "}}", "{%", "%}", "{#", "#}", "{{-", "-}}", "{%-", "-%}", "for",
        "endfor", "if", "elseif", "elif", "else", "endif", "set", "in", "=", "(", ")", "[", "]", "{", "}", ".", ",",
        ":", "|", "~", "\"", "'", "\\", "#{", "verbatim", "endverbatim", "autoescape false", "endautoescape", "macro",
        "include", "import", "extends", "block", "filter upper", "endfilter", "cache 'x'", "max(1,2)", "min(list)",
        "range(1,9)", "loop.index", "not", " ", "\n", "\0"};

    private static final HeapGrowth growth = new HeapGrowth("templates");
    private static final TemplateEngine engine = new TemplateEngine();
    private static final Map<String, @Nullable Object> VALUES = values();

    private static Map<String, @Nullable Object> values() {
        Map<String, @Nullable Object> values = new HashMap<>();
        values.put("name", "Ann <b>&\"'");
        values.put("n", 2L);
        values.put("half", 0.5);
        values.put("none", null);
        values.put("yes", true);
        values.put("list", List.of("a", "<i>", "c"));
        values.put("numbers", List.of(2L, 10.5, 1L));
        values.put("many", Collections.nCopies(300, "<u>"));
        values.put("map", Map.of("key", "<v>", "in ner", Map.of("deep", 1L)));
        values.put("empty", Collections.emptyMap());
        values.put("nested", List.of(List.of(List.of("<n>")), Map.of("<k>", List.of())));
        return Collections.unmodifiableMap(values);
    }

    @AfterAll
    static void check() {
        growth.check();
    }

    @FuzzTest(maxDuration = "10m")
    void aTemplateIsRefusedOrFilledInWithinItsBudget(FuzzedDataProvider data) {
        boolean html = data.consumeBoolean();
        boolean open = data.consumeBoolean();
        long most = data.consumeBoolean() ? MAX_LENGTH : data.consumeInt(0, 1000);
        String source = new Source(data, open).text();
        boolean free = data.consumeInt(0, 3) == 3;
        if (free) {
            source += fragments(data);
        }
        RequestMemory memory = new RequestMemory(MEMORY);
        long begin = cpuNanos();
        @Nullable
        String first = outcome(source, html, most, memory);
        check(cpuNanos() - begin < NANOS, "it took too long");
        if (first != null) {
            check(first.length() <= most || TemplateEngine.constant(source).isConstant() && first.equals(source),
                    "it made " + first.length() + " characters");
            check(!html || open || free || !first.contains("<"), "markup that nobody wrote: " + first);
            @Nullable
            String again = outcome(source, html, most, memory); // a machine may be too slow for it once
            check(again == null || first.equals(again), "it makes something else of the same: " + source);
        }
        growth.ran();
    }

    /** Of this thread, whoever else wants the processor. */
    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private static void check(boolean holds, String problem) {
        if (!holds) {
            throw new AssertionError(problem);
        }
    }

    /** What is made of it; null when it is refused. */
    private static @Nullable String outcome(String source, boolean html, long most, RequestMemory memory) {
        @Nullable
        String text = null;
        try (RequestMemory.Share share = memory.share()) {
            TemplateEngine.Template template = engine.compile(source, html, share);
            text = template.render(new TemplateValues(VALUES), most, new RenderBudget(share));
        } catch (TemplateException e) {
            check(e.getMessage() != null && !e.getMessage().contains("\n"), "a message of several lines");
        } catch (RefusedException | Problem _) {
            // there is no memory for it
        }
        check(memory.used() == 0, "something stays on the account");
        return text;
    }

    private static String fragments(FuzzedDataProvider data) {
        StringBuilder out = new StringBuilder();
        for (int i = data.consumeInt(0, 30); i > 0; i--) {
            switch (data.consumeInt(0, 3)) {
                case 0 -> out.append(data.pickValue(NAMES));
                case 1 -> out.append(new String(data.consumeBytes(4), StandardCharsets.UTF_8));
                default -> out.append(data.pickValue(FRAGMENTS));
            }
            out.append(data.consumeBoolean() ? " " : "");
        }
        return out.toString().repeat(data.consumeInt(0, 9) == 9 ? data.consumeInt(1, 200) : 1);
    }

    /** A template by the language's grammar, whose own text has no markup. */
    private static final class Source {
        private final FuzzedDataProvider data;
        private final String[] filters;

        Source(FuzzedDataProvider data, boolean open) {
            this.data = data;
            String[] all = Arrays.copyOf(FILTERS, FILTERS.length + OPEN.length);
            System.arraycopy(OPEN, 0, all, FILTERS.length, OPEN.length);
            this.filters = open ? all : FILTERS;
        }

        String text() {
            return body(0);
        }

        private String body(int depth) {
            StringBuilder out = new StringBuilder();
            for (int i = data.consumeInt(0, MOST_PARTS); i > 0; i--) {
                switch (depth > DEEPEST ? data.consumeInt(0, 4) : data.consumeInt(0, 7)) {
                    case 0, 1 -> out.append(data.pickValue(TEXTS));
                    case 2, 3 -> out.append("{{ ").append(expression(depth)).append(" }}");
                    case 4 -> out.append("{% set ").append(data.consumeBoolean() ? "x" : data.pickValue(NAMES))
                            .append(" = ").append(expression(depth)).append(" %}");
                    case 5 -> out.append("{% for ").append(data.consumeBoolean() ? "x" : data.pickValue(NAMES))
                            .append(" in ").append(data.consumeBoolean() ? "many" : expression(depth)).append(" %}")
                            .append(body(depth + 1)).append(data.consumeBoolean() ? "{% else %}z" : "")
                            .append("{% endfor %}");
                    case 6 -> out.append("{% if ").append(expression(depth)).append(" %}").append(body(depth + 1))
                            .append(data.consumeBoolean() ? "{% elseif " + expression(depth) + " %}w" : "")
                            .append(data.consumeBoolean() ? "{% else %}v" : "").append("{% endif %}");
                    default -> out.append("{# ").append(data.pickValue(NAMES)).append(" #}");
                }
            }
            return out.toString();
        }

        private String expression(int depth) {
            if (depth > DEEPEST) {
                return data.pickValue(NAMES);
            }
            return switch (data.consumeInt(0, 9)) {
                case 0, 1 -> data.pickValue(NAMES);
                case 2 -> data.pickValue(LITERALS);
                case 3 -> data.pickValue(NAMES) + data.pickValue(ATTRIBUTES);
                case 4 -> expression(depth + 1) + " " + data.pickValue(OPERATORS) + " " + expression(depth + 1);
                case 5 -> "(" + expression(depth + 1) + ")";
                case 6 -> "not " + expression(depth + 1);
                case 7 -> expression(depth + 1) + (data.consumeBoolean() ? " is " : " is not ") + data.pickValue(TESTS);
                case 8 -> expression(depth + 1) + " ? " + expression(depth + 1) + " : " + expression(depth + 1);
                default -> expression(depth + 1) + " | " + data.pickValue(filters);
            };
        }
    }
}
