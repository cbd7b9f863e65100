package dev.penstock.shaping.control;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import org.junit.jupiter.api.Test;

import dev.penstock.classification.ReplyBook;
import dev.penstock.config.ControlConfig;
import dev.penstock.config.ReplyPhase;
import dev.penstock.config.ReplyRules;
import dev.penstock.config.ShapingConfig;
import dev.penstock.routing.Site;
import dev.penstock.shaping.EgressPath;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.ThrottleSnapshot;
import dev.penstock.shaping.rules.RuleBook;
import dev.penstock.smtp.Reply;

/** What control decides binds the paths of its scope, and no others, from that moment on. */
class AdaptiveShapingTest {
    private static final Site FIRST = new Site("mx1.example.net");
    private static final Site SECOND = new Site("mx2.example.net");
    private static final Site ELSEWHERE = new Site("mx.elsewhere.example");

    private long nanos = 1_000_000_000;
    private final RuleBook rules = new RuleBook(ShapingConfig.DEFAULT);
    private final AdaptiveControl control = new AdaptiveControl(ControlConfig.DEFAULT, rules, AutomationBook.NONE,
            Path.of("none"), InstantSource.system(), () -> nanos);
    private final Shaper shaper = new Shaper(rules, control.limits(), InstantSource.system(), () -> nanos);
    private final ReplyBook replies = new ReplyBook(ReplyRules.NONE);

    private void refused(Site site, String provider, String text) {
        nanos += 1_000_000;
        Reply reply = Reply.of(451, "4.7.1", text);
        control.refused(new AdaptiveControl.Mail(new EgressPath("ip-1", site), provider, "example.com", "", ""),
                replies.classify(ReplyPhase.DATA, reply, provider), reply.code(), "4.7.1", reply.text(), false, nanos,
                () -> 4, true);
    }

    private Map<String, List<String>> shared() {
        return shaper.snapshot().stream().collect(Collectors.toMap(
                (ThrottleSnapshot each) -> each.source() + " " + each.key(),
                each -> each.shared().stream().map(limit -> limit.id().toString()).toList()));
    }

    @Test
    void aRateThatIsCutBindsAllSitesOfTheProviderForThatSource() {
        control.listen(scope -> shaper.changed(scope.source(), scope.provider(), scope.site()));
        shaper.use("ip-1", FIRST, "example");
        shaper.use("ip-1", SECOND, "example");
        shaper.use("ip-2", FIRST, "example");
        shaper.use("ip-1", ELSEWHERE, "");
        for (int i = 0; i < 100; i++) { // so that a rate is known
            nanos += 10_000_000;
            control.delivered(new EgressPath("ip-1", FIRST), "example", "", "", nanos);
        }
        refused(FIRST, "example", "temporarily rate limited due to IP reputation (S775)");
        List<String> limits = List.of("adaptive_rate of ip-1->example");
        assertThat(shared()).isEqualTo(Map.of("ip-1 mx1.example.net", limits, "ip-1 mx2.example.net", limits,
                "ip-2 mx1.example.net", List.of(), "ip-1 mx.elsewhere.example", List.of()));
    }

    @Test
    void sessionsThatAreTooManyAtASiteOfNobodyKnownBindThatSiteAlone() {
        control.listen(scope -> shaper.changed(scope.source(), scope.provider(), scope.site()));
        shaper.use("ip-1", FIRST, "");
        shaper.use("ip-1", ELSEWHERE, "");
        refused(ELSEWHERE, "", "too many concurrent connections");
        assertThat(shared()).isEqualTo(Map.of("ip-1 mx1.example.net", List.of(), "ip-1 mx.elsewhere.example",
                List.of("adaptive_connections of ip-1->mx.elsewhere.example")));
    }
}
