package dev.penstock.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;

import dev.penstock.message.BodyType;
import dev.penstock.message.Envelope;
import dev.penstock.message.MessageId;
import dev.penstock.message.Origin;
import dev.penstock.message.Recipient;
import dev.penstock.units.MailClass;

class SelectionTest {
    private static final long NOW = 1_800_000_000_000L;
    private static final MessageId ID = new MessageId(NOW << MessageId.MILLIS_SHIFT);
    private static final Selection.Place GMAIL = new Selection.Place("gmail.com", "gmail-smtp-in.l.google.com",
            "google", "ip-1", "bulk", "shop", "spring", MailClass.BULK);
    private static final Selection.Place UNKNOWN = new Selection.Place("a.example", "", "", "", "", "", "",
            MailClass.TRANSACTIONAL);

    @Test
    void whatNamesNothingSelectsEverything() {
        assertThat(Selection.EVERYTHING.isEverything()).isTrue();
        assertThat(Selection.EVERYTHING).hasToString("everything");
        assertThat(Selection.EVERYTHING.matches(GMAIL)).isTrue();
        assertThat(Selection.EVERYTHING.matches(ID, QueueItem.State.ACTIVE, NOW, 0, NOW)).isTrue();
        assertThat(Selection.EVERYTHING.isOfPlaces()).isTrue();
    }

    @Test
    void eachAttributeHasToFitAndOneOfItsValues() {
        Selection selection = parse("tenant", "shop", "tenant", "bank", "provider", "google");
        assertThat(selection.matches(GMAIL)).isTrue();
        assertThat(selection.matches(UNKNOWN)).isFalse();
        assertThat(parse("tenant", "shop", "provider", "microsoft").matches(GMAIL)).isFalse();
        for (String[] one : new String[][]{{"domain", "gmail.com"}, {"site", "gmail-smtp-in.l.google.com"},
            {"provider", "google"}, {"source", "ip-1"}, {"pool", "bulk"}, {"tenant", "shop"},
            {"campaign", "spring"}, {"class", "bulk"}}) {
            assertThat(parse(one).matches(GMAIL)).as(one[0]).isTrue();
            assertThat(parse(one).matches(UNKNOWN)).as(one[0]).isFalse();
        }
    }

    @Test
    void anAsteriskStandsForAnyCharacters() {
        Selection below = parse("domain", "*.Example.COM");
        assertThat(below.matches(at("mail.example.com"))).isTrue();
        assertThat(below.matches(at("a.b.EXAMPLE.com"))).isTrue();
        assertThat(below.matches(at("example.com"))).isFalse();
        assertThat(below.matches(at("notexample.com"))).isFalse();
        assertThat(below.matches(at("mail.example.com.evil.example"))).isFalse();
        assertThat(parse("domain", "*").matches(at(""))).isTrue();
        assertThat(parse("domain", "a*b*c").matches(at("aXbYbZc"))).isTrue();
        assertThat(parse("domain", "a*b*c").matches(at("aXbYbZ"))).isFalse();
    }

