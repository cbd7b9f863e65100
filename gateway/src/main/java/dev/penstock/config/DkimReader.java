package dev.penstock.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the tables {@code [[dkim.signature]]}. Stateless. */
final class DkimReader {
    static final String DOMAIN = "{domain}";
    static final String SELECTOR = "{selector}";
    private static final Pattern SELECTOR_SYNTAX = Pattern
            .compile("[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*");
    private static final Pattern FIELD_NAME = Pattern.compile("[!-9<-~]+"); // RFC 5322 3.6.8, without ; that ends h=
    private static final Pattern LOCAL_PART = Pattern.compile("[A-Za-z0-9!#$%&'*+/?^_`|~.-]*"); // needs no quoting in i=
    private static final Pattern PLACEHOLDER = Pattern.compile("\\{[^}/]*}?");
    private static final int MAX_LABEL = 63;
    /** RFC 6376 3.5: a signature that covers them can't be made before them, or breaks at the next host. */
    private static final List<String> UNSIGNABLE = List.of("return-path", "received", "bcc",
            "resent-bcc", "dkim-signature");

    private DkimReader() {}

    static List<DkimConfig.Signature> signatures(TableBinder parent, String key) {
        List<TableBinder> tables = parent.tables(key);
        List<DkimConfig.Signature> signatures = new ArrayList<>();
        for (TableBinder table : tables == null ? List.<TableBinder>of() : tables) {
            DkimConfig.Signature signature = DkimConfig.Signature.TABLE.read(table,
                    DkimConfig.Signature.TABLE.defaults());
            if (!table.has("selector")) {
                table.reject("selector", "is missing; expected a text like \"s1\"");
            }
            if (table.isEmptyArray("domains")) {
                table.reject("domains", "at least one is needed; \"*\" is for all");
            }
            checkIdentity(table, signature);
            signatures.add(signature);
        }
        return signatures;
    }

    /** RFC 6376 3.5: i= is in the domain of d=, or below it. */
    private static void checkIdentity(TableBinder table, DkimConfig.Signature signature) {
        String identity = signature.identity();
        if (identity.isEmpty()) {
            return;
        }
        String of = identity.substring(identity.lastIndexOf('@') + 1).toLowerCase(Locale.ROOT);
        String domain = signature.domain().isEmpty() ? DOMAIN : signature.domain();
        String filled = of.replace(DOMAIN, domain);
        if (!filled.equals(domain) && !filled.endsWith("." + domain)) {
            table.reject("identity", "\"" + identity + "\": its domain must be that of d= or below it (RFC 6376 3.5); "
                    + "allowed: \"@{domain}\", \"name@{domain}\", \"@sub.{domain}\"");
        }
    }

    static String fromDomain(String text) {
        if (text.equals("*")) {
            return text;
        }
        return text.startsWith(".") ? "." + Syntax.domain(text.substring(1)) : Syntax.domain(text);
    }

    static String tenant(String text) {
        if (text.isBlank()) {
            throw new IllegalArgumentException("expected the name of a tenant");
        }
        return text;
    }

    static String selector(String text) {
        boolean tooLong = List.of(text.split("\\.")).stream().anyMatch(label -> label.length() > MAX_LABEL);
        if (tooLong || !SELECTOR_SYNTAX.matcher(text).matches()) {
            throw new IllegalArgumentException(
                    "expected labels of letters, digits, - and _, of " + MAX_LABEL + " characters at most");
        }
        return text.toLowerCase(Locale.ROOT);
    }

    static String keyPath(String text) {
        TableBinder.toPath(text);
        Matcher matcher = PLACEHOLDER.matcher(text);
        while (matcher.find()) {
            if (!List.of(DOMAIN, SELECTOR).contains(matcher.group())) {
                throw new IllegalArgumentException(
                        matcher.group() + " is unknown; allowed: " + DOMAIN + ", " + SELECTOR);
            }
        }
        return text;
    }

    static String fieldName(String text) {
        String name = text.toLowerCase(Locale.ROOT);
        if (!FIELD_NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("expected the name of a header field, without the colon");
        }
        if (UNSIGNABLE.contains(name)) {
            throw new IllegalArgumentException("changes or is added on the way (RFC 6376 5.4), and can't be signed");
        }
        return name;
    }

    static String identity(String text) {
        int at = text.lastIndexOf('@');
        if (text.isEmpty()) {
            return text;
        }
        if (at < 0 || !LOCAL_PART.matcher(text.substring(0, at)).matches()) {
            throw new IllegalArgumentException("expected an address without quotes, like \"@{domain}\"");
        }
        String domain = text.substring(at + 1);
        Syntax.domain(domain.replace(DOMAIN, "example.com"));
        return text;
    }
}
