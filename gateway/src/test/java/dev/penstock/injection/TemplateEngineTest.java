package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.management.ManagementFactory;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.http.Problem;

/** The template language, and that nothing in it is a way out of it. */
@Timeout(180)
class TemplateEngineTest {
    private static final int LIMIT = 100_000;
    private final TemplateEngine engine = new TemplateEngine();
    private final RequestMemory memory = new RequestMemory(Long.MAX_VALUE);

    private static Map<String, @Nullable Object> values() {
        Map<String, @Nullable Object> values = new HashMap<>();
        values.put("name", "Ann <b>");
        values.put("n", 7L);
        values.put("half", 0.5);
        values.put("none", null);
        values.put("yes", true);
        values.put("list", List.of("a", "b", "c"));
        values.put("numbers", List.of(2L, 10.5, 1L));
        values.put("many", Collections.nCopies(1_000, "x"));
        values.put("big", "x".repeat(600_000));
        values.put("map", Map.of("key", "value", "in ner", Map.of("deep", 1L)));
        return values;
    }

    private String render(String template) {
        return render(compile(template, false), LIMIT);
    }

    private TemplateEngine.Template compile(String source, boolean escaped) {
        return engine.compile(source, escaped, memory.share());
    }

    private String render(TemplateEngine.Template template, long limit) {
        return template.render(new TemplateValues(values()), limit, new RenderBudget(memory.share()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '¦', value = {
        "Hello {{ name }}!¦Hello Ann <b>!",
        "{{ n + 1 }} {{ half }} {{ n ~ name }}¦8 0.5 7Ann <b>",
        "{{ missing }}{{ none }}{{ missing.too }}¦''",
        "{{ missing | default('there') }}¦there",
        "{{ name | upper }} {{ name | e }}¦ANN <B> Ann &lt;b&gt;",
        "{{ map.key }} {{ map['in ner'].deep }}¦value 1",
        "{% for x in list %}{{ loop.index }}{{ x }}{% if not loop.last %},{% endif %}{% endfor %}¦1a,2b,3c",
        "{% if n > 9 %}a{% elif n == 7 %}b{% else %}c{% endif %}¦b",
        "{% if yes and none is null %}x{% endif %}¦x",
        "{% if list %}a{% endif %}{% if map %}b{% elif list %}c{% endif %}{% if none %}d{% else %}e{% endif %}¦abe",
        "{{ 'a/b c*~\u00e9+' | urlencode }}¦a/b%20c%2A~%C3%A9%2B",
        "{% set greeting = 'Hi ' + name %}{{ greeting }}¦Hi Ann <b>",
        "{{ list | join('-') }} {{ list | length }} {{ list[1] }}¦a-b-c 3 b",
        "{{ name | replace('Ann', 'Bob') }}¦Bob <b>",
        "{# nothing #}x¦x"})
    void speaksWhatJinjaSpeaks(String template, String expected) {
        assertThat(render(template)).isEqualTo(expected);
    }

    @Test
    void htmlIsEscapedUnlessAskedNotTo() {
        TemplateEngine.Template template = compile("{{ name }} {{ name | safe }} {{ name | raw }}", true);
        assertThat(render(template, LIMIT)).isEqualTo("Ann &lt;b&gt; Ann <b> Ann <b>");
    }

    @Test
    void lineBreaksStayWhereTheyAre() {
        assertThat(render("{{ n }}\n{{ n }}\n\n{% if yes %}\nx\n{% endif %}\n")).isEqualTo("7\n7\n\n\nx\n\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{% include 'file:///etc/hostname' %}", "{% import '/etc/hostname' %}",
        "{% extends '/etc/hostname' %}", "{% embed 'x' %}{% endembed %}", "{% from 'x' import y %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% block b %}{% endblock %}{{ block('b') }}",
        "{% parallel %}x{% endparallel %}", "{% cache 'x' %}x{% endcache %}", "{% filter upper %}x{% endfilter %}",
        "{{ name.getClass() }}", "{{ name.length() }}", "{{ list.size() }}", "{{ map.get('key') }}",
        "{{ 'x'.class.forName('java.lang.Runtime') }}", "{{ range(1, 1000000000) | length }}",
        "{% for i in 1..1000000000 %}{% endfor %}", "{{ i18n('java.lang.String', 'x') }}",
        "{% for a in [1, 2] %}{% endfor %}", "{{ {'a': 1} }}", "{% set a = ['x'] %}",
        "{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' matches '(a+)+b' }}", "{{ 'aaa' | split('(a+)+b') }}",
        "{{ '%1000000000s' | format('x') }}", "{{ name | base64decode }}", "{{ \"#{name}\" }}",
        "{% set a = 'x' %}{% for b in many %}{% set a = \"#{a}#{a}\" %}{% endfor %}", "{{ name", "{% if %}",
        "{% for %}"})
    void whatLeadsOutOfTheDataIsRefused(String template) {
        assertThatThrownBy(() -> render(template)).isInstanceOf(TemplateException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{{ name.class }}", "{{ list.class.name }}", "{{ template.name }}", "{{ map.entrySet }}",
        "{{ loop }}", "{{ name.bytes }}", "{{ n.MAX_VALUE }}", "{{ yes.TYPE }}"})
    void javaIsNotReachedByAttributes(String template) {
        assertThat(render(template)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {
        "{% for a in many %}{% for b in many %}{% for c in many %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in many %}{% for b in many %}{% for c in many %}{{ big == big }}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in many %}{% for b in many %}{% if big contains 'y' %}z{% endif %}{% endfor %}{% endfor %}",
        "{% set a = 'xxxxxxxxxx' %}{% for b in many %}{% set a = a ~ a %}{% endfor %}",
        "{% set a = 'xxxxxxxxxx' %}{% for b in many %}{% set a = a + a %}{% endfor %}",
        "{{ big | replace('x', big) }}", "{{ big ~ big }}", "{{ many | join(big) }}",
        "{{ name | urlencode | urlencode }}{{ big | upper | replace('X', 'xxxx') }}",
        "{% for a in many %}{% for b in many %}xxxxxxxxxxxxxx{% endfor %}{% endfor %}", "{{ big }}"})
    void bombsAreBounded(String template) {
        long begin = cpuNanos();
        assertThatThrownBy(() -> render(template)).isInstanceOf(TemplateException.class);
        assertThat(cpuNanos() - begin).isLessThan(10_000_000_000L);
    }

    /** Of this thread, whoever else wants the processor. */
    private static long cpuNanos() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    @Test
    void deepNestingIsAnErrorAndNoMore() {
        assertThatThrownBy(() -> render("{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}"))
                .isInstanceOf(TemplateException.class);
        assertThatThrownBy(() -> render("{% if yes %}".repeat(50_000) + "{% endif %}".repeat(50_000)))
                .isInstanceOf(TemplateException.class);
        assertThatThrownBy(() -> render("{{ n }}" + "x".repeat(TemplateEngine.MAX_TEMPLATE)))
                .hasMessageContaining("at most");
    }

    @Test
    void aTemplateIsReadOnceForEachWayOfEscaping() {
        TemplateEngine.Template text = compile("{{ name }}", false);
        assertThat(compile("{{ name }}", false)).isSameAs(text);
        assertThat(render(compile("{{ name }}", true), LIMIT)).isEqualTo("Ann &lt;b&gt;");
        assertThat(render(text, LIMIT)).isEqualTo("Ann <b>");
    }

    @Test
    void whatIsRememberedOfTemplatesIsBoundedByWhatItTakes() {
        TemplateEngine.Template first = compile("{{ n }}", false);
        String large = "{{ n }}".repeat(10_000);
        assertThat(compile(large, false)).as("too large for it").isNotSameAs(compile(large, false));
        assertThat(compile("{{ n }}" + "x".repeat(500_000), false)).as("mostly text")
                .isSameAs(compile("{{ n }}" + "x".repeat(500_000), false));
        assertThat(compile("{{ n }}", false)).isSameAs(first);
        for (int i = 0; i < 50; i++) {
            compile("{{ n }}".repeat(1_000) + i, false);
        }
        assertThat(compile("{{ n }}", false)).as("not used for long").isNotSameAs(first);
    }

    @Test
    void manySmallTemplatesAreNotAllRemembered() {
        TemplateEngine.Template first = compile("{{ n }}", false);
        for (int i = 0; i < 20_000; i++) {
            compile("{{ n }}" + i, false);
        }
        assertThat(compile("{{ n }}", false)).isNotSameAs(first);
    }

    @Test
    void whatIsMadeOfATemplateIsChargedUnlessItIsRemembered() {
        RequestMemory own = new RequestMemory(1_000_000);
        String source = "{{ n }}".repeat(1_000);
        try (RequestMemory.Share share = own.share()) {
            engine.compile(source, false, share);
            assertThat(own.used()).isGreaterThan(100L * source.length());
            long before = own.used();
            engine.compile(source, false, share);
            assertThat(own.used()).isEqualTo(before);
            assertThatThrownBy(() -> engine.compile(source.repeat(2), false, share))
                    .isInstanceOfSatisfying(Problem.class,
                            problem -> assertThat(problem.kind()).isEqualTo(Problem.Kind.TOO_LARGE));
        }
        assertThat(own.used()).isZero();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '¦', value = {
        "{{ 12345678.9 }} {{ 25000000.0 }} {{ 0.0005 }}¦12345678.9 25000000.0 0.0005",
        "{{ 7 / 2 }} {{ 6 / 2 }} {{ n / 2 }}¦3.5 3.0 3.5", "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7.5 // 2 }}¦3 -4 3.0",
        "{{ -7 % 3 }} {{ 7 % -3 }} {{ 7.5 % 2 }}¦2 -2 1.5",
        "{{ 0.1 + 0.2 }} {{ 1.0 * 3 }} {{ 3 * 2 }}¦0.30000000000000004 3.0 6",
        "{{ half * 10000000000000000 }} {{ half * 100000000000000000 }}¦5000000000000000.0 5e+16",
        "{{ half / 1000 }} {{ half / 100000 }} {{ -half }}¦0.0005 5e-06 -0.5",
        "{{ half ~ '' }} {{ half + 'x' }} {{ half | replace('.', ',') }} {{ half | upper }}¦0.5 0.5x 0,5 0.5",
        "{{ 2 * 3 ~ 'x' }} {{ 'a' ~ 'b' | upper }} {{ 1 + 2 ~ 'x' }}¦6x aB 12x",
        "{{ 2.5 | round }} {{ 3.14159 | round(2) }} {{ 42 | round(1) }} {{ 1250 | round(-2) }}¦2.0 3.14 42 1200",
        "{{ '7' | int + 1 }} {{ 7.9 | int }} {{ 'x' | int }} {{ 'x' | int(5) }} {{ '1.50' | float }}¦8 7 0 5 1.5",
        "{% if 'b' > 'a' and 2 > 1.5 and 1 == 1.0 and 9007199254740993 != 9007199254740992 %}x{% endif %}¦x",
        "{% if missing < 1 %}x{% else %}y{% endif %}{% if True and not False %}z{% endif %}¦yz",
        "{{ numbers | sort | join(' ') }} {{ numbers | rsort | join(' ') }} {{ numbers | join(' ') }}¦1 2 10.5 10.5 2 1 2 10.5 1",
        "{{ list | reverse | join }} {{ 'abc' | reverse }} {{ numbers }} {{ map.key }}¦cba cba [2, 10.5, 1] value",
        "{{ template }}{{ locale }}{{ _context }}¦''"})
    void numbersAreWhatJinjaMakesOfThem(String template, String expected) {
        assertThat(render(template)).isEqualTo(expected);
        assertThat(render(compile(template, true), LIMIT)).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{{ 1 / 0 }}", "{{ 1 % 0.0 }}", "{{ name - 1 }}", "{{ list - list }}", "{{ missing * 2 }}",
        "{{ 9223372036854775807 + 1 }}", "{{ 9223372036854775807 * 2 }}", "{% if name > 1 %}{% endif %}"})
    void whatIsNoArithmeticIsAnError(String template) {
        assertThatThrownBy(() -> render(template)).isInstanceOf(TemplateException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{% set a§ = big ~ '§' %}", "{% set a§ = big | replace('x', 'y') %}",
        "{% set a§ = large | reverse %}", "{% set a§ = large | sort %}", "{% set a§ = large | slice(1, 199999) %}",
        "{% set a§ = big | e %}", "{% set a§ = large ~ '' %}",
        "{% for x in many %}{% set a = big | upper %}{% endfor %}"})
    void whatAMessagesTemplatesKeepIsBoundedInAll(String piece) {
        StringBuilder source = new StringBuilder();
        for (int i = 0; i < 300; i++) {
            source.append(piece.replace("§", String.valueOf(i)));
        }
        TemplateEngine.Template template = compile(source.toString(), false);
        RequestMemory own = new RequestMemory(100 << 20);
        try (RequestMemory.Share share = own.share()) {
            Map<String, @Nullable Object> values = values();
            values.put("large", Collections.nCopies(200_000, "x"));
            assertThatThrownBy(() -> template.render(new TemplateValues(values), LIMIT, new RenderBudget(share)))
                    .isInstanceOf(TemplateException.class)
                    .hasMessageMatching("takes longer than 1000 ms|takes more than 1000000 steps|.* characters in all");
            assertThat(own.used()).isLessThanOrEqualTo(2L * RenderBudget.MAX_MADE);
        }
    }

    @Test
    void withoutMemoryNothingIsMade() {
        TemplateEngine.Template values = compile("{% set a = big ~ 'x' %}", false);
        TemplateEngine.Template output = compile("{% for x in many %}{{ big }}{% endfor %}", false);
        for (TemplateEngine.Template template : List.of(values, output)) {
            RequestMemory own = new RequestMemory(1 << 20);
            assertThatThrownBy(() -> template.render(new TemplateValues(values()), 1 << 30,
                    new RenderBudget(own.share()))).isInstanceOf(RefusedException.class)
                    .hasMessageContaining("452 4.3.1");
        }
    }

    @Test
    void textWithoutTagsIsNoTemplate() {
        TemplateEngine.Template plain = compile("Dear all, { \"a\": 1 } }} %}", false);
        assertThat(plain.isConstant()).isTrue();
    }
}
