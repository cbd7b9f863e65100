package dev.penstock.injection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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

/** The template language, and that nothing in it is a way out of it. */
@Timeout(180)
class TemplateEngineTest {
    private static final int LIMIT = 100_000;
    private final TemplateEngine engine = new TemplateEngine();

    private static Map<String, @Nullable Object> values() {
        Map<String, @Nullable Object> values = new HashMap<>();
        values.put("name", "Ann <b>");
        values.put("n", 7L);
        values.put("half", 0.5);
        values.put("none", null);
        values.put("yes", true);
        values.put("list", List.of("a", "b", "c"));
        values.put("many", Collections.nCopies(1_000, "x"));
        values.put("big", "x".repeat(600_000));
        values.put("map", Map.of("key", "value", "in ner", Map.of("deep", 1L)));
        return values;
    }

    private String render(String template) {
        return engine.compile(template, false).render(values(), LIMIT);
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
        "{% set greeting = 'Hi ' + name %}{{ greeting }}¦Hi Ann <b>",
        "{{ list | join('-') }} {{ list | length }} {{ list[1] }}¦a-b-c 3 b",
        "{{ name | replace('Ann', 'Bob') }}¦Bob <b>",
        "{# nothing #}x¦x"})
    void speaksWhatJinjaSpeaks(String template, String expected) {
        assertThat(render(template)).isEqualTo(expected);
    }

    @Test
    void htmlIsEscapedUnlessAskedNotTo() {
        TemplateEngine.Template template = engine.compile("{{ name }} {{ name | safe }} {{ name | raw }}", true);
        assertThat(template.render(values(), LIMIT)).isEqualTo("Ann &lt;b&gt; Ann <b> Ann <b>");
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
        "{{ '%1000000000s' | format('x') }}", "{{ name | base64decode }}", "{{ name", "{% if %}", "{% for %}"})
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
        long begin = System.nanoTime();
        assertThatThrownBy(() -> render(template)).isInstanceOf(TemplateException.class);
        assertThat(System.nanoTime() - begin).isLessThan(10_000_000_000L);
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
        TemplateEngine.Template text = engine.compile("{{ name }}", false);
        assertThat(engine.compile("{{ name }}", false)).isSameAs(text);
        assertThat(engine.compile("{{ name }}", true).render(values(), LIMIT)).isEqualTo("Ann &lt;b&gt;");
        assertThat(text.render(values(), LIMIT)).isEqualTo("Ann <b>");
    }

    @Test
    void whatIsRememberedOfTemplatesIsBounded() {
        TemplateEngine.Template first = engine.compile("{{ n }}", false);
        String large = "{{ n }}" + "x".repeat(100_000);
        assertThat(engine.compile(large, false)).as("too large for it").isNotSameAs(engine.compile(large, false));
        assertThat(engine.compile("{{ n }}", false)).isSameAs(first);
        for (int i = 0; i < 50; i++) {
            engine.compile("{{ n }}" + i + "x".repeat(10_000), false);
        }
        assertThat(engine.compile("{{ n }}", false)).as("not used for long").isNotSameAs(first);
    }

    @Test
    void manySmallTemplatesAreNotAllRemembered() {
        TemplateEngine.Template first = engine.compile("{{ n }}", false);
        for (int i = 0; i < 5_000; i++) {
            engine.compile("{{ n }}" + i, false);
        }
        assertThat(engine.compile("{{ n }}", false)).isNotSameAs(first);
    }

    @Test
    void textWithoutTagsIsNoTemplate() {
        TemplateEngine.Template plain = engine.compile("Dear all, { \"a\": 1 } }} %}", false);
        assertThat(plain.isConstant()).isTrue();
    }
}
