package dev.penstock.injection;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLEncoder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
import io.pebbletemplates.pebble.extension.escaper.EscapeFilter;
import io.pebbletemplates.pebble.extension.escaper.SafeString;
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
import org.jspecify.annotations.Nullable;

import dev.penstock.injection.Numbers.Operation;

/**
 * What is left of one of Pebble's own extensions: a list of what is allowed, each of it metered. Stateless. What a later
 * version of Pebble adds isn't on the list.
 */
final class SafeExtension extends ExtensionCustomizer {
    private static final Set<String> PEBBLE_FILTERS = Set.of("abbreviate", "abs", "capitalize", "date", "default",
            "first", "last", "length", "lower", "numberformat", "slice", "title", "trim", "upper", "nl2br");
    private static final Map<String, String> JINJA_NAMES = Map.of("d", "default", "count", "length");
    private static final Set<String> TESTS = Set.of("empty", "even", "odd", "null", "defined", "iterable", "map");
    private static final Set<String> FUNCTIONS = Set.of("max", "min");
    /** Of those, what takes text, and a number as the text of it. */
    private static final Set<String> TEXT_FILTERS = Set.of("abbreviate", "capitalize", "lower", "title", "trim",
            "upper", "nl2br");
    private static final Set<String> OPERATORS = Set.of("or", "and", "is", "is not", "contains", "|");
    private static final Map<String, Operation> ARITHMETIC = Map.of("-", Operation.SUBTRACT, "*", Operation.MULTIPLY,
            "/", Operation.DIVIDE, "%", Operation.MODULO);
    private static final Set<String> COMPARISONS = Set.of("==", "equals", "!=", ">", "<", ">=", "<=");
    private static final int EACH_LIST = 16; // places, for the list itself
    private static final int PER_ITEM = 4; // characters that a place in a list takes
    private static final int CONCATENATION = 50; // between sums and products, as in Jinja
    static final Set<String> FILTERS = names();

    private final Extension pebble;

    SafeExtension(Extension pebble) {
        super(pebble);
        this.pebble = pebble;
    }

