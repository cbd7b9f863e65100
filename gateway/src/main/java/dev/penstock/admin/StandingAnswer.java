package dev.penstock.admin;

import java.time.Instant;
import java.util.List;
import java.util.Map;

import org.jspecify.annotations.Nullable;

import dev.penstock.admin.QueueAnswer.Counts;
import dev.penstock.admin.QueueAnswer.Flow;
import dev.penstock.admin.QueueAnswer.Lately;
import dev.penstock.admin.QueueAnswer.Row;
import dev.penstock.admin.QueueAnswer.WhyOf;
import dev.penstock.queue.Traffic;

/**
 * What the administration API answers about the gateway as a whole, providers, sources and tenants. The records are the
 * answers' shapes; all of them are immutable.
 */
public final class StandingAnswer {
    private StandingAnswer() {}

    /**
     * How adaptive control has a scope.
     *
     * @param scope     {@code ip-1->google}
     * @param mode      {@code starting}, {@code paced}, {@code probing}, {@code blocked}, {@code open}
     * @param perSecond messages; null for no limit of its own
     * @param window    sessions; null for no limit of its own
     */
    public record Control(String scope, String mode, @Nullable Double perSecond, @Nullable Integer window) {}

    /** A decision of adaptive control, and why. See {@code shaping.control.Decision}. */
    public record Decision(Instant at, String scope, String what, String from, String to, String reply,
            String bounceClass, String rule, String ends) {}

    /**
     * A provider.
     *
     * @param incident  whether bulk mail waits there because many senders are deferred
     * @param control   of each of its scopes that is limited
     * @param decisions the last, the latest first
     */
    public record Provider(String name, Lately lately, boolean incident, List<Control> control,
            List<Decision> decisions, WhyOf why) {}

    /** Providers with mail or traffic. */
    public record Providers(Instant at, List<ProviderRow> rows) {}

    /**
     * A provider among others.
     *
     * @param mode      the strictest of its scopes' modes; {@code open} when none is limited, {@code incident} while one is on
     * @param perSecond messages that the rates in force let go at most, those of adaptive control too; null when none does
     * @param cause     the last decision against its strictest scope, or for the incident; null when nothing is limited by what was
     *                  learned, or nobody remembers
     */
    public record ProviderRow(Row row, String mode, @Nullable Double perSecond, @Nullable Decision cause) {}

    /**
     * Why a source isn't used.
     *
     * @param towards whom; {@code everywhere}, a site, a provider
     * @param until   null until somebody resumes it
     */
    public record Suspension(String towards, String cause, String why, Instant since, @Nullable Instant until) {}

    /**
     * How far a source is warmed up towards a provider.
     *
     * @param provider  empty for domains of no known one
     * @param day       of the source's life, 1 for the first
     * @param allowance messages today; null when it is warm
     * @param sent      today
     * @param next      when the next may be sent; null when it may at once
     */
    public record WarmUp(String provider, String schedule, long day, @Nullable Long allowance, long sent,
            @Nullable Instant next) {}

    /**
     * A source.
     *
     * @param addresses  it sends from; empty for whatever the machine has
     * @param ehlo       the name it gives itself
     * @param proxy      through which it sends; empty for none
     * @param pools      it is in
     * @param ready      destinations that wait at it
     * @param sessions   that stand or come up
     * @param byProvider what became of its mail, by provider
     */
    public record Source(String name, List<String> addresses, String ehlo, String proxy, List<String> pools,
            long ready, long sessions, Lately lately, List<Suspension> suspensions, List<WarmUp> warmUp,
            Map<String, Lately> byProvider) {}

    /** The sources that are configured. */
    public record Sources(List<Source> sources) {}

    /**
     * A tenant.
     *
     * @param queueLimit  destinations it may have queued; null for no limit
     * @param octetsLimit likewise octets
     * @param byProvider  what became of its mail, by provider
     */
    public record Tenant(Row row, @Nullable Integer queueLimit, @Nullable Long octetsLimit,
            Map<String, Lately> byProvider) {}

    /** Tenants or campaigns with mail or traffic. */
    public record Tenants(Instant at, List<Tenant> tenants) {}

    /**
     * Connections at one moment.
     *
     * @param now open
     * @param top the most that were open at a time since the start, as looked at each second
     */
    public record Connections(long now, long top) {}

    /** @param detail empty when there is nothing to say */
    public record Part(String name, boolean ok, String detail) {}

    /**
     * Something that an operator should look at.
     *
     * @param about {@code part}, {@code source} or {@code provider}
     * @param name  of that
     * @param text  for people
     */
    public record Alarm(String about, String name, String text) {
        @Override
        public String toString() {
            return text;
        }
    }

    /**
     * What happened in each of the last sixty minutes, the one under way last.
     *
     * @param from      when the first began
     * @param in        destinations that came; empty unless it is of the whole gateway
     * @param delivered recipients that receivers took
     * @param deferred  to be tried again
     * @param bounced   returned
     */
    public record LastHour(Instant from, List<Long> in, List<Long> delivered, List<Long> deferred,
            List<Long> bounced) {
        static LastHour of(Traffic.LastHour hour) {
            return new LastHour(Instant.ofEpochMilli(hour.fromMillis()), hour.came(), hour.delivered(), hour.deferred(),
                    hour.bounced());
        }
    }

    /**
     * The gateway at one moment.
     *
     * @param in             destinations that came
     * @param out            recipients that receivers took
     * @param lately         what became of recipients
     * @param connectionsIn  of clients
     * @param connectionsOut to receivers
     * @param queued         what there is
     * @param providers      with the most mail queued
     * @param parts          what is asked for whether it works
     * @param alarms         empty for nothing
     */
    public record Status(String hostname, String version, Instant at, Instant started, Flow in, Flow out,
            Lately lately, Connections connectionsIn, Connections connectionsOut, Counts queued,
            List<ProviderRow> providers, List<Part> parts, List<Alarm> alarms) {}
}
