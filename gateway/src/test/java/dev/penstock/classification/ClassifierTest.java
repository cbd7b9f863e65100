package dev.penstock.classification;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import org.junit.jupiter.api.Test;

import dev.penstock.config.BounceClass;
import dev.penstock.config.ReplyAction;
import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRule;
import dev.penstock.config.ReplyRule.StatusPattern;
import dev.penstock.config.ReplyScope;
import dev.penstock.smtp.Reply;
import dev.penstock.testing.Replies;

/** Which of several rules a reply is answered by. */
final class ClassifierTest {
    private static final StatusPattern SECURITY = new StatusPattern(StatusPattern.ANY, 7, StatusPattern.ANY);

    private static ReplyRule rule(int line, String bounceClass, String... texts) {
        return new ReplyRule("own.toml", line, Set.of(), Set.of(), List.of(), Set.of(), List.of(texts), false, false,
                bounceClass, BounceClass.POLICY_RELATED.category(), ReplyScope.MESSAGE, ReplyAction.AS_CODED,
                Duration.ZERO, Duration.ZERO, false);
    }

    private static ReplyRule kumoRule(int line, String bounceClass, String text) {
        ReplyRule like = rule(line, bounceClass, text);
        return new ReplyRule("kumo.toml", line, Set.of(), Set.of(), List.of(), Set.of(), like.texts(), true, true,
                bounceClass, like.category(), like.scope(), like.action(), Duration.ZERO, Duration.ZERO, false);
    }

    private static ReplyRule with(ReplyRule like, Set<String> providers, Set<Integer> codes,
            List<StatusPattern> enhanced, Set<ReplyPhase> phases) {
        return new ReplyRule(like.file(), like.line(), providers, codes, enhanced, phases, like.texts(), false, false,
                like.bounceClass(), like.category(), like.scope(), like.action(), like.retryAfter(), like.suspend(),
                like.reduce());
    }

    private static String says(List<ReplyRule> rules, String reply) {
        return says(rules, reply, ReplyPhase.RCPT, "");
    }

    private static String says(List<ReplyRule> rules, String reply, ReplyPhase phase, String provider) {
        return new Classifier(rules).classify(phase, Replies.reply(reply), provider).bounceClass();
    }

    @Test
    void theFirstRuleThatMatchesCounts() {
        List<ReplyRule> rules = List.of(rule(1, "One", "policy (?:abc|xyz)"), rule(2, "Two", "policy"),
                rule(3, "Three", "."));
        assertThat(says(rules, "550 5.7.1 Policy XYZ")).isEqualTo("One");
        assertThat(says(rules, "550 5.7.1 our policy")).isEqualTo("Two");
        assertThat(says(rules, "550 5.7.1 no")).isEqualTo("Three");
        assertThat(says(List.of(), "550 5.7.1 no")).isEqualTo("Uncategorized");
    }

    @Test
    void everyConditionHasToHold() {
        ReplyRule text = rule(1, "Mine", "blocked");
        List<ReplyRule> rules = List.of(with(text, Set.of("yahoo"), Set.of(550, 554), List.of(SECURITY),
                Set.of(ReplyPhase.MAIL, ReplyPhase.RCPT)));
        assertThat(says(rules, "554 5.7.9 blocked", ReplyPhase.MAIL, "yahoo")).isEqualTo("Mine");
        assertThat(says(rules, "554 5.7.9 blocked", ReplyPhase.MAIL, "")).isEqualTo("Uncategorized");
        assertThat(says(rules, "554 5.7.9 blocked", ReplyPhase.GREETING, "yahoo")).isEqualTo("Uncategorized");
        assertThat(says(rules, "553 5.7.9 blocked", ReplyPhase.MAIL, "yahoo")).isEqualTo("Uncategorized");
        assertThat(says(rules, "554 5.1.9 blocked", ReplyPhase.MAIL, "yahoo")).isEqualTo("Uncategorized");
        assertThat(says(rules, "554 blocked", ReplyPhase.MAIL, "yahoo")).isEqualTo("Uncategorized");
        assertThat(says(rules, "554 5.7.9 welcome", ReplyPhase.MAIL, "yahoo")).isEqualTo("Uncategorized");
    }

    @Test
    void aTextIsLookedForBehindCodeAndStatus() {
        assertThat(says(List.of(rule(1, "Mine", "5\\.7\\.1")), "550 5.7.1 no")).isEqualTo("Uncategorized");
        assertThat(says(List.of(rule(1, "Mine", "^no")), "550 5.7.1 No")).isEqualTo("Mine");
        assertThat(says(List.of(rule(1, "Mine", "^5\\.7\\.1")), "550 5.7.1  5.7.1")).isEqualTo("Uncategorized");
    }

