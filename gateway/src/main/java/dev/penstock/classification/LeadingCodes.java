package dev.penstock.classification;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads off the front of KumoMTA's expressions for which codes they can be. Stateless; in doubt for all. */
final class LeadingCodes {
    /** {@code ^550 }, {@code ^5\d\d}, {@code ^[45]\d{2}}, {@code ^(451|550) }. */
    private static final Pattern FRONT = Pattern.compile("\\^(?:(?<one>" + code() + ")|\\((?:\\?:)?(?<some>" + code()
            + "(?:\\|" + code() + ")*)\\))(?![?*{|])");

    private LeadingCodes() {}

    private static String code() {
        return "(?:[45]|\\[45\\])(?:\\\\d\\{2\\}|(?:\\d|\\\\d|\\[\\d+\\]){2})";
    }

    static boolean mayMatch(String regex, int code) {
        Matcher front = FRONT.matcher(regex);
        List<RegexShape.Alternative> shapes = RegexShape.of(regex, 1);
        if (!front.lookingAt() || shapes == null || shapes.size() > 1) {
            return true;
        }
        String codes = front.group("one") == null ? front.group("some") : front.group("one");
        return Integer.toString(code).matches(codes);
    }
}
