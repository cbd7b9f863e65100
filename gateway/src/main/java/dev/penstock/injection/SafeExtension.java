package dev.penstock.injection;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;

import io.pebbletemplates.pebble.attributes.AttributeResolver;
import io.pebbletemplates.pebble.attributes.ResolvedAttribute;
import io.pebbletemplates.pebble.extension.Extension;
import io.pebbletemplates.pebble.extension.ExtensionCustomizer;
import io.pebbletemplates.pebble.extension.Filter;
import io.pebbletemplates.pebble.extension.Function;
import io.pebbletemplates.pebble.extension.Test;
import io.pebbletemplates.pebble.node.ArgumentsNode;
import io.pebbletemplates.pebble.node.ForNode;
import io.pebbletemplates.pebble.node.expression.BinaryExpression;
import io.pebbletemplates.pebble.node.expression.Expression;
import io.pebbletemplates.pebble.operator.BinaryOperator;
import io.pebbletemplates.pebble.operator.BinaryOperatorImpl;
import io.pebbletemplates.pebble.operator.BinaryOperatorType;
import io.pebbletemplates.pebble.template.EvaluationContext;
import io.pebbletemplates.pebble.template.EvaluationContextImpl;
import io.pebbletemplates.pebble.template.PebbleTemplate;
import io.pebbletemplates.pebble.template.PebbleTemplateImpl;
import io.pebbletemplates.pebble.tokenParser.SetTokenParser;
import io.pebbletemplates.pebble.tokenParser.TokenParser;
import io.pebbletemplates.pebble.utils.OperatorUtils;
import org.jspecify.annotations.Nullable;

/**
 * What is left of one of Pebble's own extensions: a list of what is allowed, each of it metered. Stateless. What a later
 * version of Pebble adds isn't on the list.
 */
final class SafeExtension extends ExtensionCustomizer {
    private static final Set<String> PEBBLE_FILTERS = Set.of("abbreviate", "abs", "capitalize", "date", "default",
            "first", "last", "length", "lower", "numberformat", "rsort", "reverse", "slice", "sort", "title", "trim",
            "upper", "urlencode", "nl2br");
    private static final Map<String, String> JINJA_NAMES = Map.of("d", "default", "count", "length");
    private static final Set<String> TESTS = Set.of("empty", "even", "odd", "null", "defined", "iterable", "map");
    private static final Set<String> FUNCTIONS = Set.of("max", "min");
    private static final Set<String> OPERATORS = Set.of("or", "and", "is", "is not", "contains", "==", "equals", "!=",
            ">", "<", ">=", "<=", "-", "*", "/", "%", "|");
    static final Set<String> FILTERS = names();

    private final Extension pebble;

    SafeExtension(Extension pebble) {
        super(pebble);
        this.pebble = pebble;
    }

    private static Set<String> names() {
        Set<String> names = new TreeSet<>(PEBBLE_FILTERS);
        names.addAll(JINJA_NAMES.keySet());
        names.addAll(List.of("replace", "join", "escape", "e", "raw", "safe"));
        return names;
    }

    @Override
    public Map<String, Filter> getFilters() {
        Map<String, Filter> allowed = new HashMap<>();
        Map<String, Filter> all = pebble.getFilters();
        if (all == null) {
            return allowed;
        }
        all.forEach((name, filter) -> {
            if (PEBBLE_FILTERS.contains(name)) {
                allowed.put(name, new MeteredFilter(filter));
            } else if (name.equals("escape")) { // Pebble knows it by its class, so it goes as it is
                allowed.put(name, filter);
                allowed.put("e", filter);
            } else if (name.equals("raw")) {
                allowed.put(name, new MeteredFilter(filter));
                allowed.put("safe", new MeteredFilter(filter));
            }
        });
        JINJA_NAMES.forEach((jinja, name) -> {
            Filter filter = allowed.get(name);
            if (filter != null) {
                allowed.put(jinja, filter);
            }
        });
        if (all.containsKey("join")) {
            allowed.put("join", new MeteredFilter(new JoinFilter()));
            allowed.put("replace", new MeteredFilter(new ReplaceFilter()));
        }
        return allowed;
    }