    @Test
    void kumoMtasRulesSeeTheWholeLineAndSayTheClassAlone() {
        List<ReplyRule> rules = List.of(kumoRule(3, "QuotaIssues", "^552 [45]\\.2\\.2 "),
                kumoRule(4, "Mine", "^(450|5\\d{2}) .*policy ABC"), rule(9, "SpamBlock", "full", "policy"));
        assertThat(says(rules, "552 5.2.2 Mailbox full")).isEqualTo("QuotaIssues");
        assertThat(says(rules, "552 5.2.3 Mailbox full")).isEqualTo("SpamBlock");
        assertThat(says(rules, "554 policy ABC")).isEqualTo("Mine");
        assertThat(says(rules, "450 policy ABC")).isEqualTo("Mine");
        assertThat(says(rules, "554 policy abc")).as("case as written").isEqualTo("SpamBlock");
        assertThat(says(rules, "451 policy ABC")).isEqualTo("SpamBlock");
        assertThat(new Classifier(rules).classify(ReplyPhase.RCPT, Replies.reply("552 5.2.2 full"), "").rule())
                .isEqualTo("kumo.toml:3, own.toml:9");
    }

    @Test
    void whatALiteralMustBeIsNeverMoreThanTheExpressionSays() {
        List<ReplyRule> rules = new ArrayList<>();
        List<String> expressions = List.of("ab?cdef", "abcd*ef", "abcx{0,2}def", "(?i)ABC|XYZ", "a\\x62cd", "[a|b]cd",
                "(one|two) three", "one(?:two)?three", "\\bfoo\\b|bar$", "\\Qa|b\\E", "x+yz\\.", "abc|", "\\pL{3}",
                "é{2}",
                "[]abc]def", "[[:digit:]x]abc", "((a|b)c|d)efg");
        for (int i = 0; i < expressions.size(); i++) {
            if (!com.google.re2j.Pattern.compile(expressions.get(i)).matcher("").find()) {
                rules.add(rule(i, "Rule" + i, expressions.get(i)));
            }
        }
        Classifier classifier = new Classifier(rules);
        List<com.google.re2j.Pattern> compiled = rules.stream().map(rule -> com.google.re2j.Pattern
                .compile(rule.texts().getFirst(), com.google.re2j.Pattern.CASE_INSENSITIVE)).toList();
        SplittableRandom random = new SplittableRandom(7);
        List<String> parts = List.of("a", "b", "c", "d", "ef", "x", "abc", "def", "one", "two", " ", "three", "foo",
                "bar", "yz.", "é", "XYZ", "|", "]", "5");
        int matched = 0;
        for (int i = 0; i < 4_000; i++) {
            StringBuilder text = new StringBuilder("x");
            IntStream.range(0, random.nextInt(1, 6)).forEach(_ -> text.append(parts.get(random.nextInt(parts.size()))));
            Reply reply = Replies.reply("550 " + text);
            String expected = IntStream.range(0, rules.size())
                    .filter(rule -> compiled.get(rule).matcher(reply.text()).find())
                    .mapToObj(rule -> rules.get(rule).bounceClass()).findFirst().orElse("Uncategorized");
            matched += expected.equals("Uncategorized") ? 0 : 1;
            assertThat(classifier.classify(ReplyPhase.RCPT, reply, "").bounceClass()).as(reply.text())
                    .isEqualTo(expected);
        }
        assertThat(matched).isGreaterThan(1_000);
    }

    /** What is left out before an expression runs is never what it would have found. */
    @Test
    void anExpressionIsFoundByAnyOfItsAlternatives() {
        List<String> words = List.of("alpha", "bravo", "carol", "delta", "echo5", "fox42");
        SplittableRandom random = new SplittableRandom(7);
        int found = 0;
        for (int run = 0; run < 2_000; run++) {
            String regex = Stream.generate(() -> Stream.generate(() -> words.get(random.nextInt(words.size())))
                    .limit(1 + random.nextInt(3)).collect(Collectors.joining(".{0,9}")))
                    .limit(1 + random.nextInt(3)).collect(Collectors.joining("|"));
            String text = Stream.generate(() -> words.get(random.nextInt(words.size()))).limit(random.nextInt(6))
                    .collect(Collectors.joining(" "));
            boolean expected = Pattern.compile(regex).matcher(text).find();
            found += expected ? 1 : 0;
            assertThat(says(List.of(rule(1, "Other", "zulu"), rule(2, "Mine", regex)), "550 5.7.1 " + text))
                    .as("%s in '%s'", regex, text).isEqualTo(expected ? "Mine" : "Uncategorized");
        }
        assertThat(found).isBetween(200, 1_800);
    }

    @Test
    void leadingCodesLeaveNoReplyOut() {
        List<String> fronts = List.of("^550 x", "^(450|551) x", "^[45]\\d{2} x", "^5\\d\\d x", "^55[02] x",
                "^(?:4\\d\\d) x",
                "^(550|x) x", "550 x", "^550|421 x", "^5 x");
        for (String front : fronts) {
            for (int code = 400; code < 600; code++) {
                if (com.google.re2j.Pattern.compile(front).matcher(code + " x").find()) {
                    assertThat(LeadingCodes.mayMatch(front, code)).as(front + " and " + code).isTrue();
                }
            }
        }
        assertThat(LeadingCodes.mayMatch("^(450|551) x", 550)).isFalse();
    }

    @Test
    void aHostileReplyTakesNoLongerThanItsLength() {
        List<ReplyRule> rules = List.of(rule(1, "Mine", "(a*)*b(a|aa)+$"));
        assertThat(says(rules, "550 " + "a".repeat(2_000))).isEqualTo("Uncategorized");
    }
}