    private static Set<String> names() {
        Set<String> names = new TreeSet<>(PEBBLE_FILTERS);
        names.addAll(JINJA_NAMES.keySet());
        names.addAll(List.of("replace", "join", "escape", "e", "raw", "safe", "round", "int", "float", "string", "sort",
                "rsort", "reverse", "urlencode"));
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
                allowed.put(name, new MeteredFilter(filter, TEXT_FILTERS.contains(name)));
            } else if (name.equals("escape")) {
                Filter escape = new MeteredEscape();
                allowed.put(name, escape);
                allowed.put("e", escape);
            } else if (name.equals("raw")) {
                allowed.put(name, new MeteredFilter(filter, true));
                allowed.put("safe", new MeteredFilter(filter, true));
            }
        });
        JINJA_NAMES.forEach((jinja, name) -> {
            Filter filter = allowed.get(name);
            if (filter != null) {
                allowed.put(jinja, filter);
            }
        });
        if (all.containsKey("join")) {
            allowed.put("join", new MeteredFilter(new JoinFilter(), false));
            allowed.put("replace", new MeteredFilter(new ReplaceFilter(), true));
            allowed.put("round", conversion(SafeExtension::rounded, List.of("precision")));
            allowed.put("int", conversion(SafeExtension::whole, List.of("default")));
            allowed.put("float", conversion(SafeExtension::fraction, List.of("default")));
            allowed.put("sort", conversion((input, _) -> sorted(input, SafeExtension::compare), List.of()));
            allowed.put("rsort", conversion((input, _) -> sorted(input, (a, b) -> compare(b, a)), List.of()));
            allowed.put("reverse", conversion((input, _) -> reversed(input), List.of()));
            allowed.put("urlencode", new MeteredFilter(
                    new ConversionFilter((input, _) -> urlEncoded(input), List.of()), true));
            allowed.put("string", new MeteredFilter(new ConversionFilter((input, _) -> input, List.of()), true));
        }
        return allowed;
    }

    /** As Jinja does it, for paths as well as for queries: {@link URLEncoder} is for forms. */
    private static @Nullable Object urlEncoded(@Nullable Object input) {
        return input == null
                ? null
                : URLEncoder.encode(TemplateText.of(input), UTF_8).replace("+", "%20").replace("*", "%2A")
                        .replace("%2F", "/").replace("%7E", "~");
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
            } else if (ARITHMETIC.containsKey(symbol)) {
                Operation operation = Objects.requireNonNull(ARITHMETIC.get(symbol));
                allowed.add(with(operator, () -> new Arithmetic(operation)));
                if (operation == Operation.DIVIDE) {
                    allowed.add(new BinaryOperatorImpl("//", operator.getPrecedence(),
                            () -> new Arithmetic(Operation.FLOOR_DIVIDE), operator.getType(),
                            operator.getAssociativity()));
                }
            } else if (COMPARISONS.contains(symbol)) {
                allowed.add(with(operator, () -> new Comparison(symbol)));
            } else if (symbol.equals("~")) {
                allowed.add(new BinaryOperatorImpl(symbol, CONCATENATION, () -> new Concatenation(false),
                        operator.getType(), operator.getAssociativity()));
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

    private static Filter conversion(Conversion conversion, List<String> names) {
        return new MeteredFilter(new ConversionFilter(conversion, names), false);
    }

    /** A sorted copy. Pebble's own filter sorts what it is given. */
    private static @Nullable Object sorted(@Nullable Object input, Comparator<@Nullable Object> order) {
        if (input == null) {
            return null;
        }
        if (!(input instanceof Collection<?> items)) {
            throw new TemplateException("only lists can be sorted", null);
        }
        List<@Nullable Object> sorted = new ArrayList<>(items);
        sorted.sort(order);
        return sorted;
    }

    /** As Jinja sorts: texts without regard to letter case. */
    private static int compare(@Nullable Object a, @Nullable Object b) {
        RenderBudget.step();
        if (a instanceof Number one && b instanceof Number other) {
            return Numbers.compare(one, other);
        }
        if (a instanceof String one && b instanceof String other) {
            return one.compareToIgnoreCase(other);
        }
        throw new TemplateException("can't put numbers and texts, or what is neither, in order", null);
    }

    private static @Nullable Object reversed(@Nullable Object input) {
        if (input instanceof Collection<?> items) {
            List<@Nullable Object> reversed = new ArrayList<>(items);
            Collections.reverse(reversed);
            return reversed;
        }
        return input == null ? null : new StringBuilder(TemplateText.of(input)).reverse().toString();
    }

    private static Object rounded(@Nullable Object input, @Nullable Object precision) {
        if (!(input instanceof Number number)) {
            throw new TemplateException("round needs a number", null);
        }
        return Numbers.round(number, precision instanceof Number places ? places.longValue() : 0);
    }

    /** As Jinja: what is no number is the default, or 0. */
    private static Object whole(@Nullable Object input, @Nullable Object otherwise) {
        Object number = fraction(input, otherwise);
        return input instanceof Number given && Numbers.isWhole(given)
                ? given
                : number instanceof Double value ? (Object) value.longValue() : number;
    }

    private static Object fraction(@Nullable Object input, @Nullable Object otherwise) {
        if (input instanceof Number number) {
            return number.doubleValue();
        }
        try {
            return Double.parseDouble(TemplateText.of(input).strip());
        } catch (NumberFormatException _) {
            return otherwise == null ? 0L : otherwise;
        }
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

    /**
     * Takes a step, and bounds what comes out.
     *
     * @param takesText whether other values become text first
     */
    private record MeteredFilter(Filter filter, boolean takesText) implements Filter {
        @Override
        public @Nullable Object apply(@Nullable Object input, Map<String, Object> arguments, PebbleTemplate self,
                EvaluationContext context, int line) {
            RenderBudget.step();
            Object taken = takesText && input != null && !(input instanceof SafeString)
                    ? TemplateText.of(input)
                    : input;
            allow(taken);
            arguments.values().forEach(MeteredFilter::allow);
            Object result = filter.apply(taken, arguments, self, context, line);
            switch (result) {
                case String text when !text.equals(input) -> {
                    RenderBudget.allow(text.length());
                    RenderBudget.made(text.length());
                }
                case SafeString text -> RenderBudget.made(text.toString().length());
                case Collection<?> items when !isSame(items, input) ->
                    RenderBudget.made((items.size() + EACH_LIST) * (long) PER_ITEM);
                case null -> {
                    // nothing
                }
                case Object _ -> {
                    // a number, a truth, or what was there before
                }
            }
            return result;
        }

        /** Whether it is what was there before; comparing what is in it would cost too much. */
        @SuppressWarnings("ReferenceEquality")
        private static boolean isSame(Object result, @Nullable Object input) {
            return result == input;
        }

        private static void allow(@Nullable Object value) {
            if (value instanceof CharSequence text) {
                RenderBudget.allow(text.length());
            }
        }

        @Override
        public List<String> getArgumentNames() {
            return filter.getArgumentNames();
        }
    }

    /** Pebble's own, which it knows by its class, for what is printed into HTML too. */
    private static final class MeteredEscape extends EscapeFilter {
        @Override
        public @Nullable Object apply(@Nullable Object input, Map<String, Object> arguments, PebbleTemplate self,
                EvaluationContext context, int line) {
            if (input == null || input instanceof SafeString) {
                return input;
            }
            RenderBudget.step();
            Object result = super.apply(TemplateText.of(input), arguments, self, context, line);
            RenderBudget.made(String.valueOf(result).length());
            return result;
        }
    }

    /** Makes one value of another. */
    @FunctionalInterface
    private interface Conversion {
        @Nullable
        Object apply(@Nullable Object input, @Nullable Object argument);
    }

    /** @param names of the one argument, which may be left out, or of none */
    private record ConversionFilter(Conversion conversion, List<String> names) implements Filter {
        @Override
        public @Nullable Object apply(@Nullable Object input, Map<String, Object> arguments, PebbleTemplate self,
                EvaluationContext context, int line) {
            return conversion.apply(input, names.isEmpty() ? null : arguments.get(names.getFirst()));
        }

        @Override
        public List<String> getArgumentNames() {
            return names;
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
            String text = TemplateText.of(input);
            String old = TemplateText.of(arguments.get("old"));
            String replacement = TemplateText.of(arguments.get("new"));
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
            String separator = TemplateText.of(arguments.get("separator"));
            StringBuilder joined = new StringBuilder();
            for (Object item : items) {
                RenderBudget.step();
                String next = TemplateText.of(item);
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

    /** Of numbers. */
    private static final class Arithmetic extends BinaryExpression<Object> {
        private final Operation operation;

        Arithmetic(Operation operation) {
            this.operation = operation;
        }

        @Override
        public Object evaluate(PebbleTemplateImpl self, EvaluationContextImpl context) {
            RenderBudget.step();
            return Numbers.calculate(operation, getLeftExpression().evaluate(self, context),
                    getRightExpression().evaluate(self, context), getLineNumber());
        }
    }

    /** Numbers by their value, texts by their characters; what can't be put in order isn't. */
    private static final class Comparison extends BinaryExpression<Boolean> {
        private final String symbol;

        Comparison(String symbol) {
            this.symbol = symbol;
        }

        @Override
        public Boolean evaluate(PebbleTemplateImpl self, EvaluationContextImpl context) {
            RenderBudget.step();
            Object left = comparable(getLeftExpression().evaluate(self, context));
            Object right = comparable(getRightExpression().evaluate(self, context));
            Integer numbers = left instanceof Number a && right instanceof Number b ? Numbers.compare(a, b) : null;
            if (symbol.equals("==") || symbol.equals("equals") || symbol.equals("!=")) {
                boolean equal = numbers == null ? Objects.equals(left, right) : numbers == 0;
                return equal != symbol.equals("!=");
            }
            int order;
            if (numbers != null) {
                order = numbers;
            } else if (left instanceof String one && right instanceof String other) {
                order = one.compareTo(other);
            } else if (left == null || right == null) {
                return false;
            } else {
                throw new TemplateException("line " + getLineNumber() + ": can't put these two in order", null);
            }
            return switch (symbol) {
                case "<" -> order < 0;
                case ">" -> order > 0;
                case "<=" -> order <= 0;
                default -> order >= 0;
            };
        }

        private static @Nullable Object comparable(@Nullable Object value) {
            return value instanceof SafeString ? value.toString() : value;
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
                return Numbers.calculate(Operation.ADD, left, right, getLineNumber());
            }
            String head = TemplateText.of(left);
            String tail = TemplateText.of(right);
            RenderBudget.allow((long) head.length() + tail.length());
            RenderBudget.made((long) head.length() + tail.length());
            return head + tail;
        }
    }
}
