package dev.penstock.injection;

import java.util.Map;

import org.jspecify.annotations.Nullable;

/** Values of templates as they are written into a message. Stateless. */
final class TemplateText {
    private TemplateText() {}

    /**
     * What is printed for it: nothing for null, numbers as Jinja writes them.
     *
     * @throws TemplateException when it is a list or map of more text than a value may have
     */
    static String of(@Nullable Object value) {
        return switch (value) {
            case null -> "";
            case String text -> text;
            case Number number -> Numbers.text(number);
            case Map<?, ?> _,Iterable<?> _ -> {
                StringBuilder out = new StringBuilder();
                append(out, value);
                yield out.toString();
            }
            case Object other -> other.toString();
        };
    }

    private static void append(StringBuilder out, @Nullable Object value) {
        switch (value) {
            case null -> out.append("null");
            case Map<?, ?> map -> {
                String separator = "";
                out.append('{');
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    append(out.append(separator), entry.getKey());
                    append(out.append('='), entry.getValue());
                    separator = ", ";
                }
                out.append('}');
            }
            case Iterable<?> list -> {
                String separator = "";
                out.append('[');
                for (Object item : list) {
                    append(out.append(separator), item);
                    separator = ", ";
                }
                out.append(']');
            }
            case Object other -> {
                String text = of(other);
                RenderBudget.allow((long) out.length() + text.length());
                out.append(text);
            }
        }
        RenderBudget.allow(out.length());
    }
}