    @Override
    public Map<String, Test> getTests() {
        Map<String, Test> allowed = new HashMap<>();
        Map<String, Test> all = pebble.getTests();
        if (all != null) {
            all.forEach((name, test) -> {
                if (TESTS.contains(name)) {
                    allowed.put(name, test);
                }
            });
            if (allowed.containsKey("null")) {
                allowed.put("none", allowed.get("null"));
            }
        }
        return allowed;
    }

    @Override
    public Map<String, Function> getFunctions() {
        Map<String, Function> allowed = new HashMap<>();
        Map<String, Function> all = pebble.getFunctions();
        if (all != null) {
            all.forEach((name, function) -> {
                if (FUNCTIONS.contains(name)) {
                    allowed.put(name, function);
                }
            });
        }
        return allowed;
    }

    @Override
    public List<TokenParser> getTokenParsers() {
        List<TokenParser> all = pebble.getTokenParsers();
        return all != null && all.stream().anyMatch(parser -> parser.getTag().equals("for"))
                ? List.of(new MeteredFor(), new JinjaIf(), new SetTokenParser())
                : List.of();
    }

    @Override
    public List<BinaryOperator> getBinaryOperators() {
        List<BinaryOperator> allowed = new ArrayList<>();
        List<BinaryOperator> all = pebble.getBinaryOperators();
        if (all == null) {
            return allowed;
        }
        for (BinaryOperator operator : all) {
            String symbol = operator.getSymbol();
            if (OPERATORS.contains(symbol)) {
                allowed.add(operator.getType() == BinaryOperatorType.NORMAL
                        ? with(operator, () -> new Metered(operator.createInstance()))
                        : operator);
            } else if (symbol.equals("~")) {
                allowed.add(with(operator, () -> new Concatenation(false)));
            } else if (symbol.equals("+")) {
                allowed.add(with(operator, () -> new Concatenation(true)));
            }
        }
        return allowed;
    }

    private static BinaryOperator with(BinaryOperator like,
            Supplier<BinaryExpression<?>> expression) {
        return new BinaryOperatorImpl(like.getSymbol(), like.getPrecedence(), expression, like.getType(),
                like.getAssociativity());
    }

    @Override
    public List<AttributeResolver> getAttributeResolver() {
        List<AttributeResolver> all = pebble.getAttributeResolver();
        return all == null || all.isEmpty() ? List.of() : List.of(new DataOnly());
    }

    /** Looks into maps and lists, and at the variables of a loop, counted as Jinja counts them. Nothing is called. */
    private static final class DataOnly implements AttributeResolver {
        @Override
        public ResolvedAttribute resolve(@Nullable Object instance, @Nullable Object attribute,
                Object @Nullable [] arguments, @Nullable ArgumentsNode argumentsNode, EvaluationContextImpl context,
                String file, int line) {
            if (arguments != null) {
                throw new TemplateException("line " + line + ": nothing can be called here", null);
            }
            return new ResolvedAttribute(value(instance, attribute));
        }

        private static @Nullable Object value(@Nullable Object instance, @Nullable Object attribute) {
            return switch (instance) {
                case null -> null;
                case Map<?, ?> map -> map.get(String.valueOf(attribute));
                case List<?> list -> attribute instanceof Number index && index.longValue() >= 0
                        && index.longValue() < list.size() ? list.get(index.intValue()) : null;
                case Map.Entry<?, ?> entry -> switch (String.valueOf(attribute)) {
                    case "key" -> entry.getKey();
                    case "value" -> entry.getValue();
                    case String _ -> null;
                };
                case ForNode.LoopVariables loop -> switch (String.valueOf(attribute)) {
                    case "index" -> loop.getIndex() + 1L;
                    case "index0" -> (long) loop.getIndex();
                    case "first" -> loop.isFirst();
                    case "last" -> loop.isLast();
                    case "length" -> loop.getLength();
                    case String _ -> null;
                };
                case Object _ -> null;
            };
        }
    }

