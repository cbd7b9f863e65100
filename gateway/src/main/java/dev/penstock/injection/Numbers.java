package dev.penstock.injection;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;

/** Arithmetic as Jinja, which is Python, has it; whole numbers have 64 bits. Stateless. */
final class Numbers {
    private static final int FIRST_EXPONENT = -4; // Python writes smaller numbers with an exponent
    private static final int LAST_EXPONENT = 15; // and larger ones
    private static final int MAX_PLACES = 400; // more than a double has

    /** An operator between two numbers. */
    enum Operation {
        ADD("add"), SUBTRACT("subtract"), MULTIPLY("multiply"), DIVIDE("divide"), FLOOR_DIVIDE("divide"), MODULO(
                "divide");

        private final String verb;

        Operation(String verb) {
            this.verb = verb;
        }
    }

    private Numbers() {}

    /** @throws TemplateException when they aren't numbers, the divisor is zero, or the result is too large */
    static Number calculate(Operation operation, Object left, Object right, int line) {
        if (!(left instanceof Number a) || !(right instanceof Number b)) {
            throw new TemplateException("line " + line + ": can only " + operation.verb + " numbers", null);
        }
        boolean divides = switch (operation) {
            case DIVIDE, FLOOR_DIVIDE, MODULO -> true;
            case ADD, SUBTRACT, MULTIPLY -> false;
        };
        if (divides && b.doubleValue() == 0) {
            throw new TemplateException("line " + line + ": division by zero", null);
        }
        try {
            return isWhole(a) && isWhole(b)
                    ? whole(operation, a.longValue(), b.longValue())
                    : fraction(operation, a.doubleValue(), b.doubleValue());
        } catch (ArithmeticException e) {
            throw new TemplateException("line " + line + ": the number is too large", e);
        }
    }

    private static Number whole(Operation operation, long a, long b) {
        return switch (operation) {
            case ADD -> Math.addExact(a, b);
            case SUBTRACT -> Math.subtractExact(a, b);
            case MULTIPLY -> Math.multiplyExact(a, b);
            case DIVIDE -> (double) a / (double) b;
            case FLOOR_DIVIDE -> Math.floorDivExact(a, b);
            case MODULO -> Math.floorMod(a, b);
        };
    }

    private static Number fraction(Operation operation, double a, double b) {
        return switch (operation) {
            case ADD -> a + b;
            case SUBTRACT -> a - b;
            case MULTIPLY -> a * b;
            case DIVIDE -> a / b;
            case FLOOR_DIVIDE -> Math.floor(a / b);
            case MODULO -> {
                double rest = a % b;
                yield rest != 0 && rest < 0 != b < 0 ? rest + b : rest; // the divisor's sign
            }
        };
    }

    static boolean isWhole(Number number) {
        return number instanceof Long || number instanceof Integer;
    }

    static int compare(Number a, Number b) {
        return isWhole(a) && isWhole(b)
                ? Long.compare(a.longValue(), b.longValue())
                : Double.compare(a.doubleValue() + 0.0, b.doubleValue() + 0.0); // no -0.0
    }

    /** To so many decimal places, a half to the even neighbour. */
    static Number round(Number number, long places) {
        if (isWhole(number) && places >= 0 || !Double.isFinite(number.doubleValue())) {
            return number;
        }
        int scale = Math.clamp(places, -MAX_PLACES, MAX_PLACES);
        BigDecimal exact = isWhole(number)
                ? BigDecimal.valueOf(number.longValue())
                : new BigDecimal(number.doubleValue());
        BigDecimal rounded = scale >= exact.scale() ? exact : exact.setScale(scale, RoundingMode.HALF_EVEN);
        return isWhole(number) ? (Number) rounded.longValue() : (Number) rounded.doubleValue();
    }

    /** The shortest digits that mean it: {@code 25000000.0}, {@code 0.0005}, {@code 1e+16}. */
    static String text(Number number) {
        double value = number.doubleValue();
        if (isWhole(number)) {
            return number.toString();
        }
        if (!Double.isFinite(value)) {
            return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }
        if (value == 0) {
            return 1 / value < 0 ? "-0.0" : "0.0";
        }
        BigDecimal digits = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        int exponent = digits.precision() - digits.scale() - 1;
        if (exponent >= FIRST_EXPONENT && exponent <= LAST_EXPONENT) {
            String plain = digits.toPlainString();
            return plain.indexOf('.') < 0 ? plain + ".0" : plain;
        }
        String significant = digits.unscaledValue().abs().toString();
        return (value < 0 ? "-" : "") + significant.charAt(0)
                + (significant.length() > 1 ? "." + significant.substring(1) : "")
                + String.format(Locale.ROOT, "e%s%02d", exponent < 0 ? "-" : "+", Math.abs(exponent));
    }
}
