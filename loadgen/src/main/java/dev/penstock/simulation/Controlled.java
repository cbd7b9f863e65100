package dev.penstock.simulation;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;

import org.jspecify.annotations.Nullable;

import dev.penstock.classification.Classification;
import dev.penstock.config.GatewayConfig;
import dev.penstock.queue.MailQueue;
import dev.penstock.queue.QueueItem;
import dev.penstock.queue.ReadyQueue;
import dev.penstock.shaping.Shaper;
import dev.penstock.shaping.control.AdaptiveControl;
import dev.penstock.shaping.control.AdaptiveControl.Mail;
import dev.penstock.shaping.control.AdaptiveControl.Suspension;
import dev.penstock.shaping.control.RuleAutomation;
import dev.penstock.shaping.rules.RuleBook;
import dev.penstock.shaping.rules.SiteFinder;
import dev.penstock.smtp.EnhancedStatus;
import dev.penstock.smtp.Reply;

/** The rules of the configuration and the control that follows what receivers answer. Confined to the run's thread. */
public final class Controlled implements Steering {
    private static final long TICK_NANOS = Duration.ofSeconds(1).toNanos();

    private @Nullable AdaptiveControl control;
    private boolean isEnabled;

    @Override
    public Shaper shaper(GatewayConfig config, SiteFinder sites, InstantSource wall, LongSupplier nanoTime) {
        RuleBook rules = Steering.rules(config, sites, nanoTime);
        AdaptiveControl made = new AdaptiveControl(config.control(), rules, new RuleAutomation(rules), Path.of(""),
                wall, nanoTime);
        Shaper shaper = new Shaper(rules, made.limits(), wall, nanoTime);
        made.listen(scope -> shaper.changed(scope.source(), scope.provider(), scope.site()));
        control = made;
        isEnabled = config.control().enabled();
        return shaper;
    }

    /** The rules' automation works with control disabled, too. */
    @Override
    public String name() {
        return isEnabled ? "control" : "automation";
    }

    private AdaptiveControl control() {
        return requireNonNull(control, "shaper() comes first");
    }

    @Override
    public void begins(MailQueue queue, VirtualTime time) {
        time.in(TICK_NANOS, () -> {
            control().pass();
            begins(queue, time);
        });
    }

    @Override
    public void delivered(ReadyQueue queue, String provider, QueueItem item, long sentNanos) {
        control().delivered(queue.throttle().key(), provider, item.tenant(), item.campaign(), sentNanos);
    }

    @Override
    public Classification refused(ReadyQueue queue, String provider, @Nullable QueueItem item, Reply reply,
            Classification meaning, long sentNanos, IntSupplier sessions) {
        Mail mail = new Mail(queue.throttle().key(), provider, item == null ? "" : item.domain(),
                item == null ? "" : item.tenant(), item == null ? "" : item.campaign());
        EnhancedStatus status = reply.status();
        AdaptiveControl.Verdict verdict = control().refused(mail, meaning, reply.code(),
                status == null ? "" : status.toString(), reply.text(), false, sentNanos, sessions, true);
        for (Suspension suspension : verdict.suspensions()) {
            var _ = switch (suspension.whose()) {
                case ALL -> queue.suspend(suspension.time(), suspension.why());
                case TENANT -> queue.suspendTenant(mail.tenant(), suspension.time(), suspension.why());
                case CAMPAIGN -> queue.suspendCampaign(mail.tenant(), mail.campaign(), suspension.time(),
                        suspension.why());
            };
        }
        return verdict.meaning();
    }
}
