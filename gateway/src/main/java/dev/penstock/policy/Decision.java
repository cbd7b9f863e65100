package dev.penstock.policy;

import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.message.Judged;
import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.smtp.Reply;
import dev.penstock.units.MailClass;

/** The answer of a policy. Immutable. */
public sealed interface Decision {
    /** Go on. */
    Accept ACCEPT = new Accept(null, null, List.of(), List.of());

    /** {@link #ACCEPT}, given already; shared, so it must not be completed again or cancelled to any effect. */
    CompletableFuture<Decision> ACCEPTED = CompletableFuture.completedFuture(ACCEPT);

    /**
     * Go on, with changes.
     *
     * @param tenant        instead of the one there was; null to leave it
     * @param campaign      likewise
     * @param addHeaders    header fields to put before the message's own, in this order; only at the message's end
     * @param removeHeaders lower case names of header fields to leave out; only at the message's end
     * @param pool          of sources by which the message goes; null for the one that the configuration says
     * @param judged        what its receivers would mind; null for nothing, and before the message's end
     * @param mailClass     instead of what else would say the message's class; null to leave that, and after the message's
     *                      end for bulk
     */
    record Accept(@Nullable String tenant, @Nullable String campaign, List<HeaderField> addHeaders,
            List<String> removeHeaders, @Nullable String pool, @Nullable Judged judged, @Nullable MailClass mailClass)
            implements
                Decision {
        /** By the pool that the configuration says, of what nobody has judged. */
        public Accept(@Nullable String tenant, @Nullable String campaign, List<HeaderField> addHeaders,
                List<String> removeHeaders) {
            this(tenant, campaign, addHeaders, removeHeaders, null, null, null);
        }

        /** Whether it names a tenant, campaign, pool or class. */
        public boolean hasNames() {
            return tenant != null || campaign != null || pool != null || mailClass != null;
        }

        /** What this and a later answer say of tenant, campaign, pool and class: the later one stays. */
        public Accept named(Accept later) {
            return new Accept(later.tenant == null ? tenant : later.tenant,
                    later.campaign == null ? campaign : later.campaign, List.of(), List.of(),
                    later.pool == null ? pool : later.pool, null,
                    later.mailClass == null ? mailClass : later.mailClass);
        }

        public Accept {
            addHeaders = List.copyOf(addHeaders);
            removeHeaders = List.copyOf(removeHeaders);
        }

        /** Of what nobody has judged. */
        public Accept(@Nullable String tenant, @Nullable String campaign, List<HeaderField> addHeaders,
                List<String> removeHeaders, @Nullable String pool) {
            this(tenant, campaign, addHeaders, removeHeaders, pool, null, null);
        }

        /** The same, judged. */
        public Accept with(Judged verdict) {
            return new Accept(tenant, campaign, addHeaders, removeHeaders, pool, verdict, mailClass);
        }

        /** The same, of a class; null to leave it. */
        public Accept of(@Nullable MailClass itsClass) {
            return itsClass == mailClass
                    ? this
                    : new Accept(tenant, campaign, addHeaders, removeHeaders, pool, judged, itsClass);
        }
    }

    /** @param reply 4xx or 5xx; with 421 the session ends (RFC 5321 3.8) */
    record Refuse(Reply reply) implements Decision {
        public Refuse {
            if (reply.isPositive()) {
                throw new IllegalArgumentException("not a refusal: " + reply.oneLine());
            }
        }
    }

    /** @return a completed future of a refusal */
    static CompletableFuture<Decision> refused(Reply reply) {
        return CompletableFuture.completedFuture(new Refuse(reply));
    }
}
