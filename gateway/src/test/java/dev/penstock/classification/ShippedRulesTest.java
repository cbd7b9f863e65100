package dev.penstock.classification;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;

import dev.penstock.config.BounceClass;
import dev.penstock.config.ReplyAction;
import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRule;
import dev.penstock.config.ReplyRules;
import dev.penstock.config.ReplyScope;
import dev.penstock.smtp.Reply;
import dev.penstock.testing.Replies;

/** What the rules that are shipped say to the replies that receivers give: {@code replies.txt} beside this class's resources. */
final class ShippedRulesTest {
    private static final Classifier SHIPPED = new Classifier(ReplyRules.shipped().rules());

    /** @param expected {@code class | scope | message | besides} */
    private record Row(String said, String expected) {}

    @Test
    void realRepliesMeanWhatTheirTableSays() {
        List<Row> rows = rows();
        assertThat(rows).hasSizeGreaterThanOrEqualTo(160);
        List<String> wrong = new ArrayList<>();
        for (Row row : rows) {
            String now = means(Replies.reply(row.said));
            if (!now.equals(row.expected)) {
                wrong.add(row.said + "\n  expected " + row.expected + "\n  but is   " + now + " by "
                        + SHIPPED.classify(ReplyPhase.RCPT, Replies.reply(row.said), "").rule());
            }
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void nothingButAnAddressThatIsNobodysMaySuppressOne() {
        Set<String> classes = rows().stream().map(row -> Replies.reply(row.said))
                .map(reply -> SHIPPED.classify(ReplyPhase.RCPT, reply, ""))
                .filter(Classification::isOfAddress).map(Classification::bounceClass).collect(Collectors.toSet());
        assertThat(classes).containsExactlyInAnyOrder("InvalidRecipient", "InactiveMailbox");
        assertThat(ReplyRules.shipped().rules()).filteredOn(rule -> rule.scope() != ReplyScope.RECIPIENT)
                .noneMatch(rule -> Classification.of(rule).isOfAddress());
    }

    @Test
    void everyRuleNamesAClassOfKumoMtaAndIsReached() {
        List<ReplyRule> rules = ReplyRules.shipped().rules();
        assertThat(rules).hasSizeGreaterThan(90).allSatisfy(rule -> assertThat(BounceClass.of(rule.bounceClass()))
                .as(rule.place()).isPresent());
    }

    private static String means(Reply reply) {
        Classification meaning = SHIPPED.classify(ReplyPhase.RCPT, reply, "");
        boolean bounces = meaning.action() == ReplyAction.BOUNCE
                || meaning.action() == ReplyAction.AS_CODED && reply.isPermanent();
        return String.join(" | ", meaning.bounceClass(), meaning.scope().word(), bounces ? "bounce" : "defer",
                meaning.consequence()).strip().toLowerCase(Locale.ROOT);
    }

    private static List<Row> rows() {
        try (InputStream in = requireNonNull(ShippedRulesTest.class.getResourceAsStream("replies.txt"))) {
            return Arrays.stream(new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n"))
                    .filter(line -> !line.startsWith("#") && !line.isBlank())
                    .map(line -> line.split(" => "))
                    .map(parts -> new Row(parts[0], parts[1].strip().toLowerCase(Locale.ROOT))).toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
