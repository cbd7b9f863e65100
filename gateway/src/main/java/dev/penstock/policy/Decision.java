package dev.penstock.policy;

import java.util.List;
import java.util.concurrent.CompletableFuture;

import org.jspecify.annotations.Nullable;

import dev.penstock.policy.Policy.HeaderField;
import dev.penstock.smtp.Reply;

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
     */
    record Accept(@Nullable String tenant, @Nullable String campaign, List<HeaderField> addHeaders,
            List<String> removeHeaders, @Nullable String pool) implements Decision {
        /** By the pool that the configuration says. */
        public Accept(@Nullable String tenant, @Nullable String campaign, List<HeaderField> addHeaders,
                List<String> removeHeaders) {
            this(tenant, campaign, addHeaders, removeHeaders, null);
        }

        /** Whether it names a tenant, campaign or pool. */
        public boolean hasNames() {
            return tenant != null || campaign != null || pool != null;
        }

        /** What this and a later answer say of tenant, campaign and pool: the later one stays. */
        public Accept named(Accept later) {
            return new Accept(later.tenant == null ? tenant : later.tenant,
                    later.campaign == null ? campaign : later.campaign, List.of(), List.of(),
                    later.pool == null ? pool : later.pool);
        }

        public Accept {
            addHeaders = List.copyOf(addHeaders);
            removeHeaders = List.copyOf(removeHeaders);
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
