package dev.penstock.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Classification files, our own and KumoMTA's, and what is said of wrong ones. */
final class ReplyRulesReaderTest {
    @TempDir
    Path directory;

    private ConfigReader.Result read(String... files) throws IOException {
        StringBuilder names = new StringBuilder();
        for (int i = 0; i < files.length; i++) {
            names.append(i == 0 ? "" : ", ").append('\'')
                    .append(Files.writeString(directory.resolve("rules" + i + ".toml"), files[i])).append('\'');
        }
        return ConfigReader.read(Files.writeString(directory.resolve("penstock.toml"),
                "delivery.classification-files = [" + names + "]\n"));
    }

    private List<ReplyRule> rules(String... files) throws IOException {
        return switch (read(files)) {
            case ConfigReader.Valid(GatewayConfig config, _) -> config.delivery().classificationFiles().rules();
            case ConfigReader.Invalid(List<Problem> problems) -> throw new AssertionError(problems.toString());
        };
    }

    private List<String> problems(String file) throws IOException {
        return switch (read(file)) {
            case ConfigReader.Valid _ -> List.of();
            case ConfigReader.Invalid(List<Problem> problems) -> problems.stream()
                    .map(problem -> problem.toString().substring(directory.toString().length() + 1)).toList();
        };
    }

    @Test
    void aRuleSaysForWhichRepliesItIsAndWhatTheyMean() throws IOException {
        ReplyRule rule = rules("""
                [[rule]]
                provider = ["Yahoo"]
                code = ["45x", "554"]
                enhanced = ["x.7.1"]
                phase = ["mail", "end-of-data"]
                text = ['policy']
                class = "OurOwn"
                category = "policy-related"
                scope = "tenant"
                action = "defer"
                retry-after = "1h"
                suspend = "2h"
                """).getFirst();
        assertThat(rule.codes()).hasSize(11).contains(450, 459, 554);
        assertThat(rule).isEqualTo(new ReplyRule(rule.file(), 2, Set.of("yahoo"), rule.codes(),
                List.of(new ReplyRule.StatusPattern(ReplyRule.StatusPattern.ANY, 7, 1)),
                Set.of(ReplyPhase.MAIL, ReplyPhase.END_OF_DATA), List.of("policy"), false, false, "OurOwn",
                BounceCategory.POLICY_RELATED, ReplyScope.TENANT, ReplyAction.DEFER, Duration.ofHours(1),
                Duration.ofHours(2), false));
        assertThat(rule.place()).endsWith("rules0.toml:2");
    }

    @Test
    void kumoMtasBounceFilesLoadBesideOurOwnInTheOrderOfTheKey() throws IOException {
        List<ReplyRule> rules = rules("""
                [rules]
                InvalidRecipient = [
                  "^(451|550) [45]\\\\.1\\\\.[1234] ",
                  "^550.+No such recipient here" ]
                MyOwnClass = [ "^554 .*policy ABC" ]
                """, "[[rule]]\nclass = \"SpamBlock\"\nscope = \"message\"\ntext = ['spam']\n");
        assertThat(rules).extracting(ReplyRule::bounceClass).containsExactly("InvalidRecipient", "InvalidRecipient",
                "MyOwnClass", "SpamBlock");
        assertThat(rules).extracting(ReplyRule::line).containsExactly(3, 4, 5, 2);
        assertThat(rules).extracting(ReplyRule::classOnly).containsExactly(true, true, true, false);
    }

    @Test
    void everyWrongValueIsNamedWithItsPlaceAndWhatIsAllowed() throws IOException {
        assertThat(problems("""
                [[rule]]
                class = "Spam Block"
                scope = "everybody"
                code = ["250", "5xx"]
                enhanced = ["5.7"]
                phase = ["quit"]
                text = ['(?=look)', '']
                action = "drop"
                [[rule]]
                text = ['x']
                sope = "tenant"
                [[rule]]
                class = "SpamBlock"
                scope = "recipient"
                suspend = "1h"
                reduce = true
                [rules]
                "Bad class" = ["x"]
                QuotaIssues = ["("]
                """)).containsExactly(
                "rules0.toml:2:1: rule[0].class: \"Spam Block\": expected 1 to 64 letters, digits, hyphens and underscores, the first a letter",
                "rules0.toml:3:1: rule[0].scope: \"everybody\": unknown; allowed: \"recipient\", \"message\", \"campaign\", \"tenant\", \"session\", \"connections\", \"source-provider\", \"source\", \"provider\"",
                "rules0.toml:4:9: rule[0].code[0]: \"250\": expected a reply code, 400 to 599, or like \"45x\" or \"5xx\"",
                "rules0.toml:5:13: rule[0].enhanced[0]: \"5.7\": expected an enhanced status, like \"5.7.1\" or \"x.7.x\"",
                "rules0.toml:6:10: rule[0].phase[0]: \"quit\": unknown; allowed: \"greeting\", \"hello\", \"mail\", \"rcpt\", \"data\", \"end-of-data\"",
                "rules0.toml:7:9: rule[0].text[0]: \"(?=look)\": not a regular expression of RE2: invalid or unsupported Perl syntax: (?=",
                "rules0.toml:7:21: rule[0].text[1]: \"\": is found in every reply; expected a regular expression",
                "rules0.toml:8:1: rule[0].action: \"drop\": unknown; allowed: \"as-coded\", \"bounce\", \"defer\"",
                "rules0.toml:10:1: rule[1].class: is missing; expected KumoMTA's name of a class, or one of your own",
                "rules0.toml:10:1: rule[1].scope: is missing; expected \"recipient\", \"message\", \"campaign\", \"tenant\", \"session\", \"connections\", \"source-provider\", \"source\", \"provider\"",
                "rules0.toml:11:1: rule[1].sope: unknown key; did you mean scope?",
                "rules0.toml:13:1: rule[2].class: the rule is for every reply; expected code, enhanced or text",
                "rules0.toml:15:1: rule[2].suspend: nothing to suspend in scope \"recipient\"; allowed with campaign, tenant, source, source-provider, provider",
                "rules0.toml:16:1: rule[2].reduce: nothing to reduce in scope \"recipient\"; allowed with source, source-provider, provider, connections",
                "rules0.toml:18:1: rules.\"Bad class\": expected 1 to 64 letters, digits, hyphens and underscores, the first a letter",
                "rules0.toml:19:16: rules.QuotaIssues[0]: \"(\": not a regular expression of RE2: missing closing ): (");
    }

    @Test
    void aFileWithoutARuleIsAnError() throws IOException {
        assertThat(problems("[[rules]]\nclass = \"x\"\n")).isNotEmpty();
        assertThat(problems("[bounces]\nx = 1\n").getFirst()).contains("no rule in this file; allowed: [[rule]]");
    }
}
