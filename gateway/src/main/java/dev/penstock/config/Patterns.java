package dev.penstock.config;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Regular expressions (ECMA-262, as JSON Schema has them) for what the units' parsers take within a range. Stateless.
 *
 * <p>None refuses what the reader takes. A duration of several parts, {@code 2h30m}, is refused only where one of the
 * parts alone is too long.
 */
final class Patterns {
    private static final long MAX_DURATION = 9_999_999_999L; // Durations: ten digits
    private static final long MAX_SIZE = 999_999_999_999_999L; // ByteSize: fifteen digits
    private static final Map<String, Duration> DURATION_UNITS = durationUnits();

    private Patterns() {}

    private static Map<String, Duration> durationUnits() {
        Map<String, Duration> units = new LinkedHashMap<>();
        units.put("ms", Duration.ofMillis(1));
        units.put("s(ec(ond)?s?)?", Duration.ofSeconds(1));
        units.put("m(in(ute)?s?)?", Duration.ofMinutes(1));
        units.put("h((ou)?rs?)?", Duration.ofHours(1));
        units.put("d(ays?)?", Duration.ofDays(1));
        units.put("w(eeks?)?", Duration.ofDays(7));
        return units;
    }

    static String duration(Duration min, Duration max) {
        List<String> alone = new ArrayList<>();
        List<String> parts = new ArrayList<>();
        DURATION_UNITS.forEach((unit, length) -> {
            long least = Math.ceilDiv(min.toMillis(), length.toMillis());
            long most = Math.min(max.dividedBy(length), MAX_DURATION);
            if (least <= most) {
                alone.add(number(least, most) + "\\s*" + anyCase(unit));
            }
            parts.add(number(0, most) + "\\s*" + anyCase(unit));
        });
        String part = "\\s*(" + String.join("|", parts) + ")";
        return "^\\s*(" + String.join("|", alone) + "|" + part + "(" + part + ")+)\\s*$";
    }

    static String size(long min, long max) {
        List<String> forms = new ArrayList<>();
        forms.add(number(min, Math.min(max, MAX_SIZE)) + "\\s*[Bb]?");
        for (int i = 0; i < "KMGT".length(); i++) {
            long unit = 1L << 10 * (i + 1);
            long least = Math.ceilDiv(min, unit);
            if (least <= max / unit) {
                forms.add(number(least, max / unit) + "\\s*" + anyCase("KMGT".substring(i, i + 1)) + "[Ii]?[Bb]?");
            }
        }
        return "^\\s*(" + String.join("|", forms) + ")\\s*$";
    }

    /** @param scope what may stand before the count, a regular expression */
    static String rate(String scope) {
        String period = anyCase("(s(ec(ond)?)?|m(in(ute)?)?|h(r|our)?|d(ay)?)");
        return "^(none|\\s*" + scope + "\\d[\\d_,]{0,14}\\s*/\\s*\\d{0,6}\\s*" + period
                + "(\\s*,\\s*" + anyCase("max_burst") + "\\s*=\\s*\\d{1,9})?\\s*)$";
    }

    /** Any of the words, in any case. */
    static String anyCase(List<String> words) {
        return "^(" + words.stream().map(Patterns::anyCase).collect(Collectors.joining("|")) + ")$";
    }

    /** With each letter in both cases. */
    private static String anyCase(String pattern) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < pattern.length(); i++) {
            char c = pattern.charAt(i);
            if (Character.isLetter(c)) {
                text.append('[').append(Character.toUpperCase(c)).append(Character.toLowerCase(c)).append(']');
            } else {
                text.append(c);
            }
        }
        return text.toString();
    }

    /** A whole number from {@code min} to {@code max} in decimal digits, perhaps with zeros before them. */
    static String number(long min, long max) {
        List<String> forms = new ArrayList<>();
        long least = min;
        if (least == 0) {
            forms.add("0");
            least = 1;
        }
        int wholeFrom = 0; // lengths of which every number is within the range
        int wholeTo = 0;
        while (least <= max) {
            int length = Long.toString(least).length();
            long longest = Long.parseLong("9".repeat(length));
            if (longest <= max && Long.toString(least).equals("1" + "0".repeat(length - 1))) {
                wholeFrom = wholeFrom == 0 ? length : wholeFrom;
                wholeTo = length;
            } else {
                forms.addAll(sameLength(Long.toString(least), Long.toString(Math.min(max, longest))));
            }
            least = longest + 1;
        }
        if (wholeFrom > 0) {
            forms.add("[1-9]\\d{" + (wholeFrom - 1) + "," + (wholeTo - 1) + "}");
        }
        return "0*(" + String.join("|", forms) + ")";
    }

    private static List<String> sameLength(String min, String max) {
        int length = min.length();
        if (min.equals(max)) {
            return List.of(min);
        }
        if (min.equals("0".repeat(length)) && max.equals("9".repeat(length))) {
            return List.of("\\d{" + length + "}");
        }
        if (length == 1) {
            return List.of("[" + min + "-" + max + "]");
        }
        char first = min.charAt(0);
        char last = max.charAt(0);
        List<String> forms = new ArrayList<>();
        if (first == last) {
            sameLength(min.substring(1), max.substring(1)).forEach(rest -> forms.add(first + rest));
            return forms;
        }
        String nines = "9".repeat(length - 1);
        String zeros = "0".repeat(length - 1);
        char from = first;
        char to = last;
        if (!min.substring(1).equals(zeros)) {
            sameLength(min.substring(1), nines).forEach(rest -> forms.add(first + rest));
            from++;
        }
        if (!max.substring(1).equals(nines)) {
            sameLength(zeros, max.substring(1)).forEach(rest -> forms.add(last + rest));
            to--;
        }
        if (from <= to) {
            forms.add("[" + from + "-" + to + "]\\d{" + (length - 1) + "}");
        }
        return forms;
    }
}