    /** Takes a step, and bounds what comes out. */
    private record MeteredFilter(Filter filter) implements Filter {
        @Override
        public @Nullable Object apply(@Nullable Object input, Map<String, Object> arguments, PebbleTemplate self,
                EvaluationContext context, int line) {
            RenderBudget.step();
            Object result = filter.apply(input, arguments, self, context, line);
            if (result instanceof CharSequence text) {
                RenderBudget.allow(text.length());
            }
            return result;
        }

        @Override
        public List<String> getArgumentNames() {
            return filter.getArgumentNames();
        }
    }

    /** {@code replace("old", "new")} as in Jinja. */
    private static final class ReplaceFilter implements Filter {
        @Override
        public @Nullable Object apply(@Nullable Object input, Map<String, Object> arguments, PebbleTemplate self,
                EvaluationContext context, int line) {
            if (input == null) {
                return null;
            }
            String text = text(input);
            String old = text(arguments.get("old"));
            String replacement = text(arguments.get("new"));
            if (old.isEmpty()) {
                throw new TemplateException("line " + line + ": replace needs what is to be replaced", null);
            }
            long length = text.length();
            for (int at = text.indexOf(old); at >= 0; at = text.indexOf(old, at + old.length())) {
                length += replacement.length() - (long) old.length();
            }
            RenderBudget.allow(length);
            return text.replace(old, replacement);
        }

        @Override
        public List<String> getArgumentNames() {
            return List.of("old", "new");
        }
    }

    /** {@code join(", ")}. */
    private static final class JoinFilter implements Filter {
        @Override
        public @Nullable Object apply(@Nullable Object input, Map<String, Object> arguments, PebbleTemplate self,
                EvaluationContext context, int line) {
            if (!(input instanceof Iterable<?> items)) {
                return input;
            }
            String separator = text(arguments.get("separator"));
            StringBuilder joined = new StringBuilder();
            for (Object item : items) {
                RenderBudget.step();
                String next = text(item);
                RenderBudget.allow((long) joined.length() + separator.length() + next.length());
                if (!joined.isEmpty()) {
                    joined.append(separator);
                }
                joined.append(next);
            }
            return joined.toString();
        }

        @Override
        public List<String> getArgumentNames() {
            return List.of("separator");
        }
    }

    private static String text(@Nullable Object value) {
        return value == null ? "" : value.toString();
    }

    /** An operator of Pebble's own that takes a step first. */
    private static final class Metered extends BinaryExpression<Object> {
        private final BinaryExpression<?> operator;

        Metered(BinaryExpression<?> operator) {
            this.operator = operator;
        }

        @Override
        public void setLeft(Expression<?> left) {
            super.setLeft(left);
            operator.setLeft(left);
        }

        @Override
        public void setRight(Expression<?> right) {
            super.setRight(right);
            operator.setRight(right);
        }

        @Override
        public void setLineNumber(int line) {
            super.setLineNumber(line);
            operator.setLineNumber(line);
        }

        @Override
        public Object evaluate(PebbleTemplateImpl self, EvaluationContextImpl context) {
            RenderBudget.step();
            return operator.evaluate(self, context);
        }
    }

    /** Joins texts; as a sum it adds numbers. */
    private static final class Concatenation extends BinaryExpression<Object> {
        private final boolean sum;

        Concatenation(boolean sum) {
            this.sum = sum;
        }

        @Override
        public Object evaluate(PebbleTemplateImpl self, EvaluationContextImpl context) {
            RenderBudget.step();
            Object left = getLeftExpression().evaluate(self, context);
            Object right = getRightExpression().evaluate(self, context);
            if (sum && left instanceof Number && right instanceof Number) {
                return OperatorUtils.add(left, right);
            }
            String head = text(left);
            String tail = text(right);
            RenderBudget.allow((long) head.length() + tail.length());
            return head + tail;
        }
    }
}
