package dev.penstock.classification;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import dev.penstock.config.BounceClass;
import dev.penstock.config.ReplyScope;

/** Replies are counted without the names in them, and never more than there is room for. */
final class ReplyCountsTest {
    private static String normal(String text) {
        return ReplyNormalizer.normalize(text);
    }

    @Test
    void namesBecomeWordsAndCodesStay() {
        assertThat(normal("<Some.Body+x@example.com>: user unknown")).isEqualTo("<<mail>>: user unknown");
        assertThat(normal("messages from [192.0.2.1] weren't sent (S3150)."))
                .isEqualTo("messages from [<ip>] weren't sent (S3150).");
        assertThat(normal("[TSS04] Messages from 2001:db8::1 deferred - 4.16.55.1"))
                .isEqualTo("[TSS04] Messages from <ip> deferred - <ip>");
        assertThat(normal("see https://postmaster.example/codes?ip=1&x=2 now")).isEqualTo("see <url> now");
        assertThat(normal("mta1001.mail.ne1.yahoo.com said no")).isEqualTo("<host> said no");
        assertThat(normal("Too many hops 26 (25 max)")).isEqualTo("Too many hops <number> (25 max)");
        assertThat(normal("queue id 4XyZ12ab99Kq-1 refused")).isEqualTo("queue id <id> refused");
        assertThat(normal("no names here")).isEqualTo("no names here");
        assertThat(normal("x".repeat(5_000))).hasSize(ReplyNormalizer.MAX_LENGTH);
    }

    @Test
    void theSameRefusalOfDifferentPeopleIsOneAndTheMostFrequentComesFirst() {
        ReplyCounts counts = new ReplyCounts();
        Classification nobody = Classification.of(BounceClass.INVALID_RECIPIENT);
        for (int i = 0; i < 5; i++) {
            counts.count("gmail", 550, "5.1.1", "<user" + i + "@example.com> unknown", nobody);
        }
        counts.count("gmail", 452, "4.2.2", "full", Classification.of(BounceClass.QUOTA_ISSUES));
        assertThat(counts.top(1)).containsExactly(new ReplyCounts.Count(
                new ReplyCounts.Key("gmail", "InvalidRecipient", "550 5.1.1 <<mail>> unknown"), 5));
        assertThat(counts.of(BounceClass.INVALID_RECIPIENT)).isEqualTo(5);
        assertThat(counts.of(ReplyScope.RECIPIENT)).isEqualTo(6);
    }

    @Test
    void hostsThatSaySomethingElseEachTimeTakeNoMoreRoomThanThereIs() {
        ReplyCounts counts = new ReplyCounts();
        for (int i = 0; i < 20_000; i++) {
            String word = Integer.toString(i, 26).replaceAll("[0-9]", "z");
            counts.count("site" + word, 554, "", "because " + word, Classification.NONE);
        }
        assertThat(counts.top(Integer.MAX_VALUE)).hasSizeLessThanOrEqualTo(1_300);
        assertThat(counts.top(Integer.MAX_VALUE).stream().mapToLong(ReplyCounts.Count::times).sum()).isEqualTo(20_000);
    }
}
