package dev.penstock.config;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import com.google.re2j.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

import dev.penstock.config.ValueType.Plain;

/**
 * Reads classification files: {@code [[rule]]} tables of our own and KumoMTA's bounce files
 * ({@code [rules] Class = ["regex"]}), of which a file may hold both. Confined to the thread that reads the configuration.
 *
 * <p>KumoMTA's rules name a class alone. Regular expressions are RE2's, as KumoMTA's are: no look-around and no
 * back-reference, so that none can take longer than the text is long.
 */
final class ReplyRulesReader {
    /** As a path of its own, for messages and for {@code penstock classify}. */
    static final String SHIPPED = "shipped/classification.toml";
    private static final String SHIPPED_RESOURCE = "/dev/penstock/classification/classification.toml";
    private static final String KUMO_RULES = "rules";
    private static final int FIRST_CODE = 400;
    private static final int LAST_CODE = 599;
    private static final Duration LONGEST = Duration.ofDays(7);
    private static final Pattern CLASS = Pattern.compile("[A-Za-z][A-Za-z0-9_-]{0,63}");
    private static final Pattern CODE = Pattern.compile("([45])([0-9xX])([0-9xX])");
    private static final Pattern PROVIDER = Pattern.compile("[a-z0-9][a-z0-9._-]{0,62}");
    /** Of keys that have to be there and aren't: their rule counts for nothing, because the file is refused. */
    private static final String NO_CLASS = BounceClass.UNCATEGORIZED.label();

    private final TableBinder file;
    private final String name;

    private ReplyRulesReader(TableBinder file, String name) {
        this.file = file;
        this.name = name;
    }

    static Plain<ReplyRules> files() {
        return new Plain<>(ReplyRules.NONE, (table, key, otherwise) -> {
            if (!table.has(key)) {
                return otherwise;
            }
            List<Path> paths = table.list(key, List.of(), TableBinder::existingFile);
            List<ReplyRule> rules = new ArrayList<>();
            paths.forEach(path -> rules.addAll(read(table.another(path).parseWritten(), path.toString())));
            return new ReplyRules(paths, rules);
        }, rules -> rules.files().stream().map(Path::toString).toList(),
                () -> Types.schema("array", "items", Types.schema("string", "minLength", 1)), "", false);
    }