    @Test
    void anAsteriskMatchesAsTheSameRegularExpressionDoes() {
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < 20_000; i++) {
            String pattern = text(random, "ab*", 6);
            String name = text(random, "ab", 8);
            boolean expected = Pattern.matches(pattern.replace("*", ".*"), name);
            assertThat(new NamePattern(pattern, false).matches(name)).as(pattern + " of " + name)
                    .isEqualTo(expected);
        }
    }

    @Test
    void aDashStandsForNone() {
        assertThat(parse("tenant", "-").matches(UNKNOWN)).isTrue();
        assertThat(parse("tenant", "-").matches(GMAIL)).isFalse();
    }

    @Test
    void caseCountsInNamesThatAreOursAndNotInThoseOfDomains() {
        assertThat(parse("tenant", "Shop").matches(GMAIL)).isFalse();
        assertThat(parse("domain", "GMail.com").matches(GMAIL)).isTrue();
    }

    @Test
    void agesCountFromTheTimeThatIsTold() {
        Selection old = parse("older-than", "1h");
        Selection young = parse("younger_than", "1h");
        long hour = Duration.ofHours(1).toMillis();
        assertThat(old.matches(ID, QueueItem.State.READY, NOW - hour - 1, 0, NOW)).isTrue();
        assertThat(old.matches(ID, QueueItem.State.READY, NOW - hour, 0, NOW)).isFalse();
        assertThat(young.matches(ID, QueueItem.State.READY, NOW - hour, 0, NOW)).isFalse();
        assertThat(young.matches(ID, QueueItem.State.READY, NOW - hour + 1, 0, NOW)).isTrue();
        assertThat(old.isOfPlaces()).isFalse();
    }

    @Test
    void messagesAreSelectedByIdStateAndAttempts() {
        Selection selection = parse("id", ID.toString(), "state", "scheduled", "state", "HELD", "min-attempts", "2",
                "max-attempts", "4");
        assertThat(selection.matches(ID, QueueItem.State.HELD, NOW, 2, NOW)).isTrue();
        assertThat(selection.matches(ID, QueueItem.State.SCHEDULED, NOW, 4, NOW)).isTrue();
        assertThat(selection.matches(ID, QueueItem.State.READY, NOW, 2, NOW)).isFalse();
        assertThat(selection.matches(ID, QueueItem.State.HELD, NOW, 1, NOW)).isFalse();
        assertThat(selection.matches(ID, QueueItem.State.HELD, NOW, 5, NOW)).isFalse();
        assertThat(selection.matches(new MessageId(1), QueueItem.State.HELD, NOW, 2, NOW)).isFalse();
    }

    @Test
    void sendersAndRecipientsAreAskedOfTheEnvelope() {
        Envelope envelope = new Envelope(ID, "News@shop.example",
                List.of(new Recipient("ann@a.example", "a.example"), new Recipient("bob@b.example", "b.example")),
                BodyType.SEVEN_BIT, false, "", "", NOW, Origin.LOCAL);
        Selection selection = parse("sender", "*@shop.example", "recipient", "BOB@*");
        assertThat(selection.needsEnvelope()).isTrue();
        assertThat(selection.matches(envelope, envelope.destinations().get(1))).isTrue();
        assertThat(selection.matches(envelope, envelope.destinations().get(0))).isFalse();
        assertThat(parse("sender", "-").matches(envelope, envelope.destinations().get(1))).isFalse();
    }

    @Test
    void whatCannotBeReadIsNamed() {
        refused("\"domian\" selects nothing; what does: domain, site, provider, source, pool, tenant, campaign, class, "
                + "sender, recipient, id, state, older-than, younger-than, min-attempts, max-attempts", "domian", "a");
        refused("older-than \"soon\": expected a duration like 300ms, 30s, 5m, 2h30m or 5d", "older-than", "soon");
        refused("older-than is given 2 times and may be given once", "older-than", "1h", "older_than", "2h");
        refused("state \"gone\": expected one of scheduled, held, routing, ready, suspended, active", "state", "gone");
        refused("id \"17\": expected a message's id, like 06EB2QXV4R001", "id", "17");
        refused("min-attempts \"-1\": expected a number of 0 or more", "min-attempts", "-1");
        refused("class \"urgent\": expected bulk or transactional", "class", "urgent");
        refused("tenant \" \": expected a name; - is for none", "tenant", " ");
    }

    @Test
    void itsParametersAreReadBackAsTheSame() {
        Selection selection = parse("domain", "*.a.example", "site", "mx", "provider", "google", "source", "ip-1",
                "pool", "p", "tenant", "shop", "tenant", "bank", "campaign", "-", "class", "bulk", "sender", "a@b",
                "recipient", "c@d", "id", ID.toString(), "state", "held", "older-than", "2h30m", "younger-than", "5d",
                "min-attempts", "1", "max-attempts", "9");
        assertThat(selection.parameters()).hasSize(Selection.Attribute.values().length);
        assertThat(Selection.parse(selection.parameters())).isEqualTo(selection);
        assertThat(parse("tenant", "shop", "older-than", "60m")).hasToString("--tenant shop --older-than 1h");
    }

    private static void refused(String why, String... parameters) {
        assertThatThrownBy(() -> parse(parameters)).isInstanceOf(IllegalArgumentException.class).hasMessage(why);
    }

    private static Selection.Place at(String domain) {
        return new Selection.Place(domain, "", "", "", "", "", "", MailClass.BULK);
    }

    private static String text(SplittableRandom random, String alphabet, int longest) {
        int length = 1 + random.nextInt(longest);
        return random.ints(length, 0, alphabet.length()).mapToObj(i -> String.valueOf(alphabet.charAt(i)))
                .collect(Collectors.joining());
    }

    /** @param parameters names and values by turns */
    private static Selection parse(String... parameters) {
        Map<String, List<String>> map = new LinkedHashMap<>();
        for (int i = 0; i < parameters.length; i += 2) {
            map.computeIfAbsent(parameters[i], _ -> new ArrayList<>()).add(parameters[i + 1]);
        }
        return Selection.parse(map);
    }
}