    static ReplyRules shipped() {
        try (InputStream in = ReplyRulesReader.class.getResourceAsStream(SHIPPED_RESOURCE)) {
            if (in == null) {
                throw new IllegalStateException("the build lacks " + SHIPPED_RESOURCE);
            }
            List<Problem> problems = new ArrayList<>();
            ConfigSource source = new ConfigSource(Path.of(SHIPPED), problems, problems, null);
            List<ReplyRule> rules = read(source.parse(new String(in.readAllBytes(), StandardCharsets.UTF_8)), SHIPPED);
            if (!problems.isEmpty()) {
                throw new IllegalStateException("the rules that are shipped are wrong: " + problems);
            }
            return new ReplyRules(List.of(), rules);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<ReplyRule> read(TableBinder file, String name) {
        return new ReplyRulesReader(file, name).rules();
    }

    private List<ReplyRule> rules() {
        List<ReplyRule> rules = new ArrayList<>();
        List<TableBinder> own = file.tables("rule");
        if (own != null) {
            own.forEach(table -> rules.add(rule(table)));
        }
        if (file.has(KUMO_RULES)) {
            TableBinder kumo = file.table(KUMO_RULES);
            kumo.keys().forEach(bounceClass -> kumoRules(kumo, bounceClass, rules));
        }
        if (own == null && !file.has(KUMO_RULES) && !file.keys().isEmpty()) {
            file.reject(file.keys().iterator().next(), "no rule in this file; allowed: [[rule]] tables, or KumoMTA's "
                    + "[rules] with Class = [\"regular expression\", …]");
        }
        file.end();
        return rules;
    }

    private void kumoRules(TableBinder kumo, String bounceClass, List<ReplyRule> into) {
        try {
            bounceClass(bounceClass);
        } catch (IllegalArgumentException e) {
            kumo.reject(bounceClass, String.valueOf(e.getMessage()));
        }
        List<String> texts = kumo.list(bounceClass, List.of(), text -> regex(text, false));
        if (kumo.isEmptyArray(bounceClass)) {
            kumo.warn(bounceClass, "no regular expression: it has no effect");
        }
        ReplyScope scope = BounceClass.of(bounceClass).map(BounceClass::scope).orElse(ReplyScope.MESSAGE);
        BounceCategory category = BounceClass.of(bounceClass).map(BounceClass::category).orElse(BounceCategory.OTHER);
        for (int i = 0; i < texts.size(); i++) {
            into.add(new ReplyRule(name, kumo.line(bounceClass, i), Set.of(), Set.of(), List.of(), Set.of(),
                    List.of(texts.get(i)), true, true, bounceClass, category, scope, ReplyAction.AS_CODED,
                    Duration.ZERO, Duration.ZERO, false));
        }
    }

    private ReplyRule rule(TableBinder table) {
        List<String> providers = table.list("provider", List.of(), ReplyRulesReader::provider);
        Set<Integer> codes = new LinkedHashSet<>();
        table.list("code", List.<List<Integer>>of(), ReplyRulesReader::codes).forEach(codes::addAll);
        List<ReplyRule.StatusPattern> enhanced = table.list("enhanced", List.of(), ReplyRule.StatusPattern::parse);
        List<ReplyPhase> phases = table.list("phase", List.of(), ReplyRulesReader::phase);
        List<String> texts = table.list("text", List.of(), text -> regex(text, true));
        String bounceClass = table.text("class", NO_CLASS, "a class in quotes", ReplyRulesReader::bounceClass);
        if (!table.has("class")) {
            table.reject("class", "is missing; expected KumoMTA's name of a class, or one of your own");
        }
        @Nullable
        BounceClass known = BounceClass.of(bounceClass).orElse(null);
        if (known == null) {
            String nearest = Nearest.to(bounceClass, BounceClass.byLabel().keySet());
            if (nearest != null) {
                table.warn("class", "is none of KumoMTA's; did you mean " + nearest + "?");
            }
        }
        BounceCategory category = table.choice("category",
                known == null ? BounceCategory.OTHER : known.category(), BounceCategory.class);
        ReplyScope scope = table.choice("scope", ReplyScope.MESSAGE, ReplyScope.class);
        if (!table.has("scope")) {
            table.reject("scope", "is missing; expected " + words(ReplyScope.class));
        }
        ReplyAction action = table.choice("action", ReplyAction.AS_CODED, ReplyAction.class);
        Duration retryAfter = table.duration("retry-after", Duration.ZERO, Duration.ofSeconds(1), LONGEST);
        Duration suspend = table.duration("suspend", Duration.ZERO, Duration.ofSeconds(1), LONGEST);
        boolean reduce = table.flag("reduce", false);
        if (table.isWithout("code", "enhanced", "text")) {
            table.reject("class", "the rule is for every reply; expected code, enhanced or text");
        }
        if (!suspend.isZero() && !scope.isOfSite() && scope != ReplyScope.CAMPAIGN && scope != ReplyScope.TENANT) {
            table.reject("suspend", "nothing to suspend in scope " + quoted(scope)
                    + "; allowed with campaign, tenant, source, source-provider, provider");
        }
        if (reduce && !scope.isOfSite() && scope != ReplyScope.CONNECTIONS) {
            table.reject("reduce", "nothing to reduce in scope " + quoted(scope)
                    + "; allowed with source, source-provider, provider, connections");
        }
        if (action == ReplyAction.BOUNCE && !retryAfter.isZero()) {
            table.reject("retry-after",
                    "what bounces isn't tried again; allowed with action \"defer\" or \"as-coded\"");
        }
        if (action == ReplyAction.BOUNCE && (scope == ReplyScope.SESSION || scope == ReplyScope.CONNECTIONS)) {
            table.reject("action", "no message is to blame in scope " + quoted(scope) + "; allowed: \"defer\"");
        }
        int line = table.line();
        table.end();
        return new ReplyRule(name, line, Set.copyOf(providers), codes, enhanced,
                phases.isEmpty() ? Set.of() : EnumSet.copyOf(phases), texts, false, false, bounceClass, category, scope,
                action, retryAfter, suspend, reduce);
    }

    private static String bounceClass(String text) {
        if (!CLASS.matcher(text).matches()) {
            throw new IllegalArgumentException(
                    "expected 1 to 64 letters, digits, hyphens and underscores, the first a letter");
        }
        return text;
    }

    private static String provider(String text) {
        String name = text.toLowerCase(Locale.ROOT);
        if (!PROVIDER.matcher(name).matches()) {
            throw new IllegalArgumentException("expected the name of a provider: letters, digits, dots, hyphens");
        }
        return name;
    }

    private static List<Integer> codes(String text) {
        Matcher matcher = CODE.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("expected a reply code, 400 to 599, or like \"45x\" or \"5xx\"");
        }
        Pattern pattern = Pattern.compile(text.toLowerCase(Locale.ROOT).replace('x', '.'));
        List<Integer> codes = new ArrayList<>();
        for (int code = FIRST_CODE; code <= LAST_CODE; code++) {
            if (pattern.matcher(Integer.toString(code)).matches()) {
                codes.add(code);
            }
        }
        return codes;
    }

    private static ReplyPhase phase(String text) {
        Map<String, ReplyPhase> phases = new LinkedHashMap<>();
        for (ReplyPhase phase : ReplyPhase.values()) {
            phases.put(Types.word(phase), phase);
        }
        ReplyPhase phase = phases.get(text);
        if (phase == null) {
            throw new IllegalArgumentException("unknown; allowed: " + words(ReplyPhase.class));
        }
        return phase;
    }

    private static String regex(String text, boolean anyCase) {
        if (text.isEmpty()) {
            throw new IllegalArgumentException("is found in every reply; expected a regular expression");
        }
        try {
            var pattern = com.google.re2j.Pattern.compile(text, anyCase ? com.google.re2j.Pattern.CASE_INSENSITIVE : 0);
            if (pattern.matcher("").find()) {
                throw new IllegalArgumentException("is found in every reply, because it matches nothing at all");
            }
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException("not a regular expression of RE2: " + e.getDescription()
                    + (e.getPattern() == null ? "" : ": " + e.getPattern()), e);
        }
        return text;
    }

    private static <E extends Enum<E>> String words(Class<E> type) {
        return Arrays.stream(type.getEnumConstants()).map(ReplyRulesReader::quoted).collect(Collectors.joining(", "));
    }

    private static String quoted(Enum<?> constant) {
        return "\"" + Types.word(constant) + "\"";
    }
}
